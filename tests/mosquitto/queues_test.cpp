#include "expiry_queue.hpp"
#include "line_limiter.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

const char places[8] = {};

TEST(ExpiryQueue, GivesWhoIsDueTheLongestFirst) {
    ExpiryQueue queue;
    queue.set(&places[1], 200);
    queue.set(&places[2], 100);
    queue.set(&places[3], 300);
    EXPECT_FALSE(queue.take_due(99));
    EXPECT_EQ(queue.take_due(250), &places[2]);
    EXPECT_EQ(queue.take_due(250), &places[1]);
    EXPECT_FALSE(queue.take_due(250));
    EXPECT_EQ(queue.size(), 1u);
}

TEST(ExpiryQueue, IsDueFromTheVerySecond) {
    ExpiryQueue queue;
    queue.set(&places[1], 100);
    EXPECT_FALSE(queue.take_due(99));
    EXPECT_EQ(queue.take_due(100), &places[1]);
}

TEST(ExpiryQueue, MovesAndForgetsClients) {
    ExpiryQueue queue;
    queue.set(&places[1], 100);
    queue.set(&places[1], 500);  // a refresh
    EXPECT_FALSE(queue.take_due(400));
    queue.remove(&places[1]);
    queue.remove(&places[2]);
    EXPECT_FALSE(queue.take_due(1000));
    EXPECT_EQ(queue.size(), 0u);
}

TEST(ExpiryQueue, KeepsClientsWithoutAnEndOut) {
    ExpiryQueue queue;
    queue.set(&places[1], 100);
    queue.set(&places[1], std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(queue.size(), 0u);
}

TEST(ExpiryQueue, HoldsTwoClientsOfTheSameSecond) {
    ExpiryQueue queue;
    queue.set(&places[1], 100);
    queue.set(&places[2], 100);
    EXPECT_TRUE(queue.take_due(100));
    EXPECT_TRUE(queue.take_due(100));
    EXPECT_FALSE(queue.take_due(100));
}

TEST(LineLimiter, LetsSoManyThroughInASecondAndCountsTheRest) {
    LineLimiter limiter(2);
    EXPECT_TRUE(limiter.ask(100).write);
    EXPECT_TRUE(limiter.ask(100).write);
    EXPECT_FALSE(limiter.ask(100).write);
    EXPECT_FALSE(limiter.ask(100).write);
    const auto next = limiter.ask(101);
    EXPECT_TRUE(next.write);
    EXPECT_EQ(next.left_out_before, 2u);
    EXPECT_EQ(limiter.ask(101).left_out_before, 0u);
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
