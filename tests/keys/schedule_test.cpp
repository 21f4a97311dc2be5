// "Keys over time" on a clock of the test's own: every rule a test.
#include "keys/schedule.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t second = 1'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
using Answer = Schedule::Answer;

/// A schedule with its time.
class ScheduleTest : public testing::Test {
  protected:
    ScheduleTest() { schedule.start(now); }

    /// Goes to the next fetch and begins it.
    void begin_next() {
        ASSERT_NE(schedule.next_fetch_at(), Schedule::never);
        now = std::max(now, schedule.next_fetch_at());
        schedule.began(now);
    }
    void fetch(bool changed, std::optional<std::int64_t> lifetime_s = std::nullopt) {
        begin_next();
        now += 50;
        schedule.fetched(now, lifetime_s, changed);
    }
    void fetch_and_fail(bool reached = true) {
        begin_next();
        now += 50;
        schedule.failed(now, reached);
    }
    std::int64_t until_next() const { return schedule.next_fetch_at() - now; }
    /// Somebody asks for an unknown key that nobody asked for before.
    Schedule::Reply ask_first() { return schedule.unknown_key(schedule.fetches_begun(), now); }
    Schedule::Reply ask_again(std::uint64_t first_asked) { return schedule.unknown_key(first_asked, now); }

    double chance = 0.5;
    std::int64_t now = 1'000'000;
    ScheduleLimits limits;
    Schedule schedule{limits, [this] { return chance; }};
};

TEST_F(ScheduleTest, StartTheFirstFetchIsDueAtOnce) {
    EXPECT_EQ(schedule.next_fetch_at(), now);
}

TEST_F(ScheduleTest, NoSecondFetchWhileOneRuns) {
    begin_next();
    EXPECT_TRUE(schedule.in_flight());
    EXPECT_EQ(schedule.next_fetch_at(), Schedule::never);
}

// ---- refresh ----------------------------------------------------------------------------------------------

struct Refresh {
    const char *name;
    std::int64_t cache_ttl_s;
    std::int64_t max_stale_s;
    std::optional<std::int64_t> lifetime_s;
    std::int64_t earliest_ms;
    std::int64_t latest_ms;
};

class RefreshTest : public testing::TestWithParam<Refresh> {};

