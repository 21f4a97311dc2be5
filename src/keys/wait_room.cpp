#include "keys/wait_room.hpp"

#include <cerrno>
#include <system_error>

#include <sys/eventfd.h>
#include <unistd.h>

namespace tokenward::keys {

WaitRoom::WaitRoom() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

WaitRoom::~WaitRoom() {
    ::close(wake_fd_);
}

void WaitRoom::wake_thread() noexcept {
    // Fails only if the counter is full, and then the thread is woken anyway. The host's errno stays its own.
    const int saved = errno;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
    errno = saved;
}

void WaitRoom::woken() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof count);
}

}  // namespace tokenward::keys
