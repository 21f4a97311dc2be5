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
    void fetch(std::optional<std::int64_t> lifetime_s = std::nullopt, bool evidence = true) {
        begin_next();
        now += 50;
        schedule.fetched(now, lifetime_s, evidence);
    }
    void fetch_and_fail(std::optional<std::int64_t> retry_after_s = std::nullopt) {
        begin_next();
        now += 50;
        schedule.failed(now, retry_after_s);
    }
    std::int64_t until_next() const { return schedule.next_fetch_at() - now; }
    /// Somebody asks for an unknown key that nobody asked for before.
    Schedule::Reply ask_first() { return schedule.unknown_key(schedule.fetches_begun(), now); }
    Schedule::Reply ask_again(std::uint64_t first_asked) { return schedule.unknown_key(first_asked, now); }
    /// The budget's fetches that are allowed at once are used up, the last one ended just now.
    void use_up_the_burst() {
        for (std::int64_t i = 0; i < Schedule::burst; ++i) {
            ask_first();
            fetch();
        }
    }

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
    ScheduleLimits limits;
    std::optional<std::int64_t> lifetime_s;
    std::int64_t earliest_ms;
    std::int64_t latest_ms;
};

class RefreshTest : public testing::TestWithParam<Refresh> {};

TEST_P(RefreshTest, ComesAhead) {
    const Refresh &row = GetParam();
    for (const double chance : {0.0, 0.25, 0.5, 0.75, 0.999999}) {
        Schedule schedule(row.limits, [chance] { return chance; });
        schedule.start(0);
        schedule.began(0);
        schedule.fetched(100, row.lifetime_s, true);
        EXPECT_GE(schedule.next_fetch_at() - 100, row.earliest_ms) << chance;
        EXPECT_LE(schedule.next_fetch_at() - 100, row.latest_ms) << chance;
    }
}

/// In seconds.
ScheduleLimits limits_s(std::int64_t ttl, std::int64_t floor = 10, std::int64_t ceiling = 86400,
                        std::int64_t max_stale = 864000) {
    return {ttl * second, floor * second, ceiling * second, 5 * second, max_stale * second};
}

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

