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
    PairFilter(std::string_view name, ScanBudget &budget) noexcept : name_(name), budget_(budget) {}

    /// False if the glob's first inner literal is surely not in the name.
    bool may_match(std::string_view glob_text) noexcept {
        if (++asked_ <= free_tries || name_.size() > max_name) return true;
        if (asked_ == free_tries + 1) {
            if (!budget_.spend(name_.size() * ScanBudget::of_a_pair)) return true;  // and match nothing
            for (std::size_t i = 0; i + 1 < name_.size(); ++i) set(bit_of(name_, i));
        }
        Glob glob(glob_text);
        std::string_view inner;
        if (!glob.next(inner)) return true;
        // From the end: names of one application begin alike and often differ there.
        const std::size_t unseen = inner.size() > max_pairs ? inner.size() - 1 - max_pairs : 0;
        for (std::size_t i = inner.size() - 1; i != unseen; --i) {
            if (!has(bit_of(inner, i - 1))) return false;
        }
        return true;
    }

  private:
    static constexpr std::uint32_t free_tries = 4;
    static constexpr std::size_t max_name = 4096;  ///< a longer name has most pairs
    static constexpr std::size_t max_pairs = 32;   ///< of a literal, that are looked up

    static unsigned bit_of(std::string_view text, std::size_t at) noexcept {
        return (static_cast<unsigned char>(text[at]) * 37U + static_cast<unsigned char>(text[at + 1]) * 11U) &
               255U;
    }
    void set(unsigned bit) noexcept { pairs_[bit / 64] |= std::uint64_t{1} << bit % 64; }
    bool has(unsigned bit) const noexcept { return (pairs_[bit / 64] >> bit % 64 & 1U) != 0; }

    std::string_view name_;
    ScanBudget &budget_;
    std::uint64_t pairs_[4]{};
    std::uint32_t asked_ = 0;
};

}  // namespace tokenward::access
