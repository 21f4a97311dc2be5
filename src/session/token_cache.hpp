// Verified tokens by their SHA-256: a client that connects again costs no second signature check.
#pragma once

#include "access/permission_set.hpp"
#include "claims/claims.hpp"
#include "denials/token_marks.hpp"
#include "jose/sha256.hpp"
#include "keys/key_ref.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tokenward::session {

/// What a token's scopes give.
struct Grant {
    std::shared_ptr<const access::PermissionSet> permissions;
    std::string no_scope;  ///< why no scope counts, with a hint; empty if one does
};

/// A token whose signature is good and that every rule accepted; or all up to rule 9, which refused it as expired. Immutable. A login checks again what depends on the call (the time, the
/// names that the client sent) and what may have changed (keys, configuration).
struct VerifiedToken {
    std::int64_t generation;   ///< of the configuration that accepted it
    std::size_t section;       ///< its index in Configuration::sections
    keys::KeyRef key;          ///< NULL: the provider vouches for it (RFC 7662)
    /// On the monotonic clock, in milliseconds: until when the provider's answer counts for logins.
    std::int64_t fresh_until_ms;
    std::string username;  ///< with the section's username_prefix
    std::string kid;
    std::string jti;
    claims::Validity validity;
    denials::TokenMarks marks;
    std::optional<claims::CertificateHash> bound_to;
    Grant grant;  ///< without permissions where they depend on the client: then each login makes its own
    bool only_expired =
        false;  ///< the rules behind it weren't asked: it can do nothing but be refused as expired again
};

/// Holds at most `capacity` tokens; the least recently used one goes first. The key is the full digest: the
/// bytes of a token are not kept. Only verified tokens get in, so forged ones push nobody out. Thread-safe: one
/// lock per shard, held for a look-up.
class TokenCache {
  public:
    TokenCache();
    ~TokenCache();
    TokenCache(const TokenCache &) = delete;
    TokenCache &operator=(const TokenCache &) = delete;

    /// 0 turns the cache off and empties it. With a smaller capacity the least recently used go.
    void set_capacity(std::size_t capacity);
    bool enabled() const noexcept;

    /// Null if the token isn't there.
    std::shared_ptr<const VerifiedToken> find(const jose::Sha256Digest &digest) noexcept;
    void insert(const jose::Sha256Digest &digest, std::shared_ptr<const VerifiedToken> token);
    /// For a token that is no longer good.
    void erase(const jose::Sha256Digest &digest) noexcept;

    std::size_t size() const noexcept;

  private:
    struct Shard;
    static constexpr std::size_t shard_count = 16;

    Shard &shard_of(const jose::Sha256Digest &digest) const noexcept;

    std::unique_ptr<Shard[]> shards_;
};

}  // namespace tokenward::session
