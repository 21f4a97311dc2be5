// What tokenward_explain says, as values.
#pragma once

#include "backend.hpp"

#include <cstdint>
#include <string>

namespace tokenward::host {

/// Why a request is allowed or not. Members that the library left out are empty.
struct Explanation {
    std::string verdict;  ///< "allowed", "denied" or "expired"
    std::string scope;    ///< the scope that decided
    std::string nearest;  ///< else the one that came closest
    std::string why;      ///< in what the nearest miss differs
    std::string reason;   ///< a name from reasons.def
    std::string hint;
};

/// Asks the library. All members empty if it can't tell.
[[nodiscard]] Explanation explain(const Library &library, const tokenward_session *session,
                                  const tokenward_request &request);

}  // namespace tokenward::host
