// Equal sets are one object while one of them lives.
//
// The table points to live sets only and owns nothing, so it is as large as what it holds, empty when the last
// set is gone, and needs no destructor when the library is unloaded.
#include "access/bytes.hpp"
#include "access/compiled_set.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>

#include <unistd.h>

namespace tokenward::access {

namespace {

/// Makes std::allocate_shared leave room behind the object: reference counts, set and block are one allocation.
template <class T>
class TrailingAllocator {
  public:
    using value_type = T;

    explicit TrailingAllocator(std::size_t extra) noexcept : extra_(extra) {}
    template <class U>
    TrailingAllocator(const TrailingAllocator<U> &other) noexcept
        : extra_(other.extra()) {}  // NOLINT: converts

    T *allocate(std::size_t count) { return static_cast<T *>(::operator new(count * sizeof(T) + extra_)); }
    void deallocate(T *pointer, std::size_t) noexcept { ::operator delete(pointer); }
    std::size_t extra() const noexcept { return extra_; }

    friend bool operator==(const TrailingAllocator &, const TrailingAllocator &) noexcept { return true; }

  private:
    std::size_t extra_;
};

/// The process that the table belongs to. A forked child must not lock it: another thread may have held the
/// lock at the fork. There sets are compiled unshared, and released without a look at the table.
std::atomic<pid_t> table_owner{0};

bool owns_table() noexcept {
    const pid_t self = getpid();
    pid_t owner = 0;
    return table_owner.compare_exchange_strong(owner, self) || owner == self;
}

}  // namespace

class InternTable {
  public:
    static std::shared_ptr<const CompiledSet> find_or_add(const CompiledSet::Content &content,
                                                          std::uint64_t hash) {
        Shard &shard = shard_of(hash);
        {
            const std::lock_guard lock(shard.mutex);
            if (auto found = find(shard, content, hash)) return found;
        }
        // Allocated without the lock; another thread may add an equal one meanwhile. The set that loses is
        // freed after the lock, since its end takes the lock again.
        std::shared_ptr<CompiledSet> made = make(content, hash, true);
        const std::lock_guard lock(shard.mutex);
        if (auto found = find(shard, content, hash)) {
            made->interned_ = false;
            return found;
        }
        CompiledSet *&bucket = bucket_of(shard, hash);
        made->next_ = bucket;
        bucket = made.get();
        return made;
    }

    static void remove(CompiledSet &set) noexcept {
        Shard &shard = shard_of(set.hash_);
        const std::lock_guard lock(shard.mutex);
        for (CompiledSet **link = &bucket_of(shard, set.hash_); *link != nullptr; link = &(*link)->next_) {
            if (*link == &set) {
                *link = set.next_;
                return;
            }
        }
    }

    static std::shared_ptr<CompiledSet> make(const CompiledSet::Content &content, std::uint64_t hash,
                                             bool interned) {
        return std::allocate_shared<CompiledSet>(TrailingAllocator<CompiledSet>(content.block.size()), content,
                                                 hash, interned);
    }

  private:
    static constexpr std::size_t shard_count = 16;
    static constexpr std::size_t bucket_count = 1024;

    struct Shard {
        std::mutex mutex;
        std::array<CompiledSet *, bucket_count> buckets{};
    };

    static Shard &shard_of(std::uint64_t hash) noexcept { return shards[hash % shard_count]; }
    static CompiledSet *&bucket_of(Shard &shard, std::uint64_t hash) noexcept {
        return shard.buckets[hash / shard_count % bucket_count];
    }

    static std::shared_ptr<const CompiledSet> find(Shard &shard, const CompiledSet::Content &content,
                                                   std::uint64_t hash) noexcept {
        for (CompiledSet *set = bucket_of(shard, hash); set != nullptr; set = set->next_) {
            if (set->hash_ != hash || set->content() != content) continue;
            // Empty for a set whose last owner has just gone: it waits for the lock to take itself out.
            if (auto shared = set->weak_from_this().lock()) return shared;
        }
        return nullptr;
    }

    static std::array<Shard, shard_count> shards;
};

constinit std::array<InternTable::Shard, InternTable::shard_count> InternTable::shards{};

std::uint64_t CompiledSet::Content::hash() const noexcept {
    return hash_bytes(hash_bytes(routing_keys ? 1 : 2, block), tags);
}

std::shared_ptr<const CompiledSet> CompiledSet::share(const Content &content) {
    const std::uint64_t hash = content.hash();
    if (!owns_table()) return InternTable::make(content, hash, false);
    return InternTable::find_or_add(content, hash);
}

CompiledSet::CompiledSet(const Content &content, std::uint64_t hash, bool interned)
    : tags_(content.tags),
      hash_(hash),
      block_size_(static_cast<std::uint32_t>(content.block.size())),
      routing_keys_(content.routing_keys),
      interned_(interned) {
    if (!content.block.empty()) {
        std::memcpy(reinterpret_cast<char *>(this) + sizeof(CompiledSet), content.block.data(),
                    content.block.size());
    }
}

CompiledSet::~CompiledSet() {
    if (interned_ && owns_table()) InternTable::remove(*this);
}

}  // namespace tokenward::access
