#include "base/clock.hpp"

#include <ctime>

namespace tokenward {

std::int64_t SystemClock::unix_seconds() const noexcept {
    timespec now{};
    // Not COARSE: a token issued this very second would come from the future.
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

std::int64_t SystemClock::recent_unix_seconds() const noexcept {
    // glibc reads the seconds of the last kernel tick here: cheaper than a timespec of CLOCK_REALTIME_COARSE.
    return std::time(nullptr);
}

std::int64_t SystemClock::monotonic_ms() const noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

const SystemClock &SystemClock::instance() noexcept {
    static const SystemClock clock;
    return clock;
}

}  // namespace tokenward
