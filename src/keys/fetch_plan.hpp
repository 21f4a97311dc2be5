// What the fetcher has to do for one fetch of a section's keys.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenward::keys {

struct FetchPlan {
    std::string issuer;
    std::vector<std::string> issuer_aliases;
    std::string discovery_uri;    ///< where discovery asks
    std::string jwks_uri;         ///< configured, or known from an earlier discovery; empty: none yet
    std::string etag;             ///< of the current set at that jwks_uri
    bool may_discover = false;    ///< jwks_uri isn't configured
    bool discover_first = false;  ///< before the keys are asked for
    bool demanded = false;        ///< a token waits for a key that isn't in the current set
    bool keep_connection = false;
    std::int64_t deadline_ms = 0;  ///< monotonic: the whole fetch ends by then
    std::shared_ptr<const std::string> ca_pem;
    std::optional<std::string> proxy;  ///< unset: the environment's
    std::string token_file;            ///< jwks_token_file; empty: none
    std::string token_for;             ///< the configured address, whose host alone gets the token
    std::string cache_file;            ///< jwks_cache_file; empty: none
};

}  // namespace tokenward::keys
