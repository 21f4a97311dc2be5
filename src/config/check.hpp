// Rules about several options at once, and what is allowed but worth a warning.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::config {

struct SectionDraft {
    Section section;
    std::string where;                                ///< where it begins
    std::map<std::string_view, std::string> origins;  ///< of each option that was set, the latest
};

/// Fills in what depends on other options (audience, scope_prefix, max_session) and appends warnings.
/// Fails: CONFIG_MISSING_KEY, CONFIG_INVALID_VALUE.
Result<void> check_and_complete(std::vector<SectionDraft> &drafts, std::vector<std::string> &warnings);

}  // namespace tokenward::config
