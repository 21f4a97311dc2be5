// Keeps one kind of log line from flooding the log.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

namespace tokenward::session {

/// Lets at most ten lines a second through and counts the others. Thread-safe.
class LineLimiter {
  public:
    static constexpr std::uint32_t lines_per_second = 10;

    /// Empty: leave this line out. Else write it; the number says how many lines were left out before it.
    std::optional<std::uint64_t> next(std::int64_t monotonic_ms) noexcept;

  private:
    std::mutex mutex_;
    std::int64_t second_ = -1;
    std::uint32_t lines_ = 0;     ///< written in this second
    std::uint64_t left_out_ = 0;  ///< since the last line
};

}  // namespace tokenward::session
