// A configuration with the content of the files that it names, before it is in use.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "denials/denied_list.hpp"
#include "introspection/provider_input.hpp"
#include "keys/section_input.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

struct ConfigurationInput {
    config::Settings settings;                 ///< warnings and notes tell of the files too
    std::vector<keys::SectionInput> sections;  ///< of each of settings.sections
    /// Of each likewise; nothing: its provider is asked about no token.
    std::vector<std::optional<introspection::ProviderInput>> asked;
    /// Of each likewise; nothing: its provider is asked for no token.
    std::vector<std::optional<introspection::ProviderInput>> exchanges;
    denials::DeniedList denied;
    std::vector<std::string> debug;            ///< lines for the log
};

/// What create, reload and config_check have in common: none of them approves what another one refuses. `for_root`: root
/// checks the files of the broker's user, and settings.notes say whose they are. Fails with CONFIG_*, CRYPTO_*.
Result<ConfigurationInput> read_configuration(std::span<const std::string> files, std::string_view json,
                                              bool for_root);

/// For config_check: warns of jwks_cache_file and metrics_file where create would start, and log it.
void warn_of_written_files(ConfigurationInput &input, const Clock &clock);

}  // namespace tokenward::session
