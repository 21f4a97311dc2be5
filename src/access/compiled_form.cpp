#include "access/compiled_form.hpp"

#include "access/index_builder.hpp"
#include "access/reading_order.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tokenward::access {

namespace {

/// Less than zero, zero, more than zero.
int compare(const Pattern &a, const Pattern &b) noexcept {
    if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
    if (a.text.data() == b.text.data() && a.text.size() == b.text.size()) return 0;
    return a.text.compare(b.text);
}

std::size_t common_size(std::string_view a, std::string_view b) noexcept {
    return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Makes keys that sort as the patterns do: the kind, and the first bytes behind what all patterns of the kind have
/// in common. Names of one application mostly begin alike.
class KeyMaker {
  public:
    void add(const Pattern &pattern) noexcept {
        const auto kind = static_cast<std::size_t>(pattern.kind);
        std::string_view &common = commons_[kind];
        if (!std::exchange(seen_[kind], true)) {
            common = pattern.text;
        } else if (!begins_with(pattern.text, common)) {
            common = common.substr(0, common_size(common, pattern.text));
        }
    }
    std::uint64_t key(const Pattern &pattern) const noexcept {
        const std::size_t common = commons_[static_cast<std::size_t>(pattern.kind)].size();
        return static_cast<std::uint64_t>(pattern.kind) << 62U |
               key_of<std::uint64_t, false>(pattern.text.substr(common)) >> 2U;
    }

  private:
    std::array<std::string_view, 4> commons_;
    std::array<bool, 4> seen_{};
};

/// One permission while they are sorted. Most comparisons need only the keys.
struct Ranked {
    const Permission *permission;
    std::uint64_t vhost;
    std::uint64_t resource;
};

class Order {
  public:
    explicit Order(std::span<const Permission> permissions) noexcept
        : one_vhost_(std::ranges::all_of(permissions, [&](const Permission &permission) {
              return compare(permission.vhost, permissions.front().vhost) == 0;
          })) {}

    bool operator()(const Ranked &first, const Ranked &second) const noexcept {
        // The usual cases read no permission.
        if (first.vhost != second.vhost) return first.vhost < second.vhost;
        if (one_vhost_ && first.resource != second.resource) return first.resource < second.resource;
        const Permission &a = *first.permission;
        const Permission &b = *second.permission;
        if (!one_vhost_) {
            if (const int order = compare(a.vhost, b.vhost); order != 0) return order < 0;
        }
        if (first.resource != second.resource) return first.resource < second.resource;
        if (const int order = compare(a.resource, b.resource); order != 0) return order < 0;
        if (a.has_routing_key != b.has_routing_key) return b.has_routing_key;
        return compare(a.routing_key, b.routing_key) < 0;
    }

  private:
    bool one_vhost_;
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
        common = count++ == 0 ? literal : common.substr(0, common_size(common, literal));
    }
    return count < 2 ? std::string_view() : common;
}

void append_pattern(std::pmr::string &out, const Pattern &pattern, std::size_t cut) {
    switch (pattern.kind) {
        case PatternKind::exact:
        case PatternKind::prefix:
            out += pattern.text.substr(cut);
            return;
        case PatternKind::never:
            out += pattern.text;
            return;
        case PatternKind::glob:
            break;
    }
    Glob glob(pattern.text);
    append_size(out, glob.prefix.size() - cut);
    append_size(out, glob.suffix.size());
    out += glob.prefix.substr(cut);
    out += glob.suffix;
    out += glob.rest();
}

class Writer {
  public:
    explicit Writer(std::pmr::memory_resource &arena) : arena_(arena), text_(&arena) {}

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

    void append_keys(std::span<const Permission> permissions, std::pmr::string &out) {
        std::pmr::vector<Draft> drafts(&arena_);
        for (const Permission &permission : permissions) {
            if (drafts.empty() || drafts.back().pattern != permission.routing_key) {
                drafts.push_back({permission.routing_key, {}, 0, 0});
            }
            drafts.back().operations.two_parts |= permission.operation;
        }
        append_list(Level::routing_key, drafts, {}, out);
    }

