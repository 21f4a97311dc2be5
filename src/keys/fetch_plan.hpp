// What the fetcher has to do for one fetch of a section's keys.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace tokenward::keys {

struct FetchPlan {
    std::string issuer;
    std::string jwks_uri;  ///< configured, or known from an earlier discovery; empty: none yet
    std::string etag;      ///< of the current set at that jwks_uri
    bool discover = false;
    std::shared_ptr<const std::string> ca_pem;
    std::optional<std::string> proxy;  ///< unset: the environment's
    std::string token_file;            ///< jwks_token_file; empty: none
    std::string token_for;             ///< the configured address, whose host alone gets the token
};

}  // namespace tokenward::keys
