#include "claims/scope_sources.hpp"

#include "access/bytes.hpp"
#include "claims/claim_path.hpp"
#include "claims/rich_authorization.hpp"
#include "claims/scope_variables.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

class Collector {
  public:
    /// `found`: what is met is noted there too, unless it is NULL.
    Collector(const config::ScopeRules &rules, std::vector<std::string_view> &scopes,
              std::vector<FoundScope> *found = nullptr)
        : rules_(rules), scopes_(scopes), found_(found),
          prefix_(rules.scope_prefix ? std::string_view(*rules.scope_prefix) : std::string_view()) {}

    void all_of(const JsonValue &payload) {
        where_ = "resource_access";
        resource_access(payload);
        where_ = "scope";
        if (const auto scope = payload.find("scope"); scope && !scope->is_object()) value(*scope, false);
        for (const std::string &key : rules_.additional_scopes_keys) {
            where_ = key;
            claim_or_path(payload, key);
        }
        where_ = "authorization";
        requesting_party(payload);
    }

  private:
    /// resource_access.<resource_server_id>.roles, as Keycloak writes client roles.
    void resource_access(const JsonValue &payload) {
        if (!rules_.resource_access || rules_.resource_server_id.empty()) return;
        const auto access = payload.find("resource_access");
        if (!access) return;
        const auto ours = access->find(rules_.resource_server_id);
        if (!ours) return;
        if (const auto roles = ours->find("roles")) value(*roles, /*under_our_id=*/true);
    }

    /// authorization.permissions[].scopes of a requesting party token (UMA 2.0, as Keycloak writes it). Which
    /// resource a permission is for (rsid, rsname) is the provider's own matter.
    void requesting_party(const JsonValue &payload) {
        const auto authorization = payload.find("authorization");
        if (!authorization) return;
        const auto permissions = authorization->find("permissions");
        if (!permissions) return;
        const auto one = [&](const JsonValue &permission) {
            if (const auto scopes = permission.find("scopes")) value(*scopes, false);
        };
        if (!permissions->is_array()) return one(*permissions);
        for (const JsonValue permission : *permissions) one(permission);
    }

    /// A string, an array whose strings are a scope each, or an object
    /// in which the member named by resource_server_id counts (every member if there is none).
    void value(const JsonValue &value, bool under_our_id) {  // NOLINT(misc-no-recursion): 32 levels at most
        switch (value.type()) {
            case JsonType::string:
                string(value.text(), under_our_id);
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
                if (rules_.resource_server_id.empty()) {
                    for (const JsonValue member : value) this->value(member, under_our_id);
                } else if (const auto ours = value.find(rules_.resource_server_id)) {
                    this->value(*ours, true);
                }
                break;
            default:
                break;
        }
    }

    /// A claim of that very name ("https://example.com/roles"), else a dotted path ("realm_access.roles"). With {}
    /// behind it the member names of the object that is there count (Zitadel's roles).
    void claim_or_path(const JsonValue &payload, std::string_view key) {
        const Take take = key.ends_with("{}") ? &Collector::member_names : &Collector::value;
        if (take == &Collector::member_names) key.remove_suffix(2);
        if (const auto claim = payload.find(key)) {
            (this->*take)(*claim, false);
        } else {
            path(payload, key, false, take);
        }
    }

    using Take = void (Collector::*)(const JsonValue &value, bool under_our_id);

    void path(const JsonValue &from, std::string_view rest, bool under_our_id,
              Take take) {      // NOLINT(misc-no-recursion): 32 levels at most
        if (from.is_array()) {  // RabbitMQ walks through arrays of objects
            for (const JsonValue element : from) {
                if (element.is_object()) path(element, rest, under_our_id, take);
            }
            return;
        }
        const auto member = find_part(from, take_part(rest));
        if (!member) return;
        const bool ours =
            under_our_id || (!rules_.resource_server_id.empty() && member->name() == rules_.resource_server_id);
        if (rest.empty()) {
            (this->*take)(*member, ours);
        } else {
            path(*member, rest, ours, take);
        }
    }

    void member_names(const JsonValue &value,
                      bool under_our_id) {  // NOLINT(misc-no-recursion): 32 levels at most
        for (const JsonValue member : value) {
            if (value.is_object()) {
                add(member.name(), under_our_id);
            } else {
                member_names(member, under_our_id);
            }
        }
    }

