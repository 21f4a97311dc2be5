#include "base/log.hpp"

#include "base/text.hpp"

#include <cerrno>

#include <unistd.h>

namespace tokenward {
namespace {

constexpr std::size_t max_line = 1024;

void write_to_stderr(LogLevel level, const char *line, std::size_t size) noexcept {
    static constexpr std::string_view names[] = {"error", "warning", "info", "debug"};
    char out[max_line + 32];
    std::size_t length = 0;
    const auto append = [&](std::string_view text) {
        for (const char c : text) out[length++] = c;
    };
    append("tokenward ");
    append(names[static_cast<std::size_t>(level) & 3U]);
    append(": ");
    append({line, size});
    append("\n");
    const ssize_t written = ::write(STDERR_FILENO, out, length);  // one call, so that lines don't interleave
    static_cast<void>(written);
}

}  // namespace

void Logger::write(LogLevel level, std::string_view message) noexcept {
    if (!wants(level) || closed_.load(std::memory_order_acquire)) return;
    const int saved_errno = errno;
    char line[max_line];
    copy_bounded(line, sizeof line, message);
    const std::size_t size = message.size() < sizeof line - 1 ? message.size() : sizeof line - 1;
    try {
        const std::lock_guard lock(mutex_);
        if (!closed_.load(std::memory_order_relaxed)) {
            if (sink_ != nullptr) {
                sink_(user_, static_cast<std::int32_t>(level), line, size);
            } else {
                write_to_stderr(level, line, size);
            }
        }
    } catch (...) {  // a host's callback in C++ that breaks its promise
    }
    errno = saved_errno;
}

void Logger::close() noexcept {
    const std::lock_guard lock(mutex_);
    closed_.store(true, std::memory_order_release);
}

}  // namespace tokenward
