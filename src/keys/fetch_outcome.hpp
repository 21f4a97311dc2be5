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
    std::string document;              ///< the key set's text, if the result is ok or empty
    std::string jwks_uri;              ///< what was asked for; of a failed fetch also a discovery document
    bool discovered = false;           ///< this very fetch found jwks_uri by discovery
    /// Of a good set: a key that isn't in it isn't published. Not so if the address may have moved.
    bool evidence = true;
    std::string etag;
    std::optional<std::int64_t> lifetime_s;     ///< freshness_lifetime()
    std::optional<std::int64_t> retry_after_s;  ///< of a failed fetch
    std::string error;                          ///< of a failed fetch
    std::string hint;                           ///< what to change, of a failed fetch; may be empty

    bool is_good() const noexcept { return result == FetchResult::ok || result == FetchResult::not_modified; }
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
