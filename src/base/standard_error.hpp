// Log lines on standard error: they never block the host and never kill it.
//
// Descriptor 2 is the host's. Its flags may be shared with other processes (a terminal's with the shell), so
// they stay as they are, and so does what the process does on SIGPIPE.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenward {

/// Thread-safe.
class StandardError {
  public:
    /// Writes "tokenward LEVEL: LINE" and a newline in one piece, so that lines don't interleave. A line that
    /// would block or finds nobody to read it is left out; the next one tells how many were.
    void write(std::string_view level, std::string_view line) noexcept;

  private:
    std::atomic<std::uint64_t> left_out_{0};
};

/// Writes all of `text` to standard error, or nothing. False: nobody reads, or there is no room now. errno is
/// the caller's to keep.
bool write_to_standard_error(std::string_view text) noexcept;

}  // namespace tokenward
