#include "session/token_cache.hpp"

#include <atomic>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace tokenward::session {
namespace {

/// Any bytes of a SHA-256 make a good hash.
struct DigestHash {
    std::size_t operator()(const jose::Sha256Digest &digest) const noexcept {
        std::size_t hash = 0;
        std::memcpy(&hash, digest.data() + 1, sizeof hash);
        return hash;
    }
};

}  // namespace

struct alignas(64) TokenCache::Shard {
    struct Entry {
        jose::Sha256Digest digest;
        std::shared_ptr<const VerifiedToken> token;
    };
    using Order = std::list<Entry>;  ///< the most recently used first

    mutable std::mutex mutex;
    std::atomic<std::size_t> capacity{0};
    Order order;
    std::unordered_map<jose::Sha256Digest, Order::iterator, DigestHash> index;

    /// Call it under the mutex. Removed entries move to `gone`: the caller frees them after the lock.
    void shrink_to(std::size_t size, Order &gone) {
        while (order.size() > size) {
            index.erase(order.back().digest);
            gone.splice(gone.begin(), order, std::prev(order.end()));
        }
    }
};

TokenCache::TokenCache() : shards_(std::make_unique<Shard[]>(shard_count)) {}
TokenCache::~TokenCache() = default;

TokenCache::Shard &TokenCache::shard_of(const jose::Sha256Digest &digest) const noexcept {
    return shards_[digest[0] % shard_count];
}

void TokenCache::set_capacity(std::size_t capacity) {
    for (std::size_t i = 0; i < shard_count; ++i) {
        Shard &shard = shards_[i];
        // The parts add up to the capacity exactly.
        const std::size_t part = capacity / shard_count + (i < capacity % shard_count ? 1 : 0);
        Shard::Order gone;
        const std::lock_guard lock(shard.mutex);
        shard.capacity.store(part, std::memory_order_relaxed);
        shard.shrink_to(part, gone);
    }
}

bool TokenCache::enabled() const noexcept {
    return shards_[0].capacity.load(std::memory_order_relaxed) != 0;
}

std::shared_ptr<const VerifiedToken> TokenCache::find(const jose::Sha256Digest &digest) noexcept {
    Shard &shard = shard_of(digest);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.index.find(digest);
    if (found == shard.index.end()) return nullptr;
    shard.order.splice(shard.order.begin(), shard.order, found->second);
    return found->second->token;
}

void TokenCache::insert(const jose::Sha256Digest &digest, std::shared_ptr<const VerifiedToken> token) {
    Shard &shard = shard_of(digest);
    Shard::Order fresh;
    fresh.push_back({digest, std::move(token)});
    Shard::Order gone;
    const std::lock_guard lock(shard.mutex);
    const std::size_t capacity = shard.capacity.load(std::memory_order_relaxed);
    if (capacity == 0) return;
    if (const auto found = shard.index.find(digest); found != shard.index.end()) {
        gone.splice(gone.begin(), shard.order, found->second);
        shard.index.erase(found);
    }
    shard.shrink_to(capacity - 1, gone);
    shard.index.emplace(digest, fresh.begin());
    shard.order.splice(shard.order.begin(), fresh);
}

void TokenCache::erase(const jose::Sha256Digest &digest) noexcept {
    Shard &shard = shard_of(digest);
    Shard::Order gone;
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.index.find(digest);
    if (found == shard.index.end()) return;
    gone.splice(gone.begin(), shard.order, found->second);
    shard.index.erase(found);
}

std::size_t TokenCache::size() const noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < shard_count; ++i) {
        const std::lock_guard lock(shards_[i].mutex);
        sum += shards_[i].order.size();
    }
    return sum;
}

}  // namespace tokenward::session
