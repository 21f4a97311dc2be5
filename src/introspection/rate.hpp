// So many requests a second, after a burst of twice as many.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tokenward::introspection {

/// Counts in thousandths, so that a millisecond brings `a_second` of them. Not thread-safe.
class Rate {
  public:
    explicit Rate(std::int64_t a_second) noexcept : a_second_(a_second), left_(most()) {}

    /// False: too many.
    bool take(std::int64_t now_ms) noexcept {
        left_ = left_at(now_ms);
        since_ = std::max(since_, now_ms);
        if (left_ < one) return false;
        left_ -= one;
        return true;
    }
    bool has_one(std::int64_t now_ms) const noexcept { return left_at(now_ms) >= one; }
    /// As if nothing had ever been taken.
    bool is_whole(std::int64_t now_ms) const noexcept { return left_at(now_ms) == most(); }

  private:
    std::int64_t left_at(std::int64_t now_ms) const noexcept {
        const std::int64_t passed = std::clamp<std::int64_t>(now_ms - since_, 0, 10'000);
        return std::min(most(), left_ + passed * a_second_);
    }

    static constexpr std::int64_t one = 1000;
    std::int64_t most() const noexcept { return 2 * a_second_ * one; }

    std::int64_t a_second_;
    std::int64_t left_;
    std::int64_t since_ = 0;
};

}  // namespace tokenward::introspection
