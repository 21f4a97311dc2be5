// The exit codes. Scripts rely on them: they stay as they are for all of 1.x.
#pragma once

#include "tokenward.h"

#include <cstdint>

namespace tokenward::cli {

enum ExitCode : int {
    exit_yes = 0,      ///< accepted, and every question allowed
    exit_no = 1,       ///< refused or denied
    exit_usage = 2,    ///< usage, configuration, or the library itself
    exit_no_keys = 3,  ///< the provider's keys are missing, perhaps only for now
};

/// The exit code for a result of authenticate.
[[nodiscard]] ExitCode exit_code_of(std::int32_t result);

}  // namespace tokenward::cli
