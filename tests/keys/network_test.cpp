// Keys over time against a real provider, in real time.
#include "network_fixture.hpp"

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace tokenward::keys {
namespace {

// ---- start ------------------------------------------------------------------------------------------------

TEST_F(FetcherTest, FirstKeysComeByDiscovery) {
    const auto keys = begin_with_keys();
    EXPECT_EQ(check(*keys, issuer.mint(), 0), Reason::NONE);
    EXPECT_EQ(issuer.requests(Endpoint::discovery), 1U);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 1U);
    EXPECT_FALSE(keys->status().stale);
    EXPECT_EQ(keys->status().jwks_uri, issuer.jwks_uri());
}

TEST_F(FetcherTest, TheProviderIsDownAtTheStartAndBackLater) {
    issuer.set_network(TestIssuer::Network::down);
    const auto keys = begin(section);
    std::int32_t retry = 0;
    EXPECT_EQ(check(*keys, issuer.mint(), 0, &retry), Reason::KEYS_PENDING);
    EXPECT_GE(retry, 20);
    EXPECT_LE(retry, 1000);
    EXPECT_FALSE(fetcher->wait_for_first_keys(50));
    wait_until([&] { return !keys->status().last_error.empty(); });
    issuer.set_network(TestIssuer::Network::up);
    EXPECT_TRUE(fetcher->wait_for_first_keys(long_wait_ms)) << log.text();
    EXPECT_EQ(check(*keys, issuer.mint(), 0), Reason::NONE);
}

TEST_F(FetcherTest, OneFetchServesAllWaiters) {
    issuer.set_fault(Endpoint::jwks, Fault::hang, 1);
    const auto keys = begin(section);
    const std::string token = issuer.mint();
    std::atomic<int> good{0};
    std::vector<std::thread> callers;
    callers.reserve(64);
    for (int i = 0; i < 64; ++i) {
        callers.emplace_back([&] { good += check(*keys, token, long_wait_ms) == Reason::NONE ? 1 : 0; });
    }
    for (std::thread &caller : callers) caller.join();
    EXPECT_EQ(good.load(), 64);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 1U);
}

// ---- refresh ----------------------------------------------------------------------------------------------

TEST_F(FetcherTest, WithoutALifetimeTheProviderIsAskedAtMostOncePerFloorAndNoTokenIsRefused) {
    TestIssuer::Documents documents;
    documents.cache_control = "max-age=0";
    issuer.set_documents(documents);
    section.keys.jwks_cache_ttl_s = 0;
    section.keys.jwks_refresh_floor_s = 1;
    stop_the_clock();
    const auto keys = begin_with_keys();
    const std::string token = issuer.mint();
    for (std::size_t fetches = 1; fetches <= 4; ++fetches) {
        // However long this takes: the floor isn't over.
        std::size_t refused = 0;
        for (int i = 0; i < 1'000; ++i) refused += check(*keys, token, 0) == Reason::NONE ? 0 : 1;
        EXPECT_EQ(refused, 0U);
        EXPECT_EQ(issuer.requests(Endpoint::jwks), fetches);
        clock.advance_s(2);  // the floor is 1 s, a quarter of it may be added
        wait_until([&] { return check(*keys, token, 0) != Reason::NONE || fetches_ended(*keys) > fetches; });
    }
    EXPECT_EQ(issuer.not_modified(), 4U) << "and conditionally";
}

TEST_F(FetcherTest, KeysRotateWhileTwoThreadsCheckTokensInALoopAndNoneIsRefused) {
    const auto keys = begin_with_keys();
    std::mutex mutex;
    std::string token = issuer.mint();
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> accepted{0};
    std::atomic<std::size_t> refused{0};
    std::atomic<std::size_t> tried_again{0};
    const auto client = [&](std::int64_t max_wait_ms) {
        while (!stop) {
            std::string mine;
            {
                const std::lock_guard lock(mutex);
                mine = token;
            }
            std::int32_t retry = 0;
            Reason reason = check(*keys, mine, max_wait_ms, &retry);
            for (; reason == Reason::NEW_KEY_PENDING; reason = check(*keys, mine, max_wait_ms, &retry)) {
                ++tried_again;
                std::this_thread::sleep_for(Milliseconds(retry));
            }
            ++(reason == Reason::NONE ? accepted : refused);
        }
    };
    std::thread waiting(client, long_wait_ms);
    std::thread not_waiting(client, 0);
    for (int rotation = 0; rotation < 3; ++rotation) {
        const std::size_t fetched = issuer.requests(Endpoint::jwks);
        issuer.rotate(true);
        {
            const std::lock_guard lock(mutex);
            token = issuer.mint();
        }
        wait_until([&] { return issuer.requests(Endpoint::jwks) > fetched; });
    }
    const std::size_t so_far = accepted;
    wait_until([&] { return accepted > so_far + 100; });
    stop = true;
    waiting.join();
    not_waiting.join();
    std::printf("3 rotations under 2 threads: %zu accepted, %zu refused, %zu told to try again\n",
                accepted.load(), refused.load(), tried_again.load());
    EXPECT_EQ(refused.load(), 0U);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 4U) << "one fetch for each rotation";
}

