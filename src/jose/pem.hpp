// Public keys and certificates in PEM (RFC 7468), as a JWKS, so that every key passes the same rules.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace tokenward::jose {

/// True if the text has the form of PEM, and not of JSON.
bool looks_like_pem(std::string_view text) noexcept;

/// The keys of the blocks PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE as a JWKS; other blocks are skipped. A line
/// "kid: NAME" in front of a block gives its key that kid; without one the key has none. Of a certificate only the
/// key counts. Fails with KEYS_UNAVAILABLE and what is wrong, also if there is a private key; in the hint FILE is the
/// file's name (command_with()).
Result<std::string> jwks_from_pem(std::string_view pem);

}  // namespace tokenward::jose
