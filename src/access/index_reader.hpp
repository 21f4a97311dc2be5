// Finds the nodes of a long list that match a name, without a look at all of them. An index has four parts:
//
//   exact        a hash table of the exact names
//   beginnings   prefixes, and globs with a first literal, sorted by that literal
//   ends         globs with a last literal and no first one, sorted by the last one read backwards
//   rest         globs with neither; each of them is tried
//
// The parent of an entry in `beginnings` is the nearest entry before it whose literal is a prefix of the
// entry's own literal. A binary search finds the last entry that sorts at or before the name. Every entry whose
// literal is a prefix of the name is this entry or one of its ancestors, so a walk from parent to parent meets
// all of them. The same holds for `ends`, read backwards.
#pragma once

#include "access/compiled_form.hpp"
#include "access/index_header.hpp"
#include "access/pair_filter.hpp"
#include "access/reading_order.hpp"

#include <cstdint>
#include <limits>
#include <string_view>

namespace tokenward::access {

/// Reads an index in place. `Number` is the width of its numbers (IndexHeader::wide).
template <class Number>
class IndexReader {
  public:
    IndexReader(Level level, const List &list, const IndexHeader &header, const char *numbers) noexcept
        : level_(level), list_(list), header_(header), numbers_(numbers) {}

    /// As visit_matches() in lookup.hpp. `name` comes without the list's common prefix.
    template <class Visit>
    bool visit(std::string_view name, const Wanted &wanted, Visit &&visit) const {
        PairFilter filter(name, wanted.budget);
        const auto matching = [&](const Node &node) {
            if ((node.operations & wanted.operations) == 0) return false;
            if (node.pattern.kind == PatternKind::glob && !filter.may_match(node.pattern.text)) return false;
            return matches(node.pattern, name, wanted.budget) && visit(node);
        };
        const char *cursor = numbers_;
        if (header_.slot_bits != 0 && visit_exact(cursor, name, matching)) return true;
        cursor += header_.slot_count() * sizeof(Number);
        const char *const keys =
            cursor + sizeof(Number) *
                         (2 * (std::size_t{header_.beginning_count} + header_.end_count) + header_.rest_count);
        if (visit_table<false>(cursor, header_.beginning_count, header_.beginning_common, keys, name, matching))
            return true;
        cursor += sizeof(Number) * 2 * header_.beginning_count;
        const char *const end_keys = keys + (IndexHeader::has_keys(header_.beginning_count)
                                                 ? sizeof(std::uint32_t) * header_.beginning_count
                                                 : 0);
        if (visit_table<true>(cursor, header_.end_count, header_.end_common, end_keys, name, matching))
            return true;
        cursor += sizeof(Number) * 2 * header_.end_count;
        for (std::size_t i = 0; i < header_.rest_count; ++i) {
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
        const std::size_t mask = header_.slot_count() - 1;
        for (std::size_t at = hash_bytes(0, name) & mask;; at = (at + 1) & mask) {
            const Number offset = number(slots, at);
            if (offset == none) return false;
            const Node node = node_at(offset);
            // A list has no two exact nodes of the same name, so the search ends here.
            if (same_bytes(node.pattern.text, name)) return visit(node);
        }
    }

    /// How many entries sort at or before the name. `name` comes without the bytes that all literals have in
    /// common.
    template <bool Backwards>
    std::size_t count_not_after(const char *offsets, std::size_t count, std::size_t common_size,
                                const char *keys, std::string_view name) const noexcept {
        std::size_t begin = 0;
        std::size_t end = count;
        if (IndexHeader::has_keys(count)) {
            const auto key = key_of<std::uint32_t, Backwards>(name);
            const auto has_key = [&](std::size_t at) {
                return at < count && load<std::uint32_t>(keys + at * sizeof(std::uint32_t)) == key;
            };
            begin = count_keys(keys, count, [key](std::uint32_t other) { return other < key; });
            end = begin;  // the usual case: no entry has the key, or one
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

    /// How many keys `is_before` holds for; they stand before the others. A binary search without a branch on
    /// the keys: such a branch would be mispredicted half of the time.
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
        // The name and this entry's literal have the first `common` bytes in common. An ancestor's literal is a
        // prefix of this entry's literal. So it is a prefix of the name if it has at most `common` bytes.
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
    const IndexHeader &header_;
    const char *numbers_;
};

}  // namespace tokenward::access
