// Where callers wait for keys, and how the thread is told to look again. One for all stores of a backend.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tokenward::keys {

/// The lock of all that changes over a key set's life; readers of keys never take it.
class WaitRoom {
  public:
    /// More callers than this would be too many of a host's threads.
    static constexpr int max_waiting = 64;

    /// Throws std::system_error without file descriptors.
    WaitRoom();
    ~WaitRoom();
    WaitRoom(const WaitRoom &) = delete;
    WaitRoom &operator=(const WaitRoom &) = delete;

    std::mutex mutex;
    std::condition_variable changed;  ///< a fetch ended, or closed
    int waiting = 0;                  ///< guarded by mutex
    bool closed = false;              ///< guarded by mutex: the backend ends

    /// Makes wake_fd() readable. Any thread, without the mutex.
    void wake_thread() noexcept;
    int wake_fd() const noexcept { return wake_fd_; }
    /// Back to unreadable.
    void woken() noexcept;

  private:
    int wake_fd_;
};

}  // namespace tokenward::keys
