// Rich Authorization Requests (RFC 9396) in the shape that RabbitMQ gave them.
#pragma once

#include "base/json.hpp"
#include "claims/scope_list.hpp"
#include "config/settings.hpp"

namespace tokenward::claims {

/// Adds the scopes that authorization_details stand for: an array of objects, or one object, each
///
///     {"type": resource_server_type, "locations": "cluster:ID/vhost:V/queue:Q/routing-key:K" or an array of
///      such, "actions": "read" or an array of read, write, configure and tags}
///
/// A location counts if its cluster, a pattern, matches resource_server_id. An attribute that it doesn't name is
/// `*`. An entry of another type belongs to another API and is skipped. A malformed entry of our type grants
/// nothing and leaves a note. Nothing is read unless resource_server_type is set. `routing_keys` false: a
/// location without a routing key gives two parts.
void add_rich_authorizations(const JsonValue &payload, const config::ScopeRules &rules, bool routing_keys,
                             ScopeList &list);

}  // namespace tokenward::claims
