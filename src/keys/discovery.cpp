#include "keys/discovery.hpp"

#include "base/issuer.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "config/url.hpp"
#include "keys/http_hints.hpp"
#include "keys/internal_address.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::size_t longest_shown = 256;

constexpr const char *no_document =
    "set issuer to the provider's address, where its discovery document is, or jwks_uri to the address of the "
    "keys";

/// The line that would fit, if it is one that the configuration takes.
std::string hint_for_issuer(std::string_view said) {
    if (said.size() > longest_shown || !config::issuer_problem(said).empty())
        return "set issuer to what tokens say in iss; if the document is wrong: jwks_uri = the address of the "
               "keys";
    return fmt::format(
        "if it is the same provider, write: issuer = {0} (if tokens say both: issuer_aliases = {0})", said);
}

std::string hint_for_plain_uri(std::string_view uri) {
    std::string hint =
        "tell the provider its public https address (behind a proxy it may believe in http), or set jwks_uri";
    constexpr std::string_view plain = "http://";
    const std::string rest = uri.starts_with(plain) ? copyable(uri.substr(plain.size())) : std::string();
    if (!rest.empty()) hint += " = https://" + rest;
    return hint;
}

}  // namespace

std::string discovery_url(std::string_view issuer) {
    return std::string(without_trailing_slash(issuer)).append(well_known);
}

bool is_own_host(std::string_view url, const ProviderNames &provider) {
    return config::same_host(url, provider.issuer) || config::same_host(url, provider.discovery_uri) ||
           std::ranges::any_of(provider.issuer_aliases,
                               [&](const std::string &alias) { return config::same_host(url, alias); });
}

Result<JsonValue> parse_discovery_document(std::string_view json, const ProviderNames &provider,
                                           JsonDocument &document, Reason reason) {
    Result<JsonValue> root = document.parse(without_byte_order_mark(json), reason);
    if (!root && looks_like_html(json))
        return fail(reason, "the discovery document is HTML, not JSON", no_document);
    if (!root) {
        return fail(reason, "the discovery document isn't strict JSON: " + root.error().detail, no_document);
    }
    if (!root->is_object()) return fail(reason, "the discovery document isn't a JSON object", no_document);

    const std::optional<JsonValue> said = root->find("issuer");
    if (!said || !said->is_string()) return fail(reason, "the discovery document has no issuer", no_document);
    if (!is_issuer(said->text(), provider.issuer, provider.issuer_aliases)) {
        return fail(reason,
                    fmt::format("the discovery document is of issuer {}, configured is {}",
                                quote(said->text(), longest_shown), quote(provider.issuer, longest_shown)),
                    hint_for_issuer(said->text()));
    }
    return root;
}

Result<std::string> read_discovery_document(std::string_view json, const ProviderNames &provider) {
    constexpr Reason reason = Reason::KEYS_UNAVAILABLE;
    JsonDocument document;
    const Result<JsonValue> root = parse_discovery_document(json, provider, document, reason);
    if (!root) return tl::unexpected(root.error());
    const std::optional<JsonValue> uri = root->find("jwks_uri");
    if (!uri || !uri->is_string()) {
        return fail(reason, "the discovery document has no jwks_uri",
                    "set jwks_uri to the address of the keys");
    }
    if (!config::is_https_url(uri->text())) {
        return fail(reason,
                    fmt::format("the discovery document's jwks_uri isn't an https address: {}",
                                quote(uri->text(), longest_shown)),
                    hint_for_plain_uri(uri->text()));
    }
    if (!is_own_host(uri->text(), provider) && is_internal_host(config::host_of(uri->text()))) {
        return fail(reason,
                    fmt::format("the discovery document's jwks_uri leads into a private network: {}",
                                quote(uri->text(), longest_shown)),
                    std::string(hint_if_internal));
    }
    return std::string(uri->text());
}

}  // namespace tokenward::keys
