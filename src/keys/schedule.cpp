#include "keys/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tokenward::keys {
namespace {

constexpr std::int64_t smallest_pause_ms = 1'000;
constexpr std::int64_t shortest_delay_ms = 20;
constexpr std::int64_t longest_delay_ms = 1'000;

/// The last line of defence against a configuration that would make the thread spin.
ScheduleLimits sane(ScheduleLimits limits) noexcept {
    limits.min_refresh_ms = std::max(limits.min_refresh_ms, smallest_pause_ms);
    limits.floor_ms = std::max(limits.floor_ms, smallest_pause_ms);
    return limits;
}

}  // namespace

Schedule::Schedule(ScheduleLimits limits, std::function<double()> random)
    : limits_(sane(limits)), random_(std::move(random)) {}

void Schedule::start(std::int64_t now) {
    due_ = now;
}

void Schedule::reload(ScheduleLimits limits, std::int64_t now) {
    limits_ = sane(limits);
    budget_full_at_ = std::min(budget_full_at_, now + burst * limits_.min_refresh_ms);
    reloaded_ = in_flight_;
    if (!in_flight_) due_ = std::min(due_, std::max(now, ended_at_ + after_reload_ms));
}

void Schedule::began(std::int64_t now) {
    in_flight_ = true;
    ++begun_;
    began_at_ = now;
    demanded_ = demanded_at_ != never;
    // What is due by time answers the tokens too, and costs the budget nothing.
    if (demanded_ && due_ > now) {
        budget_full_at_ = std::min(std::max(budget_full_at_, now) + limits_.min_refresh_ms,
                                   now + burst * limits_.min_refresh_ms);
    }
    due_ = demanded_at_ = never;
}

void Schedule::ended(std::int64_t now) {
    in_flight_ = false;
    ended_at_ = now;
    if (std::exchange(reloaded_, false)) due_ = std::min(due_, now + after_reload_ms);
}

/// Ahead of the end of the set's lifetime, within the operator's bounds. It is spread over a part of the
/// lifetime: a thousand brokers that started together must not come back together.
std::int64_t Schedule::next_refresh(std::optional<std::int64_t> lifetime_s) {
    std::int64_t lifetime = limits_.cache_ttl_ms;
    // "No lifetime" is no wish to be asked again and again: Keycloak says no-cache for all that it serves.
    if (lifetime_s && *lifetime_s > 0) lifetime = std::min(*lifetime_s, longest_refresh_ms() / 1000 + 1) * 1000;
    lifetime = std::min(lifetime, longest_refresh_ms());
    const auto ahead = std::llround(static_cast<double>(lifetime) * between(0.70, 0.90));
    if (ahead >= limits_.floor_ms) return ahead;
    return static_cast<std::int64_t>(static_cast<double>(limits_.floor_ms) * between(1.0, 1.25));
}

void Schedule::fetched(std::int64_t now, std::optional<std::int64_t> lifetime_s, bool evidence) {
    usual_duration_ = now - began_at_;
    refresh_delay_ = next_refresh(lifetime_s);
    due_ = now + refresh_delay_;
    ended(now);
    has_keys_ = true;
    failures_ = 0;
    empty_at_ = retry_if_asked_at_ = never;
    if (evidence) {
        evidence_ = begun_;
        evidence_at_ = now;
    }
}

void Schedule::failed(std::int64_t now, std::optional<std::int64_t> retry_after_s) {
    std::int64_t step = first_retry_ms;
    for (std::int64_t i = 0; i < failures_ && step < longest_retry_ms; ++i) step *= 2;
    ++failures_;
    const double jitter = between(0.75, 1.0);
    const auto pause = [jitter, step](std::int64_t longest) {
        return static_cast<std::int64_t>(static_cast<double>(std::min(step, longest)) * jitter);
    };
    std::int64_t quiet = pause(longest_retry_ms);
    retry_if_asked_at_ = now + pause(longest_retry_if_asked_ms);
    if (retry_after_s && *retry_after_s > 0) {
        // The budget of fetches on demand goes on: the provider can't know who waits.
        quiet = std::max(quiet, std::min(*retry_after_s, longest_refresh_ms() / 1000) * 1000);
        retry_if_asked_at_ = never;
    }
    due_ = now + quiet;
    ended(now);
}

bool Schedule::came_empty(std::int64_t now) {
    const bool emptied = empty_at_ != never && now - empty_at_ >= limits_.min_refresh_ms;
    if (emptied) {
        fetched(now, std::nullopt, true);
        return true;
    }
    failures_ = 0;
    retry_if_asked_at_ = never;
    if (empty_at_ == never) empty_at_ = now;
    // Ask again as soon as the rule allows: if it is a revocation, it is an urgent one.
    due_ = empty_at_ + limits_.min_refresh_ms;
    ended(now);
    return false;
}

/// The budget lets `burst` fetches through when it is full. It gets one back per min_refresh.
std::int64_t Schedule::budget_allows_at(std::int64_t now) const noexcept {
    return std::max(now, budget_full_at_ - (burst - 1) * limits_.min_refresh_ms);
}

/// The back-off never makes a token wait for longer than the budget would.
std::int64_t Schedule::demand_allowed_at(std::int64_t now) const noexcept {
    return std::min(budget_allows_at(now), std::max(now, retry_if_asked_at_));
}

bool Schedule::demand(std::int64_t now) {
    if (in_flight_) return false;
    const std::int64_t before = next_fetch_at();
    demanded_at_ = std::min(demanded_at_, demand_allowed_at(now));
    return demanded_at_ < before;
}

Schedule::Reply Schedule::unknown_key(std::uint64_t first_asked, std::int64_t now) {
    if (evidence_ > first_asked && outdated(now) == 0) return {Answer::refuse, false};
    return {Answer::wait, demand(now)};
}

std::uint64_t Schedule::outdated(std::int64_t now) const noexcept {
    return now - evidence_at_ >= limits_.min_refresh_ms ? evidence_ : 0;
}

std::int64_t Schedule::next_fetch_at() const noexcept {
    return in_flight_ ? never : std::min(due_, demanded_at_);
}

std::int32_t Schedule::retry_delay(std::int64_t now) {
    std::int64_t expected = usual_duration_ + shortest_delay_ms;
    if (in_flight_) {
        // A fetch that already takes long is likely to take longer still.
        expected = std::max(expected, (now - began_at_) / 2);
    } else if (next_fetch_at() != never && next_fetch_at() > now) {
        expected += next_fetch_at() - now;
    }
    expected = std::clamp(expected, shortest_delay_ms * 2, longest_delay_ms * 2 / 3);
    return static_cast<std::int32_t>(static_cast<double>(expected) * between(0.5, 1.5));
}

}  // namespace tokenward::keys
