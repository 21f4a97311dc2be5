// Readers that never wait, writers that wait for them: read-copy-update in user space.
//
// std::atomic<std::shared_ptr> is a lock in libstdc++ 12, and one shared reference count spoils two threads.
// Here a reader marks itself in one of many cache lines, picked by its thread, and may then use what it loads
// from atomic pointers until it leaves. A writer publishes a new pointer, calls synchronize(), and knows that
// nobody reads the old one any more. The scheme is that of SRCU (McKenney): two counters per shard and two
// flips per grace period, since a reader may count itself under an index that was read before a flip.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace tokenward {

class EpochDomain {
    struct alignas(64) Shard {
        std::atomic<std::uint32_t> readers[2]{};
    };

  public:
    /// Marks a reader for as long as it lives. Wait-free; may nest.
    class Reader {
      public:
        explicit Reader(const EpochDomain &domain) noexcept
            : counter_(domain.shards_[shard_of_thread()]
                           .readers[domain.index_.load(std::memory_order_relaxed) & 1U]) {
            // seq_cst: the count must be visible before the pointers that follow are loaded.
            counter_.fetch_add(1, std::memory_order_seq_cst);
        }
        ~Reader() { counter_.fetch_sub(1, std::memory_order_release); }
        Reader(const Reader &) = delete;
        Reader &operator=(const Reader &) = delete;

      private:
        std::atomic<std::uint32_t> &counter_;
    };

    /// Returns once every reader that was there at the call has left. Not from inside a Reader of this domain.
    void synchronize() noexcept;

  private:
    static constexpr std::size_t shard_count = 16;

    static std::size_t shard_of_thread() noexcept;
    void wait_for_readers(std::uint32_t index) const noexcept;

    mutable std::array<Shard, shard_count> shards_;
    std::atomic<std::uint32_t> index_{0};
    std::mutex writer_;
};

/// One immutable value that readers see whole while a writer swaps it.
template <class T>
class Snapshot {
  public:
    explicit Snapshot(std::unique_ptr<const T> first) noexcept : current_(first.release()) {}
    ~Snapshot() { delete current_.load(std::memory_order_relaxed); }
    Snapshot(const Snapshot &) = delete;
    Snapshot &operator=(const Snapshot &) = delete;

    /// Valid as long as the caller's EpochDomain::Reader lives.
    const T *get() const noexcept { return current_.load(std::memory_order_seq_cst); }

    /// Publishes `next` and frees the old value once no reader of the domain can hold it.
    void replace(std::unique_ptr<const T> next, EpochDomain &domain) noexcept {
        const std::unique_ptr<const T> old(current_.exchange(next.release(), std::memory_order_seq_cst));
        domain.synchronize();
    }

  private:
    std::atomic<const T *> current_;
};

}  // namespace tokenward
