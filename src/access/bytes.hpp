// Short runs of bytes: compared, copied and hashed without a function call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tokenward::access {

template <class Word>
Word load(const char *from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof(word));
    return word;
}

/// Both have `size` bytes.
inline bool same_bytes(const char *a, const char *b, std::size_t size) noexcept {
    if (size >= 8) {
        for (std::size_t i = 0; i + 8 < size; i += 8) {
            if (load<std::uint64_t>(a + i) != load<std::uint64_t>(b + i)) return false;
        }
        return load<std::uint64_t>(a + size - 8) == load<std::uint64_t>(b + size - 8);
    }
    if (size >= 4) {
        return load<std::uint32_t>(a) == load<std::uint32_t>(b) &&
               load<std::uint32_t>(a + size - 4) == load<std::uint32_t>(b + size - 4);
    }
    for (std::size_t i = 0; i < size; ++i) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

inline bool same_bytes(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && same_bytes(a.data(), b.data(), a.size());
}
inline bool begins_with(std::string_view name, std::string_view begin) noexcept {
    return name.size() >= begin.size() && same_bytes(name.data(), begin.data(), begin.size());
}
inline bool ends_with(std::string_view name, std::string_view end) noexcept {
    return name.size() >= end.size() &&
           same_bytes(name.data() + (name.size() - end.size()), end.data(), end.size());
}

/// Returns where the next byte goes. Most texts here are short: two loads that may overlap take them.
inline char *write_bytes(char *to, std::string_view bytes) noexcept {
    const std::size_t size = bytes.size();
    const char *const from = bytes.data();
    if (size > 16) {
        std::memcpy(to, from, size);
    } else if (size >= 8) {
        const auto begin = load<std::uint64_t>(from);
        const auto end = load<std::uint64_t>(from + size - 8);
        std::memcpy(to, &begin, sizeof(begin));
        std::memcpy(to + size - 8, &end, sizeof(end));
    } else if (size >= 4) {
        const auto begin = load<std::uint32_t>(from);
        const auto end = load<std::uint32_t>(from + size - 4);
        std::memcpy(to, &begin, sizeof(begin));
        std::memcpy(to + size - 4, &end, sizeof(end));
    } else {
        for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
    }
    return to + size;
}

/// The place of the first byte in the text that is one of `bytes`, or npos. Faster than memchr for short texts.
template <char... bytes>
std::size_t find_any(std::string_view text, std::size_t from = 0) noexcept {
    static constexpr auto is_one = [] {
        std::array<bool, 256> table{};
        ((table[static_cast<unsigned char>(bytes)] = true), ...);
        return table;
    }();
    for (std::size_t i = from; i < text.size(); ++i) {
        if (is_one[static_cast<unsigned char>(text[i])]) return i;
    }
    return std::string_view::npos;
}

inline std::size_t find_byte(std::string_view text, char byte) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == byte) return i;
    }
    return std::string_view::npos;
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

}  // namespace tokenward::access
