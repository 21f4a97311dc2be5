// The broker's configuration, used without writing the broker's files.
#pragma once

#include "host.hpp"

#include <string>

namespace tokenward::cli {

/// Settings that win over the operator's files while this program runs: no metrics_file and no jwks_cache_file.
/// The broker writes those. Written by this program they would belong to its user, whom the broker may not
/// trust. mqtt: also routing_keys = false, as the Mosquitto plugin sets it. On false, host.error() says what is
/// wrong with the configuration.
[[nodiscard]] bool read_only_overrides(Host &host, bool mqtt, std::string &config_json);

}  // namespace tokenward::cli
