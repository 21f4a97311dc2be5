#include "access/confinement.hpp"

#include "access/compiled_form.hpp"
#include "access/granted_scope.hpp"
#include "access/lookup.hpp"
#include "access/scope.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>

namespace tokenward::access {

namespace {

constexpr Level level = Level::routing_key;  // of a list whose nodes have no children

std::string join(const std::vector<std::string> &names) {
    std::string out;
    for (const std::string &name : names) {
        if (!out.empty()) out += ',';
        out += name;
    }
    return out;
}

/// Each name behind its length: two different lists never have the same text.
void append_key(std::string &key, const Confinement::Names &names) {
    key += names ? std::to_string(names->size()) : "-";
    key += ';';
    if (!names) return;
    for (const std::string &name : *names) key += std::to_string(name.size()) + ':' + name;
}

/// Calls use(literal) for each literal of the pattern, in their order. Between two of them stands a wildcard, and
/// so at the end of a prefix.
template <class Use>
void for_each_literal(const Pattern &pattern, Use &&use) {
    switch (pattern.kind) {
        case PatternKind::never:
            return;
        case PatternKind::exact:
            use(pattern.text);
            return;
        case PatternKind::prefix:
            use(pattern.text);
            use(std::string_view());
            return;
        case PatternKind::glob:
            break;
    }
    Glob glob(pattern.text);
    use(glob.prefix);
    for (std::string_view inner; glob.next(inner);) use(inner);
    use(glob.suffix);
}

bool has(const Confinement::Names &names, std::string_view name) noexcept {
    return !names || std::ranges::find(*names, name) != names->end();
}

}  // namespace

Confinement::Confinement(const Names &vhosts, const Names &tags, const Names &operations)
    : all_vhosts_(!vhosts), tags_(tags), operations_(operations) {
    if (!vhosts && !tags && !operations) return;
    append_key(key_, vhosts);
    append_key(key_, tags);
    append_key(key_, operations);
    if (!vhosts) return;
    vhost_names_ = *vhosts;
    Arena arena;
    std::pmr::vector<Pattern> patterns(&arena);
    std::bitset<256> used;
    for (const std::string &raw : vhost_names_) {
        const Pattern &pattern = patterns.emplace_back(compile_pattern(raw, arena));
        edges_.push_back(edges_of(pattern));
        for_each_literal(pattern, [&](std::string_view literal) {
            for (const char c : literal) used.set(static_cast<unsigned char>(c));
        });
    }
    for (std::size_t byte = 0; byte < used.size() && !stranger_; ++byte) {
        if (!used[byte]) stranger_ = static_cast<char>(byte);
    }
    vhosts_ = compile_patterns(patterns, arena);
}

bool Confinement::has_tag(std::string_view tag) const noexcept {
    return has(tags_, tag);
}

bool Confinement::has_operation(Operation operation) const noexcept {
    return has(operations_, operation_name(operation));
}

/// A pattern A lies in a pattern B if and only if B matches A's text with a stranger in place of each `*`, a byte
/// that B's literals don't have: the stranger stands under a `*` of B, and there any run of bytes may stand.
Confinement::Place Confinement::find_place(const Pattern &vhost, Arena &arena, ScanBudget &budget) const {
    if (vhost.kind == PatternKind::never) return Place::inside;  // it matches nothing
    if (vhost.kind == PatternKind::exact) {
        if (names_vhost(vhosts_, vhost.text, budget)) return Place::inside;
        return budget.exceeded() ? Place::partly : Place::outside;
    }
    if (stranger_) {
        std::pmr::string text(&arena);
        bool first = true;
        for_each_literal(vhost, [&](std::string_view literal) {
            if (!first) text += *stranger_;
            first = false;
            text += literal;
        });
        if (names_vhost(vhosts_, text, budget)) return Place::inside;
    }
    const bool overlaps =
        std::ranges::any_of(edges_, [&](const Edges &other) { return may_overlap(vhost, other); });
    return overlaps ? Place::partly : Place::outside;
}

Confinement::Edges Confinement::edges_of(const Pattern &pattern) {
    Edges edges;
    bool first = true;
    for_each_literal(pattern, [&](std::string_view literal) {
        if (first) edges.begin = literal;
        first = false;
        edges.end = literal;
    });
    edges.exact = pattern.kind == PatternKind::exact;
    return edges;
}

/// `vhost` has a wildcard. Its inner literals aren't looked at: they only matter beside an exact name.
bool Confinement::may_overlap(const Pattern &vhost, const Edges &other) noexcept {
    const std::string_view begin = first_literal(vhost);
    const std::string_view end = vhost.kind == PatternKind::glob ? Glob(vhost.text).suffix : std::string_view();
    if (other.exact) return begins_with(other.begin, begin) && ends_with(other.begin, end);
    return (begins_with(other.begin, begin) || begins_with(begin, other.begin)) &&
           (ends_with(other.end, end) || ends_with(end, other.end));
}

std::string Confinement::vhosts_text() const {
    return join(vhost_names_);
}
std::string Confinement::tags_text() const {
    return join(tags_.value_or(std::vector<std::string>()));
}
std::string Confinement::operations_text() const {
    return join(operations_.value_or(std::vector<std::string>()));
}

bool names_vhost(std::string_view vhosts, std::string_view vhost, ScanBudget &budget) noexcept {
    return visit_matches(level, vhosts, vhost, {any_operation, budget},
                         [](const Node &, const List &) { return true; });
}

std::string tell_outside(std::string_view vhosts, std::string_view vhost) {
    std::vector<std::string> names;
    for_each_node(level, vhosts, [&](const Node &, const GrantedScope::Part &part) {
        append_spelling(names.emplace_back(), part.common, part.pattern);
    });
    std::ranges::sort(names);
    return "the vhost " + quote(vhost) + " isn't one of the section's vhosts, " + quote(join(names));
}

}  // namespace tokenward::access
