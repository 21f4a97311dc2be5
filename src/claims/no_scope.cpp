#include "claims/no_scope.hpp"

#include "access/scope.hpp"
#include "base/text.hpp"
#include "claims/scope_sources.hpp"
#include "claims/scope_variables.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

constexpr std::size_t max_shown = 3;

/// Where a scope's verb begins: behind the last separator before a known verb and a colon; npos if there is none.
std::size_t verb_of(std::string_view text) {
    const std::string lower = to_lower(text);
    std::size_t first = std::string_view::npos;
    for (const std::string_view verb : {"configure:", "read:", "write:", "tag:"}) {
        for (std::size_t at = lower.find(verb); at != std::string::npos; at = lower.find(verb, at + 1)) {
            if (at == 0 || std::string_view(".:/_-").find(lower[at - 1]) != std::string_view::npos) {
                first = std::min(first, at);
                break;
            }
        }
    }
    return first;
}

/// OpenID Connect Core sections 5.4 and 11: nearly every token has them, so they must never be advised as an alias.
bool is_of_every_provider(std::string_view scope) {
    constexpr std::array<std::string_view, 6> names = {"openid",  "profile", "email",
                                                       "address", "phone",   "offline_access"};
    return std::ranges::find(names, scope) != names.end();
}

/// Why one scope doesn't count. `hint` is set if it is empty so far.
std::string why_not(const JsonValue &payload, const FoundScope &scope, const config::ScopeRules &rules,
                    const Connection &connection, std::string &hint) {
    const auto set_hint = [&hint](std::string_view text, std::string_view value, std::string_view behind = {}) {
        if (const std::string good = copyable(value); hint.empty() && !good.empty())
            hint = std::string(text).append(good).append(behind);
    };
    const std::string prefix = rules.scope_prefix.value_or("");
    if (scope.rest) {
        const access::ScopeFlaw flaw = access::flaw_of(*scope.rest);
        if (flaw.why.empty()) {
            const std::string problem = why_not_expanded(payload, rules, connection, *scope.rest);
            return problem.empty() ? "grants nothing here" : "grants nothing: " + problem;
        }
        if (!flaw.likely.empty()) {
            const std::size_t cut = scope.text.size() - scope.rest->size();
            set_hint("write ", std::string(scope.text.substr(0, cut)) + flaw.likely);
        }
        return flaw.why;
    }
    if (scope.is_alias) {
        set_hint("begin each scope of the alias with ", prefix);
        return "is an alias, and its scopes lack the prefix " + quote(prefix);
    }
    const std::size_t verb = verb_of(scope.text);
    if (verb == std::string_view::npos) {
        if (to_lower(scope.text).starts_with(to_lower(prefix))) {
            set_hint("scope_prefix = ", scope.text.substr(0, prefix.size()));
            return "differs in case from the prefix " + quote(prefix);
        }
        if (!is_of_every_provider(scope.text))
            set_hint("give it a meaning: scope_aliases.",
                     std::string(scope.text) + " = " + prefix + "read:VHOST/NAME");
        return "has not the prefix " + quote(prefix) + ", and is no alias";
    }
    const std::string_view own = scope.text.substr(0, verb);
    if (own.empty()) {
        set_hint("write ", prefix + std::string(scope.text),
                 " at the provider, or set scope_prefix to nothing: scope_prefix =");
        return "has no prefix, needed is " + quote(prefix);
    }
    set_hint("scope_prefix = ", own);
    if (to_lower(own) == to_lower(prefix)) return "differs in case from the prefix " + quote(prefix);
    return "has the prefix " + quote(own) + ", needed is " + quote(prefix);
}

constexpr std::array<std::string_view, 12> names_of_scopes = {
    "scp",         "scopes",     "roles",       "role",         "group",          "groups",
    "permissions", "permission", "authorities", "entitlements", "cognito:groups", "realm_access"};

bool has_scope_name(std::string_view name) {
    const std::string lower = to_lower(name);
    return std::ranges::find(names_of_scopes, lower) != names_of_scopes.end() ||
           lower.find("roles") != std::string::npos || lower.find("scopes") != std::string::npos;
}

