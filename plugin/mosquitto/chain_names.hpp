// Checks that in a chain no token can have a name that means something to another plugin.
#pragma once

#include <string>

namespace tokenward::mosquitto_plugin {

/// Another plugin, or acl_file, gives rights by the username, and a token's username becomes the client's: a token
/// with `sub = admin` must not be its admin. Takes the JSON of tokenward_config_check. Returns an empty text if
/// every section has a username_prefix, else a list of those that haven't: "[oauth], [oauth.b]".
[[nodiscard]] std::string sections_without_prefix(const std::string &config_json);

}  // namespace tokenward::mosquitto_plugin
