#include "base/epoch.hpp"

#include "base/thread_shard.hpp"

#include <sched.h>

namespace tokenward {

std::size_t EpochDomain::shard_of_thread() noexcept {
    return thread_shard<4>();
}

void EpochDomain::wait_for_readers(std::uint32_t index) const noexcept {
    for (const Shard &shard : shards_) {
        // Readers stay for micro- to milliseconds; a preempted one needs the processor more than we do.
        while (shard.readers[index & 1U].load(std::memory_order_seq_cst) != 0) sched_yield();
    }
}

void EpochDomain::synchronize() noexcept {
    const std::lock_guard lock(writer_);
    for (int flip = 0; flip < 2; ++flip) {
        const std::uint32_t old = index_.fetch_add(1, std::memory_order_seq_cst);
        wait_for_readers(old);
    }
}

}  // namespace tokenward
