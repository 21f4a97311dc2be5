// Where scopes stand in a payload, and which of them are for this broker (DESIGN section 4, "Scopes").
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

#include <string_view>
#include <vector>

namespace tokenward::claims {

inline constexpr std::size_t max_scopes = 2048;

/// The scopes with their prefix cut off, from all sources, in no particular order; views into the payload's
/// document. `scopes` is cleared first and may keep its memory between calls.
/// Fails with TOO_MANY_SCOPES if more than max_scopes different ones are left (rule 12).
Result<void> collect_scopes(const JsonValue &payload, const config::Section &section,
                            std::vector<std::string_view> &scopes);

}  // namespace tokenward::claims
