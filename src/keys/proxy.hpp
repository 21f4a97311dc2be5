// The environment's proxy, read once: libcurl itself never looks at the environment.
#pragma once

#include <string>

namespace tokenward::keys {

struct Proxy {
    std::string url;     ///< empty: none
    std::string except;  ///< NO_PROXY: hosts it isn't for, separated by commas; "*": all
};

/// https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, the first that isn't empty; no_proxy, NO_PROXY. Only
/// create() calls it: a setenv() of the host at the same time would be a data race.
Proxy proxy_from_environment();

}  // namespace tokenward::keys
