// A hash whose results nobody outside this process can foresee.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tokenward {

template <class Word>
Word load(const char *from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof(word));
    return word;
}

/// Random numbers of this process, the second one odd: whoever writes scopes can't choose names that collide.
struct HashKey {
    std::uint64_t start;
    std::uint64_t factor;
};
[[gnu::visibility("hidden")]] extern const HashKey hash_key;

/// Both halves of the product: no bit of the word is without effect on any bit of the result.
inline std::uint64_t mix(std::uint64_t hash, std::uint64_t word) noexcept {
    const auto product = static_cast<unsigned __int128>(hash ^ word) * hash_key.factor;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

inline std::uint64_t hash_bytes(std::uint64_t hash, std::string_view bytes) noexcept {
    hash = mix(hash ^ hash_key.start, bytes.size());
    const char *cursor = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, cursor += 8) hash = mix(hash, load<std::uint64_t>(cursor));
    std::uint64_t word = 0;
    if (left >= 4) {
        word = load<std::uint32_t>(cursor);
        word |= std::uint64_t{load<std::uint32_t>(cursor + left - 4)} << 32U;
    } else {
        for (std::size_t i = 0; i < left; ++i) word = word << 8U | static_cast<unsigned char>(cursor[i]);
    }
    return mix(hash, word);
}

}  // namespace tokenward
