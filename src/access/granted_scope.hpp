// The scopes of a set, one after the other.
#pragma once

#include "access/compiled_form.hpp"
#include "access/request.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tokenward::access {

/// One scope of a set: views into the compiled form.
struct GrantedScope {
    /// A pattern, and the common prefix of its list.
    struct Part {
        std::string_view common;
        Pattern pattern;

        bool matches_name(std::string_view name, ScanBudget &budget) const noexcept;
        /// How many bytes at the beginning of the name are as the pattern wants them, but for their case.
        std::size_t likeness(std::string_view name) const;
    };

    Operation operation;
    Part vhost;
    Part resource;
    std::optional<Part> routing_key;

    /// In canonical spelling.
    std::string spelling() const;
    void append_to(std::string &out) const;
};

/// Calls visit(node, part) for each node of the list.
template <class Visit>
void for_each_node(Level level, std::string_view list_text, Visit &&visit) {
    if (list_text.empty()) return;
    const List list = read_list(list_text);
    visit_nodes(level, list, [&](const Node &node) {
        visit(node, GrantedScope::Part{list.common, node.pattern});
        return false;
    });
}

/// Calls visit(scope) for each scope of the set.
template <class Visit>
void for_each_scope(std::string_view permissions, Visit &&visit) {
    using Part = GrantedScope::Part;
    const auto visit_operations = [&](const Node &last, const GrantedScope &scope) {
        for (const Operation operation : {Operation::configure, Operation::read, Operation::write}) {
            if (!last.ends_scope(operation)) continue;
            GrantedScope one = scope;
            one.operation = operation;
            visit(one);
        }
    };
    for_each_node(Level::vhost, permissions, [&](const Node &vhost_node, const Part &vhost) {
        for_each_node(Level::resource, vhost_node.children, [&](const Node &node, const Part &resource) {
            visit_operations(node, {Operation{}, vhost, resource, std::nullopt});
            for_each_node(Level::routing_key, node.children, [&](const Node &key_node, const Part &key) {
                visit_operations(key_node, {Operation{}, vhost, resource, key});
            });
        });
    });
}

/// Calls visit() with every permission and tag of a set as a scope in canonical spelling, sorted.
void spell_scopes(std::string_view permissions, std::string_view tags,
                  const std::function<void(std::string_view)> &visit);

}  // namespace tokenward::access
