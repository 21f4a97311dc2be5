// jwks_file: a JWKS, or PEM with public keys or certificates.
#pragma once

#include "base/result.hpp"
#include "jose/jwk.hpp"

#include <string>

namespace tokenward::keys {

/// The keys in `content`, at least one. Fails with CONFIG_INVALID_VALUE; the detail says what the content is, in the
/// hint FILE stands for the file's name (command_with()).
Result<jose::KeySet> parse_key_file(const std::string &content, jose::KeySet::Notes &notes);

}  // namespace tokenward::keys
