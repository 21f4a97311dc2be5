// The compiled form of a permission set: one run of bytes, read in place.
//
//   set   = flags, list of vhosts
//   list  = common prefix of the nodes' first literals, index (long lists only), nodes
//   node  = kind and operations, pattern text without the common prefix, list of what lies under it
//
// Under a vhost lie resources, under a resource the routing keys of its scopes with three parts. A scope is a
// way from the top to an operation bit, so scopes that differ in the operation alone cost one node.
#pragma once

#include "access/pattern.hpp"
#include "access/permission_set.hpp"

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

namespace tokenward::access {

enum class Level : std::uint8_t { vhost = 0, resource = 1, routing_key = 2 };

/// Operations of scopes with two parts that end here, and of scopes with three parts that pass here. For a
/// routing key `two` holds the operations of the scopes with three parts that end there.
struct Operations {
    std::uint8_t two = 0;
    std::uint8_t three = 0;

    static std::uint8_t bit(Operation operation) noexcept {
        return static_cast<std::uint8_t>(1U << (static_cast<unsigned>(operation) - 1U));
    }
    /// As they stand in a node's first byte.
    unsigned packed() const noexcept { return unsigned{two} << 2U | unsigned{three} << 5U; }
};

inline constexpr unsigned any_operation = 0xFCU;

/// One node, as read: views into the block.
struct Node {
    Pattern pattern;  ///< without the list's common prefix
    unsigned operations = 0;
    std::string_view children;  ///< a list, or empty

    bool two_parts(std::uint8_t bit) const noexcept { return (operations & unsigned{bit} << 2U) != 0; }
    bool three_parts(std::uint8_t bit) const noexcept { return (operations & unsigned{bit} << 5U) != 0; }
};

inline Node read_node(Level level, const char *&cursor) noexcept {
    Node node;
    const auto first = static_cast<unsigned char>(*cursor++);
    node.operations = first & any_operation;
    const std::uint32_t text_size = read_size(cursor);
    std::uint32_t children_size = 0;
    if (level == Level::vhost || (level == Level::resource && (first & 0xE0U) != 0))
        children_size = read_size(cursor);
    node.pattern = {static_cast<PatternKind>(first & 3U), {cursor, text_size}};
    cursor += text_size;
    node.children = {cursor, children_size};
    cursor += children_size;
    return node;
}

/// A list, as read.
struct List {
    explicit List(std::string_view text) noexcept {
        const char *cursor = text.data();
        const std::uint32_t head = read_size(cursor);
        common = {cursor, head >> 1U};
        cursor += common.size();
        if ((head & 1U) != 0) {
            const std::uint32_t index_size = read_size(cursor);
            index = {cursor, index_size};
            cursor += index_size;
        }
        nodes = {cursor, static_cast<std::size_t>(text.data() + text.size() - cursor)};
    }

    std::string_view common;
    std::string_view index;  ///< empty: look at all nodes
    std::string_view nodes;
};

/// Calls visit(node) for each node of the list until it answers true.
template <class Visit>
bool visit_nodes(Level level, const List &list, Visit &&visit) {
    const char *cursor = list.nodes.data();
    const char *const end = cursor + list.nodes.size();
    while (cursor != end) {
        if (visit(read_node(level, cursor))) return true;
    }
    return false;
}

/// One scope on its way into a block.
struct Permission {
    Pattern vhost;
    Pattern resource;
    bool has_routing_key = false;
    Pattern routing_key;
    std::uint8_t operation = 0;  ///< a bit
};

/// Sorts and merges; the same permissions in any order give the same bytes.
std::pmr::string build_block(std::span<const Permission> permissions, std::pmr::memory_resource &arena);

}  // namespace tokenward::access
