#include "access/permission_set.hpp"

#include "access/compiled_form.hpp"
#include "access/granted_scope.hpp"
#include "access/lookup.hpp"
#include "access/mqtt_filter.hpp"
#include "access/scope.hpp"
#include "access/shared_sets.hpp"
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
                                                            const Confinement &confinement) {
    std::array<std::byte, 8192> buffer;
    std::pmr::monotonic_buffer_resource arena(buffer.data(), buffer.size());
    std::pmr::vector<Permission> permissions(&arena);
    std::pmr::vector<std::string_view> tags(&arena);
    permissions.reserve(scopes.size());
    // Most scopes of a token have the same vhost: it is compiled once.
    std::optional<std::string_view> last_vhost;
    Pattern vhost;
    auto place = Confinement::Place::inside;
    ScanBudget budget;
    Confined confined;
    for (const std::string_view text : scopes) {
        const ScopeText scope = read_scope(text);
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
                if (!confinement.has_operation(scope.operation)) {
                    confined.operations.add(text);
                    break;
                }
                if (!last_vhost || !same_bytes(scope.vhost, *last_vhost)) {
                    vhost = compile_pattern(scope.vhost, arena);
                    place = confinement.place_of(vhost, arena, budget);
                    last_vhost = scope.vhost;
                }
                if (place == Confinement::Place::outside) {
                    confined.outside.add(text);
                    break;
                }
                if (place == Confinement::Place::partly) confined.partly.add(text);
                Permission &permission = permissions.emplace_back();
                permission.vhost = vhost;
                permission.resource = compile_pattern(scope.resource, arena);
                permission.operation = Operations::bit(scope.operation);
                if (!scope.routing_key) break;
                permission.has_routing_key = true;
                permission.routing_key = compile_pattern(*scope.routing_key, arena);
                notes.three_parts_ignored = notes.three_parts_ignored || !routing_keys;
        }
    }
    confined.append_notes(confinement, notes.confined);
    const std::pmr::string compiled = compile_permissions(permissions, arena);
    const std::string joined_tags = join_tags(tags);
    const std::string_view vhosts = confined.partly.count == 0 ? std::string_view() : confinement.vhosts();
    return SharedSets::find_or_make({compiled, joined_tags, routing_keys, vhosts});
}

PermissionSet::PermissionSet(const Content &content)
    : bytes_(new char[content.permissions.size() + content.tags.size() + content.vhosts.size()]),
      permissions_size_(static_cast<std::uint32_t>(content.permissions.size())),
      tags_size_(static_cast<std::uint32_t>(content.tags.size())),
      vhosts_size_(static_cast<std::uint32_t>(content.vhosts.size())),
      plain_operations_(content.vhosts.empty() ? operation_count : 0),
      routing_keys_(content.routing_keys) {
    content.permissions.copy(bytes_.get(), permissions_size_);
    content.tags.copy(bytes_.get() + permissions_size_, tags_size_);
    content.vhosts.copy(bytes_.get() + permissions_size_ + tags_size_, vhosts_size_);
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
    if (static_cast<unsigned>(request.operation) - 1U >= plain_operations_)
        return decide_within_vhosts(request);
    ScanBudget budget;
    return decide_by_permissions(request, budget);
}

// Not inline: nearly all sets have no vhosts.
[[gnu::noinline]] Verdict PermissionSet::decide_within_vhosts(const Request &request) const noexcept {
    if (static_cast<unsigned>(request.operation) - 1U >= operation_count) return Verdict::denied;
    ScanBudget budget;
    if (!within_vhosts(request.vhost, budget)) return budget.exceeded() ? Verdict::too_costly : Verdict::denied;
    return decide_by_permissions(request, budget);
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
    return within_vhosts(request.vhost, budget) &&
           decide_by(permissions(), any_key, wanted.packed(), nullptr, budget) == Verdict::allowed;
}

bool PermissionSet::opens_vhost(std::string_view vhost) const noexcept {
    ScanBudget budget;
    return within_vhosts(vhost, budget) &&
           visit_matches(Level::vhost, permissions(), vhost, {any_operation, budget},
                         [](const Node &, const List &) { return true; });
}

Explanation PermissionSet::explain(const Request &request) const {
    return access::explain(permissions(), content().vhosts, routing_keys_, request);
}

std::string PermissionSet::why_outside(std::string_view vhost) const {
    ScanBudget budget;
    return within_vhosts(vhost, budget) ? std::string() : tell_outside(content().vhosts, vhost);
}

void PermissionSet::visit_scopes(const std::function<void(std::string_view)> &visit) const {
    spell_scopes(permissions(), tags(), visit);
}

}  // namespace tokenward::access
