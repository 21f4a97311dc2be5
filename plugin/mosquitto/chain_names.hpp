// Checks that in a chain no token can have a name that means something to another plugin.
#pragma once

#include <string>

namespace tokenward::mosquitto_plugin {

/// Another plugin, or acl_file, gives rights by the username, and a token's username becomes the client's: a token
/// with `sub = admin` must not be its admin. Takes the JSON of tokenward_config_check. Returns an empty text if
/// every section has a username_prefix, else one line that says which hasn't and what to do.
[[nodiscard]] std::string shared_names_problem(const std::string &config_json);

}  // namespace tokenward::mosquitto_plugin
