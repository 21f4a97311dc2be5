// What the search for the inner literals of patterns may cost for one request (DESIGN section 4, "What a good
// token may cost").
#pragma once

#include <cstddef>

namespace tokenward::access {

/// Only patterns with an inner `*` spend it: exact names, prefixes and suffixes are cheap. What doesn't fit any
/// more counts as not matching. The same set and name always spend the same.
class ScanBudget {
  public:
    static constexpr std::size_t of_one_request = std::size_t{256} * 1024;  ///< bytes that are scanned

    // In bytes that take as long to scan.
    static constexpr std::size_t of_a_block =
        32;  ///< 16 places, of which it is found out where a literal may stand
    static constexpr std::size_t of_a_compare = 48;     ///< such a place, that is looked at
    static constexpr std::size_t of_a_short_text = 90;  ///< all places of a text without a block
    static constexpr std::size_t of_a_pair = 4;         ///< a pair that PairFilter notes
    static constexpr std::size_t of_a_filter_byte = 4;  ///< a byte of an MQTT filter, where wildcards may stand

    explicit ScanBudget(std::size_t bytes = of_one_request) noexcept : left_(bytes) {}

    /// False: it wasn't enough, and nothing is left.
    bool spend(std::size_t bytes) noexcept {
        left_ = bytes < left_ ? left_ - bytes : 0;
        return left_ != 0;
    }
    std::size_t left() const noexcept { return left_; }
    bool exceeded() const noexcept { return left_ == 0; }

  private:
    std::size_t left_;  ///< one word: every request writes it, and few read it
};

}  // namespace tokenward::access
