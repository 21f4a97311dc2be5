// Instants and spans of time as a message says them.
#pragma once

#include <cstdint>
#include <string>

namespace tokenward {

/// "1799999700 (2027-01-15T07:55:00Z)"; the number alone where no calendar reaches (before 1970, after 9999).
/// `seconds`: since 1970.
std::string date_of(std::int64_t seconds);

/// "90 s", "5 min", "26 h", "45 d". Floored; each unit up to two of the next one. `seconds`: at least 0.
std::string span_of(std::uint64_t seconds);

/// The seconds from `earlier` to `later`, whatever the two are; 0 if it is the other way round.
constexpr std::uint64_t seconds_between(std::int64_t earlier, std::int64_t later) noexcept {
    return later <= earlier ? 0 : static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier);
}

}  // namespace tokenward
