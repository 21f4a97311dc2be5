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

/// A node before it is written. Its children are already written, into another buffer.
struct Draft {
    Pattern pattern;
    Operations operations;
    std::size_t children_begin = 0;
    std::size_t children_size = 0;
};

/// What all first literals begin with. One node alone gets none: it would save nothing.
std::string_view common_prefix(std::span<const Draft> drafts) noexcept {
    std::string_view common;
    std::size_t count = 0;
    for (const Draft &draft : drafts) {
        if (draft.pattern.kind == PatternKind::never) continue;
        const std::string_view literal = first_literal(draft.pattern);
        common = count++ == 0 ? literal : common.substr(0, common_bytes<false>(common, literal));
    }
    return count < 2 ? std::string_view() : common;
}

void append_glob(std::pmr::string &out, const Pattern &pattern, std::size_t cut) {
    Glob glob(pattern.text);
    append_size(out, glob.prefix.size() - cut);
    append_size(out, glob.suffix.size());
    out += glob.prefix.substr(cut);
    out += glob.suffix;
    out += glob.rest();
}

class Writer {
  public:
    explicit Writer(std::pmr::memory_resource &arena) : arena_(arena), glob_(&arena) {}

    /// Appends the list to `out`. `children` is the buffer with the drafts' children.
    void append_list(Level level, std::span<const Draft> drafts, std::string_view children,
                     std::pmr::string &out) {
        const std::string_view common = common_prefix(drafts);
        const bool indexed = drafts.size() >= index_from;
        append_size(out, common.size() << 1U | (indexed ? 1U : 0U));
        out += common;
        if (!indexed) {
            for (const Draft &draft : drafts) append_node(level, draft, common.size(), children, out);
            return;
        }
        std::pmr::string nodes(&arena_);
        std::pmr::vector<std::uint32_t> offsets(&arena_);
        offsets.reserve(drafts.size());
        for (const Draft &draft : drafts) {
            offsets.push_back(static_cast<std::uint32_t>(nodes.size()));
            append_node(level, draft, common.size(), children, nodes);
        }
        std::pmr::string index(&arena_);
        build_index(level, nodes, offsets, arena_, index);
        append_size(out, index.size());
        out += index;
        out += nodes;
    }

    void append_keys(std::span<const PermissionRow> permissions, std::pmr::string &out) {
        std::pmr::vector<Draft> drafts(&arena_);
        for (const PermissionRow &row : permissions) {
            const Permission &permission = *row.permission;
            if (drafts.empty() || drafts.back().pattern != permission.routing_key) {
                drafts.push_back({permission.routing_key, {}, 0, 0});
            }
            drafts.back().operations.two_parts |= permission.operation;
        }
        append_list(Level::routing_key, drafts, {}, out);
    }

    void append_resources(std::span<const PermissionRow> permissions, std::pmr::string &out) {
        std::pmr::vector<Draft> drafts(&arena_);
        std::pmr::string children(&arena_);
        drafts.reserve(permissions.size());
        out.reserve(out.size() + text_size(permissions));
        for (std::size_t begin = 0; begin < permissions.size();) {
            const auto at = [&](std::size_t place) -> const Permission & { return *permissions[place].permission; };
            Draft draft{at(begin).resource, {}, children.size(), 0};
            const auto is_same = [&](std::size_t place) {
                return place < permissions.size() && at(place).resource == draft.pattern;
            };
            std::size_t end = begin;
            for (; is_same(end) && !at(end).has_routing_key; ++end)
                draft.operations.two_parts |= at(end).operation;
            const std::size_t keys_begin = end;
            for (; is_same(end); ++end) draft.operations.three_parts |= at(end).operation;
            if (end != keys_begin) append_keys(permissions.subspan(keys_begin, end - keys_begin), children);
            draft.children_size = children.size() - draft.children_begin;
            drafts.push_back(draft);
            begin = end;
        }
        append_list(Level::resource, drafts, children, out);
    }

    void append_vhosts(std::span<const PermissionRow> permissions, std::pmr::string &out) {
        std::pmr::vector<Draft> drafts(&arena_);
        std::pmr::string children(&arena_);
        for (std::size_t begin = 0; begin < permissions.size();) {
            Draft draft{permissions[begin].permission->vhost, {}, children.size(), 0};
            std::size_t end = begin;
            for (; end < permissions.size(); ++end) {
                const Permission &permission = *permissions[end].permission;
                if (permission.vhost != draft.pattern) break;
                (permission.has_routing_key ? draft.operations.three_parts : draft.operations.two_parts) |=
                    permission.operation;
            }
            append_resources(permissions.subspan(begin, end - begin), children);
            draft.children_size = children.size() - draft.children_begin;
            drafts.push_back(draft);
            begin = end;
        }
        append_list(Level::vhost, drafts, children, out);
    }

  private:
    /// About how many bytes a list of these resources needs. So the buffer grows once.
    static std::size_t text_size(std::span<const PermissionRow> permissions) noexcept {
        std::size_t size = 16;
        for (const PermissionRow &row : permissions) size += row.permission->resource.text.size() + 4;
        return size;
    }

    void append_node(Level level, const Draft &draft, std::size_t cut, std::string_view children,
                     std::pmr::string &out) {
        std::string_view text = draft.pattern.text;
        if (draft.pattern.kind == PatternKind::glob) {
            glob_.clear();
            append_glob(glob_, draft.pattern, cut);
            text = glob_;
        } else if (draft.pattern.kind != PatternKind::never) {
            text.remove_prefix(cut);
        }
        out += static_cast<char>(static_cast<unsigned>(draft.pattern.kind) | draft.operations.packed());
        append_size(out, text.size());
        if (level == Level::vhost || (level == Level::resource && draft.operations.three_parts != 0)) {
            append_size(out, draft.children_size);
        }
        out += text;
        if (draft.children_size != 0) out += children.substr(draft.children_begin, draft.children_size);
    }

    std::pmr::memory_resource &arena_;
    std::pmr::string glob_;
};

}  // namespace

std::pmr::string compile_patterns(std::span<const Pattern> patterns, std::pmr::memory_resource &arena) {
    std::pmr::string compiled(&arena);
    if (patterns.empty()) return compiled;
    std::pmr::vector<PatternRow> rows(&arena);
    rows.reserve(patterns.size());
    for (const Pattern &pattern : patterns) rows.push_back({0, pattern});
    sort_rows<PatternColumns>(std::span(rows), arena);
    std::pmr::vector<Draft> drafts(&arena);
    constexpr std::uint8_t all = 7;  // operations
    for (const PatternRow &row : rows) {
        if (drafts.empty() || drafts.back().pattern != row.pattern) drafts.push_back({row.pattern, {all, 0}, 0, 0});
    }
    Writer(arena).append_list(Level::routing_key, drafts, {}, compiled);
    return compiled;
}

std::pmr::string compile_permissions(std::span<const Permission> permissions,
                                     std::pmr::memory_resource &arena) {
    std::pmr::string compiled(&arena);
    if (permissions.empty()) return compiled;
    std::pmr::vector<PermissionRow> rows(&arena);
    rows.reserve(permissions.size());
    for (const Permission &permission : permissions) rows.push_back({0, &permission});
    sort_rows<PermissionColumns>(std::span(rows), arena);
    Writer(arena).append_vhosts(rows, compiled);
    return compiled;
}

}  // namespace tokenward::access
