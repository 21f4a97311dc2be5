// The KeyStore of one section: the set that readers see, and the state that the refresher moves on.
#pragma once

#include "base/clock.hpp"
#include "base/epoch.hpp"
#include "keys/key_store.hpp"
#include "keys/schedule.hpp"
#include "keys/wait_room.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tokenward::keys {

/// What a section needs from outside itself, as adopt() read it.
struct SectionInput {
    config::Section section;
    std::shared_ptr<const std::string> ca_pem;  ///< content of ca_file; NULL: none configured
    std::optional<jose::KeySet> static_set;     ///< content of jwks_file
};

/// What the refresher has to do for a fetch.
struct FetchPlan {
    std::string issuer;
    std::string jwks_uri;  ///< configured or known from an earlier discovery; empty: none yet
    std::string etag;      ///< of the current set at that jwks_uri
    bool discover = false;
    std::shared_ptr<const std::string> ca_pem;
    std::optional<std::string> proxy;  ///< unset: the environment's
};

class Store final : public KeyStore {
  public:
    Store(const Clock &clock, std::shared_ptr<WaitRoom> room, SectionInput input,
          std::function<double()> random);

    // ---- callers, any thread ----
    Result<KeyRef> find(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                        std::string_view default_key, std::int64_t max_wait_ms) override;
    bool still_good(const jose::Key &key) const noexcept override;
    void report_bad_signature() noexcept override;
    KeyStatus status() const override;

    // ---- the refresher ----
    /// A reload may go on with this store: name, issuer, jwks_uri, jwks_file and ca_file are the same.
    bool serves(const config::Section &section) const;
    /// Takes over the other settings, and what the files hold now.
    void apply(SectionInput input);
    config::Section section() const;
    bool is_static() const noexcept { return is_static_; }
    bool has_keys() const;
    /// No longer one of the backend's stores: its waiters leave.
    void close() noexcept;

    /// The first fetch is due.
    void start();
    /// A set from the cache file, confirmed `age_s` ago.
    void restore(jose::KeySet keys, std::string jwks_uri, std::int64_t age_s);
    std::int64_t next_fetch_at() const;
    /// What to do if a fetch is due now; from then on it counts as running until one of the next four.
    std::optional<FetchPlan> begin_if_due();

    struct Fetched {
        std::string jwks_uri;
        std::string etag;
        std::optional<std::int64_t> lifetime_s;
        bool discovered_now = false;
    };
    /// A usable set came, or a well-formed empty one. True if the current set changed.
    bool fetched(jose::KeySet keys, const Fetched &from);
    /// 304. False if there is no set that it could confirm.
    bool not_modified(const Fetched &from);
    void failed(FetchResult result, std::string error, bool reached);

  private:
    /// What readers see; immutable.
    struct Set {
        jose::KeySet keys;
        bool any = false;  ///< there was a set once
    };
    struct Lookup {
        Result<KeyRef> key;
        bool may_come = false;  ///< a newer set may have it
    };

    Lookup look_up(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                   std::string_view default_key) const;
    bool is_stale(std::int64_t now) const noexcept;
    Result<KeyRef> pending(std::int64_t now);
    void publish(jose::KeySet keys);
    void learn(const Fetched &from);
    void confirm();
    void count(FetchResult result);
    void end_fetch();

    const Clock &clock_;
    const std::shared_ptr<WaitRoom> room_;
    const bool is_static_;

    mutable EpochDomain readers_;
    Snapshot<Set> set_;
    std::atomic<std::int64_t> good_at_;  ///< monotonic: when the set was last confirmed
    std::atomic<std::int64_t> max_stale_ms_;

    // Guarded by room_->mutex.
    config::Section section_;
    std::shared_ptr<const std::string> ca_pem_;
    Schedule schedule_;
    std::string jwks_uri_;  ///< where keys come from; empty: not discovered yet
    std::int64_t discovered_at_;
    bool discover_ = true;  ///< before the next fetch: never done, or the last fetch failed
    std::string etag_;
    std::string last_error_;
    std::int64_t last_success_unix_ = -1;
    std::int64_t began_at_ = 0;
    std::uint64_t fetches_ended_ = 0;
    FetchCounters counters_;
    bool closed_ = false;
};

}  // namespace tokenward::keys
