// {vhost} and {CLAIM} in scopes, as newer versions of RabbitMQ have them.
#pragma once

#include "base/json.hpp"
#include "claims/scope_list.hpp"

namespace tokenward::claims {

/// Replaces the variables in the parts of every permission scope of the list, once: a value is percent-encoded,
/// so that it is never a wildcard, a separator or another variable. A scope whose variable has no value leaves
/// the list, with a note.
///
/// {CLAIM} is a claim of that name, a string of 1 to 255 bytes. {vhost} is the vhost of the request; it can
/// stand for the whole vhost part, and elsewhere if the vhost part has no wildcard.
///
/// A scope with more than 64 variables or of more than 4096 bytes behind them leaves the list likewise, and so does
/// one with which all expanded scopes together would take more than 64 KiB.
void expand_variables(const JsonValue &payload, ScopeList &list);

}  // namespace tokenward::claims
