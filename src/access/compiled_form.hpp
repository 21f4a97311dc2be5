// The compiled form of a permission set: one run of bytes, which is read in place.
//
//   set   = list of vhosts; no bytes if there is no permission
//   list  = the prefix that the first literals of all nodes have in common, index (long lists only), nodes
//   node  = kind and operations, text of the pattern without the common prefix, list of its children
//
// The children of a vhost are resources. The children of a resource are the routing keys of its scopes with
// three parts. The operations are bits of the last node, so scopes that differ only in the operation share it.
#pragma once

#include "access/pattern.hpp"
#include "access/request.hpp"

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

namespace tokenward::access {

enum class Level : std::uint8_t { vhost = 0, resource = 1, routing_key = 2 };

/// The operations of the scopes that a node belongs to, a bit for each operation. A routing key belongs to
/// scopes with three parts alone; their operations stand in its `two_parts`.
struct Operations {
    std::uint8_t two_parts = 0;
    std::uint8_t three_parts = 0;

    static std::uint8_t bit(Operation operation) noexcept {
        return static_cast<std::uint8_t>(1U << (static_cast<unsigned>(operation) - 1U));
    }
    /// As they are written in a node's first byte.
    unsigned packed() const noexcept { return unsigned{two_parts} << 2U | unsigned{three_parts} << 5U; }
};

inline constexpr unsigned any_operation = 0xFCU;
inline constexpr unsigned three_part_operations = 0xE0U;

/// What a walk through the nodes looks for. One object: with one parameter more the calls of the walk cost 3 %.
struct Wanted {
    unsigned operations;  ///< packed; one of them is enough
    ScanBudget &budget;
};

/// One node, as read: views into the compiled form.
struct Node {
    Pattern pattern;  ///< without the list's common prefix
    unsigned operations = 0;
    std::string_view children;  ///< a list, or empty

    /// True if this is the last part of a scope for the operation.
    bool ends_scope(Operation operation) const noexcept {
        return (operations & Operations{Operations::bit(operation), 0}.packed()) != 0;
    }
};

inline Node read_node(Level level, const char *&cursor) noexcept {
    const auto first = static_cast<unsigned char>(*cursor++);
    const std::uint32_t text_size = read_size(cursor);
    std::uint32_t children_size = 0;
    if (level == Level::vhost || (level == Level::resource && (first & three_part_operations) != 0))
        children_size = read_size(cursor);
    const char *const text = cursor;
    const char *const children = text + text_size;
    cursor = children + children_size;
    return {{static_cast<PatternKind>(first & 3U), {text, text_size}},
            first & any_operation,
            {children, children_size}};
}

/// A list, as read.
struct List {
    std::string_view common;
    std::string_view index;  ///< empty: every node must be tried
    std::string_view nodes;
};

inline List read_list(std::string_view text) noexcept {
    const char *cursor = text.data();
    const std::uint32_t first = read_size(cursor);
    const std::string_view common(cursor, first >> 1U);
    cursor += common.size();
    const std::uint32_t index_size = (first & 1U) != 0 ? read_size(cursor) : 0;
    const std::string_view index(cursor, index_size);
    cursor += index_size;
    return {common, index, {cursor, static_cast<std::size_t>(text.data() + text.size() - cursor)}};
}

/// Calls visit(node) for each node of the list until it returns true. Returns true if it did.
template <class Visit>
bool visit_nodes(Level level, const List &list, Visit &&visit) {
    const char *cursor = list.nodes.data();
    const char *const end = cursor + list.nodes.size();
    while (cursor != end) {
        if (visit(read_node(level, cursor))) return true;
    }
    return false;
}

/// One scope before it is compiled.
struct Permission {
    const Pattern *vhost;
    Pattern resource;
    const Pattern *routing_key;  ///< null: the scope has two parts
    std::uint8_t operation;      ///< a bit
};

// What these two return lives as long as the arena.

/// A list of the patterns, each once, in no tree: read it at Level::routing_key. No bytes if there is none.
std::string_view compile_patterns(std::span<const Pattern> patterns, Arena &arena);

/// The compiled form of the permissions. Their order doesn't matter: it sorts them and merges equal parts.
std::string_view compile_permissions(std::span<const Permission> permissions, Arena &arena);

}  // namespace tokenward::access
