// When to ask again, as the response's headers say (RFC 9111 section 4.2, RFC 9110 section 10.2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenward::keys {

/// Seconds of freshness: Cache-Control's max-age less the Age field. 0 for no-store, no-cache, and a max-age
/// that can't be read (RFC 9111 section 4.2.1: consider it stale); the smallest of several max-ages. Empty: the
/// headers say nothing. Never negative; a number past int64 is the largest one.
/// \param cache_control  the field's value; several fields joined by ','
/// \param age            the Age field's value, or empty
std::optional<std::int64_t> freshness_lifetime(std::string_view cache_control, std::string_view age) noexcept;

/// Seconds from `unix_now` until the time that Retry-After names, as a number or as a date; a day at most. Empty:
/// no such time, or one that is over.
std::optional<std::int64_t> retry_after(std::string_view field, std::int64_t unix_now);

}  // namespace tokenward::keys
