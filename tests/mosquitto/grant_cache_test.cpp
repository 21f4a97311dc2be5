#include "grant_cache.hpp"

#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

constexpr int receive = 1;
constexpr int publish = 2;

/// Client pointers as the broker would have them.
ClientKey client(std::size_t number) {
    static const char places[4096] = {};
    return &places[number * 64];
}

bool holds(GrantCache &cache, ClientKey key, int access, const std::string &topic) {
    return cache.holds_next(key, access, topic.c_str()) || cache.holds({key, access, topic});
}

class GrantCacheTest : public testing::Test {
  protected:
    GrantCacheTest() { cache.start(); }
    GrantCache cache;
};

}  // namespace

TEST_F(GrantCacheTest, HoldsWhatWasPutAndNothingElse) {
    cache.put({client(1), publish, "a/b"});

    EXPECT_TRUE(holds(cache, client(1), publish, "a/b"));
    EXPECT_FALSE(holds(cache, client(1), receive, "a/b"));
    EXPECT_FALSE(holds(cache, client(2), publish, "a/b"));
    for (const char *topic : {"a", "a/", "a/b/", "a/bc", "a/B", "b", ""})
        EXPECT_FALSE(holds(cache, client(1), publish, topic)) << topic;
}

TEST_F(GrantCacheTest, NoClientHoldsNothing) {
    EXPECT_FALSE(holds(cache, nullptr, 0, ""));
    cache.put({client(1), publish, "a"});
    cache.forget(client(1));
    EXPECT_FALSE(holds(cache, nullptr, publish, "a"));
}

TEST(GrantCache, HoldsNothingBeforeItStarts) {
    GrantCache cache;
    cache.put({client(1), publish, "a"});
    EXPECT_FALSE(holds(cache, client(1), publish, "a"));
    cache.start();
    EXPECT_FALSE(holds(cache, client(1), publish, "a"));
    cache.put({client(1), publish, "a"});
    cache.start();  // again
    EXPECT_TRUE(holds(cache, client(1), publish, "a"));
}

TEST_F(GrantCacheTest, ForgetsAClient) {
    cache.put({client(1), publish, "a"});
    cache.put({client(1), receive, "a"});
    cache.put({client(2), receive, "a"});
    cache.forget(client(1));

    EXPECT_FALSE(holds(cache, client(1), publish, "a"));
    EXPECT_FALSE(holds(cache, client(1), receive, "a"));
    EXPECT_TRUE(holds(cache, client(2), receive, "a"));

    // Another client in its memory has what it was allowed itself.
    cache.put({client(1), publish, "b"});
    EXPECT_TRUE(holds(cache, client(1), publish, "b"));
    EXPECT_FALSE(holds(cache, client(1), publish, "a"));
}

TEST_F(GrantCacheTest, ClearForgetsAll) {
    cache.put({client(1), publish, "a"});
    cache.put({client(2), publish, "a"});
    cache.clear();
    EXPECT_FALSE(holds(cache, client(1), publish, "a"));
    EXPECT_FALSE(holds(cache, client(2), publish, "a"));
}

TEST_F(GrantCacheTest, FollowsTheOrderOfTheLastTime) {
    // One topic for two subscribers, then the next topic.
    std::vector<std::tuple<ClientKey, int, std::string>> round;
    for (int i = 0; i < 100; ++i) {
        const std::string topic = "plant/" + std::to_string(i);
        round.emplace_back(client(1), publish, topic);
        round.emplace_back(client(2), receive, topic);
        round.emplace_back(client(3), receive, topic);
    }
    for (const auto &[key, access, topic] : round) cache.put({key, access, topic});
    for (const auto &[key, access, topic] : round) EXPECT_TRUE(holds(cache, key, access, topic));
    for (const auto &[key, access, topic] : round) EXPECT_TRUE(cache.holds_next(key, access, topic.c_str()));
}

TEST_F(GrantCacheTest, KeepsATopicOfUsualLength) {
    const std::string usual(80, 'x');
    const std::string longer(81, 'x');
    const std::string longest(65535, 'x');
    cache.put({client(1), publish, usual});
    cache.put({client(1), publish, longest});
    EXPECT_TRUE(holds(cache, client(1), publish, usual));
    EXPECT_FALSE(holds(cache, client(1), publish, longer));
    EXPECT_FALSE(holds(cache, client(1), publish, longest));
}

TEST_F(GrantCacheTest, HasRoomForAThousandTopicsOfTwoClients) {
    int held = 0;
    for (int i = 0; i < 1000; ++i) cache.put({client(1), publish, std::to_string(i)});
    for (int i = 0; i < 1000; ++i) cache.put({client(2), receive, std::to_string(i)});
    for (int i = 0; i < 1000; ++i) held += holds(cache, client(1), publish, std::to_string(i)) ? 1 : 0;
    EXPECT_GT(held, 950);
}

// Far more topics than rows, clients that are forgotten: it never holds what its client wasn't allowed since.
TEST_F(GrantCacheTest, NeverHoldsWhatWasForgotten) {
    std::mt19937 random(7);
    const auto below = [&random](unsigned limit) { return random() % limit; };
    std::set<std::tuple<ClientKey, int, std::string>> allowed;
    int held = 0;
    for (int i = 0; i < 300000; ++i) {
        const ClientKey key = client(below(8));
        const int access = below(2) == 0 ? receive : publish;
        const std::string topic = std::to_string(below(3000));
        if (below(2000) == 0) {
            cache.forget(key);
            std::erase_if(allowed, [&](const auto &entry) { return std::get<0>(entry) == key; });
        } else if (below(50000) == 0) {
            cache.clear();
            allowed.clear();
        } else if (holds(cache, key, access, topic)) {
            ++held;
            ASSERT_TRUE(allowed.count({key, access, topic})) << topic;
        } else {
            cache.put({key, access, topic});
            allowed.emplace(key, access, topic);
        }
    }
    EXPECT_GT(held, 10000);
}

}  // namespace tokenward::mosquitto_plugin
