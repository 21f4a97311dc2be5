#include "access/granted_scope.hpp"

#include "access/scope.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <vector>

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

bool GrantedScope::Part::matches_name(std::string_view name, ScanBudget &budget) const noexcept {
    return name.starts_with(common) && matches(pattern, name.substr(common.size()), budget);
}

std::size_t GrantedScope::Part::likeness(std::string_view name) const {
    std::string begin(common);
    if (pattern.kind != PatternKind::never) begin += first_literal(pattern);
    const auto same = [](char a, char b) { return to_lower(a) == to_lower(b); };
    return static_cast<std::size_t>(std::ranges::mismatch(begin, name, same).in1 - begin.begin());
}

std::string GrantedScope::spelling() const {
    std::string out;
    append_to(out);
    return out;
}

void GrantedScope::append_to(std::string &out) const {
    out += operation_name(operation);
    out += ':';
    append_spelling(out, vhost.common, vhost.pattern);
    out += '/';
    append_spelling(out, resource.common, resource.pattern);
    if (routing_key) {
        out += '/';
        append_spelling(out, routing_key->common, routing_key->pattern);
    }
}

void spell_scopes(std::string_view permissions, std::string_view tags,
                  const std::function<void(std::string_view)> &visit) {
    std::string text;
    std::vector<std::size_t> ends;
    for (const std::string_view tag : split_tags(tags)) {
        (text += "tag:") += tag;
        ends.push_back(text.size());
    }
    for_each_scope(permissions, [&](const GrantedScope &scope) {
        scope.append_to(text);
        ends.push_back(text.size());
    });
    std::vector<std::string_view> scopes;
    scopes.reserve(ends.size());
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
        scopes.push_back(std::string_view(text).substr(begin, end - begin));
        begin = end;
    }
    std::ranges::sort(scopes);
    for (const std::string_view scope : scopes) visit(scope);
}

}  // namespace tokenward::access