TEST_F(FetcherTest, AKeyThatIsReusedUnderItsKidIsFoundAfterOneBadSignature) {
    const auto keys = begin_with_keys();
    issuer.reuse_kids();
    const std::string token = issuer.mint();
    EXPECT_EQ(check(*keys, token, 0), Reason::BAD_SIGNATURE);
    wait_until([&] { return check(*keys, token, 0) == Reason::NONE; });
    EXPECT_LE(issuer.requests(Endpoint::jwks), 3U);
}

TEST_F(FetcherTest, MadeUpKidsCostThreeFetchesThenOnePerMinRefreshAndHarmNoGoodToken) {
    stop_the_clock();
    const auto keys = begin_with_keys();
    const std::string token = issuer.mint();
    std::atomic<int> next{0};
    std::atomic<int> found{0};
    const auto attack_until = [&](int end) {
        std::atomic<int> attackers{2};
        const auto attack = [&] {
            for (int i = next++; i < end; i = next++) {
                const Result<KeyRef> key =
                    keys->find(jose::Algorithm::RS256, "made-up-" + std::to_string(i), "", 0);
                if (key) ++found;
            }
            --attackers;
        };
        std::thread first(attack);
        std::thread second(attack);
        std::size_t refused = 0;
        while (attackers > 0) refused += check(*keys, token, 0) == Reason::NONE ? 0 : 1;
        first.join();
        second.join();
        EXPECT_EQ(refused, 0U) << "good tokens";
    };
    for (int i = 1; fetches_ended(*keys) < 4; ++i) attack_until(i * 100);
    const int so_far = next;
    attack_until(so_far + 5'000);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 4U) << "a burst of three, and time stands still";
    EXPECT_EQ(keys->status().next_fetch_in_s, 1) << "none runs or is due";
    clock.advance_s(1);
    wait_until([&] { return fetches_ended(*keys) == 5; });
    attack_until(so_far + 10'000);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 5U);
    EXPECT_EQ(found.load(), 0);
}

TEST_F(FetcherTest, KeysSurviveARestartWhileTheProviderIsDown) {
    const support::TemporaryDirectory directory;
    section.keys.jwks_cache_file = directory.path() + "/keys.json";
    begin_with_keys();
    wait_until([&] { return std::filesystem::exists(section.keys.jwks_cache_file); });
    fetcher->stop();
    issuer.set_network(TestIssuer::Network::down);
    fetcher = std::move(Fetcher::create(SystemClock::instance(), log.logger).value());
    const auto keys = begin(section);
    EXPECT_TRUE(fetcher->wait_for_first_keys(0));
    EXPECT_EQ(check(*keys, issuer.mint(), 0), Reason::NONE);
    EXPECT_EQ(log.count(LogLevel::info, "from jwks_cache_file"), 1) << log.text();
    wait_until([&] { return !keys->status().last_error.empty(); });
    EXPECT_EQ(check(*keys, issuer.mint(), 0), Reason::NONE);
}

TEST_F(FetcherTest, ACacheFileThatOthersMayWriteIsNotUsed) {
    const support::TemporaryDirectory directory;
    section.keys.jwks_cache_file = directory.path() + "/keys.json";
    begin_with_keys();
    wait_until([&] { return std::filesystem::exists(section.keys.jwks_cache_file); });
    fetcher->stop();
    ASSERT_EQ(::chmod(section.keys.jwks_cache_file.c_str(), 0660), 0);
    issuer.set_network(TestIssuer::Network::down);
    fetcher = std::move(Fetcher::create(SystemClock::instance(), log.logger).value());
    const auto keys = begin(section);
    EXPECT_EQ(check(*keys, issuer.mint(), 0), Reason::KEYS_PENDING);
    EXPECT_EQ(log.count(LogLevel::warning, "its group may write it"), 1) << log.text();
}

TEST_F(FetcherTest, ACertificateErrorIsNamedWithHostAndReason) {
    issuer.set_tls(TestIssuer::Tls::expired);
    begin(section);
    wait_until([&] { return log.count(LogLevel::warning, "tls_error") > 0; });
    EXPECT_GE(log.count(LogLevel::warning, "TLS with \"localhost:"), 1) << log.text();
    EXPECT_GE(log.count(LogLevel::warning, "certificate has expired"), 1) << log.text();
}

}  // namespace
}  // namespace tokenward::keys
