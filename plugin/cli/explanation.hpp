// What tokenward_explain answers, as a struct.
#pragma once

#include "tokenward.hpp"

#include <string>

namespace tokenward::cli {

/// Why a request is allowed or not. A member that the library left out is empty.
struct Explanation {
    std::string verdict;  ///< "allowed", "denied" or "expired"
    std::string scope;    ///< the scope that decided
    std::string nearest;  ///< if none decided: the scope that came closest
    std::string why;      ///< how the nearest scope differs from the request
    std::string reason;   ///< a name from reasons.def
    std::string hint;
};

/// Asks the library. Every member is empty if the library can't tell.
[[nodiscard]] Explanation explain(const host::Session &session, const tokenward_request &request);

}  // namespace tokenward::cli
