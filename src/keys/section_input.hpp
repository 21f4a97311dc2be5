// What a section says about its keys, with the content of the files that it names.
#pragma once

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

/// What is to be said of files that can be used.
struct FileNotes {
    std::vector<std::string> warnings;
    std::vector<std::string> debug;
    std::vector<std::string> *for_root = nullptr;  ///< read_trusted_file()'s root_notes
};

/// Reads the files that the section names, but for jwks_cache_file, which may be missing: jwks_file, ca_file, jwks_token_file. This is the
/// one place that decides whether they can be used. Fails with CONFIG_* if not; the detail says where the option was
/// set, which file it names and what is wrong with that.
Result<SectionInput> read_section_input(const config::Section &section, FileNotes &notes);

}  // namespace tokenward::keys
