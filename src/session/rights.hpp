// What a session may do, and until when.
#pragma once

#include "access/permission_set.hpp"
#include "denials/token_marks.hpp"

#include <cstdint>
#include <memory>

namespace tokenward::session {

/// ONE immutable snapshot, so that no call sees the new permissions with the old end.
struct Rights {
    std::shared_ptr<const access::PermissionSet> permissions;
    std::int64_t expires_at;  ///< seconds since 1970; INT64_MAX: never
    denials::TokenMarks marks;  ///< of the token that gave them
};

}  // namespace tokenward::session
