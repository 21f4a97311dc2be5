// Readers that never wait, writers that wait for them: read-copy-update in user space.
//
// std::atomic<std::shared_ptr> is a lock in libstdc++ 12, and one shared reference count spoils two threads.
// Here a reader counts itself in one of many cache lines, picked by its thread, and may then use what it loads
// from atomic pointers until it leaves. A writer publishes a new pointer, calls synchronize(), and knows that
// nobody reads the old one any more. The scheme is that of SRCU (McKenney).
#pragma once

#include "base/thread_shard.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace tokenward {

/// The moments at which a test may stop a thread.
struct EpochMoments {
    /// A reader has read the index and hasn't counted itself yet.
    static void index_was_read() noexcept {}
    /// A writer has found readers. They stay for microseconds, or for as long as they are preempted. Not
    /// sched_yield(): it puts the writer behind everybody who has work, and with one to four readers that spin on
    /// two processors it waited two to ten times as long.
    static void wait() noexcept {
        const int saved_errno = errno;
        const timespec nap{0, 50'000};
        ::nanosleep(&nap, nullptr);
        errno = saved_errno;
    }
};

template <class Moments>
class BasicEpochDomain {
    struct alignas(64) Shard {
        std::atomic<std::uint32_t> readers[2]{};
    };

  public:
    /// Counts a reader for as long as it lives. Wait-free; may nest.
    class Reader {
      public:
        explicit Reader(const BasicEpochDomain &domain) noexcept : counter_(domain.counter_of_thread()) {
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
    void synchronize() noexcept {
        const std::lock_guard lock(writer_);
        // Twice, so that both counters are waited for: a reader may have read the index before an earlier
        // writer's flip and have counted itself after it.
        for (int flip = 0; flip < 2; ++flip) {
            const std::uint32_t old = index_.fetch_add(1, std::memory_order_seq_cst);
            wait_for_readers(old);
        }
    }

    /// True if a reader is there now. One that comes meanwhile may be missed.
    bool has_readers() const noexcept {
        for (const Shard &shard : shards_) {
            for (const auto &readers : shard.readers) {
                if (readers.load(std::memory_order_seq_cst) != 0) return true;
            }
        }
        return false;
    }

    /// In a forked child: the readers and writers of other threads aren't there any more.
    void reset_in_forked_child() noexcept {
        for (Shard &shard : shards_) {
            for (auto &readers : shard.readers) readers.store(0, std::memory_order_relaxed);
        }
        new (&writer_) std::mutex;
    }

  private:
    static constexpr unsigned shard_bits = 4;

    std::atomic<std::uint32_t> &counter_of_thread() const noexcept {
        Shard &shard = shards_[thread_shard<shard_bits>()];
        const std::uint32_t index = index_.load(std::memory_order_relaxed);
        Moments::index_was_read();
        return shard.readers[index & 1U];
    }
    void wait_for_readers(std::uint32_t index) const noexcept {
        for (const Shard &shard : shards_) {
            while (shard.readers[index & 1U].load(std::memory_order_seq_cst) != 0) Moments::wait();
        }
    }

    mutable std::array<Shard, std::size_t{1} << shard_bits> shards_;
    std::atomic<std::uint32_t> index_{0};
    std::mutex writer_;
};

using EpochDomain = BasicEpochDomain<EpochMoments>;

/// One immutable value that readers see whole while a writer swaps it.
template <class T>
class Snapshot {
  public:
    explicit Snapshot(std::unique_ptr<const T> first) noexcept : current_(first.release()) {}
    ~Snapshot() { delete current_.load(std::memory_order_relaxed); }
    Snapshot(const Snapshot &) = delete;
    Snapshot &operator=(const Snapshot &) = delete;

    /// Valid as long as the caller's Reader of the domain lives.
    const T *get() const noexcept { return current_.load(std::memory_order_seq_cst); }

    /// Publishes `next` and frees the old value once no reader of the domain can hold it.
    template <class Domain>
    void replace(std::unique_ptr<const T> next, Domain &domain) noexcept {
        const std::unique_ptr<const T> old(current_.exchange(next.release(), std::memory_order_seq_cst));
        domain.synchronize();
    }

  private:
    std::atomic<const T *> current_;
};

}  // namespace tokenward