TEST_P(RefreshTest, ComesAhead) {
    const Refresh &row = GetParam();
    for (const double chance : {0.0, 0.25, 0.5, 0.75, 0.999999}) {
        Schedule schedule({row.cache_ttl_s * 1000, 10 * second, row.max_stale_s * 1000},
                          [chance] { return chance; });
        schedule.start(0);
        schedule.began(0);
        schedule.fetched(100, row.lifetime_s, true);
        EXPECT_GE(schedule.next_fetch_at() - 100, row.earliest_ms) << chance;
        EXPECT_LE(schedule.next_fetch_at() - 100, row.latest_ms) << chance;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RefreshTest,
    testing::Values(Refresh{"by_cache_ttl_where_the_response_is_silent", 3600, 86400, std::nullopt,
                            2520 * second, 3240 * second},
                    Refresh{"by_max_age_where_there_is_one", 3600, 86400, 600, 420 * second, 540 * second},
                    Refresh{"ahead_of_a_short_max_age", 3600, 86400, 15, 10 * second, 14 * second},
                    Refresh{"max_age_0_is_min_refresh", 3600, 86400, 0, 10 * second, 12'500},
                    Refresh{"max_age_1_is_min_refresh", 3600, 86400, 1, 10 * second, 12'500},
                    Refresh{"cache_ttl_0_is_min_refresh", 0, 86400, std::nullopt, 10 * second, 12'500},
                    Refresh{"absurd_max_age_is_a_day", 3600, 864000, std::numeric_limits<std::int64_t>::max(),
                            60480 * second, 77760 * second},
                    Refresh{"a_year_is_a_day", 3600, 864000, 31536000, 60480 * second, 77760 * second},
                    Refresh{"never_past_max_stale", 3600, 1000, 86400, 700 * second, 900 * second}),
    [](const auto &info) { return info.param.name; });

TEST_F(ScheduleTest, RefreshIsNeverSoonerThanOneSecondWhateverIsConfigured) {
    Schedule eager({0, 0, 0}, [] { return 0.0; });
    eager.start(0);
    eager.began(0);
    eager.fetched(0, 0, true);
    EXPECT_GE(eager.next_fetch_at(), second);
}

TEST_F(ScheduleTest, ReloadWithAShorterTtlBringsTheRefreshNearer) {
    fetch(true);
    limits.cache_ttl_ms = minute;
    schedule.set_limits(limits, now);
    EXPECT_LE(until_next(), minute);
}

TEST_F(ScheduleTest, ReloadWithALongerTtlDoesNotPutTheRefreshOff) {
    fetch(true);
    const std::int64_t before = schedule.next_fetch_at();
    limits.cache_ttl_ms = 24 * hour;
    schedule.set_limits(limits, now);
    EXPECT_EQ(schedule.next_fetch_at(), before);
}

// ---- unknown kid ------------------------------------------------------------------------------------------

TEST_F(ScheduleTest, UnknownKeyWaitsWhileNoFetchEverSucceeded) {
    EXPECT_EQ(ask_first().answer, Answer::wait);
    fetch_and_fail();
    const std::int64_t next = schedule.next_fetch_at();
    EXPECT_EQ(ask_first().answer, Answer::wait);
    EXPECT_EQ(schedule.next_fetch_at(), next) << "asking must not hurry a provider that fails";
}

TEST_F(ScheduleTest, UnknownKeyWaitsWhileAFetchRuns) {
    fetch(true);
    begin_next();
    EXPECT_EQ(ask_first().answer, Answer::wait);
}

TEST_F(ScheduleTest, UnknownKeyFetchesAtOnceWhereTheLastFetchIsOlderThanMinRefresh) {
    fetch(true);
    now += 10 * second;
    const Schedule::Reply reply = ask_first();
    EXPECT_EQ(reply.answer, Answer::wait);
    EXPECT_TRUE(reply.look_again);
    EXPECT_EQ(schedule.next_fetch_at(), now);
    EXPECT_FALSE(ask_first().look_again) << "the second one finds it due already";
}

TEST_F(ScheduleTest, UnknownKeyWaitsWithinMinRefreshForTheOneFetchAtItsEnd) {
    fetch(true);
    const std::int64_t fetched_at = now;
    now += 3 * second;
    Schedule::Reply reply = ask_first();
    EXPECT_EQ(reply.answer, Answer::wait);
    EXPECT_TRUE(reply.look_again);
    EXPECT_EQ(schedule.next_fetch_at(), fetched_at + 10 * second);
    now += 3 * second;
    reply = ask_first();
    EXPECT_EQ(reply.answer, Answer::wait);
    EXPECT_FALSE(reply.look_again);
    EXPECT_EQ(schedule.next_fetch_at(), fetched_at + 10 * second);
}

TEST_F(ScheduleTest, UnknownKeyIsRefusedOnceAFetchThatBeganAfterTheFirstQuestionCameBack) {
    fetch(true);
    begin_next();
    const std::uint64_t asked = schedule.fetches_begun();
    schedule.fetched(now, std::nullopt, false);
    EXPECT_EQ(ask_again(asked).answer, Answer::wait) << "that fetch had begun already";
    fetch(false);
    const std::int64_t last = now;
    const Schedule::Reply reply = ask_again(asked);
    EXPECT_EQ(reply.answer, Answer::refuse);
    EXPECT_TRUE(reply.look_again) << "one fetch follows";
    EXPECT_EQ(schedule.next_fetch_at() - last, 20 * second);
}

TEST_F(ScheduleTest, WhatAFetchShowsCountsForMinRefresh) {
    const std::uint64_t asked = schedule.fetches_begun();
    fetch(true);
    now += 10 * second - 1;
    EXPECT_EQ(ask_again(asked).answer, Answer::refuse);
    EXPECT_EQ(schedule.outdated(now), 0U);
    now += 1;
    EXPECT_EQ(ask_again(asked).answer, Answer::wait);
    EXPECT_EQ(schedule.outdated(now), 1U);
}

TEST_F(ScheduleTest, AFetchThatBroughtNoGoodSetShowsNothing) {
    fetch(true);
    const std::uint64_t asked = schedule.fetches_begun();
    fetch_and_fail();
    EXPECT_EQ(ask_again(asked).answer, Answer::wait);
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    EXPECT_EQ(ask_again(asked).answer, Answer::wait) << "an empty set that isn't believed yet";
    begin_next();
    now += 10 * second;
    EXPECT_TRUE(schedule.came_empty(now));
    EXPECT_EQ(ask_again(asked).answer, Answer::refuse);
}

TEST_F(ScheduleTest, FruitlessFetchesDoubleTheWindowUpToAMinute) {
    fetch(true);
    for (const std::int64_t window : {10, 20, 40, 60, 60, 60}) {
        const std::int64_t last = now;
        EXPECT_EQ(ask_first().answer, Answer::wait);
        EXPECT_EQ(schedule.next_fetch_at() - last, window * second);
        fetch(false);
    }
}

TEST_F(ScheduleTest, FetchesOnDemandThatFailDoubleTheWindowToo) {
    fetch(true);
    for (int i = 0; i < 6; ++i) {
        ask_first();
        fetch_and_fail();
    }
    ask_first();
    EXPECT_EQ(until_next(), minute) << "sooner than the back-off, which is at five minutes";
}

TEST_F(ScheduleTest, AChangeResetsTheWindow) {
    fetch(true);
    for (int i = 0; i < 4; ++i) {
        ask_first();
        fetch(false);
    }
    ask_first();
    fetch(true);
    const std::int64_t last = now;
    ask_first();
    EXPECT_EQ(schedule.next_fetch_at() - last, 10 * second);
}

TEST_F(ScheduleTest, ARefreshByTimeThatChangesNothingLeavesTheWindowAlone) {
    fetch(true);
    fetch(false);
    fetch(false);
    const std::int64_t last = now;
    ask_first();
    EXPECT_EQ(schedule.next_fetch_at() - last, 10 * second);
}

TEST_F(ScheduleTest, AMinRefreshAboveAMinuteIsTheWindow) {
    Schedule slow({hour, 5 * minute, 24 * hour}, [] { return 0.5; });
    slow.start(0);
    slow.began(0);
    slow.fetched(0, std::nullopt, true);
    slow.unknown_key(slow.fetches_begun(), second);
    EXPECT_EQ(slow.next_fetch_at(), 5 * minute);
    slow.began(5 * minute);
    slow.fetched(5 * minute, std::nullopt, false);
    slow.unknown_key(slow.fetches_begun(), 5 * minute);
    EXPECT_EQ(slow.next_fetch_at(), 10 * minute);
}

TEST_F(ScheduleTest, AFloodCostsAtMostOneFetchPerMinRefresh) {
    fetch(true);
    std::int64_t fetches = 0;
    const std::int64_t begin = now;
    for (int i = 0; i < 100'000; ++i) {
        now += 6;  // 10 minutes
        ask_first();
        if (schedule.next_fetch_at() <= now) {
            schedule.began(now);
            schedule.fetched(now, std::nullopt, false);
            ++fetches;
        }
    }
    EXPECT_LE(fetches, (now - begin) / (10 * second));
    EXPECT_GE(fetches, 10) << "the window ends at a minute";
}

TEST_F(ScheduleTest, KeysFromTheCacheFileCountAsKeys) {
    schedule.restored();
    EXPECT_TRUE(schedule.has_keys());
    EXPECT_EQ(schedule.next_fetch_at(), now) << "and are confirmed at once";
}

// ---- bad signature ----------------------------------------------------------------------------------------

TEST_F(ScheduleTest, BadSignatureFetchesWithinTheSameBudget) {
    fetch(true);
    const std::int64_t last = now;
    EXPECT_TRUE(schedule.bad_signature(now));
    EXPECT_EQ(schedule.next_fetch_at(), last + 10 * second);
    fetch(false);
    EXPECT_TRUE(schedule.bad_signature(now));
    EXPECT_EQ(until_next(), 20 * second);
}

TEST_F(ScheduleTest, BadSignatureAsksForNothingWhileAFetchRuns) {
    fetch(true);
    begin_next();
    EXPECT_FALSE(schedule.bad_signature(now));
}

// ---- failures ---------------------------------------------------------------------------------------------

TEST_F(ScheduleTest, FailuresBackOffExponentiallyFromMinRefreshUpToFiveMinutes) {
    fetch(true);
    chance = 0;
    for (const std::int64_t seconds : {10, 20, 40, 80, 160, 300, 300}) {
        fetch_and_fail();
        EXPECT_EQ(until_next(), seconds * second);
    }
}

TEST_F(ScheduleTest, BackOffHasJitterThatOnlyLengthensIt) {
    fetch(true);
    chance = 0.999999;
    fetch_and_fail();
    EXPECT_GT(until_next(), 14 * second);
    EXPECT_LE(until_next(), 15 * second);
}

TEST_F(ScheduleTest, WithoutKeysTheBackOffEndsAtHalfAMinute) {
    chance = 0;
    for (const std::int64_t seconds : {10, 20, 30, 30}) {
        fetch_and_fail(true);
        EXPECT_EQ(until_next(), seconds * second);
    }
}

TEST_F(ScheduleTest, WithoutKeysAProviderThatIsntThereIsTriedAgainAfterASecond) {
    chance = 0;
    for (const std::int64_t seconds : {1, 2, 4, 8, 16, 30, 30}) {
        fetch_and_fail(false);
        EXPECT_EQ(until_next(), seconds * second);
    }
}

TEST_F(ScheduleTest, ASuccessEndsTheBackOff) {
    fetch(true);
    for (int i = 0; i < 5; ++i) fetch_and_fail();
    fetch(false);
    chance = 0;
    fetch_and_fail();
    EXPECT_EQ(until_next(), 10 * second);
}

struct Staleness {
    const char *name;
    std::int64_t age_s;
    bool stale;
};

class StaleTest : public testing::TestWithParam<Staleness> {};

TEST_P(StaleTest, TheLastGoodSetStaysUntilMaxStale) {
    EXPECT_EQ(Schedule::stale(5'000, 86400 * second, 5'000 + GetParam().age_s * second), GetParam().stale);
}

INSTANTIATE_TEST_SUITE_P(Rows, StaleTest,
                         testing::Values(Staleness{"fresh", 0, false}, Staleness{"an_hour", 3600, false},
                                         Staleness{"a_day", 86400, false}, Staleness{"past_it", 86401, true}),
                         [](const auto &info) { return info.param.name; });

// ---- empty sets -------------------------------------------------------------------------------------------

TEST_F(ScheduleTest, OneEmptySetIsNotBelievedAndAskedForAgainAfterMinRefresh) {
    fetch(true);
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    EXPECT_EQ(until_next(), 10 * second);
}

TEST_F(ScheduleTest, TwoEmptySetsMinRefreshApartEmptyTheSet) {
    fetch(true);
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    begin_next();
    EXPECT_TRUE(schedule.came_empty(now));
}

TEST_F(ScheduleTest, TwoEmptySetsCloserThanMinRefreshDoNot) {
    fetch(true);
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    schedule.began(now + 9 * second);
    EXPECT_FALSE(schedule.came_empty(now + 9 * second));
    schedule.began(now + 10 * second);
    EXPECT_TRUE(schedule.came_empty(now + 10 * second));
}

TEST_F(ScheduleTest, AGoodSetInBetweenStartsTheCountAnew) {
    fetch(true);
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    fetch(false);
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
}

TEST_F(ScheduleTest, AFailureInBetweenDoesNot) {
    fetch(true);
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    fetch_and_fail();
    begin_next();
    EXPECT_TRUE(schedule.came_empty(now));
}

// ---- try again --------------------------------------------------------------------------------------------

TEST_F(ScheduleTest, RetryDelaysLieBetween20And1000Milliseconds) {
    for (const double c : {0.0, 0.5, 0.999999}) {
        chance = c;
        for (const std::int64_t in : {0, 1, 100, 5'000, 10'000'000}) {
            Schedule s(limits, [c] { return c; });
            s.start(in);
            EXPECT_GE(s.retry_delay(0), 20);
            EXPECT_LE(s.retry_delay(0), 1000);
            s.began(in);
            EXPECT_GE(s.retry_delay(in + 20'000), 20);
            EXPECT_LE(s.retry_delay(in + 20'000), 1000);
        }
    }
}

TEST_F(ScheduleTest, RetryDelayFollowsHowLongAFetchUsuallyTakes) {
    fetch(true);  // 50 ms
    begin_next();
    EXPECT_EQ(schedule.retry_delay(now), 70);
    EXPECT_GT(schedule.retry_delay(now + 1'000), 400) << "this one takes longer";
}

// ---- a thousand brokers -----------------------------------------------------------------------------------

/// Requests per second at one provider, of brokers that all began in the same minute or second.
std::map<std::int64_t, int> simulate(int brokers, bool jitter, std::int64_t begin_spread,
                                     std::int64_t outage_from, std::int64_t outage_to, std::int64_t end) {
    std::mt19937_64 generator(42);  // NOLINT: the same run every time
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    std::map<std::int64_t, int> per_second;
    for (int i = 0; i < brokers; ++i) {
        Schedule schedule({}, [&] { return jitter ? uniform(generator) : 0.5; });
        schedule.start(begin_spread * i / brokers);
        for (std::int64_t now = schedule.next_fetch_at(); now < end; now = schedule.next_fetch_at()) {
            ++per_second[now / second];
            schedule.began(now);
            if (now >= outage_from && now < outage_to) {
                schedule.failed(now + 50, true);
            } else {
                schedule.fetched(now + 50, std::nullopt, false);
            }
        }
    }
    return per_second;
}

int peak_after(const std::map<std::int64_t, int> &per_second, std::int64_t from_s) {
    int peak = 0;
    for (const auto &[at, count] : per_second) {
        if (at >= from_s) peak = std::max(peak, count);
    }
    return peak;
}

TEST(ThousandBrokers, StartedInOneSecondTheyDoNotComeBackTogether) {
    const int with = peak_after(simulate(1000, true, second, -1, -1, 24 * hour), 60);
    const int without = peak_after(simulate(1000, false, second, -1, -1, 24 * hour), 60);
    std::printf("1000 brokers started within 1 s, 24 h: peak %d requests/s with jitter, %d without\n", with,
                without);
    EXPECT_EQ(without, 1000);
    EXPECT_LE(with, 20);
}

TEST(ThousandBrokers, AfterAnOutageTheyDoNotComeBackTogether) {
    const int with = peak_after(simulate(1000, true, second, hour, 2 * hour, 6 * hour), 60);
    const int without = peak_after(simulate(1000, false, second, hour, 2 * hour, 6 * hour), 60);
    std::printf("1000 brokers and an outage of an hour: peak %d requests/s with jitter, %d without\n", with,
                without);
    EXPECT_EQ(without, 1000);
    EXPECT_LE(with, 40);
}

}  // namespace
}  // namespace tokenward::keys
