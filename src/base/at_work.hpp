// Threads that are inside OpenSSL or libcurl: those libraries have locks and memory of the whole process. So a
// fork waits until our own threads are out, and so does the end of the process before OpenSSL cleans up.
#pragma once

#include "base/epoch.hpp"

#include <optional>

namespace tokenward {

enum class WorkingThread { of_host, our_own };

/// The calling thread uses OpenSSL or libcurl for as long as this lives. One of our own waits first while a
/// fork is under way. They nest only for a host's thread.
class AtWork {
  public:
    explicit AtWork(WorkingThread whose) noexcept;
    AtWork(const AtWork &) = delete;
    AtWork &operator=(const AtWork &) = delete;

    /// False: the process ends. OpenSSL must not be used any more, not even to free something.
    explicit operator bool() const noexcept { return allowed_; }

  private:
    std::optional<EpochDomain::Reader> counted_;
    bool allowed_;
};

/// True once exit() has come as far as our handler.
bool process_ends() noexcept;

/// From here on, exit() waits for the threads at work before OpenSSL's own handler runs: one second at the
/// most. OpenSSL must be initialised, since handlers run in the reverse order. Once per process.
bool stop_work_at_exit() noexcept;

// For base/fork.cpp, around fork(), in this order.
/// Keeps our own threads from beginning, and waits for those at work, 100 ms at the most.
void hold_own_work() noexcept;
void release_own_work() noexcept;
void reset_work_in_forked_child() noexcept;

}  // namespace tokenward
