#include "introspection/endpoint.hpp"

#include "base/text.hpp"
#include "config/url.hpp"

#include <fmt/format.h>

namespace tokenward::introspection {
namespace {

constexpr std::size_t longest_shown = 256;

std::vector<std::string> texts_of(const JsonValue &root, std::string_view name) {
    std::vector<std::string> texts;
    const auto list = root.find(name);
    if (!list || !list->is_array()) return texts;
    for (const JsonValue element : *list) {
        if (element.is_string()) texts.emplace_back(element.text());
    }
    return texts;
}

}  // namespace

Result<Endpoint> read_endpoint(std::string_view json, const keys::ProviderNames &provider, Purpose purpose) {
    constexpr Reason reason = Reason::INTROSPECTION_FAILED;
    const bool introspects = purpose == Purpose::introspection;
    const char *name = introspects ? "introspection_endpoint" : "token_endpoint";
    const char *set_it = introspects ? "set introspection_uri to the provider's endpoint of RFC 7662"
                                     : "set client_credentials_uri to the provider's token endpoint";
    JsonDocument document;
    const Result<JsonValue> root = keys::parse_discovery_document(json, provider, document, reason);
    if (!root) return tl::unexpected(root.error());
    const auto url = root->find(name);
    if (!url || !url->is_string())
        return fail(reason, fmt::format("the discovery document has no {}: the provider may have none", name),
                    set_it);
    if (!config::is_https_url(url->text())) {
        return fail(reason,
                    fmt::format("the discovery document's {} isn't an https address: {}", name,
                                quote(url->text(), longest_shown)),
                    set_it);
    }
    if (!keys::is_own_host(url->text(), provider)) {
        return fail(
            reason,
            fmt::format(
                "the discovery document's {} is on another host: {}; no secret is sent there by its word alone",
                name, quote(url->text(), longest_shown)),
            set_it);
    }
    Endpoint endpoint{std::string(url->text()), {}};
    if (introspects) endpoint.auth_methods = texts_of(*root, "introspection_endpoint_auth_methods_supported");
    // RFC 8414 has a list of its own for introspection; providers that leave it out mean the token endpoint's.
    if (endpoint.auth_methods.empty())
        endpoint.auth_methods = texts_of(*root, "token_endpoint_auth_methods_supported");
    return endpoint;
}

}  // namespace tokenward::introspection
