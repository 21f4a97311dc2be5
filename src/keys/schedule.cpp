#include "keys/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tokenward::keys {
namespace {

constexpr std::int64_t smallest_min_refresh_ms = 1'000;
constexpr std::int64_t shortest_retry_ms = 20;
constexpr std::int64_t longest_retry_ms = 1'000;

ScheduleLimits sane(ScheduleLimits limits) noexcept {
    limits.min_refresh_ms = std::max(limits.min_refresh_ms, smallest_min_refresh_ms);
    return limits;
}

}  // namespace

Schedule::Schedule(ScheduleLimits limits, std::function<double()> random)
    : limits_(sane(limits)), random_(std::move(random)), window_(limits_.min_refresh_ms) {}

void Schedule::set_limits(ScheduleLimits limits, std::int64_t now) {
    limits_ = sane(limits);
    window_ = std::clamp(window_, limits_.min_refresh_ms, std::max(longest_window_ms, limits_.min_refresh_ms));
    if (due_ != never && failures_ == 0) due_ = std::min(due_, now + refresh_delay(std::nullopt));
}

void Schedule::start(std::int64_t now) {
    due_ = now;
}

void Schedule::began(std::int64_t now) {
    in_flight_ = true;
    ++begun_;
    began_at_ = now;
    on_demand_ = demanded_at_ != never;
    due_ = demanded_at_ = never;
}

/// Every end of a fetch sets the window for the next fetch on demand.
void Schedule::ended(std::int64_t now, bool changed) {
    in_flight_ = false;
    ended_at_ = now;
    if (changed) {
        window_ = limits_.min_refresh_ms;
    } else if (on_demand_) {
        window_ = std::max(limits_.min_refresh_ms, std::min(window_ * 2, longest_window_ms));
    }
    on_demand_ = false;
}

/// Before the end of the set's lifetime, and never sooner than min_refresh. It is spread over a part of the
/// lifetime: a thousand brokers that started together must not come back together.
std::int64_t Schedule::refresh_delay(std::optional<std::int64_t> lifetime_s) {
    std::int64_t lifetime = limits_.cache_ttl_ms;
    if (lifetime_s) lifetime = std::clamp<std::int64_t>(*lifetime_s, 0, longest_lifetime_ms / 1000) * 1000;
    lifetime = std::min({lifetime, longest_lifetime_ms, limits_.max_stale_ms});
    const auto ahead = std::llround(static_cast<double>(lifetime) * between(0.70, 0.90));
    if (ahead >= limits_.min_refresh_ms) return ahead;
    return static_cast<std::int64_t>(static_cast<double>(limits_.min_refresh_ms) * between(1.0, 1.25));
}

void Schedule::fetched(std::int64_t now, std::optional<std::int64_t> lifetime_s, bool changed) {
    usual_duration_ = now - began_at_;
    good_ = begun_;
    good_at_ = now;
    ended(now, changed);
    has_keys_ = true;
    failures_ = 0;
    empty_at_ = never;
    due_ = now + refresh_delay(lifetime_s);
}

void Schedule::failed(std::int64_t now, bool reached) {
    ended(now, false);
    const std::int64_t first = has_keys_ || reached
                                   ? limits_.min_refresh_ms
                                   : std::min(first_retry_unreached_ms, limits_.min_refresh_ms);
    const std::int64_t longest =
        std::max(limits_.min_refresh_ms, has_keys_ ? longest_backoff_ms : longest_backoff_without_keys_ms);
    std::int64_t step = first;
    for (std::int64_t i = 0; i < failures_ && step < longest; ++i) step *= 2;
    step = std::min(step, longest);
    ++failures_;
    due_ = now + static_cast<std::int64_t>(static_cast<double>(step) * between(1.0, 1.5));
}

bool Schedule::came_empty(std::int64_t now) {
    const bool emptied = empty_at_ != never && now - empty_at_ >= limits_.min_refresh_ms;
    if (emptied) {
        fetched(now, std::nullopt, true);
        return true;
    }
    ended(now, false);
    failures_ = 0;
    if (empty_at_ == never) empty_at_ = now;
    // Ask again as soon as the rule allows: if it is a revocation, it is an urgent one.
    due_ = empty_at_ + limits_.min_refresh_ms;
    return false;
}

bool Schedule::demand(std::int64_t now) {
    const std::int64_t at = std::max(now, ended_at_ + window_);
    if (at >= next_fetch_at()) {
        // Another fetch is due sooner: it answers for this token too.
        demanded_at_ = std::min(demanded_at_, at);
        return false;
    }
    demanded_at_ = at;
    return true;
}

Schedule::Reply Schedule::unknown_key(std::uint64_t first_asked, std::int64_t now) {
    // Before the first keys every key is unknown: tokens must not hurry the fetches then.
    if (in_flight_ || !has_keys_) return {Answer::wait, false};
    const bool look_again = demand(now);
    const bool absent = good_ > first_asked && outdated(now) == 0;
    return {absent ? Answer::refuse : Answer::wait, look_again};
}

std::uint64_t Schedule::outdated(std::int64_t now) const noexcept {
    return now - good_at_ >= limits_.min_refresh_ms ? good_ : 0;
}

bool Schedule::bad_signature(std::int64_t now) {
    return !in_flight_ && has_keys_ && demand(now);
}

std::int64_t Schedule::next_fetch_at() const noexcept {
    return in_flight_ ? never : std::min(due_, demanded_at_);
}

std::int32_t Schedule::retry_delay(std::int64_t now) {
    std::int64_t expected = usual_duration_ + shortest_retry_ms;
    if (in_flight_) {
        // A fetch that already takes long is likely to take longer still.
        expected = std::max(expected, (now - began_at_) / 2);
    } else if (next_fetch_at() != never && next_fetch_at() > now) {
        expected += next_fetch_at() - now;
    }
    expected = std::clamp(expected, shortest_retry_ms * 2, longest_retry_ms * 2 / 3);
    return static_cast<std::int32_t>(static_cast<double>(expected) * between(0.5, 1.5));
}

}  // namespace tokenward::keys
