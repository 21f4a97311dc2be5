#include "base/secure_file.hpp"

#include "base/descriptor.hpp"
#include "base/text.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

namespace tokenward {
namespace {

/// Paths are shown in full where they aren't absurd: an operator must find the file.
constexpr std::size_t max_path_shown = 255;

class Descriptor {
  public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const noexcept { return fd_; }

  private:
    int fd_;
};

std::string error_text(int error) {
    return std::generic_category().message(error);
}

auto unreadable(const std::string &path, const std::string &what) {
    return fail(Reason::CONFIG_UNREADABLE, fmt::format("{}: {}", quote(path, max_path_shown), what));
}

auto not_opened(const std::string &path, int error) {
    Reason reason = Reason::CONFIG_UNREADABLE;
    if (error == EMFILE || error == ENFILE) reason = Reason::RESOURCE_LIMIT;
    if (error == ENOMEM) reason = Reason::OUT_OF_MEMORY;
    return fail(reason, fmt::format("{}: {}", quote(path, max_path_shown), error_text(error)));
}

}  // namespace

Result<std::string> read_trusted_file(const std::string &path, std::size_t max_bytes, Links links) {
    if (path.find('\0') != std::string::npos) return unreadable(path, "a path can't hold a NUL byte");
    // O_NONBLOCK: opening a FIFO without a writer would hang; it is refused below, as no regular file.
    const int no_link = links == Links::refuse ? O_NOFOLLOW : 0;
    const Descriptor file(
        above_standard(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | no_link)));
    if (file.get() < 0 && errno == ELOOP && no_link != 0) return unreadable(path, "is a symbolic link");
    if (file.get() < 0) return not_opened(path, errno);

    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return unreadable(path, error_text(errno));
    if (!S_ISREG(status.st_mode)) return unreadable(path, "isn't a regular file");
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail(Reason::CONFIG_INSECURE_FILE,
                    fmt::format("{}: has mode {:04o}, so that group or others may write it",
                                quote(path, max_path_shown), status.st_mode & 07777U));
    }
    const uid_t self = ::geteuid();
    if (status.st_uid != 0 && status.st_uid != self) {
        return fail(Reason::CONFIG_INSECURE_FILE,
                    fmt::format("{}: belongs to user {}, neither root nor this process's user {}",
                                quote(path, max_path_shown), status.st_uid, self));
    }

    std::string content;
    if (status.st_size > 0 && static_cast<std::size_t>(status.st_size) <= max_bytes) {
        content.reserve(static_cast<std::size_t>(status.st_size) + 1);
    }
    char chunk[16384];
    for (;;) {
        const ssize_t count = ::read(file.get(), chunk, sizeof chunk);
        if (count < 0) {
            if (errno == EINTR) continue;
            return unreadable(path, error_text(errno));
        }
        if (count == 0) return content;
        content.append(chunk, static_cast<std::size_t>(count));
        if (content.size() > max_bytes) {
            return unreadable(path, fmt::format("is larger than {} bytes", max_bytes));
        }
    }
}

}  // namespace tokenward
