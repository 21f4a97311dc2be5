#include "base/log.hpp"

#include "base/fork.hpp"
#include "base/guest_call.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace tokenward {

std::string_view log_level_name(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::error:
            return "error";
        case LogLevel::warning:
            return "warning";
        case LogLevel::info:
            return "info";
        case LogLevel::debug:
            break;
    }
    return "debug";
}

Logger::Logger(LogTarget target)
    : target_(target), fork_generation_(fork_generation()), level_(target.level.value_or(LogLevel::info)) {
    if (is_queue()) readable_.emplace();
}

void Logger::write(LogLevel level, std::string_view message) noexcept {
    if (!wants(level) || closed_.load(std::memory_order_acquire)) return;
    // In a forked child another thread of the parent may hold the lock for ever.
    if (fork_generation() != fork_generation_) return;
    const GuestCall guest;
    char line[line_size];
    copy_bounded(line, sizeof line, message);
    const std::size_t size = std::min(message.size(), sizeof line - 1);
    if (target_.mode == LogMode::to_stderr) {
        standard_error_.write(log_level_name(level), {line, size});
        return;
    }
    Lock lock(mutex_);
    if (closed_.load(std::memory_order_relaxed)) return;
    if (target_.mode == LogMode::to_callback) {
        deliver(lock, level, line, size);
    } else if (queue_left_) {
        lock.unlock();
        standard_error_.write(log_level_name(level), {line, size});
    } else if (enqueue(level, {line, size})) {
        readable_->signal();
    }
}

Logger::Line Logger::note_of_dropped(std::uint64_t lines) {
    return {LogLevel::warning, fmt::format("{} log lines were left out: the queue was full", lines)};
}

/// True if it is the first that waits. A line that finds the queue full, or no memory, is counted.
bool Logger::enqueue(LogLevel level, std::string_view line) noexcept {
    try {
        if (waiting_.size() >= max_waiting_lines) {
            ++dropped_;
            return false;
        }
        if (dropped_ != 0) {
            waiting_.push_back(note_of_dropped(dropped_));
            dropped_ = 0;
        }
        waiting_.push_back({level, std::string(line)});
    } catch (...) {
        ++dropped_;
    }
    return !any_.exchange(true, std::memory_order_relaxed);
}

/// False if nothing waits.
bool Logger::dequeue(Line &line) noexcept {
    if (!waiting_.empty()) {
        line = std::move(waiting_.front());
        waiting_.pop_front();
    } else if (dropped_ != 0) {
        try {
            line = note_of_dropped(dropped_);
        } catch (...) {
            return false;
        }
        dropped_ = 0;
    } else {
        return false;
    }
    if (waiting_.empty() && dropped_ == 0) any_.store(false, std::memory_order_relaxed);
    return true;
}

void Logger::deliver(Lock &lock, LogLevel level, const char *line, std::size_t size) noexcept {
    if (delivering_thread_.load(std::memory_order_relaxed) != std::thread::id()) {
        enqueue(level, {line, size});
        return;
    }
    delivering_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    lock.unlock();
    call_sink(level, line, size);
    lock.lock();
    Line next;
    while (dequeue(next)) {
        lock.unlock();
        call_sink(next.level, next.text.c_str(), next.text.size());
        lock.lock();
    }
    delivering_thread_.store(std::thread::id(), std::memory_order_relaxed);
    delivered_.notify_all();
}

void Logger::call_sink(LogLevel level, const char *line, std::size_t size) noexcept {
    try {
        target_.sink(target_.user, static_cast<std::int32_t>(level), line, size);
    } catch (...) {  // a host's callback in C++ that breaks its promise
    }
}

std::size_t Logger::read(std::int32_t &level, char *buffer, std::size_t size) noexcept {
    level = 0;
    if (size != 0) buffer[0] = '\0';
    if (!any_.load(std::memory_order_relaxed)) return 0;  // the usual case, on every pass of an event loop
    const Lock lock(mutex_);
    if (size == 0) {
        if (waiting_.empty()) return dropped_ != 0 ? line_size - 1 : 0;
        level = static_cast<std::int32_t>(waiting_.front().level);
        return waiting_.front().text.size();
    }
    Line line;
    if (!dequeue(line)) return 0;
    if (!any_.load(std::memory_order_relaxed)) readable_->clear();
    level = static_cast<std::int32_t>(line.level);
    copy_bounded(buffer, size, line.text);
    return line.text.size();
}

void Logger::leave_queue() noexcept {
    if (!is_queue()) return;
    Lock lock(mutex_);
    if (std::exchange(queue_left_, true)) return;
    Line line;
    while (dequeue(line)) standard_error_.write(log_level_name(line.level), line.text);
}

void Logger::close() noexcept {
    Lock lock(mutex_);
    closed_.store(true, std::memory_order_release);
    delivered_.wait(lock,
                    [this] { return delivering_thread_.load(std::memory_order_relaxed) == std::thread::id(); });
}

}  // namespace tokenward
