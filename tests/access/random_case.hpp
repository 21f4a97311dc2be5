// Random names and patterns that often match each other. The same seed gives the same cases.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tokenward::access {

/// The number of rounds of a randomised test; TOKENWARD_TEST_SCALE=100 makes it run a hundred times as many.
inline std::size_t scaled(std::size_t rounds) {
    const char *scale = std::getenv("TOKENWARD_TEST_SCALE");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    const std::size_t factor = scale == nullptr ? 1 : std::strtoull(scale, nullptr, 10);
    return rounds * (factor == 0 ? 1 : factor);
}

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    /// splitmix64
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31U);
    }
    std::size_t below(std::size_t bound) { return next() % bound; }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }
    char one_of(std::string_view alphabet) { return alphabet[below(alphabet.size())]; }

    /// 0 to `longest` bytes of the alphabet.
    std::string text(std::string_view alphabet, std::size_t longest) {
        std::string out;
        for (std::size_t size = below(longest + 1); size > 0; --size) out += one_of(alphabet);
        return out;
    }
    /// The text with some runs of it replaced by '*'.
    std::string wildcards_into(std::string_view text) {
        std::string out;
        for (std::size_t i = 0; i < text.size();) {
            if (text[i] == '+' || text[i] == '#' || chance(3)) {
                out += '*';
                i += 1 + below(2);
            } else {
                out += text[i++];
            }
        }
        if (chance(4)) out += '*';
        return out;
    }

  private:
    std::uint64_t state_;
};

}  // namespace tokenward::access
