// The keys of one issuer section: found without waiting, refreshed by a thread of their own.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "jose/jwk.hpp"
#include "jose/jws.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::keys {

using KeyRef = std::shared_ptr<const jose::Key>;

/// How a fetch ended: a closed set, fit for a metric's label.
enum class FetchResult : std::uint8_t {
    ok,             ///< a good set
    not_modified,   ///< 304: the one we have is the current one
    empty,          ///< a well-formed set without keys
    bad_document,   ///< not a discovery document or key set, the wrong issuer, or no usable key
    http_status,    ///< neither 200 nor 304
    too_large,      ///< a body past the bound
    timeout,        ///< no whole response in time
    tls_error,      ///< the handshake, or the certificate
    network_error,  ///< name look-up, connection, protocol
};
inline constexpr std::size_t fetch_result_count = 9;
/// "ok", "bad_document" ...; static.
std::string_view fetch_result_name(FetchResult result) noexcept;

/// Fetches of one section since it began: one fetch is the key set, with the discovery before it if there was
/// one.
struct FetchCounters {
    /// Upper bounds of the latency buckets in seconds, as Prometheus' `le`; one more bucket is +Inf.
    static constexpr std::array<double, 8> latency_bounds_s{0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0};

    std::array<std::uint64_t, fetch_result_count> by_result{};                 ///< index: FetchResult
    std::array<std::uint64_t, latency_bounds_s.size() + 1> latency_buckets{};  ///< not cumulative
    std::uint64_t latency_sum_ms = 0;
};

/// What an operator wants to know (ages in seconds; -1: never).
struct KeyStatus {
    std::string section, issuer, jwks_uri;
    std::vector<KeyRef> keys;
    std::int64_t age_s = -1;  ///< since the last successful fetch
    std::int64_t last_success_unix = -1;
    std::int64_t next_fetch_in_s = -1;
    std::string last_error;   ///< empty: the last fetch was good
    bool stale = false;       ///< past jwks_max_stale, or no keys at all
    bool static_set = false;  ///< jwks_file: no network, no ages that matter
    FetchCounters fetches;
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
