#include "keys/bearer_file.hpp"

#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "config/url.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::size_t largest_file = std::size_t{64} << 10;

/// RFC 6750 section 2.1. Anything else could end the header and begin another one.
bool is_bearer_token(std::string_view text) noexcept {
    constexpr std::string_view marks = "-._~+/=";
    return !text.empty() && std::all_of(text.begin(), text.end(), [marks](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
               marks.find(c) != std::string_view::npos;
    });
}

}  // namespace

Result<std::string> read_bearer_file(const std::string &path) {
    const Result<std::string> content = read_trusted_file(path, largest_file);
    if (!content) return fail(content.error().reason, "jwks_token_file " + content.error().detail);
    const std::string_view token = trim(*content, " \t\r\n");
    if (!is_bearer_token(token)) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("jwks_token_file {}: it holds no bearer token", quote(path, 256)),
                    "a file with one token and nothing else (RFC 6750 section 2.1)");
    }
    return std::string(token);
}

Result<std::string> bearer_token_for(std::string_view url, const std::string &path,
                                     std::string_view configured) {
    if (path.empty() || !config::same_https_host(url, configured)) return std::string();
    return read_bearer_file(path);
}

}  // namespace tokenward::keys
