// Keeps log lines from flooding the log.
#pragma once

#include "session/context.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace tokenward::session {

/// What was left out before a line.
struct LeftOut {
    std::uint64_t lines = 0;
    std::string noisiest;           ///< who caused most of them: the peer's address, else the client's name
    std::uint64_t of_noisiest = 0;  ///< at least about so many; exact while few clients are noisy
};

/// Finds who causes most lines, in a fixed memory: the "space saving" counters of Metwally, Agrawal and El
/// Abbadi (2005). Whoever causes more than an eighth of the lines is among them.
class NoisiestClient {
  public:
    void count(const Context &context) noexcept;
    void tell_and_reset(LeftOut &left_out);

  private:
    struct Counter {
        std::uint64_t lines = 0;
        std::size_t size = 0;
        std::array<char, 64> name{};
    };
    std::array<Counter, 8> counters_{};
};

/// Lets at most ten lines of one kind a second through and counts the others. Thread-safe.
class LineLimiter {
  public:
    static constexpr std::uint32_t lines_per_second = 10;

    /// Empty: leave this line out. Else write it, with what was left out before it.
    std::optional<LeftOut> next(std::int64_t monotonic_ms, const Context &context);
    /// Counts a line that somebody else decided to leave out.
    void leave_out(const Context &context) noexcept;

  private:
    std::mutex mutex_;
    std::int64_t second_ = -1;
    std::uint32_t lines_ = 0;     ///< written in this second
    std::uint64_t left_out_ = 0;  ///< since the last line
    NoisiestClient noisiest_;     ///< of those left out
};

/// Lets at most two lines of a client a second through. A client is its address without the port and the name
/// that it gives itself: whoever changes the name all the time meets the limit of the reason. Thread-safe.
class ClientLimits {
  public:
    static constexpr std::uint8_t lines_per_second = 2;

    /// True for a client of which nothing is known.
    bool allow(const Context &context, std::int64_t monotonic_ms) noexcept;

  private:
    struct Slot {
        std::uint64_t client = 0;
        std::int64_t second = -1;
        std::uint8_t lines = 0;
    };
    std::mutex mutex_;
    std::array<Slot, 512> slots_{};  ///< a client that meets another in its slot begins anew
};

}  // namespace tokenward::session
