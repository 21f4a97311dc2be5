// Verified tokens, known again by their SHA-256: what a reconnecting client costs without its signature check.
#pragma once

#include "access/permission_set.hpp"
#include "claims/claims.hpp"
#include "jose/sha256.hpp"
#include "keys/key_ref.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tokenward::session {

/// What was found out about a token whose signature verified and that every rule accepted. Immutable. All that
/// depends on the call (time, names that the client sent) or may change (keys, configuration) is asked again.
struct VerifiedToken {
    std::uint64_t generation;  ///< of the configuration that accepted it
    std::size_t issuer;        ///< its index in Loaded::issuers
    keys::KeyRef key;
    std::string username;  ///< with the section's username_prefix
    std::string kid;
    std::string jti;
    claims::Validity validity;
    std::shared_ptr<const access::PermissionSet> permissions;
};

/// At most `capacity` tokens, the least recently used go first; keyed by the full digest, so that no token is
/// kept. Only verified ones get in: who can't get a token signed can't push others out. Thread-safe; one lock
/// per shard, held for a look-up.
class TokenCache {
  public:
    TokenCache();
    ~TokenCache();
    TokenCache(const TokenCache &) = delete;
    TokenCache &operator=(const TokenCache &) = delete;

    /// 0: off, and everything in it goes. A smaller one: the oldest go.
    void set_capacity(std::size_t capacity);
    bool enabled() const noexcept;

    /// Null if it isn't there.
    std::shared_ptr<const VerifiedToken> find(const jose::Sha256Digest &digest) noexcept;
    void insert(const jose::Sha256Digest &digest, std::shared_ptr<const VerifiedToken> token);
    /// It turned out not to count any more.
    void erase(const jose::Sha256Digest &digest) noexcept;

    std::size_t size() const noexcept;

  private:
    struct Shard;
    static constexpr std::size_t shard_count = 16;

    Shard &shard_of(const jose::Sha256Digest &digest) const noexcept;

    std::unique_ptr<Shard[]> shards_;
};

}  // namespace tokenward::session
