#include "session/line_limiter.hpp"

#include <utility>

namespace tokenward::session {

std::optional<std::uint64_t> LineLimiter::next(std::int64_t monotonic_ms) noexcept {
    const std::lock_guard lock(mutex_);
    const std::int64_t second = monotonic_ms / 1000;
    if (second_ != second) {
        second_ = second;
        lines_ = 0;
    }
    if (lines_ >= lines_per_second) {
        ++left_out_;
        return std::nullopt;
    }
    ++lines_;
    return std::exchange(left_out_, 0);
}

}  // namespace tokenward::session
