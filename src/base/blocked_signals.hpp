// Threads of a guest: the host's signal handlers must never run on them.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace tokenward {

/// Blocks all signals in the calling thread for as long as it lives, but for the synchronous faults: a thread
/// that faults while its fault is blocked is killed without the host's crash handler. Threads that begin
/// meanwhile, and those that they begin, inherit it.
class SignalsBlocked {
  public:
    SignalsBlocked() noexcept {
        sigset_t blocked;
        sigfillset(&blocked);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&blocked, fault);
        ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;

  private:
    sigset_t before_{};
};

}  // namespace tokenward
