// Finds the nodes of a list that match a name.
#pragma once

#include "access/compiled_form.hpp"
#include "access/index_reader.hpp"

#include <cstdint>
#include <string_view>

namespace tokenward::access {

/// Calls visit(node, list) for each node that matches and has one of the wanted operations, until it returns
/// true. Returns true if it did.
template <class Visit>
bool visit_matches(Level level, std::string_view list_text, std::string_view name, const Wanted &wanted,
                   Visit &&visit) {
    if (list_text.empty()) return false;
    const List list = read_list(list_text);
    if (!begins_with(name, list.common)) return false;
    name.remove_prefix(list.common.size());
    const auto visit_node = [&](const Node &node) { return visit(node, list); };
    if (list.index.empty()) {
        return visit_nodes(level, list, [&](const Node &node) {
            return (node.operations & wanted.operations) != 0 && may_begin(node.pattern, name) &&
                   matches(node.pattern, name, wanted.budget) && visit_node(node);
        });
    }
    const char *cursor = list.index.data();
    const IndexHeader header = read_index_header(cursor);
    if (header.wide)
        return IndexReader<std::uint32_t>(level, list, header, cursor).visit(name, wanted, visit_node);
    return IndexReader<std::uint16_t>(level, list, header, cursor).visit(name, wanted, visit_node);
}

}  // namespace tokenward::access
