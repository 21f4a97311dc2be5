#include "access/index_builder.hpp"

#include "access/index_header.hpp"
#include "access/row_sort.hpp"

#include <vector>

namespace tokenward::access {

namespace {

/// One entry of the tables `beginnings` and `ends` before it is written.
struct TableEntry {
    std::uint64_t key;  ///< RowSort's
    std::string_view literal;
    bool is_prefix;
    std::uint32_t offset;
};

/// Of equal literals the plain prefix comes last: the reader begins there, and it is the cheapest to match.
template <bool Backwards>
struct TableColumns {
    static constexpr std::size_t count = 3;
    static constexpr bool backwards = Backwards;

    static bool is_text(std::size_t column) noexcept { return column == 0; }
    static std::string_view text(const TableEntry &entry, std::size_t) noexcept { return entry.literal; }
    static std::uint64_t number(const TableEntry &entry, std::size_t column) noexcept {
        return column == 1 ? std::uint64_t{entry.is_prefix} : entry.offset;
    }
};

/// How many bytes all literals have in common. The table is sorted, so it is enough to compare the first and
/// the last.
template <bool Backwards>
std::uint32_t common_of_all(std::span<const TableEntry> entries) noexcept {
    if (entries.empty()) return 0;
    return static_cast<std::uint32_t>(common_bytes<Backwards>(entries.front().literal, entries.back().literal));
}

template <class Word>
char *write_word(char *to, Word value) noexcept {
    std::memcpy(to, &value, sizeof(value));
    return to + sizeof(value);
}

// The next two return where the next byte goes.

template <class Number>
char *write_slots(char *to, std::string_view nodes, Level level, std::span<const std::uint32_t> exact,
                  std::size_t slots) noexcept {
    constexpr Number none = std::numeric_limits<Number>::max();
    std::memset(to, 0xFF, slots * sizeof(Number));
    for (const std::uint32_t offset : exact) {
        const char *cursor = nodes.data() + offset;
        const Node node = read_node(level, cursor);
        std::size_t at = hash_bytes(0, node.pattern.text) & (slots - 1);
        while (load<Number>(to + at * sizeof(Number)) != none) at = (at + 1) & (slots - 1);
        write_word(to + at * sizeof(Number), static_cast<Number>(offset));
    }
    return to + slots * sizeof(Number);
}

template <class Number, bool Backwards>
char *write_table(char *to, std::span<const TableEntry> entries) noexcept {
    constexpr Number none = std::numeric_limits<Number>::max();
    for (const TableEntry &entry : entries) to = write_word(to, static_cast<Number>(entry.offset));
    // An entry that doesn't begin this one begins none behind it either: the parent is the one before, or the
    // nearest of its ancestors.
    char *const parents = to;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto parent = i == 0 ? none : static_cast<Number>(i - 1);
        const auto begins_this = [&](Number other) {
            const std::string_view literal = entries[other].literal;
            return Backwards ? ends_with(entries[i].literal, literal) : begins_with(entries[i].literal, literal);
        };
        while (parent != none && !begins_this(parent)) parent = load<Number>(parents + parent * sizeof(Number));
        to = write_word(to, parent);
    }
    return to;
}

template <bool Backwards>
char *write_keys(char *to, std::span<const TableEntry> entries, std::size_t common) noexcept {
    if (!IndexHeader::has_keys(entries.size())) return to;
    for (const TableEntry &entry : entries)
        to = write_word(to, key_of<std::uint32_t, Backwards>(cut<Backwards>(entry.literal, common)));
    return to;
}

struct Tables {
    explicit Tables(Arena &arena) : exact(&arena), beginnings(&arena), ends(&arena), rest(&arena) {}

    std::pmr::vector<std::uint32_t> exact;
    std::pmr::vector<TableEntry> beginnings;
    std::pmr::vector<TableEntry> ends;
    std::pmr::vector<std::uint32_t> rest;
};

void sort_into(Tables &tables, const Pattern &pattern, std::uint32_t offset) {
    switch (pattern.kind) {
        case PatternKind::never:
            return;
        case PatternKind::exact:
            tables.exact.push_back(offset);
            return;
        case PatternKind::prefix:
            tables.beginnings.push_back({0, pattern.text, true, offset});
            return;
        case PatternKind::glob:
            break;
    }
    const Glob glob(pattern.text);
    if (!glob.prefix.empty()) {
        tables.beginnings.push_back({0, glob.prefix, false, offset});
    } else if (!glob.suffix.empty()) {
        tables.ends.push_back({0, glob.suffix, false, offset});
    } else {
        tables.rest.push_back(offset);
    }
}

template <class Number>
char *write_numbers(char *to, const Tables &tables, const IndexHeader &header, std::string_view nodes,
                    Level level) noexcept {
    if (header.slot_bits != 0) to = write_slots<Number>(to, nodes, level, tables.exact, header.slot_count());
    to = write_table<Number, false>(to, tables.beginnings);
    to = write_table<Number, true>(to, tables.ends);
    for (const std::uint32_t offset : tables.rest) to = write_word(to, static_cast<Number>(offset));
    to = write_keys<false>(to, tables.beginnings, header.beginning_common);
    return write_keys<true>(to, tables.ends, header.end_common);
}

}  // namespace

std::string_view build_index(Level level, std::string_view nodes, std::span<const std::uint32_t> offsets,
                             Arena &arena) {
    Tables tables(arena);
    tables.beginnings.reserve(offsets.size());
    for (const std::uint32_t offset : offsets) {
        const char *cursor = nodes.data() + offset;
        sort_into(tables, read_node(level, cursor).pattern, offset);
    }
    sort_rows<TableColumns<false>>(std::span(tables.beginnings), arena);
    sort_rows<TableColumns<true>>(std::span(tables.ends), arena);

    IndexHeader header;
    header.wide = nodes.size() >= std::numeric_limits<std::uint16_t>::max();
    // At most three of four slots are taken: a search soon meets a free one.
    if (!tables.exact.empty())
        header.slot_bits = static_cast<unsigned>(std::bit_width(tables.exact.size() * 4 / 3));
    header.beginning_common = common_of_all<false>(tables.beginnings);
    header.end_common = common_of_all<true>(tables.ends);

    const std::size_t entries = tables.beginnings.size() + tables.ends.size();
    const std::size_t numbers = header.slot_count() + 2 * entries + tables.rest.size();
    const std::size_t room = 1 + 5 * most_size_bytes +
                             numbers * (header.wide ? sizeof(std::uint32_t) : sizeof(std::uint16_t)) +
                             entries * sizeof(std::uint32_t);
    char *const begin = allocate<char>(room, arena);
    char *end = begin;
    *end++ = static_cast<char>(header.slot_bits | (header.wide ? 0x80U : 0U));
    for (const std::size_t size : {tables.beginnings.size(), std::size_t{header.beginning_common},
                                   tables.ends.size(), std::size_t{header.end_common}, tables.rest.size()})
        end = write_size(end, size);
    end = header.wide ? write_numbers<std::uint32_t>(end, tables, header, nodes, level)
                      : write_numbers<std::uint16_t>(end, tables, header, nodes, level);
    return {begin, end};
}

}  // namespace tokenward::access
