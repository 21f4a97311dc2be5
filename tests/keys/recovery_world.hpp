// The library as a broker loads it, and what the recovery tests ask of it.
//
// With TOKENWARD_AT_DEFAULTS=1 in the environment the library runs at its default settings and outages are
// long. Without it the recovery table has jwks_timeout = 1, and rotations and the flood jwks_min_refresh = 1 too,
// so that a test takes seconds.
#pragma once

#include "capi/loaded_library.hpp"
#include "support/test_issuer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace tokenward::recovery {

using support::MintRequest;
using support::TestIssuer;
using Endpoint = TestIssuer::Endpoint;
using Fault = TestIssuer::Fault;
using Milliseconds = std::chrono::milliseconds;
using Moment = std::chrono::steady_clock::time_point;

inline Moment now() {
    return std::chrono::steady_clock::now();
}
inline double seconds_since(Moment begin) {
    return std::chrono::duration<double>(now() - begin).count();
}

bool at_defaults();
/// Of rotations and floods, for what is printed.
inline const char *settings_name() {
    return at_defaults() ? "default settings" : "jwks_min_refresh = 1";
}

/// False if the condition doesn't come within that time.
bool wait_until(const std::function<bool()> &condition, double seconds);

/// What the library answered to a token.
struct Answer {
    std::int32_t result = TOKENWARD_ERROR;
    std::int32_t retry_after_ms = 0;
    std::string reason;

    bool yes() const noexcept { return result == TOKENWARD_OK; }
    bool try_again() const noexcept { return result == TOKENWARD_TRY_AGAIN; }
    bool final_no() const noexcept { return !yes() && !try_again(); }
};

/// A backend of the library for one issuer.
class Broker {
  public:
    /// jwks_min_refresh as the library has it by default.
    static constexpr int default_min_refresh_s = 5;

    /// \param ca_file  of all hosts that the keys may come from
    /// \param more     more members of the configuration, each with a comma in front
    Broker(const TestIssuer &issuer, const std::string &ca_file, std::uint32_t startup_wait_ms,
           const std::string &more = "");
    ~Broker();
    Broker(const Broker &) = delete;
    Broker &operator=(const Broker &) = delete;

    Answer ask(const std::string &token) const;
    /// Waits and asks again as long as the library says so.
    Answer ask_until_decided(const std::string &token) const;

    /// Members of the configuration that make a test short; empty at defaults.
    static std::string short_timeout();
    static std::string short_min_refresh();
    static int min_refresh_s() { return at_defaults() ? default_min_refresh_s : 1; }

  private:
    tokenward_backend *backend_ = nullptr;
};

/// So many generations of keys, which issuers share. Making one takes long, and a provider that does so in
/// rotate() doesn't answer meanwhile.
void make_keys(int generations);

/// ES256, which is cheap; valid for an hour.
std::string mint(const TestIssuer &issuer, MintRequest::Signer signer = MintRequest::Signer::current);

/// The budget: a burst of three fetches, then one per min_refresh; beside them the scheduled ones, one per
/// jwks_refresh_floor; at most three requests in a fetch. Looks at every span of time and gives the worst
/// excess; zero or less is within the budget.
long requests_over_budget(const TestIssuer &issuer, int min_refresh_s);
std::size_t all_requests(const TestIssuer &issuer);

}  // namespace tokenward::recovery
