#include "claims/scope_sources.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

class Collector {
  public:
    Collector(const config::Section &section, std::vector<std::string_view> &scopes)
        : section_(section), scopes_(scopes) {}

    /// resource_access.<resource_server_id>.roles, as Keycloak writes client roles.
    void resource_access(const JsonValue &payload) {
        if (section_.resource_server_id.empty()) return;
        const auto access = payload.find("resource_access");
        if (!access) return;
        const auto ours = access->find(section_.resource_server_id);
        if (!ours) return;
        if (const auto roles = ours->find("roles")) value(*roles, /*under_our_id=*/true);
    }

    /// A string split at spaces (RFC 6749 section 3.3), an array whose strings are a scope each, or an object
    /// in which the member named by resource_server_id counts (every member if there is none).
    void value(const JsonValue &value, bool under_our_id) {  // NOLINT(misc-no-recursion): 32 levels at most
        switch (value.type()) {
            case JsonType::string:
                split(value.text(), under_our_id);
                break;
            case JsonType::array:
                for (const JsonValue element : value) {
                    if (element.is_string()) {
                        add(element.text(), under_our_id);
                    } else {
                        this->value(element, under_our_id);
                    }
                }
                break;
            case JsonType::object:
                if (section_.resource_server_id.empty()) {
                    for (const JsonValue member : value) this->value(member, under_our_id);
                } else if (const auto ours = value.find(section_.resource_server_id)) {
                    this->value(*ours, true);
                }
                break;
            default:
                break;
        }
    }

    /// A claim of that very name ("https://example.com/roles"), else a dotted path ("realm_access.roles").
    void claim_or_path(const JsonValue &payload, std::string_view key) {
        if (const auto claim = payload.find(key)) {
            value(*claim, false);
        } else {
            path(payload, key, false);
        }
    }

  private:
    void path(const JsonValue &from, std::string_view rest,
              bool under_our_id) {  // NOLINT(misc-no-recursion): 32 levels at most
        if (from.is_array()) {      // RabbitMQ walks through arrays of objects
            for (const JsonValue element : from) {
                if (element.is_object()) path(element, rest, under_our_id);
            }
            return;
        }
        const std::size_t dot = rest.find('.');
        const auto member = from.find(rest.substr(0, dot));
        if (!member) return;
        const bool ours = under_our_id || (!section_.resource_server_id.empty() &&
                                           member->name() == section_.resource_server_id);
        if (dot == std::string_view::npos) {
            value(*member, ours);
        } else {
            path(*member, rest.substr(dot + 1), ours);
        }
    }

    void split(std::string_view text, bool under_our_id) {
        while (!text.empty()) {
            const std::size_t space = text.find(' ');
            add(text.substr(0, space), under_our_id);
            if (space == std::string_view::npos) return;
            text.remove_prefix(space + 1);
        }
    }

    void add(std::string_view scope, bool under_our_id) {
        if (scope.empty()) return;
        if (!section_.scope_prefix || section_.scope_prefix->empty()) {
            scopes_.push_back(scope);
        } else if (scope.starts_with(*section_.scope_prefix)) {
            scope.remove_prefix(section_.scope_prefix->size());
            if (section_.scope_prefix_explicit && scope.starts_with('.')) scope.remove_prefix(1);
            scopes_.push_back(scope);
        } else if (under_our_id) {
            scopes_.push_back(scope);
        }
    }

    const config::Section &section_;
    std::vector<std::string_view> &scopes_;
};

}  // namespace

Result<void> collect_scopes(const JsonValue &payload, const config::Section &section,
                            std::vector<std::string_view> &scopes) {
    scopes.clear();
    Collector collector(section, scopes);
    collector.resource_access(payload);
    if (const auto scope = payload.find("scope"); scope && !scope->is_object()) collector.value(*scope, false);
    for (const std::string &key : section.additional_scopes_keys) collector.claim_or_path(payload, key);

    if (scopes.size() > max_scopes) {  // only different ones count
        std::sort(scopes.begin(), scopes.end());
        scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
        if (scopes.size() > max_scopes) {
            return fail(Reason::TOO_MANY_SCOPES,
                        fmt::format("the token has {} scopes, at most {} are read", scopes.size(), max_scopes));
        }
    }
    return {};
}

}  // namespace tokenward::claims
