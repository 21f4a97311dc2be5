// When to fetch one section's keys, and what to tell a token whose key isn't there: the rules of "Keys over
// time", each in one place.
//
// A state machine. It has no clock, no I/O and no threads: the caller says what time it is, and makes one call
// at a time. Random numbers come from a function. All times are milliseconds of a monotonic clock.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

namespace tokenward::keys {

/// What the operator may set.
struct ScheduleLimits {
    std::int64_t cache_ttl_ms = 3'600'000;   ///< lifetime of a set whose response names none; 0: min_refresh
    std::int64_t min_refresh_ms = 10'000;    ///< no two fetches closer than this; at least 1 s
    std::int64_t max_stale_ms = 86'400'000;  ///< how long the last good set stays
};

class Schedule {
  public:
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    /// A response may not put the next fetch off for longer: an absurd max-age would hide a rotation.
    static constexpr std::int64_t longest_lifetime_ms = 86'400'000;
    /// Fetches on demand that bring nothing new double their window up to this.
    static constexpr std::int64_t longest_window_ms = 60'000;
    /// The longest back-off while there are keys ...
    static constexpr std::int64_t longest_backoff_ms = 300'000;
    /// ... and while there never were any: every client waits for them.
    static constexpr std::int64_t longest_backoff_without_keys_ms = 30'000;
    /// First step of the back-off if the provider never got our request: asking again costs it nothing.
    static constexpr std::int64_t first_retry_unreached_ms = 1'000;

    /// \param random  uniform in [0, 1); jitter
    Schedule(ScheduleLimits limits, std::function<double()> random);

    /// A reload. Brings the next refresh nearer if the new limits do, never puts it off.
    void set_limits(ScheduleLimits limits, std::int64_t now);

    // ---- what happens ----
    /// The first fetch is due at once.
    void start(std::int64_t now);
    /// Keys are there before the first fetch: from the cache file.
    void restored() { has_keys_ = true; }
    /// The due fetch is on its way.
    void began(std::int64_t now);
    /// A good set came (or 304, then `changed` is false). `lifetime_s`: freshness_lifetime().
    void fetched(std::int64_t now, std::optional<std::int64_t> lifetime_s, bool changed);
    /// No good set came. `reached`: the provider was connected, so the attempt cost it something.
    void failed(std::int64_t now, bool reached);
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
    /// A known key didn't verify: the provider may have reused its kid. True as Reply::look_again.
    bool bad_signature(std::int64_t now);

    // ---- what follows ----
    /// `never` while a fetch runs.
    std::int64_t next_fetch_at() const noexcept;
    /// A fetch that runs began by then, or the next one will.
    bool fetches_by(std::int64_t at) const noexcept { return in_flight_ || next_fetch_at() <= at; }
    std::uint64_t fetches_begun() const noexcept { return begun_; }
    /// The number of the last fetch that brought a set, if it says nothing any more about what is missing from
    /// it: a key may have been published since. Else 0.
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

    bool demand(std::int64_t now);
    void ended(std::int64_t now, bool changed);
    std::int64_t refresh_delay(std::optional<std::int64_t> lifetime_s);
    double between(double low, double high) { return low + (high - low) * random_(); }

    ScheduleLimits limits_;
    std::function<double()> random_;

    bool in_flight_ = false;
    bool has_keys_ = false;
    bool on_demand_ = false;            ///< the running fetch was asked for by a token
    std::int64_t due_ = never;          ///< by time
    std::int64_t demanded_at_ = never;  ///< by a token
    std::uint64_t begun_ = 0;           ///< fetches; the last one has this number
    std::uint64_t good_ = 0;            ///< the number of the last fetch that brought a set
    std::int64_t good_at_ = long_ago;   ///< when it ended
    std::int64_t began_at_ = long_ago;
    std::int64_t ended_at_ = long_ago;   ///< the last attempt, good or bad
    std::int64_t usual_duration_ = 100;  ///< of a good fetch: what a waiting caller has to expect
    std::int64_t window_;                ///< between fetches on demand
    std::int64_t failures_ = 0;          ///< in a row
    std::int64_t empty_at_ = never;      ///< the first empty set in a row
};

}  // namespace tokenward::keys
