#include "keys/freshness.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <ctime>
#include <limits>
#include <string>

#include <curl/curl.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t longest_retry_after_s = 86'400;

/// delta-seconds (RFC 9111 section 1.2.2): digits only; saturates. A recipient takes the quoted form too.
std::optional<std::int64_t> delta_seconds(std::string_view text) noexcept {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    if (text.empty()) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        const int digit = c - '0';
        value = value > (largest - digit) / 10 ? largest : value * 10 + digit;
    }
    return value;
}

/// Cuts the next directive off `rest`; a comma inside a quoted string doesn't end it.
std::string_view next_directive(std::string_view &rest) noexcept {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < rest.size(); ++end) {
        if (quoted && rest[end] == '\\' && end + 1 < rest.size()) {
            ++end;
        } else if (rest[end] == '"') {
            quoted = !quoted;
        } else if (rest[end] == ',' && !quoted) {
            break;
        }
    }
    const std::string_view directive = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return directive;
}

}  // namespace

std::optional<std::int64_t> freshness_lifetime(std::string_view cache_control, std::string_view age) noexcept {
    std::optional<std::int64_t> lifetime;
    while (!cache_control.empty()) {
        const std::string_view directive = next_directive(cache_control);
        const std::size_t equals = directive.find('=');
        const std::string_view name = trim(directive.substr(0, equals));
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view{} : trim(directive.substr(equals + 1));
        if (equals_ignoring_case(name, "no-store") || equals_ignoring_case(name, "no-cache")) return 0;
        if (equals_ignoring_case(name, "max-age")) {
            const std::int64_t seconds = delta_seconds(value).value_or(0);
            lifetime = std::min(lifetime.value_or(largest), seconds);
        }
    }
    if (!lifetime) return std::nullopt;
    // A cache on the way has held the response for that long already.
    const std::int64_t passed = delta_seconds(trim(age)).value_or(0);
    return *lifetime > passed ? *lifetime - passed : 0;
}

std::optional<std::int64_t> retry_after(std::string_view field, std::int64_t unix_now) {
    std::optional<std::int64_t> seconds = delta_seconds(trim(field));
    if (!seconds) {
        const std::time_t date = curl_getdate(std::string(field).c_str(), nullptr);
        if (date < 0) return std::nullopt;
        seconds = static_cast<std::int64_t>(date) - unix_now;
    }
    if (*seconds <= 0) return std::nullopt;
    return std::min(*seconds, longest_retry_after_s);
}

}  // namespace tokenward::keys
