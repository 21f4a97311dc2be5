#include "base/standard_error.hpp"

#include "base/descriptor.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward {
namespace {

/// A write to a pipe that nobody reads raises SIGPIPE in the writing thread. While this lives, the signal stays
/// pending there, and one that a write raised is taken away again. The process's disposition isn't touched.
class SigpipeHeld {
  public:
    SigpipeHeld() noexcept {
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
    }
    ~SigpipeHeld() {
        if (!was_pending_) {
            const timespec no_wait{};
            while (::sigtimedwait(&sigpipe_, nullptr, &no_wait) < 0 && errno == EINTR) {
            }
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    SigpipeHeld(const SigpipeHeld &) = delete;
    SigpipeHeld &operator=(const SigpipeHeld &) = delete;

  private:
    sigset_t sigpipe_;
    sigset_t before_;
    bool was_pending_;
};

bool all_written(ssize_t count, std::string_view text) noexcept {
    return count == static_cast<ssize_t>(text.size());
}

/// A descriptor of our own for the same pipe or terminal; its flags are ours. -1 if the system denies it.
int reopen() noexcept {
    return above_standard(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

bool write_to_pipe_or_terminal(std::string_view text) noexcept {
    const SigpipeHeld held;
    const int own = reopen();
    if (own >= 0) {
        const bool done = all_written(::write(own, text.data(), text.size()), text);
        ::close(own);
        return done;
    }
    if (errno == ENXIO) return false;  // a pipe that nobody reads
    // A pipe that poll() calls writable takes PIPE_BUF bytes, unless another writer comes first.
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0 || (ready.revents & POLLERR) != 0)
        return false;
    const std::string_view piece = text.substr(0, std::min<std::size_t>(text.size(), PIPE_BUF));
    return all_written(::write(STDERR_FILENO, piece.data(), piece.size()), piece);
}

}  // namespace

bool write_to_standard_error(std::string_view text) noexcept {
    struct stat status {};
    if (::fstat(STDERR_FILENO, &status) != 0) return false;
    // A regular file isn't reopened: the new descriptor would begin at the file's start.
    if (S_ISREG(status.st_mode)) return all_written(::write(STDERR_FILENO, text.data(), text.size()), text);
    if (S_ISSOCK(status.st_mode))
        return all_written(::send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL), text);
    return write_to_pipe_or_terminal(text);
}

void StandardError::write(std::string_view level, std::string_view line) noexcept {
    char out[2 * Logger::line_size];
    static_assert(sizeof out <= PIPE_BUF, "a pipe takes a line in one piece");
    std::size_t length = 0;
    const auto append = [&](std::string_view text) {
        for (const char c : text.substr(0, sizeof out - length)) out[length++] = c;
    };
    const std::uint64_t left_out = left_out_.exchange(0, std::memory_order_relaxed);
    if (left_out != 0) {
        char count[96];
        const int size = std::snprintf(
            count, sizeof count, "tokenward warning: %llu log lines were left out: standard error took none\n",
            static_cast<unsigned long long>(left_out));
        append({count, static_cast<std::size_t>(size)});
    }
    append("tokenward ");
    append(level);
    append(": ");
    append(line.substr(0, Logger::line_size));
    append("\n");
    if (!write_to_standard_error({out, length})) left_out_.fetch_add(left_out + 1, std::memory_order_relaxed);
}

}  // namespace tokenward
