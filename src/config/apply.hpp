// One value of the configuration: checked and put where the table of options says.
#pragma once

#include "base/result.hpp"
#include "config/entry.hpp"
#include "config/options.hpp"

#include <string>

namespace tokenward::config {

/// Fails with CONFIG_INVALID_VALUE; the detail begins with entry.where and the key.
Result<void> apply(const Option &option, const Entry &entry, Section &section, Settings &settings);

/// What a boolean, number, list... must look like: "must be true or false".
std::string expectation(const Option &option);


}  // namespace tokenward::config
