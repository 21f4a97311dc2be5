// One way out for log lines: the host's callback or standard error.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace tokenward {

enum class LogLevel : std::int32_t { error = 0, warning = 1, info = 2, debug = 3 };

/// Called under a lock: one line at a time. Text is printable ASCII, NUL-terminated.
using LogSink = void (*)(void *user, std::int32_t level, const char *message, std::size_t size);

/// Thread-safe. Shared by everything that a backend owns; after close() not one line comes any more.
class Logger {
  public:
    /// sink NULL: lines go to standard error, with a level in front.
    Logger(LogSink sink, void *user) noexcept : sink_(sink), user_(user) {}

    bool wants(LogLevel level) const noexcept { return level <= level_.load(std::memory_order_relaxed); }
    void set_level(LogLevel level) noexcept { level_.store(level, std::memory_order_relaxed); }

    /// Never throws: a line that can't be written is lost. `message` may hold any bytes; what isn't printable
    /// ASCII becomes '?', and the line is cut at 1024 bytes.
    void write(LogLevel level, std::string_view message) noexcept;
    void error(std::string_view message) noexcept { write(LogLevel::error, message); }
    void warning(std::string_view message) noexcept { write(LogLevel::warning, message); }
    void info(std::string_view message) noexcept { write(LogLevel::info, message); }
    void debug(std::string_view message) noexcept { write(LogLevel::debug, message); }

    /// Waits for a line that is being written; later ones are dropped.
    void close() noexcept;
    /// The same without the lock, which another thread may have held when the process was forked.
    void close_in_forked_child() noexcept { closed_.store(true); }

  private:
    LogSink sink_;
    void *user_;
    std::atomic<LogLevel> level_{LogLevel::info};
    std::atomic<bool> closed_{false};
    std::mutex mutex_;
};

}  // namespace tokenward
