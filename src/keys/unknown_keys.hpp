// Since when each key that isn't in the set has been asked for: a fetch shows that there is no such key only if
// it began after that.
#pragma once

#include "jose/algorithm.hpp"
#include "jose/sha256.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tokenward::keys {

/// Times are counts of fetches: two moments within a millisecond have an order then. Made-up kids push others
/// out, and what was pushed out counts as new. Not thread-safe.
class UnknownKeys {
  public:
    static constexpr std::size_t capacity = 4096;

    /// How many fetches had begun when this key was first asked for: `begun`, if that is now.
    /// \param outdated  what was first asked for before that fetch began counts as new
    std::uint64_t first_asked(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                              std::uint64_t begun, std::uint64_t outdated);

  private:
    struct Entry {
        std::uint64_t hash = 0;
        std::uint64_t asked = 0;
    };
    static constexpr std::size_t bucket_size = 8;

    std::optional<std::uint64_t> hash(jose::Algorithm algorithm, std::optional<std::string_view> kid);

    std::array<char, 16> secret_{};  ///< who knew it could choose kids that have one hash
    std::vector<Entry> entries_;     ///< empty until the first unknown key
    jose::Sha256 sha256_;
};

}  // namespace tokenward::keys
