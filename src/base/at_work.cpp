#include "base/at_work.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <ctime>

namespace tokenward {
namespace {

constexpr long step_us = 200;
constexpr int fork_steps = 100'000 / step_us;
constexpr int exit_steps = 1'000'000 / step_us;

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

void process_is_ending() noexcept {
    ending.store(true, std::memory_order_seq_cst);
    for (int i = 0; i < exit_steps && (own_threads.has_readers() || host_threads.has_readers()); ++i) nap();
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
    for (int i = 0; i < fork_steps && own_threads.has_readers(); ++i) nap();
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
