// Finds the nodes of a long list that match a name without looking at all of them.
//
//   exact names   by a hash table
//   head          prefixes, and globs with a first literal, sorted by it
//   tail          globs without a first literal, sorted by their last one read backwards
//   rest          globs with neither, one after the other
//
// In head and tail each entry knows its parent, the next entry up whose literal is the beginning of its own.
// The entries that fit a name are thus found by one binary search and a walk up the parents: every beginning of
// the name that stands in the table is the nearest entry at or before the name, or one of that entry's
// ancestors.
#pragma once

#include "access/block.hpp"
#include "access/bytes.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

namespace tokenward::access {

/// Where the parts of an index lie in it. Numbers are two bytes wide where they fit, else four.
struct IndexHead {
    static constexpr std::size_t keys_from = 48;  ///< tables as long as this have a key of four bytes an entry

    bool wide = false;
    unsigned slot_bits = 0;  ///< the hash table has 2^slot_bits slots; 0: none
    std::uint32_t head_count = 0;
    std::uint32_t head_common =
        0;  ///< bytes that all literals of the table begin with, in the order of reading
    std::uint32_t tail_count = 0;
    std::uint32_t tail_common = 0;
    std::uint32_t rest_count = 0;

    std::size_t slot_count() const noexcept { return slot_bits == 0 ? 0 : std::size_t{1} << slot_bits; }
    static bool has_keys(std::size_t count) noexcept { return count >= keys_from; }
};

/// Appends an index over the nodes in `nodes`; `offsets` tells where each begins, in their order.
void build_index(Level level, std::string_view nodes, std::span<const std::uint32_t> offsets,
                 std::pmr::memory_resource &arena, std::pmr::string &out);

/// The first bytes in the order of reading, as a number that sorts as they do; zero where there are none.
template <class Word, bool Backwards>
Word key_of(std::string_view text) noexcept {
    if constexpr (std::endian::native == std::endian::little && sizeof(Word) == 8 && !Backwards) {
        if (text.size() >= sizeof(Word)) return __builtin_bswap64(load<std::uint64_t>(text.data()));
    }
    Word key = 0;
    for (std::size_t i = 0; i < sizeof(Word); ++i) {
        key <<= 8U;
        if (i < text.size()) key |= static_cast<unsigned char>(Backwards ? text[text.size() - 1 - i] : text[i]);
    }
    return key;
}

/// The literal that a table is sorted by.
template <bool Backwards>
std::string_view table_literal(const Pattern &pattern) noexcept {
    return Backwards ? Glob(pattern.text).suffix : first_literal(pattern);
}

/// Without the first `size` bytes in the order of reading.
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
        while (size < most && a[size] == b[size]) ++size;
    }
    return size;
}

/// a <= b in the order of reading; `common` is common_bytes of the two.
template <bool Backwards>
bool not_after(std::string_view a, std::string_view b, std::size_t common) noexcept {
    if (common == a.size()) return true;
    if (common == b.size()) return false;
    const char in_a = Backwards ? a[a.size() - 1 - common] : a[common];
    const char in_b = Backwards ? b[b.size() - 1 - common] : b[common];
    return static_cast<unsigned char>(in_a) < static_cast<unsigned char>(in_b);
}

/// Which pairs of bytes a name has, to tell quickly that an inner literal isn't in it. Made only once several
/// globs were tried: it costs as much as trying a few.
class PairFilter {
  public:
    explicit PairFilter(std::string_view name) noexcept : name_(name) {}

    /// False only if the glob's first inner literal stands nowhere in the name.
    bool may_match(std::string_view glob_text) noexcept {
        if (++asked_ <= free_tries) return true;
        if (asked_ == free_tries + 1) {
            for (std::size_t i = 0; i + 1 < name_.size(); ++i) set(bit_of(name_, i));
        }
        Glob glob(glob_text);
        std::string_view inner;
        if (!glob.next(inner)) return true;
        // From the end: what tells names apart often stands there.
        for (std::size_t i = inner.size() - 1; i != 0; --i) {
            if (!has(bit_of(inner, i - 1))) return false;
        }
        return true;
    }

  private:
    static constexpr std::uint32_t free_tries = 4;

    static unsigned bit_of(std::string_view text, std::size_t at) noexcept {
        return (static_cast<unsigned char>(text[at]) * 37U + static_cast<unsigned char>(text[at + 1]) * 11U) &
               255U;
    }
    void set(unsigned bit) noexcept { pairs_[bit / 64] |= std::uint64_t{1} << bit % 64; }
    bool has(unsigned bit) const noexcept { return (pairs_[bit / 64] >> bit % 64 & 1U) != 0; }

    std::string_view name_;
    std::uint64_t pairs_[4]{};
    std::uint32_t asked_ = 0;
};

template <class Number>
class IndexReader {
  public:
    IndexReader(Level level, const List &list, const IndexHead &head, const char *numbers) noexcept
        : level_(level), list_(list), head_(head), numbers_(numbers) {}

