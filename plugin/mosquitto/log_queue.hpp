// Log lines on their way to the broker. The library logs on any thread, but only the broker's thread may write
// to the broker's log. Lines wait here until the next callback or tick.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenward::mosquitto_plugin {

struct LogLine {
    std::int32_t level;  ///< TOKENWARD_LOG_ERROR ...
    std::string text;
};

class LogQueue {
  public:
    explicit LogQueue(std::size_t max_lines) : max_lines_(max_lines) {}

    /// On any thread. A full queue keeps the oldest lines, which tell how a flood began, and counts the new
    /// ones.
    void push(std::int32_t level, std::string_view text) {
        const std::lock_guard lock(mutex_);
        if (lines_.size() >= max_lines_) {
            ++dropped_;
            return;
        }
        lines_.push_back({level, std::string(text)});
        waiting_.store(true, std::memory_order_relaxed);
    }

    /// On the broker's thread: calls write(level, text) for every waiting line, in order.
    template <class Write>
    void flush(Write write) {
        if (!waiting_.load(std::memory_order_relaxed))
            return;  // the usual case, on every pass of the broker's loop
        std::vector<LogLine> lines;
        std::size_t dropped = 0;
        {
            const std::lock_guard lock(mutex_);
            waiting_.store(false, std::memory_order_relaxed);
            lines.swap(lines_);
            dropped = std::exchange(dropped_, 0);
        }
        for (const LogLine &line : lines) write(line.level, line.text);
        if (dropped != 0) write(1, std::to_string(dropped) + " log lines were left out: too many at once");
    }

  private:
    const std::size_t max_lines_;
    std::mutex mutex_;
    std::vector<LogLine> lines_;
    std::atomic<bool> waiting_{false};  ///< set and cleared under the mutex
    std::size_t dropped_ = 0;
};

/// Allows a number of lines in each second and counts the others.
class LineLimiter {
  public:
    explicit LineLimiter(unsigned per_second) : per_second_(per_second) {}

    struct Answer {
        bool write;
        std::uint64_t left_out_before;  ///< lines held back since the last one that was written
    };

    Answer ask(std::int64_t second) {
        if (second != second_) {
            second_ = second;
            written_ = 0;
        }
        if (written_ >= per_second_) {
            ++left_out_;
            return {false, 0};
        }
        ++written_;
        return {true, std::exchange(left_out_, 0)};
    }

  private:
    const unsigned per_second_;
    std::int64_t second_ = -1;
    unsigned written_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace tokenward::mosquitto_plugin
