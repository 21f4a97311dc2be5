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

template <class Number>
class IndexBuilder {
  public:
    explicit IndexBuilder(std::pmr::string &out) : out_(out) {}

    void append_slots(std::string_view nodes, Level level, std::span<const std::uint32_t> exact,
                      std::size_t slots, std::pmr::memory_resource &arena) {
        std::pmr::vector<Number> table(slots, none, &arena);
        for (const std::uint32_t offset : exact) {
            const char *cursor = nodes.data() + offset;
            const Node node = read_node(level, cursor);
            std::size_t at = hash_bytes(0, node.pattern.text) & (slots - 1);
            while (table[at] != none) at = (at + 1) & (slots - 1);
            table[at] = static_cast<Number>(offset);
        }
        for (const Number offset : table) append(offset);
    }

    template <bool Backwards>
    void append_table(std::span<const TableEntry> entries, std::pmr::memory_resource &arena) {
        for (const TableEntry &entry : entries) append(static_cast<Number>(entry.offset));
        std::pmr::vector<std::size_t> ancestors(&arena);
        for (std::size_t i = 0; i < entries.size(); ++i) {
            const auto begins_this = [&](std::size_t other) {
                const std::string_view literal = entries[other].literal;
                return Backwards ? ends_with(entries[i].literal, literal) : begins_with(entries[i].literal, literal);
            };
            while (!ancestors.empty() && !begins_this(ancestors.back())) ancestors.pop_back();
            append(ancestors.empty() ? none : static_cast<Number>(ancestors.back()));
            ancestors.push_back(i);
        }
    }

    void append(Number value) {
        char bytes[sizeof(Number)];
        std::memcpy(bytes, &value, sizeof(value));
        out_.append(bytes, sizeof(bytes));
    }

  private:
    static constexpr Number none = std::numeric_limits<Number>::max();

    std::pmr::string &out_;
};

struct Tables {
    explicit Tables(std::pmr::memory_resource &arena)
        : exact(&arena), beginnings(&arena), ends(&arena), rest(&arena) {}

    std::pmr::vector<std::uint32_t> exact;
    std::pmr::vector<TableEntry> beginnings;
    bool prefixes_only = true;  ///< in beginnings
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
        tables.prefixes_only = false;
    } else if (!glob.suffix.empty()) {
        tables.ends.push_back({0, glob.suffix, false, offset});
    } else {
        tables.rest.push_back(offset);
    }
}

template <class Number>
void append_numbers(const Tables &tables, const IndexHeader &header, std::string_view nodes, Level level,
                    std::pmr::memory_resource &arena, std::pmr::string &out) {
    IndexBuilder<Number> builder(out);
    if (header.slot_bits != 0) builder.append_slots(nodes, level, tables.exact, header.slot_count(), arena);
    builder.template append_table<false>(tables.beginnings, arena);
    builder.template append_table<true>(tables.ends, arena);
    for (const std::uint32_t offset : tables.rest) builder.append(static_cast<Number>(offset));
    IndexBuilder<std::uint32_t> keys(out);
    if (IndexHeader::has_keys(tables.beginnings.size())) {
        for (const TableEntry &entry : tables.beginnings)
            keys.append(key_of<std::uint32_t, false>(cut<false>(entry.literal, header.beginning_common)));
    }
    if (IndexHeader::has_keys(tables.ends.size())) {
        for (const TableEntry &entry : tables.ends)
            keys.append(key_of<std::uint32_t, true>(cut<true>(entry.literal, header.end_common)));
    }
}

}  // namespace

void build_index(Level level, std::string_view nodes, std::span<const std::uint32_t> offsets,
                 std::pmr::memory_resource &arena, std::pmr::string &out) {
    Tables tables(arena);
    tables.beginnings.reserve(offsets.size());
    for (const std::uint32_t offset : offsets) {
        const char *cursor = nodes.data() + offset;
        sort_into(tables, read_node(level, cursor).pattern, offset);
    }
    // Nodes come in the order of their texts: prefixes without globs among them are sorted.
    if (!tables.prefixes_only) sort_rows<TableColumns<false>>(std::span(tables.beginnings), arena);
    sort_rows<TableColumns<true>>(std::span(tables.ends), arena);

    IndexHeader header;
    header.wide = nodes.size() >= std::numeric_limits<std::uint16_t>::max();
    // At most three of four slots are taken: a search soon meets a free one.
    if (!tables.exact.empty())
        header.slot_bits = static_cast<unsigned>(std::bit_width(tables.exact.size() * 4 / 3));
    out += static_cast<char>(header.slot_bits | (header.wide ? 0x80U : 0U));
    header.beginning_common = common_of_all<false>(tables.beginnings);
    header.end_common = common_of_all<true>(tables.ends);
    append_size(out, tables.beginnings.size());
    append_size(out, header.beginning_common);
    append_size(out, tables.ends.size());
    append_size(out, header.end_common);
    append_size(out, tables.rest.size());
    if (header.wide) {
        append_numbers<std::uint32_t>(tables, header, nodes, level, arena, out);
    } else {
        append_numbers<std::uint16_t>(tables, header, nodes, level, arena, out);
    }
}

}  // namespace tokenward::access
