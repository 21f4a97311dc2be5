#include "access/granted_scope.hpp"

#include "access/scope.hpp"

#include <algorithm>

namespace tokenward::access {

namespace {

std::vector<std::string_view> split_tags(std::string_view tags) {
    std::vector<std::string_view> out;
    while (!tags.empty()) {
        const std::size_t comma = std::min(tags.find(','), tags.size());
        out.push_back(tags.substr(0, comma));
        tags.remove_prefix(std::min(comma + 1, tags.size()));
    }
    return out;
}

}  // namespace

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

std::vector<std::string> spell_scopes(std::string_view permissions, std::string_view tags) {
    std::vector<std::string> out;
    for (const std::string_view tag : split_tags(tags)) out.push_back("tag:" + std::string(tag));
    for_each_scope(permissions, [&](const GrantedScope &scope) { out.push_back(scope.spelling()); });
    std::ranges::sort(out);
    return out;
}

}  // namespace tokenward::access