    void append_resources(std::span<const Permission> permissions, std::pmr::string &out) {
        std::pmr::vector<Draft> drafts(&arena_);
        std::pmr::string children(&arena_);
        drafts.reserve(permissions.size());
        out.reserve(out.size() + text_size(permissions));
        for (std::size_t begin = 0; begin < permissions.size();) {
            Draft draft{permissions[begin].resource, {}, children.size(), 0};
            std::size_t end = begin;
            for (; end < permissions.size() && permissions[end].resource == draft.pattern; ++end) {
                if (permissions[end].has_routing_key) break;
                draft.operations.two_parts |= permissions[end].operation;
            }
            const std::size_t keys_begin = end;
            for (; end < permissions.size() && permissions[end].resource == draft.pattern; ++end) {
                draft.operations.three_parts |= permissions[end].operation;
            }
            if (end != keys_begin) append_keys(permissions.subspan(keys_begin, end - keys_begin), children);
            draft.children_size = children.size() - draft.children_begin;
            drafts.push_back(draft);
            begin = end;
        }
        append_list(Level::resource, drafts, children, out);
    }

    void append_vhosts(std::span<const Permission> permissions, std::pmr::string &out) {
        std::pmr::vector<Draft> drafts(&arena_);
        std::pmr::string children(&arena_);
        for (std::size_t begin = 0; begin < permissions.size();) {
            Draft draft{permissions[begin].vhost, {}, children.size(), 0};
            std::size_t end = begin;
            for (; end < permissions.size() && permissions[end].vhost == draft.pattern; ++end) {
                const Permission &permission = permissions[end];
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
    static std::size_t text_size(std::span<const Permission> permissions) noexcept {
        std::size_t size = 16;
        for (const Permission &permission : permissions) size += permission.resource.text.size() + 4;
        return size;
    }

    void append_node(Level level, const Draft &draft, std::size_t cut, std::string_view children,
                     std::pmr::string &out) {
        out += static_cast<char>(static_cast<unsigned>(draft.pattern.kind) | draft.operations.packed());
        text_.clear();
        append_pattern(text_, draft.pattern, cut);
        append_size(out, text_.size());
        if (level == Level::vhost || (level == Level::resource && draft.operations.three_parts != 0)) {
            append_size(out, draft.children_size);
        }
        out += text_;
        out += children.substr(draft.children_begin, draft.children_size);
    }

    std::pmr::memory_resource &arena_;
    std::pmr::string text_;
};

}  // namespace

std::pmr::string compile_patterns(std::span<const Pattern> patterns, std::pmr::memory_resource &arena) {
    std::pmr::string compiled(&arena);
    if (patterns.empty()) return compiled;
    std::pmr::vector<Pattern> sorted(patterns.begin(), patterns.end(), &arena);
    std::ranges::sort(sorted, [](const Pattern &a, const Pattern &b) { return compare(a, b) < 0; });
    std::pmr::vector<Draft> drafts(&arena);
    constexpr std::uint8_t all = 7;  // operations
    for (const Pattern &pattern : sorted) {
        if (drafts.empty() || drafts.back().pattern != pattern) drafts.push_back({pattern, {all, 0}, 0, 0});
    }
    Writer(arena).append_list(Level::routing_key, drafts, {}, compiled);
    return compiled;
}

std::pmr::string compile_permissions(std::span<const Permission> permissions,
                                     std::pmr::memory_resource &arena) {
    std::pmr::string compiled(&arena);
    if (permissions.empty()) return compiled;
    KeyMaker vhosts;
    KeyMaker resources;
    for (const Permission &permission : permissions) {
        vhosts.add(permission.vhost);
        resources.add(permission.resource);
    }
    std::pmr::vector<Ranked> ranked(&arena);
    ranked.reserve(permissions.size());
    for (const Permission &permission : permissions)
        ranked.push_back({&permission, vhosts.key(permission.vhost), resources.key(permission.resource)});
    std::ranges::sort(ranked, Order(permissions));
    std::pmr::vector<Permission> sorted(&arena);
    sorted.reserve(ranked.size());
    for (const Ranked &one : ranked) sorted.push_back(*one.permission);
    Writer(arena).append_vhosts(sorted, compiled);
    return compiled;
}

}  // namespace tokenward::access
