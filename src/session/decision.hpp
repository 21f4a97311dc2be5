// The answers to a question about rights: the results of tokenward_authorize.
#pragma once

#include <cstdint>

namespace tokenward::session {

enum class Decision : std::int32_t { allowed = 0, denied = 5, expired = 6 };

}  // namespace tokenward::session
