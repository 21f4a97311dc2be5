// A call of the host into the library, seen from the host's thread.
#pragma once

#include <cerrno>

#include <pthread.h>

namespace tokenward {

/// While it lives, the thread can't be cancelled: a cancellation would unwind through functions that don't
/// throw, and end the process. It takes effect after the call. errno is given back at the end. They nest.
class GuestCall {
  public:
    GuestCall() noexcept : errno_(errno) { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_); }
    ~GuestCall() {
        ::pthread_setcancelstate(cancel_state_, nullptr);
        errno = errno_;
    }
    GuestCall(const GuestCall &) = delete;
    GuestCall &operator=(const GuestCall &) = delete;

  private:
    int errno_;
    int cancel_state_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace tokenward
