#include "base/dates.hpp"

#include <array>
#include <ctime>

#include <fmt/format.h>

namespace tokenward {

std::string date_of(std::int64_t seconds) {
    constexpr std::int64_t end_of_9999 = 253'402'300'800;
    const std::time_t instant = seconds;
    std::tm parts{};
    std::array<char, 32> text{};
    if (seconds < 0 || seconds >= end_of_9999 || ::gmtime_r(&instant, &parts) == nullptr ||
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return fmt::format("{}", seconds);
    return fmt::format("{} ({})", seconds, text.data());
}

std::string span_of(std::uint64_t seconds) {
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    if (seconds <= 2 * minute) return fmt::format("{} s", seconds);
    if (seconds <= 2 * hour) return fmt::format("{} min", seconds / minute);
    if (seconds <= 2 * day) return fmt::format("{} h", seconds / hour);
    return fmt::format("{} d", seconds / day);
}

}  // namespace tokenward
