#include "access/compiled_form.hpp"

#include "access/index_builder.hpp"
#include "access/reading_order.hpp"

#include <algorithm>

namespace tokenward::access {

namespace {

/// Patterns are sorted by this number, which costs less than their bytes would. Any order makes equal sets equal bytes that
/// depends on nothing but the patterns. Most that differ have different numbers; compare() decides between the others.
[[gnu::always_inline]] inline std::uint64_t order_of(const Pattern &pattern) noexcept {
    const char *const begin = pattern.text.data();
    const std::size_t size = pattern.text.size();
    const std::uint64_t kind_and_size =
        (size << 2U | static_cast<std::uint64_t>(pattern.kind)) * 0x9E3779B97F4A7C15U;
    if (size < 8) {
        // The text in the lower bytes: a product carries upwards only, and the upper bits are what counts.
        const std::uint64_t text =
            size == 0 ? 0 : key_of<std::uint64_t, false>(pattern.text) >> (64 - 8 * size);
        return text * 0xBF58476D1CE4E5B9U ^ kind_and_size;
    }
    // Three words hold every byte of a name of up to 24.
    return load<std::uint64_t>(begin) * 0x9E3779B97F4A7C15U ^
           load<std::uint64_t>(begin + (size - 8) / 2) * 0xBF58476D1CE4E5B9U ^
           load<std::uint64_t>(begin + (size - 8)) * 0x94D049BB133111EBU ^ kind_and_size;
}

int compare(const Pattern &a, const Pattern &b) noexcept {
    if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
    return a.text.compare(b.text);
}

/// Shorter lists have no index: to try all their nodes takes about as long as a look-up, and the index would
/// cost some five bytes a node.
constexpr std::size_t index_from = 24;

/// Bytes that grow, in the arena.
class Output {
  public:
    Output(std::size_t size, Arena &arena)
        : arena_(arena), begin_(allocate<char>(size, arena)), end_(begin_), room_end_(begin_ + size) {}

    /// Room for so many more; who has written them says where they end.
    char *room_for(std::size_t size) {
        if (static_cast<std::size_t>(room_end_ - end_) < size) grow(size);
        return end_;
    }
    void end_at(char *end) noexcept { end_ = end; }
    std::string_view bytes() const noexcept { return {begin_, end_}; }

  private:
    void grow(std::size_t size) {
        const std::size_t room = 2 * (bytes().size() + size);
        char *const begin = allocate<char>(room, arena_);
        end_ = write_bytes(begin, bytes());
        begin_ = begin;
        room_end_ = begin + room;
    }

    Arena &arena_;
    char *begin_;
    char *end_;
    char *room_end_;
};

/// The size of the text, then what stands between the two (`write_between`), then the text, whose first literal
/// comes without its first `cut` bytes.
template <class WriteBetween>
char *write_text(char *to, const Pattern &pattern, std::size_t cut, WriteBetween write_between) {
    std::string_view text = pattern.text;
    if (cut == 0 || pattern.kind != PatternKind::glob) {
        if (pattern.kind != PatternKind::never) text.remove_prefix(cut);
        return write_bytes(write_between(write_size(to, text.size())), text);
    }
    const Glob glob(text);
    const std::string_view prefix = glob.prefix.substr(cut);
    to = write_size(to, size_bytes(prefix.size()) + size_bytes(glob.suffix.size()) + prefix.size() +
                            glob.suffix.size() + glob.rest().size());
    to = write_size(write_size(write_between(to), prefix.size()), glob.suffix.size());
    return write_bytes(write_bytes(write_bytes(to, prefix), glob.suffix), glob.rest());
}

/// Without children; the usual node is an exact name or a prefix, and short.
[[gnu::always_inline]] inline void write_node(Output &out, const Pattern &pattern, Operations operations,
                                              std::size_t cut) {
    char *to = out.room_for(1 + 2 * most_size_bytes + pattern.text.size());
    *to++ = static_cast<char>(static_cast<unsigned>(pattern.kind) | operations.packed());
    const std::size_t size = pattern.text.size() - cut;
    const char *const from = pattern.text.data();
    if (size < 0x80U && pattern.kind <= PatternKind::prefix) {
        *to++ = static_cast<char>(size);
        to = write_bytes(to, {from + cut, size});
    } else if (size < 0x80U && pattern.kind == PatternKind::glob &&
               static_cast<unsigned char>(from[0] | from[1]) < 0x80U) {
        // The two sizes that Glob reads have one byte each.
        *to++ = static_cast<char>(size);
        *to++ = static_cast<char>(static_cast<std::size_t>(from[0]) - cut);
        *to++ = from[1];
        to = write_bytes(to, {from + 2 + cut, size - 2});
    } else {
        to = write_text(to, pattern, cut, [](char *at) { return at; });
    }
    out.end_at(to);
}

void write_node(Output &out, const Pattern &pattern, Operations operations, std::size_t cut,
                std::string_view children) {
    char *to = out.room_for(1 + 3 * most_size_bytes + pattern.text.size() + children.size());
    *to++ = static_cast<char>(static_cast<unsigned>(pattern.kind) | operations.packed());
    to = write_text(to, pattern, cut, [&](char *at) { return write_size(at, children.size()); });
    out.end_at(write_bytes(to, children));
}

/// A permission while they are sorted: the upper bits of order_of() what they are sorted by, then the permission's place.
/// Numbers alone sort faster than what they stand for.
using Row = std::uint64_t;

/// Writes the lists of the permissions.
class Writer {
  public:
    Writer(std::span<const Permission> permissions, Arena &arena) : permissions_(permissions), arena_(arena) {}

