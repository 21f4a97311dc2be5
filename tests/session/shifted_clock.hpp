// Time goes on as it does, and the test may jump.
#pragma once

#include "base/clock.hpp"

#include <atomic>
#include <cstdint>

namespace tokenward::session {

/// The system's monotonic clock, which the network needs, and an offset that the test adds.
class ShiftedClock final : public Clock {
  public:
    std::int64_t unix_seconds() const noexcept override { return SystemClock::instance().unix_seconds() + shift_s; }
    std::int64_t monotonic_ms() const noexcept override { return SystemClock::instance().monotonic_ms() + shift_s * 1000; }
    std::atomic<std::int64_t> shift_s{0};
};

}  // namespace tokenward::session
