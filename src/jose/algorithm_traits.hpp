// What each algorithm needs from OpenSSL and from a key (RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1).
#pragma once

#include "jose/algorithm.hpp"

#include <cstddef>
#include <cstdint>

namespace tokenward::jose {

enum class KeyKind : std::uint8_t { rsa, p256, p384, p521, ed25519 };

enum class Scheme : std::uint8_t { rsa_pkcs1, rsa_pss, ecdsa, eddsa };

struct AlgorithmTraits {
    Scheme scheme;
    const char *key_name;        ///< OpenSSL's name of the key type
    const char *signature_name;  ///< OpenSSL's name of the signature operation
    const char *digest_name;     ///< NULL: the signature hashes by itself
    int digest_size;             ///< bytes; also the length of a PSS salt
};

constexpr AlgorithmTraits traits_of(Algorithm algorithm) noexcept {
    switch (algorithm) {
        case Algorithm::RS256:
            return {Scheme::rsa_pkcs1, "RSA", "RSA", "SHA256", 32};
        case Algorithm::RS384:
            return {Scheme::rsa_pkcs1, "RSA", "RSA", "SHA384", 48};
        case Algorithm::RS512:
            return {Scheme::rsa_pkcs1, "RSA", "RSA", "SHA512", 64};
        case Algorithm::PS256:
            return {Scheme::rsa_pss, "RSA", "RSA", "SHA256", 32};
        case Algorithm::PS384:
            return {Scheme::rsa_pss, "RSA", "RSA", "SHA384", 48};
        case Algorithm::PS512:
            return {Scheme::rsa_pss, "RSA", "RSA", "SHA512", 64};
        case Algorithm::ES256:
            return {Scheme::ecdsa, "EC", "ECDSA", "SHA256", 32};
        case Algorithm::ES384:
            return {Scheme::ecdsa, "EC", "ECDSA", "SHA384", 48};
        case Algorithm::ES512:
            return {Scheme::ecdsa, "EC", "ECDSA", "SHA512", 64};
        case Algorithm::EdDSA:
            break;
    }
    return {Scheme::eddsa, "ED25519", "ED25519", nullptr, 0};
}

/// Each EC algorithm has one curve (RFC 7518 section 3.4).
constexpr bool fits_kind(Algorithm algorithm, KeyKind kind) noexcept {
    switch (algorithm) {
        case Algorithm::ES256:
            return kind == KeyKind::p256;
        case Algorithm::ES384:
            return kind == KeyKind::p384;
        case Algorithm::ES512:
            return kind == KeyKind::p521;
        case Algorithm::EdDSA:
            return kind == KeyKind::ed25519;
        default:
            return kind == KeyKind::rsa;
    }
}

}  // namespace tokenward::jose
