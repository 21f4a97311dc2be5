// Rules about several options together, and warnings about settings that are allowed but risky.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <string>
#include <vector>

namespace tokenward::config {

struct SectionDraft {
    Section section;
    std::string where;  ///< the section's first line, for messages
    Origins origins;
};

/// Sets the defaults that depend on other options (audience, scope_prefix, max_session) or, with `kubernetes`, on
/// the files in `pod_folder`. Appends warnings. Fails: CONFIG_MISSING_KEY, CONFIG_INVALID_VALUE, and as
/// read_trusted_file() does, which also gets `root_notes`.
Result<void> check_and_complete(std::vector<SectionDraft> &drafts, const std::string &pod_folder,
                                std::vector<std::string> &warnings, std::vector<std::string> *root_notes);

}  // namespace tokenward::config
