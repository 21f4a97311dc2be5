#include "access/permission_set.hpp"

#include "access/compiled_form.hpp"
#include "access/granted_scope.hpp"
#include "access/lookup.hpp"
#include "access/mqtt_filter.hpp"
#include "access/scope.hpp"
#include "access/shared_sets.hpp"
#include "access/vhost_scopes.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <optional>

namespace tokenward::access {

namespace {

constexpr std::size_t max_malformed_notes = 4;

void note_malformed(std::string_view text, std::vector<std::string> &notes) {
    if (notes.size() >= max_malformed_notes) return;
    std::string note = quote(text) + " has more than three parts; a slash inside a name is %2F: " +
                       quote(likely_spelling(text));
    if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
}

/// Sorted, unique, separated by commas.
std::string join_tags(std::pmr::vector<std::string_view> &tags) {
    std::ranges::sort(tags);
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
    std::string joined;
    for (const std::string_view tag : tags) {
        if (!joined.empty()) joined += ',';
        joined += tag;
    }
    return joined;
}

/// Sorted, unique.
std::string join_vhost_scopes(std::pmr::vector<std::string_view> &scopes) {
    std::ranges::sort(scopes);
    scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
    std::string joined;
    for (const std::string_view scope : scopes) append_vhost_scope(joined, scope);
    return joined;
}

/// Allowed if a scope with one of `operations` (packed) grants the request. `filter`: what the request's last name
/// is, if it is an MQTT filter or topic; else NULL. All requests take this one walk: with a second one the
/// compiler inlines less of both (40 to 150 instructions a request).
Verdict decide_by(std::string_view permissions, const Request &request, unsigned operations,
                  const MqttFilter *filter, ScanBudget &budget) noexcept {
    if (filter != nullptr && filter->has_wildcard)
        budget.spend(filter->text.size() * ScanBudget::of_a_filter_byte);
    const Wanted wanted{operations, budget};
    const auto last_part_grants = [&](const Node &node, const List &list) {
        return filter == nullptr || filter->is_contained_in(list.common, node.pattern, budget);
    };
    const auto resource_grants = [&](const Node &node, const List &list) {
        if (!request.routing_key) return last_part_grants(node, list);
        const std::string_view key = filter != nullptr ? filter->text : *request.routing_key;
        const unsigned key_operations = Operations{Operations::bit(request.operation), 0}.packed();
        return visit_matches(Level::routing_key, node.children, key, {key_operations, budget},
                             last_part_grants);
    };
    const auto vhost_grants = [&](const Node &vhost, const List &) {
        return visit_matches(Level::resource, vhost.children, request.resource, wanted, resource_grants);
    };
    if (visit_matches(Level::vhost, permissions, request.vhost, wanted, vhost_grants)) return Verdict::allowed;
    return budget.exceeded() ? Verdict::too_costly : Verdict::denied;
}

/// Scopes of one kind that grant less than they say: the first one, and how many they are.
struct Less {
    std::string_view first;
    std::size_t count = 0;

    void add(std::string_view text) noexcept {
        if (count++ == 0) first = text;
    }
    std::string subject() const {
        return count == 1 ? quote(first) : quote(first) + " and " + std::to_string(count - 1) + " more";
    }
};

/// What a confinement leaves of a token's scopes, told in notes.
struct Confined {
    Less tags, operations, outside, partly;