    /// The name of an alias may have spaces in it ("Domain Admins"). Else the string is a list of scopes
    /// (RFC 6749 section 3.3).
    void string(std::string_view text, bool under_our_id) {
        if (!rules_.scope_aliases.empty() && is_alias(text, under_our_id)) {
            add(text, under_our_id);
        } else {
            split(text, under_our_id);
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
        if (found_ != nullptr) found_->push_back({where_, scope, {}, is_alias(scope, under_our_id)});
        const std::size_t before = scopes_.size();
        filter(scope, under_our_id);
        if (found_ != nullptr && scopes_.size() != before) found_->back().rest = scopes_.back();
        if (!rules_.scope_aliases.empty()) aliases(scope, under_our_id);
    }

    /// A scope of the token may be the name of an alias. Under our own id the name may also have the id in
    /// front, as in RabbitMQ. The scopes of an alias are no aliases themselves, and they need the prefix.
    void aliases(std::string_view scope, bool under_our_id) {
        alias(rules_.scope_aliases.find(scope));
        if (under_our_id) alias(rules_.scope_aliases.find(with_our_id(scope)));
    }
    bool is_alias(std::string_view scope, bool under_our_id) const {
        const config::ScopeAliases &known = rules_.scope_aliases;
        return known.contains(scope) || (under_our_id && known.contains(with_our_id(scope)));
    }
    std::string with_our_id(std::string_view scope) const {
        return std::string(rules_.resource_server_id).append(1, '.').append(scope);
    }
    /// An alias counts once, however often a token names it: else a token could multiply the configured scopes.
    void alias(config::ScopeAliases::const_iterator found) {
        if (found == rules_.scope_aliases.end() || !used_aliases_.insert(&found->second).second) return;
        for (const std::string &scope : found->second) filter(scope, false);
    }

    void filter(std::string_view scope, bool under_our_id) {
        if (prefix_.empty()) {
            scopes_.push_back(scope);
        } else if (access::begins_with(scope, prefix_)) {
            cut(scope, prefix_.size());
        } else if (under_our_id) {
            cut(scope, rest_of_prefix(scope));
        }
    }

    void cut(std::string_view scope, std::size_t size) {
        scope.remove_prefix(size);
        if (size != 0 && rules_.scope_prefix_explicit && scope.starts_with('.')) scope.remove_prefix(1);
        scopes_.push_back(scope);
    }

    /// RabbitMQ puts the id and a dot in front of a value under the id. So with a longer scope_prefix,
    /// "ID.APP.", the token has only the rest of it, "APP.".
    std::size_t rest_of_prefix(std::string_view scope) const noexcept {
        std::string_view rest = prefix_;
        if (!rest.starts_with(rules_.resource_server_id)) return 0;
        rest.remove_prefix(rules_.resource_server_id.size());
        if (!rest.starts_with('.')) return 0;
        rest.remove_prefix(1);
        return scope.starts_with(rest) ? rest.size() : 0;
    }

    const config::ScopeRules &rules_;
    std::vector<std::string_view> &scopes_;
    std::vector<FoundScope> *found_;
    std::string_view prefix_;  ///< of scopes, or empty
    std::string_view where_;   ///< the source that is read
    std::set<const std::vector<std::string> *> used_aliases_;
};

Result<void> check_count(std::vector<std::string_view> &scopes) {
    if (scopes.size() <= max_scopes) return {};
    std::sort(scopes.begin(), scopes.end());  // only different ones count
    scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
    if (scopes.size() <= max_scopes) return {};
    return fail(Reason::TOO_MANY_SCOPES,
                fmt::format("the token has {} scopes, at most {} are read", scopes.size(), max_scopes));
}

}  // namespace

Result<void> collect_scopes(const JsonValue &payload, const config::ScopeRules &rules, bool routing_keys,
                            ScopeList &list, const Connection &connection) {
    list.clear();
    Collector(rules, list.scopes).all_of(payload);
    add_rich_authorizations(payload, rules, routing_keys, list);

    if (auto few = check_count(list.scopes); !few) return few;
    // Each scope becomes one scope at the most, so the count above still holds.
    expand_variables(payload, rules, connection, list);
    return {};
}

std::vector<FoundScope> find_scopes(const JsonValue &payload, const config::ScopeRules &rules) {
    std::vector<FoundScope> found;
    std::vector<std::string_view> scopes;
    Collector(rules, scopes, &found).all_of(payload);
    return found;
}

}  // namespace tokenward::claims
