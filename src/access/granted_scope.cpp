#include "access/granted_scope.hpp"

#include "access/scope.hpp"

#include <algorithm>

namespace tokenward::access {

bool GrantedScope::Part::matches_name(std::string_view name) const noexcept {
    return name.starts_with(common) && matches(pattern, name.substr(common.size()));
}

std::size_t GrantedScope::Part::likeness(std::string_view name) const {
    std::string begin(common);
    if (pattern.kind != PatternKind::never) begin += first_literal(pattern);
    return static_cast<std::size_t>(std::ranges::mismatch(begin, name).in1 - begin.begin());
}

std::string GrantedScope::spelling() const {
    std::string out(operation_name(operation));
    out += ':';
    append_spelling(out, vhost.common, vhost.pattern);
    out += '/';
    append_spelling(out, resource.common, resource.pattern);
    if (routing_key) {
        out += '/';
        append_spelling(out, routing_key->common, routing_key->pattern);
    }
    return out;
}

}  // namespace tokenward::access