    void append_notes(const Confinement &confinement, std::vector<std::string> &notes) const {
        const auto grants_nothing = [&](const Less &less, std::string_view option, const std::string &text) {
            if (less.count == 0) return;
            notes.push_back(less.subject() + (less.count == 1 ? " grants" : " grant") +
                            " nothing: the section has " + std::string(option) + " = " + quote(text));
        };
        grants_nothing(tags, "tags", confinement.tags_text());
        grants_nothing(operations, "operations", confinement.operations_text());
        grants_nothing(outside, "vhosts", confinement.vhosts_text());
        if (partly.count == 0) return;
        notes.push_back(partly.subject() + (partly.count == 1 ? " holds" : " hold") +
                        " in vhosts = " + quote(confinement.vhosts_text()) + " of the section only");
    }
};

}  // namespace

std::shared_ptr<const PermissionSet> PermissionSet::compile(std::span<const std::string_view> scopes,
                                                            bool routing_keys, Notes &notes,
                                                            const Confinement &confinement,
                                                            std::span<const std::string_view> vhost_scopes) {
    Arena arena;
    std::pmr::vector<std::string_view> tags(&arena);
    auto *const permissions = allocate<Permission>(scopes.size(), arena);
    std::size_t permission_count = 0;
    // Most scopes of a token have the same vhost: it is compiled once.
    std::string_view last_vhost;
    const Pattern *vhost = nullptr;
    auto place = Confinement::Place::inside;
    ScanBudget budget;
    Confined confined;
    const auto keep_pattern = [&](const Pattern &pattern) {
        return new (allocate<Pattern>(1, arena)) Pattern(pattern);
    };
    /// False: the confinement leaves nothing of the scope. Else `vhost` is its vhost.
    const auto is_left = [&](std::string_view text, Operation operation, std::string_view vhost_text) {
        if (!confinement.has_operation(operation)) {
            confined.operations.add(text);
            return false;
        }
        if (vhost == nullptr || vhost_text.data() != last_vhost.data()) {
            vhost = keep_pattern(compile_pattern(vhost_text, arena));
            place = confinement.place_of(*vhost, arena, budget);
            last_vhost = {vhost_text.data(), vhost_text.size() + 1};  // with the slash behind it
        }
        if (place == Confinement::Place::outside) confined.outside.add(text);
        if (place == Confinement::Place::partly) confined.partly.add(text);
        return place != Confinement::Place::outside;
    };
    const bool confines = confinement.confines();
    for (const std::string_view text : scopes) {
        const ScopeText scope = read_scope(text, last_vhost);
        switch (scope.kind) {
            case ScopeKind::ignored:
                break;
            case ScopeKind::too_many_parts:
                note_malformed(text, notes.malformed);
                break;
            case ScopeKind::tag:
                if (confinement.has_tag(scope.tag)) {
                    tags.push_back(scope.tag);
                } else {
                    confined.tags.add(text);
                }
                break;
            case ScopeKind::permission:
                // The usual one is like the one before, and nothing is confined.
                if ((confines || scope.vhost.data() != last_vhost.data() || vhost == nullptr) &&
                    !is_left(text, scope.operation, scope.vhost))
                    break;
                Permission &permission = *new (permissions + permission_count++) Permission{
                    vhost, compile_pattern(scope.resource, scope.special, arena), nullptr,
                    Operations::bit(scope.operation)};
                if (!scope.has_routing_key()) break;
                permission.routing_key = keep_pattern(compile_pattern(scope.routing_key, arena));
                notes.three_parts_ignored = notes.three_parts_ignored || !routing_keys;
        }
    }
    std::pmr::vector<std::string_view> with_vhost(&arena);
    for (const std::string_view text : vhost_scopes) {
        const ScopeText scope = read_scope(text, last_vhost);
        if (scope.kind != ScopeKind::permission || !is_left(text, scope.operation, scope.vhost)) continue;
        with_vhost.push_back(text);
        notes.three_parts_ignored = notes.three_parts_ignored || (scope.has_routing_key() && !routing_keys);
    }
    if (confines) confined.append_notes(confinement, notes.confined);
    const std::string_view compiled = compile_permissions({permissions, permission_count}, arena);
    const std::string joined_tags = join_tags(tags);
    const std::string_view vhosts = confined.partly.count == 0 ? std::string_view() : confinement.vhosts();
    const std::string joined_vhost_scopes = join_vhost_scopes(with_vhost);
    return SharedSets::find_or_make({compiled, joined_tags, routing_keys, vhosts, joined_vhost_scopes});
}

PermissionSet::PermissionSet(const Content &content)
    : bytes_(new char[content.permissions.size() + content.tags.size() + content.vhosts.size() +
                      content.vhost_scopes.size()]),
      permissions_size_(static_cast<std::uint32_t>(content.permissions.size())),
      tags_size_(static_cast<std::uint32_t>(content.tags.size())),
      vhosts_size_(static_cast<std::uint32_t>(content.vhosts.size())),
      vhost_scopes_size_(static_cast<std::uint32_t>(content.vhost_scopes.size())),
      plain_operations_(content.vhosts.empty() && content.vhost_scopes.empty() ? operation_count : 0),
      routing_keys_(content.routing_keys) {
    content.permissions.copy(bytes_.get(), permissions_size_);
    content.tags.copy(bytes_.get() + permissions_size_, tags_size_);
    content.vhosts.copy(bytes_.get() + permissions_size_ + tags_size_, vhosts_size_);
    content.vhost_scopes.copy(bytes_.get() + permissions_size_ + tags_size_ + vhosts_size_, vhost_scopes_size_);
}

PermissionSet::~PermissionSet() {
    SharedSets::remove(*this);
}

/// A request with a routing key is granted only by scopes with three parts, one without by either kind.
unsigned PermissionSet::operations_for(const Request &request) const noexcept {
    const std::uint8_t bit = Operations::bit(request.operation);
    Operations wanted;
    if (!request.routing_key) wanted.two_parts = bit;
    if (routing_keys_) wanted.three_parts = bit;
    return wanted.packed();
}

Verdict PermissionSet::decide(const Request &request) const noexcept {
    if (static_cast<unsigned>(request.operation) - 1U >= plain_operations_) return decide_with_vhost(request);
    ScanBudget budget;
    return decide_by_permissions(request, budget);
}

// Not inline: nearly all sets have neither vhosts nor scopes with {vhost}.
[[gnu::noinline]] Verdict PermissionSet::decide_with_vhost(const Request &request) const noexcept {
    if (static_cast<unsigned>(request.operation) - 1U >= operation_count) return Verdict::denied;
    ScanBudget budget;
    if (!within_vhosts(request.vhost, budget)) return budget.exceeded() ? Verdict::too_costly : Verdict::denied;
    const Verdict verdict = decide_by_permissions(request, budget);
    if (verdict != Verdict::denied || vhost_scopes_size_ == 0) return verdict;
    if (vhost_scopes_grant(content().vhost_scopes, request, routing_keys_, budget)) return Verdict::allowed;
    return budget.exceeded() ? Verdict::too_costly : Verdict::denied;
}

inline Verdict PermissionSet::decide_by_permissions(const Request &request, ScanBudget &budget) const noexcept {
    if (!request.is_mqtt()) return decide_by(permissions(), request, operations_for(request), nullptr, budget);
    if (request.routing_key) return decide_mqtt_key(request, budget);
    const MqttFilter filter =
        request.mqtt_filter ? read_mqtt_filter(request.resource) : plain_topic(request.resource);
    if (!filter.well_formed) return Verdict::denied;
    return decide_by(permissions(), request, operations_for(request), &filter, budget);
}

// Not inline: the key's buffer isn't for the stack of every request.
[[gnu::noinline]] Verdict PermissionSet::decide_mqtt_key(const Request &request,
                                                         ScanBudget &budget) const noexcept {
    const MqttKey key(request);
    const MqttFilter &filter = key.filter();
    if (!filter.well_formed) return Verdict::denied;
    return decide_by(permissions(), request, operations_for(request), &filter, budget);
}

bool PermissionSet::within_vhosts(std::string_view vhost, ScanBudget &budget) const noexcept {
    return vhosts_size_ == 0 || names_vhost(content().vhosts, vhost, budget);
}

bool PermissionSet::allows_some_routing_key(const Request &request) const noexcept {
    Operations wanted;
    if (routing_keys_) wanted.three_parts = Operations::bit(request.operation);
    Request any_key = request;
    any_key.routing_key.reset();
    ScanBudget budget;
    if (!within_vhosts(request.vhost, budget)) return false;
    return decide_by(permissions(), any_key, wanted.packed(), nullptr, budget) == Verdict::allowed ||
           (routing_keys_ && vhost_scopes_grant_some_key(content().vhost_scopes, any_key, budget));
}

bool PermissionSet::opens_vhost(std::string_view vhost) const noexcept {
    ScanBudget budget;
    if (!within_vhosts(vhost, budget)) return false;
    return visit_matches(Level::vhost, permissions(), vhost, {any_operation, budget},
                         [](const Node &, const List &) { return true; }) ||
           vhost_scopes_open(content().vhost_scopes, vhost, budget);
}

Explanation PermissionSet::explain(const Request &request) const {
    Explanation explanation = access::explain(permissions(), content().vhosts, routing_keys_, request);
    if (explanation.allowed || vhost_scopes_size_ == 0) return explanation;
    ScanBudget budget;
    const std::string_view list = content().vhost_scopes;
    const std::string_view granting = within_vhosts(request.vhost, budget)
                                          ? granting_vhost_scope(list, request, routing_keys_, budget)
                                          : std::string_view();
    if (!granting.empty()) {
        explanation.allowed = true;
        explanation.nearest.clear();
        explanation.why.clear();
        append_raw(explanation.scope, granting);
    } else if (permissions_size_ == 0) {
        visit_vhost_scopes(list, [&](std::string_view first) {
            append_raw(explanation.nearest, first);
            return true;
        });
        explanation.why = "with {vhost} = " + quote(request.vhost) + " it doesn't match";
    }
    return explanation;
}

std::string PermissionSet::why_outside(std::string_view vhost) const {
    ScanBudget budget;
    return within_vhosts(vhost, budget) ? std::string() : tell_outside(content().vhosts, vhost);
}

void PermissionSet::visit_scopes(const std::function<void(std::string_view)> &visit) const {
    spell_scopes(permissions(), tags(), visit);
    visit_vhost_scopes(content().vhost_scopes, [&](std::string_view text) {
        std::string spelling;
        append_raw(spelling, text);
        visit(spelling);
        return false;
    });
}

}  // namespace tokenward::access
