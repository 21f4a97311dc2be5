// A look at a broker's configuration must not touch the broker's files.
#pragma once

#include "engine.hpp"

#include <string>

namespace tokenward::cli {

/// Settings that win over the operator's files while this program runs: no metrics_file and no jwks_cache_file,
/// since those are the broker's, and written by us they could belong to a user whose files it doesn't trust.
/// mqtt: also routing_keys = false, as the Mosquitto adapter sets it.
/// False: the configuration isn't good; engine.error() says why.
[[nodiscard]] bool quiet_overrides(Engine &engine, bool mqtt, std::string &config_json);

}  // namespace tokenward::cli
