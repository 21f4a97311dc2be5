#include "access/compiled_form.hpp"

#include "access/index_builder.hpp"
#include "access/row_sort.hpp"

#include <algorithm>

namespace tokenward::access {

namespace {

/// One permission while they are sorted.
struct PermissionRow {
    std::uint64_t key;
    const Permission *permission;
};

/// vhost, resource, routing key; of each the kind, then the text. A scope with two parts comes before those with three.
struct PermissionColumns {
    static constexpr std::size_t count = 6;
    static constexpr std::size_t behind_vhost = 2;
    static constexpr bool backwards = false;

    static bool is_text(std::size_t column) noexcept { return column % 2 == 1; }
    static std::uint64_t number(const PermissionRow &row, std::size_t column) noexcept {
        if (column == 4 && !row.permission->has_routing_key) return 0;
        return 1 + static_cast<std::uint64_t>(pattern(row, column).kind);
    }
    static std::string_view text(const PermissionRow &row, std::size_t column) noexcept {
        return pattern(row, column).text;
    }

  private:
    static const Pattern &pattern(const PermissionRow &row, std::size_t column) noexcept {
        const Permission &permission = *row.permission;
        return column < 2 ? permission.vhost : column < 4 ? permission.resource : permission.routing_key;
    }
};

struct PatternRow {
    std::uint64_t key;
    Pattern pattern;
};

struct PatternColumns {
    static constexpr std::size_t count = 2;
    static constexpr bool backwards = false;

    static bool is_text(std::size_t column) noexcept { return column == 1; }
    static std::uint64_t number(const PatternRow &row, std::size_t) noexcept {
        return static_cast<std::uint64_t>(row.pattern.kind);
    }
    static std::string_view text(const PatternRow &row, std::size_t) noexcept { return row.pattern.text; }
};

/// Shorter lists have no index: to try all their nodes takes about as long as a look-up, and the index would
/// cost some five bytes a node.
constexpr std::size_t index_from = 24;

/// A node before it is written.
struct Draft {
    Pattern pattern;
    Operations operations;
    std::string_view children;  ///< the list, as written

    bool has_children(Level level) const noexcept {
        return level == Level::vhost || (level == Level::resource && operations.three_parts != 0);
    }
    std::size_t most_bytes() const noexcept {
        return 1 + 2 * most_size_bytes + pattern.text.size() + children.size();
    }
};

/// What all first literals begin with. One node alone gets none: it would save nothing.
std::string_view common_prefix(std::span<const Draft> drafts) noexcept {
    std::string_view common;
    std::size_t count = 0;
    for (const Draft &draft : drafts) {
        if (draft.pattern.kind == PatternKind::never) continue;
        const std::string_view literal = first_literal(draft.pattern);
        if (count++ == 0) {
            common = literal;
        } else if (!begins_with(literal, common)) {
            common = common.substr(0, common_bytes<false>(common, literal));
        }
    }
    return count < 2 ? std::string_view() : common;
}

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

char *write_node(char *to, Level level, const Draft &draft, std::size_t cut) {
    *to++ = static_cast<char>(static_cast<unsigned>(draft.pattern.kind) | draft.operations.packed());
    to = write_text(to, draft.pattern, cut, [&](char *at) {
        return draft.has_children(level) ? write_size(at, draft.children.size()) : at;
    });
    return write_bytes(to, draft.children);
}

/// Writes lists into the arena: each where it stays until the list above it takes it in.
class Writer {
  public:
    explicit Writer(std::pmr::memory_resource &arena) : arena_(arena) {}

    std::string_view list(Level level, std::span<const Draft> drafts) {
        const std::string_view common = common_prefix(drafts);
        const bool indexed = drafts.size() >= index_from;
        std::size_t room = 0;
        for (const Draft &draft : drafts) room += draft.most_bytes();
        const auto write_head = [&](char *to) {
            return write_bytes(write_size(to, common.size() << 1U | (indexed ? 1U : 0U)), common);
        };
        if (!indexed) {
            char *const begin = allocate<char>(most_size_bytes + common.size() + room, arena_);
            char *end = write_head(begin);
            for (const Draft &draft : drafts) end = write_node(end, level, draft, common.size());
            return {begin, end};
        }
        char *const nodes_begin = allocate<char>(room, arena_);
        char *nodes_end = nodes_begin;
        std::pmr::vector<std::uint32_t> offsets(drafts.size(), &arena_);
        for (std::size_t i = 0; i < drafts.size(); ++i) {
            offsets[i] = static_cast<std::uint32_t>(nodes_end - nodes_begin);
            nodes_end = write_node(nodes_end, level, drafts[i], common.size());
        }
        const std::string_view nodes(nodes_begin, nodes_end);
        const std::string_view index = build_index(level, nodes, offsets, arena_);
        char *const begin =
            allocate<char>(2 * most_size_bytes + common.size() + index.size() + nodes.size(), arena_);
        char *const end = write_bytes(write_bytes(write_size(write_head(begin), index.size()), index), nodes);
        return {begin, end};
    }

