// Rules out most globs of a list before they are matched (tests/bench/README.md says what it buys).
#pragma once

#include "access/pattern.hpp"

#include <cstdint>
#include <string_view>

namespace tokenward::access {

/// Knows which pairs of neighbouring bytes the name has. A literal with another pair is not in the name. The
/// pairs are collected only after the first globs, since that costs as much as to match a few of them.
class PairFilter {
  public:
    explicit PairFilter(std::string_view name) noexcept : name_(name) {}

    /// False if the glob's first inner literal is surely not in the name.
    bool may_match(std::string_view glob_text) noexcept {
        if (++asked_ <= free_tries) return true;
        if (asked_ == free_tries + 1) {
            for (std::size_t i = 0; i + 1 < name_.size(); ++i) set(bit_of(name_, i));
        }
        Glob glob(glob_text);
        std::string_view inner;
        if (!glob.next(inner)) return true;
        // From the end: names of one application begin alike and often differ there.
        for (std::size_t i = inner.size() - 1; i != 0; --i) {
            if (!has(bit_of(inner, i - 1))) return false;
        }
        return true;
    }

  private:
    static constexpr std::uint32_t free_tries = 4;

    static unsigned bit_of(std::string_view text, std::size_t at) noexcept {
        return (static_cast<unsigned char>(text[at]) * 37U + static_cast<unsigned char>(text[at + 1]) * 11U) &
               255U;
    }
    void set(unsigned bit) noexcept { pairs_[bit / 64] |= std::uint64_t{1} << bit % 64; }
    bool has(unsigned bit) const noexcept { return (pairs_[bit / 64] >> bit % 64 & 1U) != 0; }

    std::string_view name_;
    std::uint64_t pairs_[4]{};
    std::uint32_t asked_ = 0;
};

}  // namespace tokenward::access
