#include "claims/rich_authorization.hpp"

#include "access/pattern.hpp"
#include "access/request.hpp"
#include "access/scope.hpp"
#include "base/text.hpp"

#include <array>
#include <cstddef>
#include <memory_resource>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

constexpr std::array known_operations{access::Operation::configure, access::Operation::read,
                                      access::Operation::write};
/// The actions that are tags: the scope first, so that nothing is put together later.
constexpr std::array<std::string_view, 4> tag_scopes{"tag:administrator", "tag:management", "tag:monitoring",
                                                     "tag:policymaker"};
constexpr std::size_t tag_prefix_size = 4;

/// Calls `use` with each string of a string or an array; false: it is neither, or holds something else too.
template <class Use>
bool for_each_string(const JsonValue &value, Use use) {
    if (value.is_string()) {
        use(value.text());
        return true;
    }
    bool good = value.is_array();
    for (const JsonValue element : value) {
        if (value.is_array() && element.is_string()) {
            use(element.text());
        } else {
            good = false;
        }
    }
    return good;
}

/// Each action once, however often an entry says it: what an entry makes stays linear in its size.
struct Actions {
    std::array<bool, known_operations.size()> operations{};
    std::array<bool, tag_scopes.size()> tags{};

    void add(std::string_view action) noexcept {
        for (std::size_t i = 0; i < operations.size(); ++i) {
            if (action == access::operation_name(known_operations[i])) operations[i] = true;
        }
        for (std::size_t i = 0; i < tags.size(); ++i) {
            if (action == tag_scopes[i].substr(tag_prefix_size)) tags[i] = true;
        }
    }
};

/// The attributes of one location, raw: patterns as in a scope.
struct Location {
    std::optional<std::string_view> cluster, vhost, queue, exchange, routing_key;

    /// What is wrong with the text, or an empty view. Parts without a value and unknown attributes are skipped.
    std::string_view read(std::string_view text) {
        while (!text.empty()) {
            const std::string_view part = text.substr(0, text.find('/'));
            text.remove_prefix(part.size() == text.size() ? part.size() : part.size() + 1);
            const std::size_t colon = part.find(':');
            if (colon == std::string_view::npos || colon + 1 == part.size()) continue;
            std::optional<std::string_view> *const attribute = find(part.substr(0, colon));
            if (attribute == nullptr) continue;
            // Which of two is meant? A guess may be the wider one.
            if (*attribute) return "names an attribute twice";
            *attribute = part.substr(colon + 1);
        }
        if (queue && exchange && *queue != *exchange) return "names a queue and another exchange";
        return {};
    }

  private:
    std::optional<std::string_view> *find(std::string_view name) noexcept {
        if (name == "cluster") return &cluster;
        if (name == "vhost") return &vhost;
        if (name == "queue") return &queue;
        if (name == "exchange") return &exchange;
        if (name == "routing-key") return &routing_key;
        return nullptr;
    }
};

bool cluster_is_ours(std::string_view cluster, std::string_view resource_server_id) {
    access::Arena arena;
    return access::matches(access::compile_pattern(cluster, arena), resource_server_id);
}

class Reader {
  public:
    Reader(const config::ScopeRules &rules, bool routing_keys, ScopeList &list)
        : rules_(rules), routing_keys_(routing_keys), list_(list) {}

    void entry(const JsonValue &entry) {
        const auto type = entry.find("type");
        if (!type || !type->is_string() || type->text() != rules_.resource_server_type) return;
        const auto action_list = entry.find("actions");
        const auto location_list = entry.find("locations");
        if (!action_list || !location_list) return note("an entry has no actions or no locations");

        Actions actions;
        if (!for_each_string(*action_list, [&](std::string_view action) { actions.add(action); })) {
            note("actions are strings");
        }
        const bool good = for_each_string(
            *location_list, [&](std::string_view location) { this->location(location, actions); });
        if (!good) note("locations are strings");
    }

  private:
    void location(std::string_view text, const Actions &actions) {
        Location location;
        if (const std::string_view problem = location.read(text); !problem.empty()) {
            return note(fmt::format("the location {} {}", quote(text), problem));
        }
        if (!location.cluster || !cluster_is_ours(*location.cluster, rules_.resource_server_id)) return;

        path_ = ':';
        path_ += location.vhost.value_or("*");
        path_ += '/';
        path_ += location.queue ? *location.queue : location.exchange.value_or("*");
        if (location.routing_key || routing_keys_) {
            path_ += '/';
            path_ += location.routing_key.value_or("*");
        }
        for (std::size_t i = 0; i < known_operations.size(); ++i) {
            if (!actions.operations[i]) continue;
            scope_ = access::operation_name(known_operations[i]);
            scope_ += path_;
            list_.scopes.push_back(list_.keep(scope_));
        }
        for (std::size_t i = 0; i < tag_scopes.size(); ++i) {
            if (actions.tags[i]) list_.scopes.push_back(tag_scopes[i]);
        }
    }

    void note(std::string_view problem) {
        list_.note(fmt::format("authorization_details: {}; it grants nothing", problem));
    }

    const config::ScopeRules &rules_;
    bool routing_keys_;
    ScopeList &list_;
    std::string path_;  ///< of one location; kept for its memory, as scope_
    std::string scope_;
};

}  // namespace

void add_rich_authorizations(const JsonValue &payload, const config::ScopeRules &rules, bool routing_keys,
                             ScopeList &list) {
    if (rules.resource_server_type.empty() || rules.resource_server_id.empty()) return;
    const auto details = payload.find("authorization_details");
    if (!details) return;
    Reader reader(rules, routing_keys, list);
    if (details->is_array()) {
        for (const JsonValue entry : *details) reader.entry(entry);
    } else {
        reader.entry(*details);
    }
}

}  // namespace tokenward::claims
