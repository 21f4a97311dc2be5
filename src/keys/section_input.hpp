// What a section says about its keys, with the content of the files that it names.
#pragma once

#include "base/log.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "jose/jwk.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenward::keys {

struct SectionInput {
    std::string name;
    std::string issuer;
    std::vector<std::string> issuer_aliases;
    config::KeySource source;
    std::shared_ptr<const std::string> ca_pem;  ///< content of ca_file; NULL: none is configured
    std::optional<jose::KeySet> file_keys;      ///< content of jwks_file
};

/// Reads jwks_file and ca_file, and looks whether jwks_token_file can be read. Fails with CONFIG_* if one of them
/// can't be used.
Result<SectionInput> read_section_input(const config::Section &section, Logger &logger);

}  // namespace tokenward::keys
