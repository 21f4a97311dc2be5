// The usernames that the configuration gives, for a chain in which others decide by them, too.
#pragma once

#include <string>
#include <vector>

namespace tokenward::mosquitto_plugin {

struct ChainNames {
    std::vector<std::string> prefixes;  ///< every username_prefix
    std::string without_prefix;         ///< the sections that have none: "[oauth], [oauth.b]"; empty: none
};

/// config_json: as tokenward_config_check gives it.
[[nodiscard]] ChainNames read_chain_names(const std::string &config_json);

}  // namespace tokenward::mosquitto_plugin