    /// Sorts the rows. `operations`: what the scopes of all have.
    template <Level level>
    std::string_view list(std::span<Row> rows, Operations &operations) {
        sort<level>(rows);
        const std::string_view common = common_of<level>(rows);
        Output out(most_size_bytes + common.size() + rows.size() * 32, arena_);
        const bool may_be_indexed = rows.size() >= index_from;
        // The head of an indexed list is written when its nodes are known.
        if (!may_be_indexed) out.end_at(write_head(out.room_for(0), common, false));
        for (Row *row = rows.data(), *const end = row + rows.size(); row != end;)
            row = write_nodes<level>(out, row, end, common.size(), operations);
        if (!may_be_indexed) return out.bytes();
        std::pmr::vector<std::uint32_t> offsets(&arena_);
        offsets.reserve(rows.size());
        for (const char *cursor = out.bytes().data(); cursor != out.bytes().data() + out.bytes().size();
             read_node(level, cursor))
            offsets.push_back(static_cast<std::uint32_t>(cursor - out.bytes().data()));
        const bool indexed = offsets.size() >= index_from;
        const std::string_view index =
            indexed ? build_index(level, out.bytes(), offsets, arena_) : std::string_view();
        char *const begin =
            allocate<char>(2 * most_size_bytes + common.size() + index.size() + out.bytes().size(), arena_);
        char *end = write_head(begin, common, indexed);
        if (indexed) end = write_bytes(write_size(end, index.size()), index);
        return {begin, write_bytes(end, out.bytes())};
    }

    std::string_view permissions() {
        const std::span<Row> rows = unsorted();
        const Pattern *const vhost = permissions_.front().vhost;
        Operations operations;
        // The usual case; it was compiled once.
        const auto has_other = [&](const Permission &permission) { return permission.vhost != vhost; };
        if (std::ranges::any_of(permissions_, has_other)) return list<Level::vhost>(rows, operations);
        const std::string_view children = list<Level::resource>(rows, operations);
        Output out(1, arena_);
        out.end_at(write_head(out.room_for(1), {}, false));
        write_node(out, *vhost, operations, 0, children);
        return out.bytes();
    }

    std::string_view resources() {
        Operations operations;
        return list<Level::resource>(unsorted(), operations);
    }

  private:
    static constexpr Row place_bits = 0xFFFFFF;
    /// Up to here it is the fastest sort to insert one after the other.
    static constexpr std::size_t short_list = 32;

    const Permission &at(Row row) const noexcept { return permissions_.data()[row & place_bits]; }

    template <Level level>
    const Pattern &pattern_of(Row row) const noexcept {
        const Permission &permission = at(row);
        if constexpr (level == Level::vhost) return *permission.vhost;
        if constexpr (level == Level::resource) return permission.resource;
        return *permission.routing_key;
    }

    static char *write_head(char *to, std::string_view common, bool indexed) noexcept {
        return write_bytes(write_size(to, common.size() << 1U | (indexed ? 1U : 0U)), common);
    }

    std::span<Row> unsorted() const {
        const std::span rows(allocate<Row>(permissions_.size(), arena_), permissions_.size());
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
        return rows;
    }

    template <Level level>
    [[gnu::flatten]] void sort(std::span<Row> rows) const {
        Row *const begin = rows.data();
        Row *const end = begin + rows.size();
        for (Row *row = begin; row != end; ++row)
            *row = (order_of(pattern_of<level>(*row)) & ~place_bits) | (*row & place_bits);
        if (rows.size() > short_list) {
            std::sort(begin, end);
            return;
        }
        for (Row *next = begin + 1; next < end; ++next) {
            const Row row = *next;
            Row *to = next;
            for (; to != begin && row < to[-1]; --to) *to = to[-1];
            *to = row;
        }
    }

