#include "access/shared_sets.hpp"

#include "access/bytes.hpp"
#include "base/fork.hpp"

#include <array>
#include <mutex>
#include <new>

namespace tokenward::access {

namespace {

constexpr std::size_t shard_count = 16;
constexpr std::size_t bucket_count = 1024;

const ForkReset reset(SharedSets::reset_in_forked_child);

std::uint64_t hash_of(const PermissionSet::Content &content) noexcept {
    const std::uint64_t hash = hash_bytes(content.routing_keys ? 1 : 2, content.permissions);
    return hash_bytes(hash_bytes(hash_bytes(hash, content.tags), content.vhosts), content.vhost_scopes);
}

}  // namespace

struct SharedSets::Shard {
    std::mutex mutex;
    std::array<PermissionSet *, bucket_count> buckets{};

    PermissionSet *&bucket_of(std::uint64_t hash) noexcept {
        return buckets[hash / shard_count % bucket_count];
    }
};

SharedSets::Shard &SharedSets::shard_of(std::uint64_t hash) noexcept {
    static constinit std::array<Shard, shard_count> shards{};
    return shards[hash % shard_count];
}

std::shared_ptr<const PermissionSet> SharedSets::find(Shard &shard, const PermissionSet::Content &content,
                                                      std::uint64_t hash) noexcept {
    for (PermissionSet *set = shard.bucket_of(hash); set != nullptr; set = set->next_) {
        if (set->hash_ != hash || set->content() != content) continue;
        // Null for a set whose last owner has just gone: its destructor waits for the lock.
        if (auto shared = set->weak_from_this().lock()) return shared;
    }
    return nullptr;
}

std::shared_ptr<const PermissionSet> SharedSets::find_or_make(const PermissionSet::Content &content) {
    const std::uint64_t hash = hash_of(content);
    Shard &shard = shard_of(hash);
    {
        const std::lock_guard lock(shard.mutex);
        if (auto found = find(shard, content, hash)) return found;
    }
    // Memory is allocated without the lock. Another thread may list an equal set meanwhile; then this one is
    // freed, also without the lock.
    const auto made = std::make_shared<PermissionSet>(content);
    const std::lock_guard lock(shard.mutex);
    if (auto found = find(shard, content, hash)) return found;
    PermissionSet *&bucket = shard.bucket_of(hash);
    made->hash_ = hash;
    made->next_ = bucket;
    made->listed_ = true;
    bucket = made.get();
    return made;
}

void SharedSets::remove(const PermissionSet &set) noexcept {
    if (!set.listed_) return;
    Shard &shard = shard_of(set.hash_);
    const std::lock_guard lock(shard.mutex);
    for (PermissionSet **link = &shard.bucket_of(set.hash_); *link != nullptr; link = &(*link)->next_) {
        if (*link == &set) {
            *link = set.next_;
            return;
        }
    }
}

void SharedSets::reset_in_forked_child() noexcept {
    for (std::size_t i = 0; i < shard_count; ++i) {
        Shard &shard = shard_of(i);
        new (&shard.mutex) std::mutex;
        shard.buckets.fill(nullptr);
    }
}

SharedSets::AllLocked::AllLocked() {
    for (std::size_t i = 0; i < shard_count; ++i) shard_of(i).mutex.lock();
}

SharedSets::AllLocked::~AllLocked() {
    for (std::size_t i = 0; i < shard_count; ++i) shard_of(i).mutex.unlock();
}

}  // namespace tokenward::access
