// Threads of a guest: the host's signal handlers must never run on them.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace tokenward {

/// Blocks all signals in the calling thread for as long as it lives: threads that begin meanwhile, and those
/// that they begin, inherit it.
class AllSignalsBlocked {
  public:
    AllSignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked &) = delete;
    AllSignalsBlocked &operator=(const AllSignalsBlocked &) = delete;

  private:
    sigset_t before_{};
};

}  // namespace tokenward
