// JSON Web Keys: public keys for signatures, and sets of them (RFC 7517, 7518 section 6, 8037, 7638).
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "jose/algorithm.hpp"
#include "jose/sha256.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::jose {

using Thumbprint = std::array<std::uint8_t, 32>;  ///< RFC 7638, SHA-256

/// A usable public key. It passed every rule of DESIGN section 4, "Keys". Immutable and thread-safe. It keeps a
/// pool of OpenSSL contexts: verifications that run at the same time have one each.
class Key {
  public:
    /// Why a JWK didn't become a key.
    struct Rejection {
        /// True: the key has another use (enc, oct, an unknown kty or crv), which is a debug line. False: it is
        /// broken, which is a warning.
        bool not_for_us = false;
        std::string detail;
    };
    static tl::expected<std::shared_ptr<const Key>, Rejection> from_jwk(const JsonValue &jwk);

    ~Key();
    Key(const Key &) = delete;
    Key &operator=(const Key &) = delete;

    const std::string &kid() const noexcept;              ///< empty if there is none, or an empty one
    bool has_kid() const noexcept;                        ///< true for an empty kid too
    std::optional<Algorithm> algorithm() const noexcept;  ///< the JWK's alg
    const Thumbprint &thumbprint() const noexcept;
    std::string_view type() const noexcept;  ///< "RSA 2048", "P-256", "Ed25519": for people
    bool has_private_part() const noexcept;  ///< the JWK shows d, the private key; d isn't kept
    /// Rule 3. If the JWK has an alg, only that one fits. Else the type and the curve decide.
    bool fits(Algorithm algorithm) const noexcept;
    /// Same thumbprint, kid and alg.
    bool is_same_as(const Key &other) const noexcept;

    /// One signature check (rule 6). False if it doesn't fit, also if `algorithm` doesn't. Throws std::bad_alloc.
    /// The error queue stays as it was.
    bool verify(Algorithm algorithm, std::string_view signing_input, std::string_view signature,
                const Sha256Digest *sha256 = nullptr) const;

  private:
    struct Impl;
    explicit Key(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// The usable keys of a JWKS. Immutable. Their order doesn't matter.
class KeySet {
  public:
    struct Notes {
        /// Keys of each kind that are named; a line with the number of all others follows. Each text is a log line,
        /// and the provider writes a thousand keys at once.
        static constexpr std::size_t most_named = 8;

        std::vector<std::string> warnings;  ///< broken keys, and keys that show their private part
        std::vector<std::string> debug;     ///< keys that aren't for us
        /// "keys" is an empty array. If that comes again, the provider has revoked all keys.
        bool well_formed_and_empty = false;
        std::size_t keys = 0;            ///< that were read, usable or not
        std::size_t shared_secrets = 0;  ///< of these, keys whose kty is "oct"
    };
    /// Fails with KEYS_UNAVAILABLE and what is wrong. A set that has keys, but no usable one, fails too. An
    /// empty "keys" array is a valid, empty set. At most 1000 keys are read. A byte order mark is skipped. The
    /// caller bounds the text.
    static Result<KeySet> parse(std::string_view json, Notes &notes);

    /// Rule 4: the one key that kid and alg name. Without `kid`, `default_key` takes its place. Without both,
    /// it is the only key that fits. Fails: UNKNOWN_KEY, ALGORITHM_MISMATCH, AMBIGUOUS_KEY, NO_KEY_ID.
    Result<std::shared_ptr<const Key>> select(Algorithm algorithm, std::optional<std::string_view> kid,
                                              std::string_view default_key) const;

    /// The set has a key with the same thumbprint, kid and alg.
    bool contains(const Key &key) const noexcept;
    /// Both sets as one.
    KeySet with(const KeySet &other) const;
    bool same_keys(const KeySet &other) const noexcept;
    const std::vector<std::shared_ptr<const Key>> &keys() const noexcept { return keys_; }

  private:
    std::vector<std::shared_ptr<const Key>> keys_;
};

}  // namespace tokenward::jose
