// Variables in scopes: {vhost} and {CLAIM}, as newer versions of RabbitMQ have them; {session:username} and
// {mqtt:client_id}, which come from the connection.
#pragma once

#include "base/json.hpp"
#include "claims/connection.hpp"
#include "claims/scope_list.hpp"
#include "config/settings.hpp"

#include <string>
#include <string_view>

namespace tokenward::claims {

/// Replaces the variables in the parts of every permission scope of the list, once: a value is percent-encoded,
/// so that it is never a wildcard, a separator or another variable. A scope whose variable has no value leaves
/// the list, with a note.
///
/// With expand_variables: {CLAIM} is a claim of that name, a string of 1 to 255 bytes. {vhost} is the vhost of the
/// request. It can stand for the whole vhost part, and in the other parts. If the vhost part has wildcards, the scope moves
/// to `vhost_scopes`, where {vhost} is still a variable.
///
/// With expand_connection: {session:username} is the session's username. {mqtt:client_id} is the client's identifier
/// if the host binds it. Neither is a claim then. Since the client chooses its identifier, one that begins with '$'
/// never stands at the beginning of a name, and one with '.' or '/' never in a routing key, where both separate levels.
///
/// A scope with more than 64 variables or of more than 4096 bytes behind them leaves the list likewise, and so does
/// one with which all expanded scopes together would take more than 64 KiB.
void expand_variables(const JsonValue &payload, const config::ScopeRules &rules, const Connection &connection,
                      ScopeList &list);

/// "mqtt:client_id" or "session:username".
bool is_connection_variable(std::string_view name) noexcept;

/// Why this scope, without its prefix, leaves the list; empty if it doesn't.
std::string why_not_expanded(const JsonValue &payload, const config::ScopeRules &rules,
                             const Connection &connection, std::string_view scope);

}  // namespace tokenward::claims
