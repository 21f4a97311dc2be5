#include "base/fork.hpp"

#include "base/at_work.hpp"

#include <atomic>

#include <pthread.h>

namespace tokenward {
namespace {

constinit std::atomic<std::uint32_t> generation{0};
constinit std::atomic<ForkReset *> resets{nullptr};

}  // namespace

// Registered while the library is loaded, when no thread can be in it yet; the handler goes with the library.
const bool ForkReset::registered = ForkReset::register_handler();

bool ForkReset::register_handler() noexcept {
    return pthread_atfork([] { hold_own_work(); }, [] { release_own_work(); }, [] { in_child(); }) == 0;
}

ForkReset::ForkReset(Reset reset) noexcept : reset_(reset), next_(resets.load(std::memory_order_relaxed)) {
    while (!resets.compare_exchange_weak(next_, this, std::memory_order_release, std::memory_order_relaxed)) {
    }
}

void ForkReset::in_child() noexcept {
    generation.fetch_add(1, std::memory_order_relaxed);
    reset_work_in_forked_child();
    for (ForkReset *one = resets.load(std::memory_order_acquire); one != nullptr; one = one->next_)
        one->reset_();
}

std::uint32_t fork_generation() noexcept {
    return generation.load(std::memory_order_relaxed);
}

}  // namespace tokenward
