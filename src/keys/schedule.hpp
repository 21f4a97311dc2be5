// When to fetch one section's keys, and what to tell a token whose key isn't there: the rules of "Keys over
// time", each in one place.
//
// A state machine. It has no clock, no I/O and no threads: the caller says what time it is, and makes one call
// at a time. Random numbers come from a function. All times are milliseconds of a monotonic clock.
//
// Three reasons make a fetch due, each by a rule of its own:
//   refresh   by time, ahead of the end of the set's lifetime
//   retry     by time after a failure: the back-off
//   demand    a token needs a key that isn't there: the budget
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

namespace tokenward::keys {

/// What the operator may set.
struct ScheduleLimits {
    std::int64_t cache_ttl_ms = 3'600'000;   ///< lifetime of a set whose response has no positive max-age
    std::int64_t floor_ms = 10'000;          ///< no refresh sooner after the last fetch
    std::int64_t ceiling_ms = 86'400'000;    ///< no refresh later
    std::int64_t min_refresh_ms = 5'000;     ///< the budget of fetches on demand gets one back per this
    std::int64_t max_stale_ms = 86'400'000;  ///< how long the last good set stays
};

class Schedule {
  public:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    /// So many fetches on demand may follow one another at once.
    static constexpr std::int64_t burst = 3;
    static constexpr std::int64_t first_retry_ms = 1'000;
    /// The longest pause between two tries while clients ask, and while nobody does.
    static constexpr std::int64_t longest_retry_if_asked_ms = 4'000;
    static constexpr std::int64_t longest_retry_ms = 300'000;
    /// A reload makes a refresh due. Two reloads in a row make one.
    static constexpr std::int64_t after_reload_ms = 1'000;

    /// \param random  uniform in [0, 1); jitter
    Schedule(ScheduleLimits limits, std::function<double()> random);

    // ---- what happens ----
    /// The first fetch is due at once.
    void start(std::int64_t now);
    /// A reload: what the provider withdrew stops now.
    void reload(ScheduleLimits limits, std::int64_t now);
    /// Keys are there before the first fetch: from the cache file.
    void restored() { has_keys_ = true; }
    /// The due fetch is on its way.
    void began(std::int64_t now);
    /// A good set came, or 304. `lifetime_s`: freshness_lifetime(). `evidence`: a key that isn't in the set isn't
    /// published.
    void fetched(std::int64_t now, std::optional<std::int64_t> lifetime_s, bool evidence);
    /// No good set came. `retry_after_s`: the provider says when to come back (RFC 9110 section 10.2.3).
    void failed(std::int64_t now, std::optional<std::int64_t> retry_after_s);
    /// A well-formed set without any key came, while the current one has some or there is none. True if it is
    /// the second in a row, min_refresh apart: then the current set is to be emptied (emergency revocation).
    [[nodiscard]] bool came_empty(std::int64_t now);

    /// What to do with a token whose key isn't in the set.
    enum class Answer : std::uint8_t {
        wait,   ///< a fetch that may bring it runs or will come: wait or try again
        refuse  ///< a fetch that began after it was first asked for came back without it, just now
    };
    struct Reply {
        Answer answer = Answer::refuse;
        bool look_again = false;  ///< next_fetch_at() came closer: wake the thread
    };
    /// \param first_asked  fetches_begun() when the key was first asked for
    Reply unknown_key(std::uint64_t first_asked, std::int64_t now);
    /// A token finds no keys, or only ones that are too old; or a known key didn't verify: the provider may have
    /// reused its kid. True as Reply::look_again.
    bool demand(std::int64_t now);

    // ---- what follows ----
    /// `never` while a fetch runs.
    std::int64_t next_fetch_at() const noexcept;
    /// A fetch that runs began by then, or the next one will.
    bool fetches_by(std::int64_t at) const noexcept { return in_flight_ || next_fetch_at() <= at; }
    /// The running fetch, or the next one, has a token that waits for it.
    bool is_demanded() const noexcept { return in_flight_ ? demanded_ : demanded_at_ != never; }
    /// Refreshes are so close that the connection is worth keeping.
    bool keeps_connection() const noexcept { return refresh_delay_ <= longest_idle_connection_ms; }
    std::uint64_t fetches_begun() const noexcept { return begun_; }
    /// The number of the last fetch that was evidence, if it says nothing any more about what is missing from
    /// its set: a key may have been published since. Else 0.
    std::uint64_t outdated(std::int64_t now) const noexcept;
    bool in_flight() const noexcept { return in_flight_; }
    /// There is a set, be it the emptied one.
    bool has_keys() const noexcept { return has_keys_; }
    /// After how long a caller who was told to try again should: 20 to 1000 ms, jittered.
    std::int32_t retry_delay(std::int64_t now);

    /// The last good set no longer counts. `good_at`: when it was last confirmed.
    static bool stale(std::int64_t good_at, std::int64_t max_stale_ms, std::int64_t now) noexcept {
        return now - good_at > max_stale_ms;
    }

  private:
    static constexpr std::int64_t long_ago = std::numeric_limits<std::int64_t>::min() / 4;
    static constexpr std::int64_t longest_idle_connection_ms = 60'000;

    void ended(std::int64_t now);
    std::int64_t longest_refresh_ms() const noexcept {
        return std::min(limits_.ceiling_ms, limits_.max_stale_ms / 2);
    }
    std::int64_t next_refresh(std::optional<std::int64_t> lifetime_s);
    std::int64_t budget_allows_at(std::int64_t now) const noexcept;
    std::int64_t demand_allowed_at(std::int64_t now) const noexcept;
    double between(double low, double high) { return low + (high - low) * random_(); }

    ScheduleLimits limits_;
    std::function<double()> random_;

    bool in_flight_ = false;
    bool has_keys_ = false;
    bool demanded_ = false;                ///< the running fetch has a token that waits for it
    bool reloaded_ = false;                ///< while a fetch ran, which began before
    std::int64_t due_ = never;             ///< by time: refresh or retry
    std::int64_t demanded_at_ = never;     ///< by a token
    std::uint64_t begun_ = 0;              ///< fetches; the last one has this number
    std::uint64_t evidence_ = 0;           ///< the number of the last fetch that was evidence
    std::int64_t evidence_at_ = long_ago;  ///< when it ended
    std::int64_t began_at_ = long_ago;
    std::int64_t ended_at_ = long_ago;        ///< the last attempt, good or bad
    std::int64_t usual_duration_ = 100;       ///< of a good fetch: what a waiting caller has to expect
    std::int64_t refresh_delay_ = never;      ///< the last one
    std::int64_t budget_full_at_ = long_ago;  ///< when `burst` fetches on demand are allowed again
    std::int64_t retry_if_asked_at_ = never;  ///< `never` after a success, or where Retry-After forbids it
    std::int64_t failures_ = 0;               ///< in a row
    std::int64_t empty_at_ = never;           ///< the first empty set in a row
};

}  // namespace tokenward::keys
