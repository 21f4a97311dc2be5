#pragma once

#include "access/permission_set.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tokenward::access {

/// Every permission and tag of the set as a scope in canonical spelling, sorted.
inline std::vector<std::string> spelled_scopes(const PermissionSet &set) {
    std::vector<std::string> all;
    set.visit_scopes([&all](std::string_view scope) { all.emplace_back(scope); });
    return all;
}

}  // namespace tokenward::access
