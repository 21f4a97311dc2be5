#include "keys/discovery.hpp"

#include "base/issuer.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "config/url.hpp"

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::string_view well_known = "/.well-known/openid-configuration";
}  // namespace

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
    if (!same_issuer(said->text(), issuer)) {
        return fail(reason, fmt::format("the discovery document is of issuer {}, configured is {}",
                                        quote(said->text(), 256), quote(issuer, 256)));
    }
    const std::optional<JsonValue> uri = root->find("jwks_uri");
    if (!uri || !uri->is_string()) return fail(reason, "the discovery document has no jwks_uri");
    if (!config::is_https_url(uri->text())) {
        return fail(reason, fmt::format("the discovery document's jwks_uri isn't an https address: {}",
                                        quote(uri->text(), 256)));
    }
    return std::string(uri->text());
}

}  // namespace tokenward::keys
