// Where scopes stand in a payload, and which of them are for this broker (DESIGN section 4, "Scopes").
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "claims/connection.hpp"
#include "claims/scope_list.hpp"
#include "config/settings.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace tokenward::claims {

inline constexpr std::size_t max_scopes = 2048;

/// The scopes with their prefix cut off, from all sources, in no particular order; views that live as long as
/// the payload's document, the rules and the list, which is cleared first. `routing_keys`: what the host has.
/// `connection`: the client's, for variables.
/// Fails with TOO_MANY_SCOPES if more than max_scopes different ones are left (rule 12).
Result<void> collect_scopes(const JsonValue &payload, const config::ScopeRules &rules, bool routing_keys,
                            ScopeList &list, const Connection &connection = {});

/// One scope as it stands in a payload.
struct FoundScope {
    std::string_view where;  ///< the claim, or the option's path to it
    std::string_view text;
    /// Without the prefix; empty if it hasn't the prefix, and so doesn't count.
    std::optional<std::string_view> rest;
    bool is_alias = false;
};
/// What collect_scopes() meets, in its order, for who explains why nothing is left; `authorization_details` aren't
/// among them. Views as there.
std::vector<FoundScope> find_scopes(const JsonValue &payload, const config::ScopeRules &rules);

}  // namespace tokenward::claims
