#include "keys/bearer_file.hpp"

#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "config/url.hpp"
#include "keys/file_problem.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

/// RFC 6750 section 2.1. Anything else could end the header and begin another one.
bool is_bearer_token(std::string_view text) noexcept {
    constexpr std::string_view marks = "-._~+/=";
    return !text.empty() && std::all_of(text.begin(), text.end(), [marks](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
               marks.find(c) != std::string_view::npos;
    });
}

}  // namespace

Result<std::string> parse_bearer_file(std::string_view content) {
    if (auto text = check_text(content); !text) return pass_on(std::move(text));
    const std::string_view token = trim(content, " \t\r\n");
    if (is_bearer_token(token)) return std::string(token);
    constexpr std::string_view scheme = "Bearer ";
    if (equals_ignoring_case(token.substr(0, scheme.size()), scheme))
        return bad_file("the token has the word Bearer in front", "sed -i 's/^Bearer *//' FILE");
    return bad_file("it holds no bearer token: one token and nothing else (RFC 6750 section 2.1)");
}

Result<std::string> read_bearer_file(const std::string &path) {
    const Result<std::string> content = read_trusted_file(path, largest_bearer_file);
    if (!content)
        return fail(content.error().reason, "jwks_token_file = " + content.error().detail,
                    content.error().hint);
    Result<std::string> token = parse_bearer_file(*content);
    if (token) return token;
    return fail(token.error().reason,
                fmt::format("jwks_token_file = {}: {}", quote(path, 255), token.error().detail),
                command_with(token.error().hint, path));
}

Result<std::string> bearer_token_for(std::string_view url, const std::string &path,
                                     std::string_view configured) {
    if (path.empty() || !config::same_https_host(url, configured)) return std::string();
    return read_bearer_file(path);
}

}  // namespace tokenward::keys
