// Which nodes of a list match a name?
#pragma once

#include "access/block.hpp"

#include <string_view>

namespace tokenward::access {

/// Calls visit(node, list) for the nodes that have one of `operations` (packed) and match, until it answers
/// true.
template <class Visit>
bool visit_matches(Level level, std::string_view list_text, std::string_view name, unsigned operations,
                   Visit &&visit) {
    if (list_text.empty()) return false;
    const List list(list_text);
    if (!name.starts_with(list.common)) return false;
    name.remove_prefix(list.common.size());
    return visit_nodes(level, list, [&](const Node &node) {
        return (node.operations & operations) != 0 && matches(node.pattern, name) && visit(node, list);
    });
}

}  // namespace tokenward::access
