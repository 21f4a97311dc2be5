// One public key and the contexts that check signatures with it.
#pragma once

#include "base/pool.hpp"
#include "jose/algorithm.hpp"
#include "jose/algorithm_traits.hpp"
#include "jose/openssl_handles.hpp"
#include "jose/sha256.hpp"

#include <cstddef>
#include <string_view>

namespace tokenward::jose {

/// Thread-safe. OpenSSL's contexts are not, so each verification takes one out of a pool and puts it back. A
/// context that is used again saves a fifth of an RSA verification. The pool belongs to the key, not to a
/// thread: it ends with the key, also if threads go on.
class Verifier {
  public:
    /// `signature_size`: the length of every signature by this key (RSA: the modulus; EC: two coordinates;
    /// Ed25519: 64 bytes).
    Verifier(KeyHandle key, KeyKind kind, std::size_t signature_size) noexcept;
    ~Verifier();
    Verifier(const Verifier &) = delete;
    Verifier &operator=(const Verifier &) = delete;

    /// `sha256`: the digest of the signing input, if the caller has it; a large token is hashed once then.
    /// False for every failure; without memory it may throw std::bad_alloc. Call it under an ErrorQueueGuard.
    bool verify(Algorithm algorithm, std::string_view signing_input, std::string_view signature,
                const Sha256Digest *sha256 = nullptr) const;

    KeyKind kind() const noexcept { return kind_; }

  private:
    class Context;

    KeyHandle key_;
    KeyKind kind_;
    std::size_t signature_size_;
    mutable Pool<Context, 16> contexts_;
};

}  // namespace tokenward::jose
