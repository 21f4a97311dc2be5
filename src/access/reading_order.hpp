// Literals in the order of reading: forwards, or backwards from the last byte. The index sorts the beginnings
// of patterns forwards and their ends backwards.
#pragma once

#include "access/bytes.hpp"
#include "access/pattern.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenward::access {

/// The first bytes in the order of reading, as a number that sorts as they do. Missing bytes count as zero.
template <class Word, bool Backwards>
Word key_of(std::string_view text) noexcept {
    std::uint64_t key = 0;
    if constexpr (std::endian::native == std::endian::little) {
        const std::size_t size = std::min(text.size(), sizeof(key));
        const char *const from = Backwards ? text.data() + (text.size() - size) : text.data();
        if (size == sizeof(key)) {
            key = load<std::uint64_t>(from);
        } else if (size >= 4) {  // the two halves may overlap: then the same bytes meet
            key = load<std::uint32_t>(from) |
                  std::uint64_t{load<std::uint32_t>(from + size - 4)} << ((size - 4) * 8U);
        } else {
            for (std::size_t i = 0; i < size; ++i)
                key |= std::uint64_t{static_cast<unsigned char>(from[i])} << (i * 8U);
        }
        if constexpr (!Backwards) {
            key = __builtin_bswap64(key);
        } else if (size != 0) {
            key <<= (sizeof(key) - size) * 8U;
        }
    } else {
        for (std::size_t i = 0; i < sizeof(key); ++i) {
            key <<= 8U;
            if (i < text.size()) key |= static_cast<unsigned char>(Backwards ? text[text.size() - 1 - i] : text[i]);
        }
    }
    return static_cast<Word>(key >> (sizeof(key) - sizeof(Word)) * 8U);
}

/// The literal by which a table is sorted: the first one of a pattern, or backwards the last one.
template <bool Backwards>
std::string_view table_literal(const Pattern &pattern) noexcept {
    return Backwards ? Glob(pattern.text).suffix : first_literal(pattern);
}

/// The text without its first `size` bytes in the order of reading.
template <bool Backwards>
std::string_view cut(std::string_view text, std::size_t size) noexcept {
    return Backwards ? text.substr(0, text.size() - size) : text.substr(size);
}

/// How many bytes the two have in common, in the order of reading.
template <bool Backwards>
std::size_t common_bytes(std::string_view a, std::string_view b) noexcept {
    const std::size_t most = std::min(a.size(), b.size());
    std::size_t size = 0;
    if constexpr (Backwards) {
        while (size < most && a[a.size() - 1 - size] == b[b.size() - 1 - size]) ++size;
    } else {
        if constexpr (std::endian::native == std::endian::little) {
            if (most >= 8) {
                // The last step overlaps the one before: what both have read is the same.
                for (; size < most; size += 8) {
                    size = std::min(size, most - 8);
                    const std::uint64_t differ =
                        load<std::uint64_t>(a.data() + size) ^ load<std::uint64_t>(b.data() + size);
                    if (differ != 0) return size + static_cast<std::size_t>(std::countr_zero(differ)) / 8;
                }
                return most;
            }
        }
        while (size < most && a[size] == b[size]) ++size;
    }
    return size;
}

/// True if a <= b in the order of reading. `common` is what common_bytes() says of the two.
template <bool Backwards>
bool not_after(std::string_view a, std::string_view b, std::size_t common) noexcept {
    if (common == a.size()) return true;
    if (common == b.size()) return false;
    const char in_a = Backwards ? a[a.size() - 1 - common] : a[common];
    const char in_b = Backwards ? b[b.size() - 1 - common] : b[common];
    return static_cast<unsigned char>(in_a) < static_cast<unsigned char>(in_b);
}

}  // namespace tokenward::access
