#include "base/descriptor.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace tokenward {

int above_standard(int fd) noexcept {
    if (fd < 0 || fd > STDERR_FILENO) return fd;
    const int higher = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int saved = errno;
    ::close(fd);
    errno = saved;
    return higher;
}

StandardDescriptorsTaken::StandardDescriptorsTaken() noexcept {
    for (;;) {
        const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0) return;
        if (fd > STDERR_FILENO) {
            ::close(fd);
            return;
        }
        taken_[count_++] = fd;
    }
}

StandardDescriptorsTaken::~StandardDescriptorsTaken() {
    while (count_ > 0) ::close(taken_[--count_]);
}

}  // namespace tokenward
