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

/// `permissions`, `vhosts`: those of a set's content. Looks at every scope, one after the other, without an index.
Explanation explain(std::string_view permissions, std::string_view vhosts, bool routing_keys,
                    const Request &request);

}  // namespace tokenward::access
