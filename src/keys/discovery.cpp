#include "keys/discovery.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::string_view well_known = "/.well-known/openid-configuration";
constexpr std::string_view scheme = "https://";
constexpr std::size_t longest_url = 2048;

std::string_view without_trailing_slash(std::string_view text) noexcept {
    if (!text.empty() && text.back() == '/') text.remove_suffix(1);
    return text;
}

bool has_https_scheme(std::string_view url) noexcept {
    return url.size() > scheme.size() &&
           std::equal(scheme.begin(), scheme.end(), url.begin(),
                      [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b); });
}

}  // namespace

bool is_https_url(std::string_view url) noexcept {
    if (url.size() > longest_url || !has_https_scheme(url)) return false;
    if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~' && c != '\\'; }))
        return false;
    const std::string_view rest = url.substr(scheme.size());
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    return !authority.empty() && authority.front() != ':' && authority.find('@') == std::string_view::npos;
}

std::string discovery_url(std::string_view issuer) {
    return std::string(without_trailing_slash(issuer)).append(well_known);
}

Result<std::string> read_discovery_document(std::string_view json, std::string_view issuer) {
    constexpr Reason reason = Reason::KEYS_UNAVAILABLE;
    JsonDocument document;
    const Result<JsonValue> root = document.parse(json, reason);
    if (!root) return fail(reason, "the discovery document isn't strict JSON: " + root.error().detail);
    if (!root->is_object()) return fail(reason, "the discovery document isn't a JSON object");

    const std::optional<JsonValue> said = root->find("issuer");
    if (!said || !said->is_string()) return fail(reason, "the discovery document has no issuer");
    if (without_trailing_slash(said->text()) != without_trailing_slash(issuer)) {
        return fail(reason, fmt::format("the discovery document is of issuer {}, configured is {}",
                                        quote(said->text(), 256), quote(issuer, 256)));
    }
    const std::optional<JsonValue> uri = root->find("jwks_uri");
    if (!uri || !uri->is_string()) return fail(reason, "the discovery document has no jwks_uri");
    if (!is_https_url(uri->text())) {
        return fail(reason, fmt::format("the discovery document's jwks_uri isn't an https address: {}",
                                        quote(uri->text(), 256)));
    }
    return std::string(uri->text());
}

}  // namespace tokenward::keys
