// The header of an index (index_reader.hpp): how large its parts are.
#pragma once

#include "access/pattern.hpp"

#include <cstddef>
#include <cstdint>

namespace tokenward::access {

struct IndexHeader {
    /// A table of at least this many entries has keys: the first four bytes of each literal, to search in.
    static constexpr std::size_t keys_from = 48;

    bool wide = false;       ///< numbers have four bytes instead of two
    unsigned slot_bits = 0;  ///< the hash table has 2^slot_bits slots; 0: none
    std::uint32_t beginning_count = 0;
    std::uint32_t beginning_common = 0;  ///< how many bytes all literals of this table begin with
    std::uint32_t end_count = 0;
    std::uint32_t end_common = 0;  ///< how many bytes all literals of this table end with
    std::uint32_t rest_count = 0;

    std::size_t slot_count() const noexcept { return slot_bits == 0 ? 0 : std::size_t{1} << slot_bits; }
    static bool has_keys(std::size_t count) noexcept { return count >= keys_from; }
};

/// Moves `cursor` behind the header.
inline IndexHeader read_index_header(const char *&cursor) noexcept {
    IndexHeader header;
    const auto first = static_cast<unsigned char>(*cursor++);
    header.wide = (first & 0x80U) != 0;
    header.slot_bits = first & 0x7FU;
    header.beginning_count = read_size(cursor);
    header.beginning_common = read_size(cursor);
    header.end_count = read_size(cursor);
    header.end_common = read_size(cursor);
    header.rest_count = read_size(cursor);
    return header;
}

}  // namespace tokenward::access
