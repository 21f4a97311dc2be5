// OpenID Connect Discovery 1.0: from an issuer to the address of its keys.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tokenward::keys {

/// Section 4: <issuer>/.well-known/openid-configuration; a '/' at the issuer's end isn't doubled.
std::string discovery_url(std::string_view issuer);

/// jwks_uri of a discovery document (section 4.3: its issuer must be the one that was asked, or one of its aliases;
/// one trailing '/' on either side is ignored). A byte order mark is skipped. Fails with KEYS_UNAVAILABLE and a hint: not strict
/// JSON, another issuer, no https jwks_uri.
Result<std::string> read_discovery_document(std::string_view json, std::string_view issuer,
                                            const std::vector<std::string> &issuer_aliases = {});

}  // namespace tokenward::keys
