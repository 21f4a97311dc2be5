// Why a token ends up without any scope: the commonest failure (DESIGN section 4, "Scopes").
#pragma once

#include "base/json.hpp"
#include "claims/connection.hpp"
#include "config/settings.hpp"

#include <string>

namespace tokenward::claims {

struct NoScope {
    std::string why;   ///< how many scopes were found where, the first few, and why they don't count
    std::string hint;  ///< an action with a value in it, or empty

    /// Both in one line.
    std::string text() const { return hint.empty() ? why : why + " (hint: " + hint + ')'; }
};

/// For a payload of which no scope counts. At most about 500 bytes each, printable; what is shown of the token is quoted
/// and cut, and no whole claim set stands there.
NoScope explain_no_scope(const JsonValue &payload, const config::ScopeRules &rules,
                         const Connection &connection = {});

}  // namespace tokenward::claims