    /// What all first literals begin with. One node alone gets none: it would save nothing.
    template <Level level>
    [[gnu::flatten]] std::string_view common_of(std::span<const Row> rows) const noexcept {
        std::string_view common;
        const Row *first = nullptr;
        bool several = false;
        for (const Row &row : rows) {
            const Pattern &pattern = pattern_of<level>(row);
            if (pattern.kind == PatternKind::never) continue;
            const std::string_view literal = first_literal(pattern);
            if (first == nullptr) {
                first = &row;
                common = literal;
                continue;
            }
            several = several || !may_be_same(*first, row) || pattern_of<level>(*first) != pattern;
            if (!begins_with(literal, common)) common = common.substr(0, common_bytes<false>(common, literal));
        }
        return several ? common : std::string_view();
    }

    /// Writes the nodes of the first row and of all that have its number. Returns the first one behind them.
    template <Level level>
    [[gnu::always_inline]] Row *write_nodes(Output &out, Row *row, Row *end, std::size_t cut,
                                            Operations &of_all) {
        const Permission &first = at(*row);
        Row *last = row + 1;
        if constexpr (level != Level::vhost) {
            if ((last == end || !may_be_same(*row, *last)) &&
                (level == Level::routing_key || first.routing_key == nullptr)) {
                of_all.two_parts |= first.operation;
                write_node(out, pattern_of<level>(*row), {first.operation, 0}, cut);
                return last;
            }
        }
        return write_nodes_of_several<level>(out, row, end, cut, of_all);
    }

    /// The same for any rows. Those with one number mostly have one pattern; if not, they are sorted by its bytes.
    template <Level level>
    Row *write_nodes_of_several(Output &out, Row *row, Row *end, std::size_t cut, Operations &of_all) {
        Row *last = row + 1;
        while (last != end && may_be_same(*row, *last)) ++last;
        const auto differs = [&](Row other) { return pattern_of<level>(other) != pattern_of<level>(*row); };
        if (std::any_of(row + 1, last, differs))
            std::sort(row, last,
                      [&](Row a, Row b) { return compare(pattern_of<level>(a), pattern_of<level>(b)) < 0; });
        while (row != last) {
            Row *const behind = std::find_if(row + 1, last, differs);
            write_node_of_same<level>(out, {row, behind}, cut, of_all);
            row = behind;
        }
        return last;
    }

    /// They have the same pattern.
    template <Level level>
    void write_node_of_same(Output &out, std::span<Row> rows, std::size_t cut, Operations &of_all) {
        const Pattern &pattern = pattern_of<level>(rows.front());
        Operations operations;
        if constexpr (level == Level::vhost) {
            const std::string_view children = list<Level::resource>(rows, operations);
            write_node(out, pattern, operations, cut, children);
        } else {
            std::size_t with_key = 0;  // those with a routing key, which are to be children, come first
            for (Row &row : rows) {
                const Permission &permission = at(row);
                if (level == Level::routing_key || permission.routing_key == nullptr) {
                    operations.two_parts |= permission.operation;
                } else {
                    operations.three_parts |= permission.operation;
                    std::swap(row, rows[with_key++]);
                }
            }
            if (with_key == 0) {
                write_node(out, pattern, operations, cut);
            } else {
                Operations of_children;
                write_node(out, pattern, operations, cut,
                           list<Level::routing_key>(rows.first(with_key), of_children));
            }
        }
        of_all.two_parts |= operations.two_parts;
        of_all.three_parts |= operations.three_parts;
    }

    static bool may_be_same(Row a, Row b) noexcept { return ((a ^ b) & ~place_bits) == 0; }

    std::span<const Permission> permissions_;
    Arena &arena_;
};

}  // namespace

std::string_view compile_patterns(std::span<const Pattern> patterns, Arena &arena) {
    if (patterns.empty()) return {};
    constexpr std::uint8_t all = 7;  // operations
    std::pmr::vector<Permission> permissions(&arena);
    permissions.reserve(patterns.size());
    for (const Pattern &pattern : patterns) permissions.push_back({nullptr, pattern, nullptr, all});
    return Writer(permissions, arena).resources();
}

std::string_view compile_permissions(std::span<const Permission> permissions, Arena &arena) {
    return permissions.empty() ? std::string_view() : Writer(permissions, arena).permissions();
}

}  // namespace tokenward::access
