// The keys of one section: found without waiting for the network, renewed by what the fetcher brings.
#pragma once

#include "base/clock.hpp"
#include "base/epoch.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "jose/jwk.hpp"
#include "jose/jws.hpp"
#include "keys/fetch_counters.hpp"
#include "keys/fetch_outcome.hpp"
#include "keys/fetch_plan.hpp"
#include "keys/key_ref.hpp"
#include "keys/key_status.hpp"
#include "keys/key_waiters.hpp"
#include "keys/schedule.hpp"
#include "keys/section_input.hpp"
#include "keys/unknown_keys.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::keys {

/// Thread-safe. Lives on over a reload as long as issuer, jwks_uri, discovery_uri, jwks_file, jwks_file_beside and
/// ca_file stay the same.
class SectionKeys {
  public:
    /// \param random  uniform in [0, 1); jitter
    SectionKeys(const Clock &clock, std::shared_ptr<KeyWaiters> waiters, SectionInput input,
                std::function<double()> random);

    // ---- for logins, on any thread ----
    /// Rule 4 over the current set. If the key isn't there, the call waits up to max_wait_ms for a fetch that
    /// runs or begins in that time (64 callers at most). Fails with KEYS_PENDING, NEW_KEY_PENDING or
    /// KEYS_UNAVAILABLE, all with retry_after_ms, or with UNKNOWN_KEY, as "Keys over time" says. What isn't there
    /// asks for a fetch within the budget.
    Result<KeyRef> find(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                        std::string_view default_key, std::int64_t max_wait_ms);
    /// A verification with `key` that was remembered still counts: the key is in the current set, and the set
    /// isn't stale.
    bool still_good(const jose::Key &key) const noexcept;
    /// A signature under a known kid was bad: asks for a fetch in the background within the budget.
    void report_bad_signature() noexcept;
    KeyStatus status() const;

    // ---- for the fetcher ----
    /// A reload may go on with these keys: what they come from is the same.
    bool serves(const SectionInput &input) const;
    /// Takes over the other settings, and what the files hold now.
    void apply(SectionInput input);
    bool is_static() const noexcept { return is_static_; }
    bool has_keys() const;
    /// The backend no longer has this section: its waiters leave.
    void close() noexcept;

    /// The first fetch is due.
    void start();
    /// A set from the cache file, confirmed `age_s` ago.
    void restore(jose::KeySet keys, std::string jwks_uri, std::int64_t age_s);
    std::int64_t next_fetch_at() const;
    /// What to do if a fetch is due now. From then on a fetch runs, until fetch_ended().
    std::optional<FetchPlan> begin_if_due();
    /// The outcome doesn't answer the token that asked, or says nothing at all: the keys may have moved.
    bool is_fruitless(const FetchPlan &plan, const FetchOutcome &outcome) const;
    /// If it throws, nothing has changed and the fetch still runs. It doesn't throw for a failed fetch.
    FetchEffect fetch_ended(FetchOutcome outcome);

  private:
    /// What logins see: the set and its age as ONE immutable value. A login between the two would find fresh
    /// keys too old.
    struct Published {
        jose::KeySet keys;         ///< fetched; of a static set: those of jwks_file
        jose::KeySet file_keys;    ///< with jwks_file_beside
        jose::KeySet all;          ///< both
        bool any = false;          ///< there was a set once
        std::int64_t good_at = 0;  ///< monotonic: when the set was last confirmed
        std::int64_t max_stale_ms = 0;
        bool is_static = false;

        bool is_stale(std::int64_t now) const noexcept;
        /// Those that count now: keys that are too old don't, those of a file do.
        const jose::KeySet &good(std::int64_t now) const noexcept {
            return any && !is_stale(now) ? all : file_keys;
        }
        void put_together() { all = keys.with(file_keys); }
        void set_file_keys(const std::optional<jose::KeySet> &now);
    };
    struct Lookup {
        Result<KeyRef> key;
        bool may_come = false;  ///< a newer set may have it
        bool no_keys = false;   ///< there are none, or they are too old
    };

    static std::unique_ptr<const Published> first_published(const SectionInput &input);
    Lookup look_up(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                   std::string_view default_key) const;
    // The caller of each holds the lock.
    Result<KeyRef> try_again(Lookup found, std::int64_t now);
    std::string asked_url() const;
    /// `has_kid`: the token has one; else default_key was looked for.
    void tell_kids(bool has_kid, Failure &failure) const;
    FetchEffect set_came(FetchOutcome &&outcome, std::int64_t now);
    FetchEffect set_confirmed(FetchOutcome &&outcome, std::int64_t now);
    void fetch_failed(FetchOutcome &&outcome, std::int64_t now) noexcept;
    void remember_address(FetchOutcome &outcome, std::int64_t now);
    void publish_good(std::unique_ptr<Published> next, std::int64_t now);
    void publish(std::unique_ptr<const Published> next) noexcept;

    const Clock &clock_;
    const std::shared_ptr<KeyWaiters> waiters_;
    const bool is_static_;

    mutable EpochDomain readers_;
    Snapshot<Published> published_;

    const std::string issuer_;

    // Guarded by waiters_->mutex.
    std::string name_;  ///< of the first section that has these keys
    std::vector<std::string> issuer_aliases_;
    config::KeySource source_;
    std::shared_ptr<const std::string> ca_pem_;
    Schedule schedule_;
    UnknownKeys unknown_;
    std::string jwks_uri_;  ///< where keys come from; empty: not discovered yet
    std::int64_t discovered_at_;
    bool began_with_discovery_ = false;
    /// The last fetch used up its time at one of the two addresses: the next one begins at the other.
    bool timed_out_ = false;
    std::string etag_;
    std::string last_error_;
    std::string last_hint_;  ///< what to change; may be empty
    std::int64_t last_success_unix_ = -1;
    std::int64_t began_at_ = 0;
    std::uint64_t fetches_ended_ = 0;
    FetchCounters counters_;
    bool closed_ = false;
};

}  // namespace tokenward::keys
