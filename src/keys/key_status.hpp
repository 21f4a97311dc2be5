// What an operator wants to know about a section's keys.
#pragma once

#include "keys/fetch_counters.hpp"
#include "keys/key_ref.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tokenward::keys {

/// Times are in seconds; -1: never.
struct KeyStatus {
    std::string section, issuer, jwks_uri;
    std::vector<KeyRef> keys;
    std::int64_t age_s = -1;  ///< since the last successful fetch
    std::int64_t last_success_unix = -1;
    std::int64_t next_fetch_in_s = -1;
    std::string last_error;   ///< empty: the last fetch was good
    bool stale = false;       ///< older than jwks_max_stale, or there are no keys at all
    bool static_set = false;  ///< from jwks_file: never fetched, never stale
    FetchCounters fetches;
};

}  // namespace tokenward::keys
