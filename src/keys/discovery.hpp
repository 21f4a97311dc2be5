// OpenID Connect Discovery 1.0: from an issuer to the address of its keys.
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"

#include <span>
#include <string>
#include <string_view>

namespace tokenward::keys {

/// What stands behind an issuer in the address of its discovery document.
inline constexpr std::string_view well_known = "/.well-known/openid-configuration";

/// Section 4: <issuer>/.well-known/openid-configuration; a '/' at the issuer's end isn't doubled.
std::string discovery_url(std::string_view issuer);

/// Who the provider is, in the operator's words.
struct ProviderNames {
    std::string_view issuer;
    std::span<const std::string> issuer_aliases = {};
    std::string_view discovery_uri = {};  ///< where the document was asked for
};

/// True if the URL's host is that of one of the names, whatever the port.
bool is_own_host(std::string_view url, const ProviderNames &provider);

/// A discovery document of that provider (section 4.3: its issuer must be the one that was asked, or one of its aliases;
/// one trailing '/' on either side is ignored). A byte order mark is skipped. Fails with `reason` and a hint.
Result<JsonValue> parse_discovery_document(std::string_view json, const ProviderNames &provider,
                                           JsonDocument &document, Reason reason);

/// jwks_uri of a discovery document (section 4.3: its issuer must be the one that was asked, or one of its aliases;
/// one trailing '/' on either side is ignored). A byte order mark is skipped. Fails with KEYS_UNAVAILABLE and a hint:
/// not strict JSON, another issuer, no https jwks_uri, one whose host is a private address or localhost and not the
/// provider's own.
Result<std::string> read_discovery_document(std::string_view json, const ProviderNames &provider);

}  // namespace tokenward::keys