INSTANTIATE_TEST_SUITE_P(
    Rows, RefreshTest,
    testing::Values(Refresh{"by_cache_ttl_where_the_response_is_silent", limits_s(3600), std::nullopt,
                            2520 * second, 3240 * second},
                    Refresh{"by_cache_ttl_where_the_response_says_no_cache", limits_s(3600), 0, 2520 * second,
                            3240 * second},
                    Refresh{"by_max_age_where_there_is_one", limits_s(3600), 600, 420 * second, 540 * second},
                    Refresh{"ahead_of_a_short_max_age", limits_s(3600), 15, 10 * second, 14 * second},
                    Refresh{"max_age_1_is_the_floor", limits_s(3600), 1, 10 * second, 12'500},
                    Refresh{"cache_ttl_0_is_the_floor", limits_s(0), std::nullopt, 10 * second, 12'500},
                    Refresh{"cache_ttl_0_and_no_cache_too", limits_s(0), 0, 10 * second, 12'500},
                    Refresh{"another_floor", limits_s(0, 60), 15, 60 * second, 75 * second},
                    Refresh{"absurd_max_age_is_the_ceiling", limits_s(3600), largest, 60480 * second,
                            77760 * second},
                    Refresh{"a_year_is_the_ceiling", limits_s(3600), 31536000, 60480 * second, 77760 * second},
                    Refresh{"another_ceiling", limits_s(3600, 10, 600), 86400, 420 * second, 540 * second},
                    Refresh{"the_ceiling_is_for_cache_ttl_too", limits_s(3600, 10, 600), std::nullopt,
                            420 * second, 540 * second},
                    Refresh{"never_past_half_of_max_stale", limits_s(3600, 10, 86400, 1000), 86400,
                            350 * second, 450 * second}),
    [](const auto &info) { return info.param.name; });

TEST_F(ScheduleTest, RefreshIsNeverSoonerThanOneSecondWhateverIsConfigured) {
    Schedule eager({0, 0, 0, 0, 0}, [] { return 0.0; });
    eager.start(0);
    eager.began(0);
    eager.fetched(0, 0, true);
    EXPECT_GE(eager.next_fetch_at(), second);
}

TEST_F(ScheduleTest, AConnectionIsKeptWhereTheNextRefreshIsWithinAMinute) {
    EXPECT_FALSE(schedule.keeps_connection());
    fetch(15);
    EXPECT_TRUE(schedule.keeps_connection());
    fetch(3600);
    EXPECT_FALSE(schedule.keeps_connection());
}

// ---- reload -----------------------------------------------------------------------------------------------

TEST_F(ScheduleTest, AReloadMakesARefreshDue) {
    fetch();
    now += minute;
    schedule.reload(limits, now);
    EXPECT_EQ(schedule.next_fetch_at(), now);
}

TEST_F(ScheduleTest, ManyReloadsMakeOneFetchASecond) {
    fetch();
    schedule.reload(limits, now);
    EXPECT_EQ(until_next(), second);
    fetch();
    schedule.reload(limits, now);
    schedule.reload(limits, now);
    EXPECT_EQ(until_next(), second);
}

TEST_F(ScheduleTest, AReloadWhileAFetchRunsMakesAnotherOneDueForThatOneBeganBefore) {
    for (const bool good : {true, false}) {
        begin_next();
        schedule.reload(limits, now);
        if (good) {
            schedule.fetched(now, std::nullopt, true);
        } else {
            schedule.failed(now, 3600);
        }
        EXPECT_EQ(until_next(), second) << good;
    }
    fetch();
    EXPECT_GT(until_next(), minute) << "one, not one after the other";
}

// ---- unknown kid ------------------------------------------------------------------------------------------

TEST_F(ScheduleTest, UnknownKeyWaitsWhileAFetchRuns) {
    fetch();
    begin_next();
    EXPECT_EQ(ask_first().answer, Answer::wait);
    EXPECT_FALSE(ask_first().look_again);
}

TEST_F(ScheduleTest, UnknownKeyFetchesAtOnce) {
    fetch();
    const Schedule::Reply reply = ask_first();
    EXPECT_EQ(reply.answer, Answer::wait);
    EXPECT_TRUE(reply.look_again);
    EXPECT_EQ(schedule.next_fetch_at(), now);
    EXPECT_FALSE(ask_first().look_again) << "the second one finds it due already";
    begin_next();
    EXPECT_TRUE(schedule.is_demanded());
}

TEST_F(ScheduleTest, ABurstOfThreeThenOnePerMinRefresh) {
    fetch();
    const std::int64_t begin = now;
    for (const std::int64_t at : {0, 0, 0, 5, 10, 15, 20}) {
        EXPECT_EQ(ask_first().answer, Answer::wait);
        EXPECT_EQ(schedule.next_fetch_at(), std::max(now, begin + at * second)) << at;
        fetch();
        now -= 50;  // fetches that take no time
    }
}

TEST_F(ScheduleTest, TheBudgetIsNeverLessWhateverTheFetchesBring) {
    fetch();
    use_up_the_burst();
    for (int i = 0; i < 20; ++i) {
        const std::int64_t last = now;
        ask_first();
        if (i % 2 == 0) {
            fetch(std::nullopt, false);
        } else {
            fetch_and_fail(300);
        }
        EXPECT_LE(now - last, 5 * second + 50) << i;
    }
}

TEST_F(ScheduleTest, TheBudgetIsFullAgainAfterThreeTimesMinRefreshWithoutQuestions) {
    fetch();
    use_up_the_burst();
    now += 15 * second;
    for (int i = 0; i < 3; ++i) {
        ask_first();
        EXPECT_EQ(until_next(), 0) << i;
        fetch();
    }
    ask_first();
    EXPECT_GT(until_next(), 4 * second);
}

TEST_F(ScheduleTest, AFetchByTimeCostsTheBudgetNothingAndAnswersTheTokensToo) {
    limits.cache_ttl_ms = 0;
    schedule.reload(limits, now);
    fetch();
    for (int i = 0; i < 5; ++i) {
        now = schedule.next_fetch_at();
        ask_first();
        fetch();
    }
    for (int i = 0; i < 3; ++i) {
        ask_first();
        EXPECT_EQ(until_next(), 0) << i;
        fetch();
    }
}

TEST_F(ScheduleTest, UnknownKeyIsRefusedOnceAFetchThatBeganAfterTheFirstQuestionCameBack) {
    fetch();
    begin_next();
    const std::uint64_t asked = schedule.fetches_begun();
    schedule.fetched(now, std::nullopt, true);
    EXPECT_EQ(ask_again(asked).answer, Answer::wait) << "that fetch had begun already";
    fetch();
    const Schedule::Reply reply = ask_again(asked);
    EXPECT_EQ(reply.answer, Answer::refuse);
    EXPECT_FALSE(reply.look_again) << "what is known needs no fetch";
}

TEST_F(ScheduleTest, WhatAFetchShowsCountsForMinRefresh) {
    const std::uint64_t asked = schedule.fetches_begun();
    fetch();
    now += 5 * second - 1;
    EXPECT_EQ(ask_again(asked).answer, Answer::refuse);
    EXPECT_EQ(schedule.outdated(now), 0U);
    now += 1;
    EXPECT_EQ(ask_again(asked).answer, Answer::wait);
    EXPECT_EQ(schedule.outdated(now), 1U);
}

TEST_F(ScheduleTest, AFetchThatIsNoEvidenceShowsNothing) {
    fetch();
    const std::uint64_t asked = schedule.fetches_begun();
    fetch_and_fail();
    EXPECT_EQ(ask_again(asked).answer, Answer::wait);
    fetch(std::nullopt, false);
    EXPECT_EQ(ask_again(asked).answer, Answer::wait) << "the address may have moved";
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    EXPECT_EQ(ask_again(asked).answer, Answer::wait) << "an empty set that isn't believed yet";
    begin_next();
    now += 10 * second;
    EXPECT_TRUE(schedule.came_empty(now));
    EXPECT_EQ(ask_again(asked).answer, Answer::refuse);
}

TEST_F(ScheduleTest, AFloodCostsThreeFetchesAndOnePerMinRefresh) {
    fetch();
    std::int64_t fetches = 0;
    const std::int64_t begin = now;
    for (int i = 0; i < 100'000; ++i) {
        now += 6;  // 10 minutes
        ask_first();
        if (schedule.next_fetch_at() <= now) {
            schedule.began(now);
            schedule.fetched(now, std::nullopt, true);
            ++fetches;
        }
    }
    EXPECT_LE(fetches, 3 + (now - begin) / (5 * second));
    EXPECT_GE(fetches, (now - begin) / (5 * second) - 3) << "and never slower";
}

TEST_F(ScheduleTest, KeysFromTheCacheFileCountAsKeys) {
    schedule.restored();
    EXPECT_TRUE(schedule.has_keys());
    EXPECT_EQ(schedule.next_fetch_at(), now) << "and are confirmed at once";
}

TEST_F(ScheduleTest, ADemandWhileAFetchRunsAsksForNothing) {
    fetch();
    begin_next();
    EXPECT_FALSE(schedule.demand(now));
    EXPECT_FALSE(schedule.is_demanded());
}

// ---- failures ---------------------------------------------------------------------------------------------

TEST_F(ScheduleTest, WhileNobodyAsksTheBackOffGoesFromOneSecondToFiveMinutes) {
    chance = 0.999999;
    for (const std::int64_t seconds : {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}) {
        fetch_and_fail();
        EXPECT_GT(until_next(), seconds * second - 2);
        EXPECT_LE(until_next(), seconds * second) << "jitter included";
    }
}

TEST_F(ScheduleTest, WhileClientsAskItEndsAtFourSeconds) {
    fetch();
    chance = 0.999999;
    for (int i = 0; i < 20; ++i) {
        schedule.demand(now);
        EXPECT_LE(until_next(), 4 * second) << i;
        if (i >= 10) {
            EXPECT_GT(until_next(), 4 * second - 2) << i << ": the budget's burst is used up";
        }
        fetch_and_fail();
    }
}

TEST_F(ScheduleTest, ALongOutageWithoutQuestionsIsOverWithTheFirstOne) {
    fetch();
    for (int i = 0; i < 12; ++i) fetch_and_fail();
    EXPECT_GT(until_next(), 3 * minute);
    now += 30 * second;
    EXPECT_TRUE(schedule.demand(now));
    EXPECT_EQ(until_next(), 0);
}

TEST_F(ScheduleTest, BackOffHasJitterThatOnlyShortensIt) {
    chance = 0;
    fetch_and_fail();
    EXPECT_EQ(until_next(), 750);
    fetch_and_fail();
    EXPECT_EQ(until_next(), 1'500);
}

TEST_F(ScheduleTest, ASuccessEndsTheBackOff) {
    fetch();
    for (int i = 0; i < 5; ++i) fetch_and_fail();
    fetch();
    fetch_and_fail();
    EXPECT_LE(until_next(), second);
}

TEST_F(ScheduleTest, RetryAfterIsHeededButForTokensThatWait) {
    fetch();
    use_up_the_burst();
    schedule.demand(now);
    fetch_and_fail(120);
    EXPECT_EQ(until_next(), 120 * second);
    EXPECT_TRUE(schedule.demand(now));
    EXPECT_LE(until_next(), 5 * second) << "the budget goes on";
    EXPECT_GT(until_next(), 4 * second) << "and the shorter pauses of the back-off don't";
}

TEST_F(ScheduleTest, RetryAfterNeverShortensTheBackOffAndNeverPassesHalfOfMaxStale) {
    for (int i = 0; i < 6; ++i) fetch_and_fail();
    fetch_and_fail(1);
    EXPECT_GT(until_next(), 40 * second);
    for (const std::int64_t absurd : {std::int64_t{86'400 * 365}, std::numeric_limits<std::int64_t>::max()}) {
        fetch_and_fail(absurd);
        EXPECT_EQ(until_next(), 12 * hour);
    }
}

TEST_F(ScheduleTest, AnOutageWithClientsThatAskCostsTheProviderFewFetches) {
    fetch();
    int fetches = 0;
    const std::int64_t begin = now;
    while (now - begin < 10 * minute) {
        now += 20;
        schedule.demand(now);
        if (schedule.next_fetch_at() > now) continue;
        schedule.began(now);
        schedule.failed(now, std::nullopt);
        ++fetches;
    }
    EXPECT_LE(fetches, 10 * 18) << "18 fetches a minute, each of two requests";
    EXPECT_GE(fetches, 10 * 15);
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
    fetch();
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    EXPECT_EQ(until_next(), 5 * second);
}

TEST_F(ScheduleTest, TwoEmptySetsMinRefreshApartEmptyTheSet) {
    fetch();
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    begin_next();
    EXPECT_TRUE(schedule.came_empty(now));
}

TEST_F(ScheduleTest, TwoEmptySetsCloserThanMinRefreshDoNot) {
    fetch();
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    schedule.began(now + 4 * second);
    EXPECT_FALSE(schedule.came_empty(now + 4 * second));
    schedule.began(now + 5 * second);
    EXPECT_TRUE(schedule.came_empty(now + 5 * second));
}

TEST_F(ScheduleTest, AGoodSetInBetweenStartsTheCountAnew) {
    fetch();
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
    fetch();
    begin_next();
    EXPECT_FALSE(schedule.came_empty(now));
}

TEST_F(ScheduleTest, AFailureInBetweenDoesNot) {
    fetch();
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
    fetch();  // 50 ms
    begin_next();
    EXPECT_EQ(schedule.retry_delay(now), 70);
    EXPECT_GT(schedule.retry_delay(now + 1'000), 400) << "this one takes longer";
}

}  // namespace
}  // namespace tokenward::keys