    template <class Visit>
    bool visit(std::string_view name, unsigned operations, Visit &&visit) const {
        PairFilter filter(name);
        const auto matching = [&](const Node &node) {
            if ((node.operations & operations) == 0) return false;
            if (node.pattern.kind == PatternKind::glob && !filter.may_match(node.pattern.text)) return false;
            return matches(node.pattern, name) && visit(node);
        };
        const char *cursor = numbers_;
        if (head_.slot_bits != 0 && visit_exact(cursor, name, matching)) return true;
        cursor += head_.slot_count() * sizeof(Number);
        const char *const keys =
            cursor +
            sizeof(Number) * (2 * (std::size_t{head_.head_count} + head_.tail_count) + head_.rest_count);
        if (visit_table<false>(cursor, head_.head_count, head_.head_common, keys, name, matching)) return true;
        cursor += sizeof(Number) * 2 * head_.head_count;
        const char *const tail_keys =
            keys + (IndexHead::has_keys(head_.head_count) ? sizeof(std::uint32_t) * head_.head_count : 0);
        if (visit_table<true>(cursor, head_.tail_count, head_.tail_common, tail_keys, name, matching))
            return true;
        cursor += sizeof(Number) * 2 * head_.tail_count;
        for (std::size_t i = 0; i < head_.rest_count; ++i) {
            if (matching(node_at(number(cursor, i)))) return true;
        }
        return false;
    }

  private:
    static constexpr Number none = std::numeric_limits<Number>::max();

    static Number number(const char *numbers, std::size_t at) noexcept {
        return load<Number>(numbers + at * sizeof(Number));
    }
    Node node_at(std::size_t offset) const noexcept {
        const char *cursor = list_.nodes.data() + offset;
        return read_node(level_, cursor);
    }

    template <class Visit>
    bool visit_exact(const char *slots, std::string_view name, Visit &&visit) const {
        const std::size_t mask = head_.slot_count() - 1;
        for (std::size_t at = hash_bytes(0, name) & mask;; at = (at + 1) & mask) {
            const Number offset = number(slots, at);
            if (offset == none) return false;
            const Node node = node_at(offset);
            // No two nodes have the same name.
            if (same_bytes(node.pattern.text, name)) return visit(node);
        }
    }

    /// How many of the entries are at or before the name; `name` and the literals without what is common to
    /// all.
    template <bool Backwards>
    std::size_t count_not_after(const char *offsets, std::size_t count, std::size_t common_size,
                                const char *keys, std::string_view name) const noexcept {
        std::size_t begin = 0;
        std::size_t end = count;
        if (IndexHead::has_keys(count)) {
            const auto key = key_of<std::uint32_t, Backwards>(name);
            const auto has_key = [&](std::size_t at) {
                return at < count && load<std::uint32_t>(keys + at * sizeof(std::uint32_t)) == key;
            };
            begin = count_keys(keys, count, [key](std::uint32_t other) { return other < key; });
            end = begin;  // mostly one entry has the key, or none
            if (has_key(begin)) end = begin + 1;
            if (has_key(end))
                end = count_keys(keys, count, [key](std::uint32_t other) { return other <= key; });
        }
        while (begin < end) {
            const std::size_t middle = begin + (end - begin) / 2;
            const std::string_view literal =
                cut<Backwards>(table_literal<Backwards>(node_at(number(offsets, middle)).pattern), common_size);
            if (not_after<Backwards>(literal, name, common_bytes<Backwards>(literal, name))) {
                begin = middle + 1;
            } else {
                end = middle;
            }
        }
        return begin;
    }

    /// How many keys at the beginning `is_before` holds for. Steps by halves without a branch to mispredict.
    template <class IsBefore>
    static std::size_t count_keys(const char *keys, std::size_t count, IsBefore &&is_before) noexcept {
        std::size_t base = 0;
        while (count > 1) {
            const std::size_t half = count / 2;
            base += is_before(load<std::uint32_t>(keys + (base + half - 1) * sizeof(std::uint32_t))) ? half : 0;
            count -= half;
        }
        return base + (is_before(load<std::uint32_t>(keys + base * sizeof(std::uint32_t))) ? 1 : 0);
    }

    template <bool Backwards, class Visit>
    bool visit_table(const char *offsets, std::size_t count, std::size_t common_size, const char *keys,
                     std::string_view name, Visit &&visit) const {
        if (count == 0) return false;
        if (common_size != 0) {
            const std::string_view any = table_literal<Backwards>(node_at(number(offsets, 0)).pattern);
            if (common_bytes<Backwards>(any, name) < common_size) return false;
        }
        const char *const parents = offsets + count * sizeof(Number);
        const std::size_t found =
            count_not_after<Backwards>(offsets, count, common_size, keys, cut<Backwards>(name, common_size));
        if (found == 0) return false;
        std::size_t at = found - 1;
        Node node = node_at(number(offsets, at));
        // All ancestors begin as this entry does, so one that is no longer than what this has in common with
        // the name is a beginning of the name.
        const std::size_t common = common_bytes<Backwards>(table_literal<Backwards>(node.pattern), name);
        for (;;) {
            if (table_literal<Backwards>(node.pattern).size() <= common && visit(node)) return true;
            const Number parent = number(parents, at);
            if (parent == none) return false;
            at = parent;
            node = node_at(number(offsets, at));
        }
    }

    Level level_;
    const List &list_;
    const IndexHead &head_;
    const char *numbers_;
};

/// Reads the head of an index; `cursor` is moved behind it.
inline IndexHead read_index_head(const char *&cursor) noexcept {
    IndexHead head;
    const auto first = static_cast<unsigned char>(*cursor++);
    head.wide = (first & 0x80U) != 0;
    head.slot_bits = first & 0x7FU;
    head.head_count = read_size(cursor);
    head.head_common = read_size(cursor);
    head.tail_count = read_size(cursor);
    head.tail_common = read_size(cursor);
    head.rest_count = read_size(cursor);
    return head;
}

}  // namespace tokenward::access
