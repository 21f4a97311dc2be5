#include "expiry_queue.hpp"

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

}  // namespace
}  // namespace tokenward::mosquitto_plugin
