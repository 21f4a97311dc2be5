// The keys of one issuer section: found without waiting, refreshed by a thread of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "jose/jwk.hpp"
#include "jose/jws.hpp"

namespace tokenward::keys {

using KeyRef = std::shared_ptr<const jose::Key>;

/// What an operator wants to know (ages in seconds; -1: never).
struct KeyStatus {
    std::string section, issuer, jwks_uri;
    std::vector<KeyRef> keys;
    std::int64_t age_s = -1;            ///< since the last successful fetch
    std::int64_t last_success_unix = -1;
    std::int64_t next_fetch_in_s = -1;
    std::string last_error;             ///< empty: the last fetch was good
    bool stale = false;                 ///< past jwks_max_stale, or no keys at all
};

/// Thread-safe. Lives as long as the section's issuer, jwks_uri, jwks_file and ca_file stay the same over
/// reloads (Refresher::adopt decides).
class KeyStore {
  public:
    virtual ~KeyStore() = default;

    /// Rule 4 over the current set. Where the key isn't there: waits up to max_wait_ms for a fetch that is in
    /// flight or due (64 callers at most), else KEYS_PENDING with retry_after_ms, UNKNOWN_KEY or
    /// KEYS_UNAVAILABLE, as "Keys over time" says. An unknown kid asks for a fetch within the budget.
    virtual Result<KeyRef> find(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                                std::string_view default_key, std::int64_t max_wait_ms) = 0;

    /// A cached verification under `key` still counts: the key is in the current set and the set isn't stale.
    virtual bool still_good(const jose::Key &key) const noexcept = 0;

    /// A signature under a known kid was bad: asks for a background fetch within the budget.
    virtual void report_bad_signature() noexcept = 0;

    virtual KeyStatus status() const = 0;
};

}  // namespace tokenward::keys
