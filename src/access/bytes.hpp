// Short runs of bytes: compared, copied and searched without a function call.
#pragma once

#include "base/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tokenward::access {

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
/// For a literal, whose size the compiler knows: a compare or two, and no call.
template <std::size_t size>
bool begins_with_literal(std::string_view text, const char (&literal)[size]) noexcept {
    return text.size() >= size - 1 && std::memcmp(text.data(), literal, size - 1) == 0;
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

/// Bytes that are compared at once.
inline constexpr std::size_t block_bytes = 16;

/// A bit for each byte of the block that is `byte`, the lowest for the first: eight bytes at a time, on any machine.
inline unsigned equal_in_words(const char *from, char byte) noexcept {
    unsigned found = 0;
    for (std::size_t i = 0; i < block_bytes; i += 8) {
        constexpr std::uint64_t low_bits = 0x7F7F7F7F7F7F7F7FU;
        std::uint64_t word = load<std::uint64_t>(from + i);
        if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
        const std::uint64_t differ = word ^ 0x0101010101010101U * static_cast<unsigned char>(byte);
        // The top bit of each byte that doesn't differ; then all of them side by side.
        const std::uint64_t same = ~(((differ & low_bits) + low_bits) | differ | low_bits);
        found |= static_cast<unsigned>((same >> 7U) * 0x0102040810204080U >> 56U) << i;
    }
    return found;
}

inline unsigned equal_in_block(const char *from, char byte) noexcept {
#ifdef __SSE2__
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(byte))));
#else
    return equal_in_words(from, byte);
#endif
}

/// The place of the first byte in the text that is one of `bytes`, or npos. Faster than memchr for short texts.
template <char... bytes>
[[gnu::always_inline]] inline std::size_t find_any(std::string_view text, std::size_t from = 0) noexcept {
    if (text.size() >= block_bytes + from) {
        const std::size_t last = text.size() - block_bytes;
        for (std::size_t at = from;; at = std::min(at + block_bytes, last)) {
            if (const unsigned found = (equal_in_block(text.data() + at, bytes) | ...); found != 0)
                return at + static_cast<std::size_t>(std::countr_zero(found));
            if (at == last) return std::string_view::npos;
        }
    }
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

}  // namespace tokenward::access