/// The first text in a claim, or the first member name of an object.
std::string_view first_text(const JsonValue &claim) noexcept {
    if (claim.is_string()) return claim.text();
    for (const JsonValue one : claim) {
        if (claim.is_object()) return one.name();
        if (one.is_string()) return one.text();
    }
    return {};
}

bool is_read(std::string_view name, const config::ScopeRules &rules) {
    if (name == "scope" || name == "authorization" || name == "authorization_details") return true;
    return std::ranges::any_of(rules.additional_scopes_keys, [&](std::string_view key) {
        if (key.ends_with("{}")) key.remove_suffix(2);
        return key == name || key.substr(0, key.find('.')) == name;
    });
}

/// Claims that look like scopes and aren't read.
void add_unread(const JsonValue &payload, const config::ScopeRules &rules, NoScope &out) {
    if (const auto access = payload.find("resource_access");
        access && access->is_object() && !rules.resource_server_id.empty()) {
        const auto ours = access->find(rules.resource_server_id);
        if (ours && !rules.resource_access && !is_read("resource_access", rules)) {
            out.why += "; resource_access isn't read";
            if (out.hint.empty()) out.hint = "resource_access = true, to read the roles of this broker there";
        } else if (!ours && rules.resource_access) {
            for (const JsonValue other : *access) {
                out.why += fmt::format("; resource_access has {}, not {}", quote(other.name()),
                                       quote(rules.resource_server_id));
                if (const std::string good = copyable(other.name()); out.hint.empty() && !good.empty())
                    out.hint = "resource_server_id = " + good + ", or give the client a role of " +
                               copyable(rules.resource_server_id);
                break;
            }
        }
    }
    std::size_t shown = 0;
    for (const JsonValue claim : payload) {
        const std::string_view name = claim.name();
        if (is_read(name, rules) || name == "resource_access") continue;
        const std::string_view text = first_text(claim);
        if (text.empty() || !(has_scope_name(name) || verb_of(text) != std::string_view::npos)) continue;
        if (shown++ == max_shown) break;
        out.why += fmt::format("; {} looks like scopes and isn't read: {}", quote(name), quote(text));
        std::string path = copyable(name);
        if (path.empty() || !out.hint.empty()) continue;
        if (claim.is_object()) {
            // Keycloak's realm_access holds a list; Zitadel's roles are the member names themselves.
            const auto inner = claim.find(text);
            path += inner && inner->is_array() ? "." + copyable(text) : "{}";
        }
        out.hint = "additional_scopes_keys = " + path;
    }
}

std::string sources(const config::ScopeRules &rules) {
    std::string list = "scope";
    if (rules.resource_access && !rules.resource_server_id.empty())
        list += ", resource_access." + rules.resource_server_id + ".roles";
    for (std::size_t i = 0; i < std::min(rules.additional_scopes_keys.size(), max_shown); ++i)
        list += ", " + rules.additional_scopes_keys[i];
    return list;
}

}  // namespace

NoScope explain_no_scope(const JsonValue &payload, const config::ScopeRules &rules,
                         const Connection &connection) {
    NoScope out;
    const std::vector<FoundScope> found = find_scopes(payload, rules);
    if (found.empty()) {
        out.why = "no scope counts: none was found in " + quote(sources(rules), 128);
        add_unread(payload, rules, out);
        return out;
    }
    std::vector<std::string_view> claims;
    for (const FoundScope &scope : found) {
        if (std::ranges::find(claims, scope.where) == claims.end() && claims.size() < max_shown)
            claims.push_back(scope.where);
    }
    out.why = fmt::format("no scope counts: {} found in ", found.size());
    for (std::size_t i = 0; i < claims.size(); ++i) out.why += (i == 0 ? "" : ", ") + quote(claims[i]);
    out.why += "; ";
    for (std::size_t i = 0; i < std::min(found.size(), max_shown); ++i)
        out.why += fmt::format("{}{} {}", i == 0 ? "" : ", ", quote(found[i].text),
                               why_not(payload, found[i], rules, connection, out.hint));
    if (found.size() > max_shown) out.why += fmt::format(", and {} more", found.size() - max_shown);
    add_unread(payload, rules, out);
    return out;
}

}  // namespace tokenward::claims
