// One public key and the contexts that check signatures with it.
#pragma once

#include "base/pool.hpp"
#include "jose/algorithm.hpp"
#include "jose/algorithm_traits.hpp"
#include "jose/openssl_handles.hpp"

#include <cstddef>
#include <string_view>

namespace tokenward::jose {

/// Thread-safe. OpenSSL's contexts are not, so each verification takes one out of the pool and puts it back:
/// kept contexts save a fifth of an RSA verification. The pool belongs to the key and not to the thread, so
/// that it ends with the key whatever threads still live.
class Verifier {
  public:
    /// `signature_size`: the only length that a signature under this key can have (RSA: of the modulus; EC: two
    /// coordinates; Ed25519: 64).
    Verifier(KeyHandle key, KeyKind kind, std::size_t signature_size) noexcept;
    ~Verifier();
    Verifier(const Verifier &) = delete;
    Verifier &operator=(const Verifier &) = delete;

    /// False for every failure, also of memory. Call it under an ErrorQueueGuard.
    bool verify(Algorithm algorithm, std::string_view signing_input, std::string_view signature) const noexcept;

    KeyKind kind() const noexcept { return kind_; }

  private:
    class Context;

    KeyHandle key_;
    KeyKind kind_;
    std::size_t signature_size_;
    mutable Pool<Context, 16> contexts_;
};

}  // namespace tokenward::jose
