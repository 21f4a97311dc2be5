#include "access/index.hpp"

#include <vector>

namespace tokenward::access {

namespace {

/// One entry of head or tail on its way.
struct TableEntry {
    template <bool Backwards>
    static TableEntry of(std::string_view literal, bool is_prefix, std::uint32_t offset) noexcept {
        return {key_of<std::uint64_t, Backwards>(literal), literal, is_prefix, offset};
    }

    std::uint64_t key;  ///< sorts as the literal does, as far as it reaches
    std::string_view literal;
    bool is_prefix;
    std::uint32_t offset;
};

template <bool Backwards>
bool is_before(const TableEntry &a, const TableEntry &b) noexcept {
    if (a.key != b.key) return a.key < b.key;
    const std::size_t common = common_bytes<Backwards>(a.literal, b.literal);
    if (common < a.literal.size() || common < b.literal.size()) {
        return not_after<Backwards>(a.literal, b.literal, common);
    }
    // A plain prefix needs no second look: it comes last, where the walk begins.
    if (a.is_prefix != b.is_prefix) return b.is_prefix;
    return a.offset < b.offset;
}

/// Of a sorted table: what the first and the last have in common, all have.
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
                return common_bytes<Backwards>(literal, entries[i].literal) == literal.size();
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
        : exact(&arena), head(&arena), tail(&arena), rest(&arena) {}

    std::pmr::vector<std::uint32_t> exact;
    std::pmr::vector<TableEntry> head;
    std::pmr::vector<TableEntry> tail;
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
            tables.head.push_back(TableEntry::of<false>(pattern.text, true, offset));
            return;
        case PatternKind::glob:
            break;
    }
    const Glob glob(pattern.text);
    if (!glob.prefix.empty()) {
        tables.head.push_back(TableEntry::of<false>(glob.prefix, false, offset));
    } else if (!glob.suffix.empty()) {
        tables.tail.push_back(TableEntry::of<true>(glob.suffix, false, offset));
    } else {
        tables.rest.push_back(offset);
    }
}

template <class Number>
void append_numbers(const Tables &tables, const IndexHead &head, std::string_view nodes, Level level,
                    std::pmr::memory_resource &arena, std::pmr::string &out) {
    IndexBuilder<Number> builder(out);
    if (head.slot_bits != 0) builder.append_slots(nodes, level, tables.exact, head.slot_count(), arena);
    builder.template append_table<false>(tables.head, arena);
    builder.template append_table<true>(tables.tail, arena);
    for (const std::uint32_t offset : tables.rest) builder.append(static_cast<Number>(offset));
    IndexBuilder<std::uint32_t> keys(out);
    if (IndexHead::has_keys(tables.head.size())) {
        for (const TableEntry &entry : tables.head)
            keys.append(key_of<std::uint32_t, false>(cut<false>(entry.literal, head.head_common)));
    }
    if (IndexHead::has_keys(tables.tail.size())) {
        for (const TableEntry &entry : tables.tail)
            keys.append(key_of<std::uint32_t, true>(cut<true>(entry.literal, head.tail_common)));
    }
}

}  // namespace

void build_index(Level level, std::string_view nodes, std::span<const std::uint32_t> offsets,
                 std::pmr::memory_resource &arena, std::pmr::string &out) {
    Tables tables(arena);
    for (const std::uint32_t offset : offsets) {
        const char *cursor = nodes.data() + offset;
        sort_into(tables, read_node(level, cursor).pattern, offset);
    }
    std::ranges::sort(tables.head, is_before<false>);
    std::ranges::sort(tables.tail, is_before<true>);

    IndexHead head;
    head.wide = nodes.size() >= std::numeric_limits<std::uint16_t>::max();
    // At most three slots in four are taken.
    if (!tables.exact.empty())
        head.slot_bits = static_cast<unsigned>(std::bit_width(tables.exact.size() * 4 / 3));
    out += static_cast<char>(head.slot_bits | (head.wide ? 0x80U : 0U));
    head.head_common = common_of_all<false>(tables.head);
    head.tail_common = common_of_all<true>(tables.tail);
    append_size(out, tables.head.size());
    append_size(out, head.head_common);
    append_size(out, tables.tail.size());
    append_size(out, head.tail_common);
    append_size(out, tables.rest.size());
    if (head.wide) {
        append_numbers<std::uint32_t>(tables, head, nodes, level, arena, out);
    } else {
        append_numbers<std::uint16_t>(tables, head, nodes, level, arena, out);
    }
}

}  // namespace tokenward::access
