// Wall clock for claims, monotonic clock for timers and TTLs.
#pragma once

#include <cstdint>

namespace tokenward {

/// Both clocks behind one interface, so that tests can set them.
class Clock {
  public:
    virtual ~Clock() = default;
    /// Seconds since 1970-01-01 UTC, floored.
    virtual std::int64_t unix_seconds() const noexcept = 0;
    /// The same for questions asked by the thousand; may lag by a kernel tick (some milliseconds).
    virtual std::int64_t recent_unix_seconds() const noexcept { return unix_seconds(); }
    /// Milliseconds since some fixed instant; never goes back.
    virtual std::int64_t monotonic_ms() const noexcept = 0;
};

/// CLOCK_REALTIME and CLOCK_MONOTONIC. Stateless, usable from any thread.
class SystemClock final : public Clock {
  public:
    std::int64_t unix_seconds() const noexcept override;
    std::int64_t recent_unix_seconds() const noexcept override;
    std::int64_t monotonic_ms() const noexcept override;

    static const SystemClock &instance() noexcept;
};

}  // namespace tokenward
