// ca_file: what libcurl couldn't load at the first fetch is refused when the configuration is read.
#pragma once

#include "base/result.hpp"

#include <string>

namespace tokenward::keys {

/// Fails with CONFIG_INVALID_VALUE if `content` is nothing that TLS can verify a provider with. The detail says what it
/// is; in the hint FILE stands for the file's name (command_with()).
Result<void> check_ca_file(const std::string &content);

}  // namespace tokenward::keys