    std::string_view keys(std::span<const PermissionRow> permissions) {
        std::pmr::vector<Draft> drafts(&arena_);
        for (const PermissionRow &row : permissions) {
            const Permission &permission = *row.permission;
            if (drafts.empty() || drafts.back().pattern != permission.routing_key)
                drafts.push_back({permission.routing_key, {}, {}});
            drafts.back().operations.two_parts |= permission.operation;
        }
        return list(Level::routing_key, drafts);
    }

    std::string_view resources(std::span<const PermissionRow> permissions) {
        std::pmr::vector<Draft> drafts(&arena_);
        drafts.reserve(permissions.size());
        for (std::size_t begin = 0; begin < permissions.size();) {
            const auto at = [&](std::size_t place) -> const Permission & { return *permissions[place].permission; };
            Draft draft{at(begin).resource, {}, {}};
            const auto is_same = [&](std::size_t place) {
                return place < permissions.size() && at(place).resource == draft.pattern;
            };
            std::size_t end = begin;
            // The first one is the draft's own.
            do {
                if (at(end).has_routing_key) break;
                draft.operations.two_parts |= at(end).operation;
                ++end;
            } while (is_same(end));
            const std::size_t keys_begin = end;
            for (; is_same(end); ++end) draft.operations.three_parts |= at(end).operation;
            if (end != keys_begin) draft.children = keys(permissions.subspan(keys_begin, end - keys_begin));
            drafts.push_back(draft);
            begin = end;
        }
        return list(Level::resource, drafts);
    }

    std::string_view vhosts(std::span<const PermissionRow> permissions) {
        std::pmr::vector<Draft> drafts(&arena_);
        for (std::size_t begin = 0; begin < permissions.size();) {
            Draft draft{permissions[begin].permission->vhost, {}, {}};
            std::size_t end = begin;
            for (; end < permissions.size(); ++end) {
                const Permission &permission = *permissions[end].permission;
                if (permission.vhost != draft.pattern) break;
                (permission.has_routing_key ? draft.operations.three_parts : draft.operations.two_parts) |=
                    permission.operation;
            }
            draft.children = resources(permissions.subspan(begin, end - begin));
            drafts.push_back(draft);
            begin = end;
        }
        return list(Level::vhost, drafts);
    }

  private:
    std::pmr::memory_resource &arena_;
};

}  // namespace

std::string_view compile_patterns(std::span<const Pattern> patterns, std::pmr::memory_resource &arena) {
    if (patterns.empty()) return {};
    std::pmr::vector<PatternRow> rows(&arena);
    rows.reserve(patterns.size());
    for (const Pattern &pattern : patterns) rows.push_back({0, pattern});
    sort_rows<PatternColumns>(std::span(rows), arena);
    std::pmr::vector<Draft> drafts(&arena);
    constexpr std::uint8_t all = 7;  // operations
    for (const PatternRow &row : rows) {
        if (drafts.empty() || drafts.back().pattern != row.pattern) drafts.push_back({row.pattern, {all, 0}, {}});
    }
    return Writer(arena).list(Level::routing_key, drafts);
}

std::string_view compile_permissions(std::span<const Permission> permissions, std::pmr::memory_resource &arena) {
    if (permissions.empty()) return {};
    std::pmr::vector<PermissionRow> rows(&arena);
    rows.reserve(permissions.size());
    bool one_vhost = true;
    for (const Permission &permission : permissions) {
        rows.push_back({0, &permission});
        one_vhost = one_vhost && permission.vhost == permissions.front().vhost;
    }
    sort_rows<PermissionColumns>(std::span(rows), arena, one_vhost ? PermissionColumns::behind_vhost : 0);
    return Writer(arena).vhosts(rows);
}

}  // namespace tokenward::access
