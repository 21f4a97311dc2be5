// One way out for log lines: the host's callback, a queue that the host drains, or standard error.
#pragma once

#include "base/standard_error.hpp"
#include "base/wakeup.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace tokenward {

enum class LogLevel : std::int32_t { error = 1, warning = 2, info = 3, debug = 4 };
enum class LogMode : std::int32_t { to_stderr = 0, to_callback = 1, to_queue = 2 };

/// "error", "warning", "info", "debug".
std::string_view log_level_name(LogLevel level) noexcept;

/// Text is printable ASCII, NUL-terminated.
using LogSink = void (*)(void *user, std::int32_t level, const char *message, std::size_t size);

struct LogTarget {
    LogMode mode = LogMode::to_stderr;
    LogSink sink = nullptr;  ///< with to_callback
    void *user = nullptr;
    std::optional<LogLevel> level;  ///< wins over set_level()
};

/// Thread-safe. Shared by everything that a backend owns; after close() not one line comes any more. No lock is
/// held while the sink runs, and the sink runs for one line at a time: lines that come meanwhile wait in the
/// queue, and the thread in the sink delivers them next.
class Logger {
  public:
    static constexpr std::size_t max_waiting_lines = 1024;
    static constexpr std::size_t line_size = 2048;  ///< with the NUL

    /// Throws std::system_error if a queue gets no file descriptor.
    explicit Logger(LogTarget target);
    Logger(const Logger &) = delete;
    Logger &operator=(const Logger &) = delete;

    bool wants(LogLevel level) const noexcept { return level <= level_.load(std::memory_order_relaxed); }
    void set_level(LogLevel level) noexcept {
        if (!target_.level) level_.store(level, std::memory_order_relaxed);
    }

    /// Never throws: a line that can't be written is counted and left out. `message` may hold any bytes; what
    /// isn't printable ASCII becomes '?', and the line is cut at line_size.
    void write(LogLevel level, std::string_view message) noexcept;
    void error(std::string_view message) noexcept { write(LogLevel::error, message); }
    void warning(std::string_view message) noexcept { write(LogLevel::warning, message); }
    void info(std::string_view message) noexcept { write(LogLevel::info, message); }
    void debug(std::string_view message) noexcept { write(LogLevel::debug, message); }

    /// The calling thread is in the sink: what it called here was called by the host's callback.
    bool is_in_sink() const noexcept {
        return delivering_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
    }

    // ---- the queue ----
    bool is_queue() const noexcept { return target_.mode == LogMode::to_queue; }
    /// Readable while lines wait; -1 if there is no queue.
    int fd() const noexcept { return readable_ ? readable_->fd() : -1; }
    /// Takes the oldest line, and gives its whole length; 0 if there is none. `size` 0: takes nothing.
    std::size_t read(std::int32_t &level, char *buffer, std::size_t size) noexcept;
    /// From now on lines go to standard error; those that wait go there first.
    void leave_queue() noexcept;

    /// Waits for a sink that is running; later lines are dropped. Not from within the sink.
    void close() noexcept;
    /// The same without the lock, which another thread may have held when the process was forked.
    void close_in_forked_child() noexcept { closed_.store(true); }

  private:
    struct Line {
        LogLevel level;
        std::string text;
    };
    using Lock = std::unique_lock<std::mutex>;

    static Line note_of_dropped(std::uint64_t lines);
    bool enqueue(LogLevel level, std::string_view line) noexcept;
    bool dequeue(Line &line) noexcept;
    void deliver(Lock &lock, LogLevel level, const char *line, std::size_t size) noexcept;
    void call_sink(LogLevel level, const char *line, std::size_t size) noexcept;

    const LogTarget target_;
    const std::uint32_t fork_generation_;
    std::atomic<LogLevel> level_;
    std::atomic<bool> closed_{false};
    StandardError standard_error_;

    std::mutex mutex_;
    std::condition_variable delivered_;
    std::deque<Line> waiting_;      ///< guarded by mutex_
    std::uint64_t dropped_ = 0;     ///< guarded by mutex_: lines that found the queue full
    std::atomic<bool> any_{false};  ///< a line waits; set under mutex_
    bool queue_left_ = false;       ///< guarded by mutex_
    /// Who is in the sink. Written under mutex_.
    std::atomic<std::thread::id> delivering_thread_{std::thread::id()};
    std::optional<Wakeup> readable_;  ///< with to_queue
};

}  // namespace tokenward
