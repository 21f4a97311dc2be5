#include "config/kubernetes.hpp"

#include "base/base64.hpp"
#include "base/json.hpp"
#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "config/check.hpp"
#include "config/url.hpp"

#include <cstddef>
#include <optional>

#include <fmt/format.h>

namespace tokenward::config {
namespace {

constexpr std::string_view keys_of_api_server = "https://kubernetes.default.svc/openid/v1/jwks";
constexpr std::size_t largest_token = std::size_t{64} << 10;

/// `iss` of the payload; empty if that is no JSON Web Token with an `iss`.
std::string issuer_of(std::string_view token) {
    const std::size_t first = token.find('.');
    if (first == std::string_view::npos) return {};
    const std::string_view payload = token.substr(first + 1, token.find('.', first + 1) - first - 1);
    JsonDocument document;
    const std::optional<std::size_t> size =
        base64url_decode(payload, document.buffer(base64url_decoded_size(payload.size())));
    if (!size) return {};
    const Result<JsonValue> claims = document.parse_in_place(*size, Reason::CONFIG_INVALID_VALUE);
    if (!claims) return {};
    const std::optional<JsonValue> issuer = claims->find("iss");
    return issuer && issuer->is_string() ? std::string(issuer->text()) : std::string();
}

/// Another server must not get the pod's token.
bool is_of_api_server(std::string_view uri) {
    const std::string host = host_and_port(uri);
    return host == "kubernetes.default.svc" || host == "kubernetes.default.svc:443" ||
           host.starts_with("kubernetes.default.svc.");
}

}  // namespace

Result<void> complete_from_pod(SectionDraft &draft, const std::string &folder,
                               std::vector<std::string> *root_notes) {
    Section &section = draft.section;
    KeySource &keys = section.keys;
    const std::string &where = draft.origins["kubernetes"];
    if (keys.only_file()) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("{}kubernetes: jwks_file is set too: keep one of them", where));
    }
    if (keys.jwks_uri.empty()) keys.jwks_uri = keys_of_api_server;
    const bool asks_api_server = is_of_api_server(keys.jwks_uri);
    const bool needs_token = section.issuer.empty() || (asks_api_server && keys.jwks_token_file.empty());
    const auto take = [&](std::string_view option, std::string &path, std::string_view name) {
        if (!asks_api_server || !path.empty()) return;
        path = folder + std::string(name);
        draft.origins[option] = where;
    };
    take("jwks_token_file", keys.jwks_token_file, "/token");
    take("ca_file", keys.ca_file, "/ca.crt");
    if (!needs_token) return {};

    const Result<std::string> token =
        read_trusted_file(folder + "/token", largest_token, Links::follow, root_notes);
    if (!token) {
        return fail(
            token.error().reason,
            fmt::format("{}kubernetes: this is no pod with a service account: {}", where, token.error().detail),
            "outside of a pod set issuer, jwks_uri, ca_file and jwks_token_file instead; in one, "
            "automountServiceAccountToken");
    }
    if (!section.issuer.empty()) return {};
    section.issuer = issuer_of(trim(*token, " \t\r\n"));
    draft.origins["issuer"] = where;
    if (section.issuer.empty()) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("{}kubernetes: the pod's token has no iss: set issuer", where));
    }
    return {};
}

}  // namespace tokenward::config
