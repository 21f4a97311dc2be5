// jwks_cache_file: the last good set of one section, for a broker that restarts while its provider is down.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::keys {

struct CachedKeys {
    std::string section;  ///< for people; not compared
    std::string issuer;
    std::string jwks_uri;         ///< where the set came from
    bool discovered = false;      ///< jwks_uri was found by discovery, not configured
    std::int64_t fetched_at = 0;  ///< seconds since 1970-01-01 UTC; when the provider last confirmed the set
    std::string jwks;             ///< the key set as JSON
};

/// What a cache file must agree with.
struct CacheExpectation {
    std::string issuer;
    std::string jwks_uri;  ///< as configured; empty: by discovery
    std::int64_t max_stale_s = 0;
    std::int64_t now = 0;  ///< seconds since 1970-01-01 UTC
};

/// The cached set; nothing if there is no such file. Fails (KEYS_UNAVAILABLE, with what is wrong) unless it is
/// a regular file, no symbolic link, of our effective user or root, not writable by others, of the same issuer
/// and jwks_uri, not from the future and not older than jwks_max_stale. Whoever can write this file decides who
/// gets in.
/// `root_notes` is read_trusted_file()'s.
Result<std::optional<CachedKeys>> read_cache_file(const std::string &path, const CacheExpectation &expected,
                                                  std::vector<std::string> *root_notes = nullptr);

/// Mode 0600, by temporary file, fsync and rename in the same folder: a crash leaves the old file or the new
/// one. `keys.jwks` must be valid JSON. Fails with KEYS_UNAVAILABLE and what is wrong.
Result<void> write_cache_file(const std::string &path, const CachedKeys &keys);

/// The part of read_cache_file() that doesn't touch the file system.
Result<CachedKeys> parse_cache(std::string_view text, const CacheExpectation &expected);

}  // namespace tokenward::keys
