// What one fetch brought: the fetcher hands it to the section's keys.
#pragma once

#include "jose/jwk.hpp"
#include "keys/fetch_result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace tokenward::keys {

struct FetchOutcome {
    FetchResult result = FetchResult::network_error;
    std::optional<jose::KeySet> keys;  ///< if the result is ok or empty
    std::string jwks_uri;              ///< where the key set was asked for
    bool discovered = false;           ///< this very fetch found jwks_uri by discovery
    std::string etag;
    std::optional<std::int64_t> lifetime_s;  ///< freshness_lifetime()
    std::string error;                       ///< of a failed fetch
    bool reached = false;                    ///< of a failed fetch: the provider may have had work with it
};

/// What a section's keys made of an outcome.
enum class FetchEffect : std::uint8_t {
    failed,      ///< no good set came; the keys that are there stay
    unchanged,   ///< the provider stands by the set that is there
    changed,     ///< another set
    empty_once,  ///< an empty set came; it is believed if it comes again
    emptied,     ///< an empty set came again: no key is left
};

}  // namespace tokenward::keys
