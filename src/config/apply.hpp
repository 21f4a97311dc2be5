// Checks one value of the configuration and puts it where the table of options says.
#pragma once

#include "base/result.hpp"
#include "config/entry.hpp"
#include "config/options.hpp"

#include <string>

namespace tokenward::config {

/// Fails with CONFIG_INVALID_VALUE; the detail begins with entry.where and the key.
Result<void> apply(const Option &option, const Entry &entry, Section &section, Settings &settings);

/// How a value of this type is written: "must be true or false".
std::string expectation(const Option &option);

}  // namespace tokenward::config
