// Ends the wait of a thread, or of a host, that polls a file descriptor.
#pragma once

namespace tokenward {

class Wakeup {
  public:
    /// Throws std::system_error if the process has no file descriptor left.
    Wakeup();
    ~Wakeup();
    Wakeup(const Wakeup &) = delete;
    Wakeup &operator=(const Wakeup &) = delete;

    /// Makes fd() readable. Any thread, with or without locks.
    void signal() noexcept;
    /// Makes fd() unreadable again.
    void clear() noexcept;
    int fd() const noexcept { return fd_; }

  private:
    int fd_;
};

}  // namespace tokenward
