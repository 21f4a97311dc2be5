// JSON Web Keys: public keys for signatures, and sets of them (RFC 7517, 7518 section 6, 8037, 7638).
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "jose/algorithm.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::jose {

using Thumbprint = std::array<std::uint8_t, 32>;  ///< RFC 7638, SHA-256

/// A usable public key; can't exist unless it passed every rule of DESIGN section 4, "Keys". Immutable and
/// thread-safe; keeps a pool of OpenSSL contexts, one for each verification that runs at the same time.
class Key {
  public:
    /// Why a JWK didn't become a key.
    struct Rejection {
        bool not_for_us = false;  ///< enc, oct, unknown kty or crv: a debug line; else broken: a warning
        std::string detail;
    };
    static tl::expected<std::shared_ptr<const Key>, Rejection> from_jwk(const JsonValue &jwk);

    ~Key();
    Key(const Key &) = delete;
    Key &operator=(const Key &) = delete;

    const std::string &kid() const noexcept;              ///< empty also if there is none
    bool has_kid() const noexcept;                        ///< an empty kid is one too
    std::optional<Algorithm> algorithm() const noexcept;  ///< the JWK's alg
    const Thumbprint &thumbprint() const noexcept;
    std::string_view type() const noexcept;  ///< "RSA 2048", "P-256", "Ed25519": for people
    bool has_private_part() const noexcept;  ///< the JWK gave away d; nothing of it is kept
    /// The JWK's own alg if it names one, else fits type and curve (rule 3).
    bool fits(Algorithm algorithm) const noexcept;
    /// Same thumbprint, kid and alg.
    bool is_same_as(const Key &other) const noexcept;

    /// One signature check (rule 6). False for every failure. Leaves nothing on the error queue that wasn't
    /// there. `algorithm` must fit, else false.
    bool verify(Algorithm algorithm, std::string_view signing_input, std::string_view signature) const noexcept;

  private:
    struct Impl;
    explicit Key(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// An immutable set. Holds at least the usable keys; order doesn't matter.
class KeySet {
  public:
    struct Notes {
        std::vector<std::string> warnings;  ///< broken keys, and private ones that are shown
        std::vector<std::string> debug;     ///< keys that aren't for us
        bool well_formed_and_empty =
            false;  ///< "keys" is an empty array: an emergency revocation if it repeats
    };
    /// Fails with KEYS_UNAVAILABLE and what is wrong, also if a non-empty set has no usable key. An empty
    /// "keys" array is a valid, empty set. At most 1000 keys are read; the size of the text is the caller's to
    /// bound.
    static Result<KeySet> parse(std::string_view json, Notes &notes);

    /// Rule 4: the one key that kid and alg name. `kid` empty optional: `default_key` if not empty, else the
    /// only key that fits. Fails: UNKNOWN_KEY, ALGORITHM_MISMATCH, AMBIGUOUS_KEY, NO_KEY_ID.
    Result<std::shared_ptr<const Key>> select(Algorithm algorithm, std::optional<std::string_view> kid,
                                              std::string_view default_key) const;

    /// The key with that thumbprint, kid and alg is still a member.
    bool contains(const Key &key) const noexcept;
    bool same_keys(const KeySet &other) const noexcept;
    const std::vector<std::shared_ptr<const Key>> &keys() const noexcept { return keys_; }

  private:
    std::vector<std::shared_ptr<const Key>> keys_;
};

}  // namespace tokenward::jose
