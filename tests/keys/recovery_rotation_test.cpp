// A provider that publishes a key, withdraws the old one and signs with the new one in the same moment.
#include "recovery_world.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::recovery {
namespace {

constexpr int rotations = 5;
constexpr long logins_between = 100;
constexpr double hang_guard_s = 60;

class Rotations {
  public:
    explicit Rotations(const std::string &cache_control) {
        TestIssuer::Documents documents;
        documents.cache_control = cache_control;
        issuer_.set_documents(documents);
    }

    /// Two threads log in all the time.
    void run() {
        const Broker broker(issuer_, issuer_.ca_file(), 60'000,
                            Broker::short_timeout() + Broker::short_min_refresh());
        std::thread first([&] { log_in(broker); });
        std::thread second([&] { log_in(broker); });
        std::vector<std::string> withdrawn;
        for (int i = 0; i < rotations; ++i) {
            const long enough = logins + logins_between;
            EXPECT_TRUE(wait_until([&] { return logins >= enough; }, hang_guard_s));
            withdrawn.push_back(mint(issuer_));
            EXPECT_TRUE(broker.ask_until_decided(withdrawn.back()).yes()) << "remembered from here on";
            rotate();
            const Moment begin = now();
            EXPECT_TRUE(wait_until([&] { return newest_yes_ == generation_; }, hang_guard_s))
                << "rotation " << i;
            longest_s = std::max(longest_s, seconds_since(begin));
        }
        stop_ = true;
        first.join();
        second.join();
        for (const std::string &token : withdrawn) {
            EXPECT_FALSE(broker.ask(token).yes()) << "the set without its key is there";
            EXPECT_TRUE(broker.ask_until_decided(token).final_no());
        }
        requests = all_requests(issuer_);
        over_budget = requests_over_budget(issuer_, Broker::min_refresh_s());
    }

    double longest_s = 0;
    std::size_t requests = 0;
    long over_budget = 0;
    std::atomic<long> logins{0};
    std::atomic<long> tried_again{0};
    std::atomic<long> refused{0};
    std::string first_no;

  private:
    /// The number is odd while nobody can say which keys are published.
    void rotate() {
        ++generation_;
        issuer_.rotate(false);
        ++generation_;
    }

    void log_in(const Broker &broker) {
        while (!stop_) {
            const long generation = generation_;
            if (generation % 2 != 0) continue;
            const Answer answer = broker.ask(mint(issuer_));
            const bool current = generation_ == generation;
            if (answer.yes()) {
                ++logins;
                if (current) newest_yes_ = generation;
            } else if (answer.try_again()) {
                ++tried_again;
            } else if (current) {
                ++refused;
                const std::lock_guard lock(mutex_);
                first_no = answer.reason;
            }
            std::this_thread::sleep_for(Milliseconds(answer.try_again() ? answer.retry_after_ms : 5));
        }
    }

    TestIssuer issuer_;
    std::atomic<bool> stop_{false};
    std::atomic<long> generation_{0};
    std::atomic<long> newest_yes_{0};
    std::mutex mutex_;
};

TEST(Rotation, WithoutOverlapNoTokenOfTheCurrentKeyIsRefusedAndTheProviderIsAskedWithinTheBudget) {
    const char *const cache_controls[] = {"max-age=3600", "max-age=15", "max-age=0", "no-cache", ""};
    make_keys(1 + rotations);
    std::vector<std::unique_ptr<Rotations>> providers;
    std::vector<std::thread> threads;
    for (const char *cache_control : cache_controls) {
        providers.push_back(std::make_unique<Rotations>(cache_control));
        threads.emplace_back([&each = *providers.back()] { each.run(); });
    }
    for (std::thread &thread : threads) thread.join();
    std::printf(
        "Five rotations without overlap under two threads of logins, %s:\n"
        "\n| Cache-Control | logins | told to try again | refused | longest time to the new key | requests |"
        "\n|---|---|---|---|---|---|\n",
        settings_name());
    for (std::size_t i = 0; i < providers.size(); ++i) {
        Rotations &seen = *providers[i];
        SCOPED_TRACE(cache_controls[i]);
        std::printf("| %s | %ld | %ld | %ld | %.1f s | %zu |\n",
                    *cache_controls[i] ? cache_controls[i] : "none", seen.logins.load(),
                    seen.tried_again.load(), seen.refused.load(), seen.longest_s, seen.requests);
        EXPECT_EQ(seen.refused, 0) << seen.first_no;
        EXPECT_GT(seen.logins, 0);
        EXPECT_LE(seen.over_budget, 0);
    }
    std::printf("\n");
}

}  // namespace
}  // namespace tokenward::recovery
