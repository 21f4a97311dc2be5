#include "base/at_work.hpp"

#include "base/clock.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace tokenward {
namespace {

constexpr long step_us = 200;
constexpr std::int64_t longest_wait_at_fork_ms = 100;
constexpr std::int64_t longest_wait_at_exit_ms = 1000;

constinit EpochDomain host_threads;
constinit EpochDomain own_threads;
constinit std::atomic<int> forks{0};
constinit std::atomic<bool> ending{false};

void nap() noexcept {
    const int saved_errno = errno;
    const timespec step{0, step_us * 1000};
    ::nanosleep(&step, nullptr);
    errno = saved_errno;
}

/// Naps while `busy`, at most so long. By the clock: a nap may take much longer than it should.
template <class Busy>
void wait_while(Busy busy, std::int64_t longest_ms) noexcept {
    const SystemClock clock;
    const std::int64_t end = clock.monotonic_ms() + longest_ms;
    while (busy() && clock.monotonic_ms() < end) nap();
}

void process_is_ending() noexcept {
    ending.store(true, std::memory_order_seq_cst);
    wait_while([] { return own_threads.has_readers() || host_threads.has_readers(); }, longest_wait_at_exit_ms);
}

}  // namespace

// Counted first, then asked: so either a fork or the end of the process sees the count, or this thread sees
// them.
AtWork::AtWork(WorkingThread whose) noexcept {
    counted_.emplace(whose == WorkingThread::of_host ? host_threads : own_threads);
    while (whose == WorkingThread::our_own && forks.load(std::memory_order_seq_cst) != 0 && !process_ends()) {
        counted_.reset();
        nap();
        counted_.emplace(own_threads);
    }
    allowed_ = !ending.load(std::memory_order_seq_cst);
}

bool process_ends() noexcept {
    return ending.load(std::memory_order_acquire);
}

bool stop_work_at_exit() noexcept {
    static const bool registered = std::atexit(process_is_ending) == 0;
    return registered;
}

void hold_own_work() noexcept {
    forks.fetch_add(1, std::memory_order_seq_cst);
    wait_while([] { return own_threads.has_readers(); }, longest_wait_at_fork_ms);
}

void release_own_work() noexcept {
    forks.fetch_sub(1, std::memory_order_seq_cst);
}

void reset_work_in_forked_child() noexcept {
    own_threads.reset_in_forked_child();
    host_threads.reset_in_forked_child();
    forks.store(0, std::memory_order_relaxed);
}

}  // namespace tokenward
