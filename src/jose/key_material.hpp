// From the numbers in a JWK to a key of OpenSSL's (RFC 7518 section 6, RFC 8037 section 2).
#pragma once

#include "base/json.hpp"
#include "jose/algorithm_traits.hpp"
#include "jose/jwk.hpp"
#include "jose/openssl_handles.hpp"

#include <cstddef>
#include <string>

namespace tokenward::jose {

/// A public key that passed the rules of its type (DESIGN section 4, "Keys").
struct KeyMaterial {
    KeyHandle key;
    KeyKind kind;
    std::size_t signature_size;  ///< bytes
    Thumbprint thumbprint;
    std::string type;  ///< "RSA 2048"
};

using MaterialResult = tl::expected<KeyMaterial, Key::Rejection>;

/// Reads kty and the members that this type has. Call it under an ErrorQueueGuard.
MaterialResult read_key_material(const JsonValue &jwk);

/// The two kinds of Rejection.
tl::unexpected<Key::Rejection> broken(std::string detail);
tl::unexpected<Key::Rejection> not_for_us(std::string detail);

}  // namespace tokenward::jose
