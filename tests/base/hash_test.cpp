#include "base/hash.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

namespace tokenward {

// Names that differ where a cheap hash doesn't look: an attacker's token may hold nothing else. The key is another one
// in each process, and six in a thousand are poor at up to four of the 83 places (20000 keys tried); a hash that leaves out
// a half of its product is so at most of them, whatever the key.
TEST(Hash, FewPlacesOfANameAreWithoutEffectOnItsSlot) {
    constexpr std::size_t slots = 4096;
    int places = 0;
    int poor = 0;
    for (const std::size_t size : {7U, 8U, 12U, 16U, 23U, 24U}) {
        for (std::size_t at = 0; at + 1 < size; ++at) {
            std::array<int, slots> taken{};
            std::string name(size, 'a');
            for (int i = 0; i < 2048; ++i) {
                name[at] = static_cast<char>('0' + i % 64);
                name[at + 1] = static_cast<char>('0' + i / 64);
                ++taken[hash_bytes(0, name) % slots];
            }
            ++places;
            poor += *std::ranges::max_element(taken) >= 16 ? 1 : 0;
        }
    }
    EXPECT_LT(poor, places / 4);
}

TEST(Hash, HasAKey) {
    EXPECT_NE(hash_key.start, 0U);
    EXPECT_EQ(hash_key.factor % 2, 1U);
    EXPECT_NE(hash_key.factor, 0x8000000100000001ULL);
}

}  // namespace tokenward
