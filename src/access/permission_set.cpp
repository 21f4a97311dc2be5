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
                  const MqttFilter *filter) noexcept {
    ScanBudget budget;
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

}  // namespace

std::shared_ptr<const PermissionSet> PermissionSet::compile(std::span<const std::string_view> scopes,
                                                            bool routing_keys, Notes &notes) {
    std::array<std::byte, 8192> buffer;
    std::pmr::monotonic_buffer_resource arena(buffer.data(), buffer.size());
    std::pmr::vector<Permission> permissions(&arena);
    std::pmr::vector<std::string_view> tags(&arena);
    permissions.reserve(scopes.size());
    std::string_view last_vhost;  // most scopes of a token have the same vhost: it is compiled once
    for (const std::string_view text : scopes) {
        const ScopeText scope = read_scope(text);
        switch (scope.kind) {
            case ScopeKind::ignored:
                break;
            case ScopeKind::too_many_parts:
                note_malformed(text, notes.malformed);
                break;
            case ScopeKind::tag:
                tags.push_back(scope.tag);
                break;
            case ScopeKind::permission:
                Permission &permission = permissions.emplace_back();
                permission.vhost = permissions.size() > 1 && same_bytes(scope.vhost, last_vhost)
                                       ? permissions[permissions.size() - 2].vhost
                                       : compile_pattern(scope.vhost, arena);
                last_vhost = scope.vhost;
                permission.resource = compile_pattern(scope.resource, arena);
                permission.operation = Operations::bit(scope.operation);
                if (!scope.routing_key) break;
                permission.has_routing_key = true;
                permission.routing_key = compile_pattern(*scope.routing_key, arena);
                notes.three_parts_ignored = notes.three_parts_ignored || !routing_keys;
        }
    }
    const std::pmr::string compiled = compile_permissions(permissions, arena);
    const std::string joined_tags = join_tags(tags);
    return SharedSets::find_or_make({compiled, joined_tags, routing_keys});
}

PermissionSet::PermissionSet(const Content &content)
    : bytes_(new char[content.permissions.size() + content.tags.size()]),
      permissions_size_(static_cast<std::uint32_t>(content.permissions.size())),
      tags_size_(static_cast<std::uint32_t>(content.tags.size())),
      routing_keys_(content.routing_keys) {
    content.permissions.copy(bytes_.get(), permissions_size_);
    content.tags.copy(bytes_.get() + permissions_size_, tags_size_);
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
    if (request.operation < Operation::configure || request.operation > Operation::write)
        return Verdict::denied;
    if (!request.is_mqtt()) return decide_by(content().permissions, request, operations_for(request), nullptr);
    if (request.routing_key) return decide_mqtt_key(request);
    const MqttFilter filter =
        request.mqtt_filter ? read_mqtt_filter(request.resource) : plain_topic(request.resource);
    if (!filter.well_formed) return Verdict::denied;
    return decide_by(content().permissions, request, operations_for(request), &filter);
}

// Not inline: the key's buffer isn't for the stack of every request.
[[gnu::noinline]] Verdict PermissionSet::decide_mqtt_key(const Request &request) const noexcept {
    const MqttKey key(request);
    const MqttFilter &filter = key.filter();
    if (!filter.well_formed) return Verdict::denied;
    return decide_by(content().permissions, request, operations_for(request), &filter);
}

bool PermissionSet::allows_some_routing_key(const Request &request) const noexcept {
    Operations wanted;
    if (routing_keys_) wanted.three_parts = Operations::bit(request.operation);
    Request any_key = request;
    any_key.routing_key.reset();
    return decide_by(content().permissions, any_key, wanted.packed(), nullptr) == Verdict::allowed;
}

bool PermissionSet::opens_vhost(std::string_view vhost) const noexcept {
    ScanBudget budget;
    return visit_matches(Level::vhost, content().permissions, vhost, {any_operation, budget},
                         [](const Node &, const List &) { return true; });
}

Explanation PermissionSet::explain(const Request &request) const {
    return access::explain(content().permissions, routing_keys_, request);
}

void PermissionSet::visit_scopes(const std::function<void(std::string_view)> &visit) const {
    spell_scopes(content().permissions, tags(), visit);
}

}  // namespace tokenward::access
