// Made-up kids beside rotations.
#include "recovery_world.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace tokenward::recovery {
namespace {

constexpr long made_up_kids = 100'000;
constexpr int rotations = 3;
constexpr double hang_guard_s = 120;

class Flood {
  public:
    Flood()
        : broker_(issuer_, issuer_.ca_file(), 60'000, Broker::short_timeout() + Broker::short_min_refresh()),
          known_(mint(issuer_)),
          newest_(known_) {}

    void run() {
        std::thread attackers[] = {std::thread([this] { attack(); }), std::thread([this] { attack(); })};
        std::thread clients[] = {std::thread([this] { log_in(); }), std::thread([this] { log_in(); })};
        for (int i = 0; i < rotations; ++i) {
            EXPECT_TRUE(wait_until([&] { return made_up >= made_up_kids * i / rotations; }, hang_guard_s));
            rotate();
            const Moment begin = now();
            EXPECT_TRUE(wait_until([this] { return newest_is_known_.load(); }, hang_guard_s))
                << "rotation " << i;
            longest_s = std::max(longest_s, seconds_since(begin));
        }
        EXPECT_TRUE(wait_until([this] { return made_up >= made_up_kids; }, hang_guard_s));
        stop_ = true;
        for (std::thread &attacker : attackers) attacker.join();
        for (std::thread &client : clients) client.join();
        requests = all_requests(issuer_);
        over_budget = requests_over_budget(issuer_, Broker::min_refresh_s());
    }

    double longest_s = 0;
    std::size_t requests = 0;
    long over_budget = 0;
    std::atomic<long> made_up{0}, made_up_accepted{0};
    std::atomic<long> known_asked{0}, known_lost{0};  ///< a yes is due each time
    std::atomic<long> newest_refused{0};
    std::string first_no;

  private:
    void rotate() {
        const std::lock_guard lock(mutex_);
        known_ = mint(issuer_);
        issuer_.rotate(true);
        newest_ = mint(issuer_);
        newest_is_known_ = false;
    }

    /// With pauses: else the attackers leave too little of a small machine to see what the library fetches.
    /// Slower once enough kids were asked for, until the rotations are over.
    void attack() {
        const std::string payload =
            support::JsonObject().string("iss", issuer_.issuer()).string("aud", "broker").json();
        const std::string signature(64, 's');
        while (made_up < made_up_kids || !stop_) {
            const long number = ++made_up;
            const std::string header = support::jws_header("ES256", "made-up-" + std::to_string(number)).json();
            if (broker_.ask(support::compact(header, payload, signature)).yes()) ++made_up_accepted;
            if (number > made_up_kids || number % 20 == 0) std::this_thread::sleep_for(Milliseconds(1));
        }
    }

    void log_in() {
        while (!stop_) {
            std::string known;
            std::string newest;
            {
                const std::lock_guard lock(mutex_);
                known = known_;
                newest = newest_;
            }
            ++known_asked;
            const Answer of_known = broker_.ask(known);
            if (!of_known.yes() && still_known(known)) {
                ++known_lost;
                say(of_known);
            }
            const Answer of_newest = broker_.ask(newest);
            if (of_newest.final_no()) {
                ++newest_refused;
                say(of_newest);
            }
            if (of_newest.yes()) {
                const std::lock_guard lock(mutex_);
                if (newest == newest_) newest_is_known_ = true;
            }
            std::this_thread::sleep_for(Milliseconds(1));
        }
    }

    bool still_known(const std::string &token) {
        const std::lock_guard lock(mutex_);
        return token == known_;
    }

    void say(const Answer &answer) {
        const std::lock_guard lock(mutex_);
        if (first_no.empty()) first_no = answer.reason;
    }

    TestIssuer issuer_;
    Broker broker_;
    std::mutex mutex_;
    std::string known_;   ///< of a key that the library has, and that stays published
    std::string newest_;  ///< of the key that signs now
    std::atomic<bool> newest_is_known_{true};
    std::atomic<bool> stop_{false};
};

TEST(Flood, OfMadeUpKidsStaysInTheBudgetAndHarmsNoGoodToken) {
    make_keys(1 + rotations);
    Flood flood;
    const Moment begin = now();
    flood.run();
    std::printf(
        "%ld made-up kids in %.1f s beside %d rotations, %s: %zu requests, "
        "%.1f s at most to a new key, %ld yeses to a kept key\n",
        flood.made_up.load(), seconds_since(begin), rotations, settings_name(), flood.requests, flood.longest_s,
        flood.known_asked.load());
    EXPECT_GE(flood.made_up, made_up_kids);
    EXPECT_EQ(flood.made_up_accepted, 0);
    EXPECT_GT(flood.known_asked, 0);
    EXPECT_EQ(flood.known_lost, 0) << flood.first_no;
    EXPECT_EQ(flood.newest_refused, 0) << flood.first_no;
    EXPECT_LE(flood.over_budget, 0);
}

}  // namespace
}  // namespace tokenward::recovery
