// Why a request is allowed or denied, in plain words.
#pragma once

#include "access/request.hpp"

#include <string>
#include <string_view>

namespace tokenward::access {

struct Explanation {
    bool allowed = false;
    std::string scope;    ///< the scope that grants the request, in canonical spelling; empty if denied
    std::string nearest;  ///< if denied: the scope that came nearest, if there is any
    std::string why;      ///< if denied: what the nearest scope lacks ("the resource doesn't match" ...)
};

/// `permissions`: a set in its compiled form. Looks at every scope, one after the other, without an index.
Explanation explain(std::string_view permissions, bool routing_keys, const Request &request);

}  // namespace tokenward::access
