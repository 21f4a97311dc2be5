#include "expiry_queue.hpp"
#include "log_queue.hpp"

#include <limits>
#include <string>
#include <thread>
#include <vector>

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

std::vector<std::string> drain(LogQueue &queue) {
    std::vector<std::string> lines;
    queue.flush([&](std::int32_t level, const std::string &text) {
        lines.push_back(std::to_string(level) + " " + text);
    });
    return lines;
}

TEST(LogQueue, KeepsOrderAndLevels) {
    LogQueue queue(10);
    queue.push(2, "one");
    queue.push(0, "two");
    EXPECT_EQ(drain(queue), (std::vector<std::string>{"2 one", "0 two"}));
    EXPECT_TRUE(drain(queue).empty());
}

TEST(LogQueue, CountsWhatDoesNotFit) {
    LogQueue queue(2);
    for (int i = 0; i < 5; ++i) queue.push(2, std::to_string(i));
    EXPECT_EQ(drain(queue),
              (std::vector<std::string>{"2 0", "2 1", "1 3 log lines were left out: too many at once"}));
    queue.push(2, "again");
    EXPECT_EQ(drain(queue), (std::vector<std::string>{"2 again"}));
}

TEST(LogQueue, TakesLinesFromManyThreads) {
    LogQueue queue(100000);
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&queue] {
            for (int i = 0; i < 500; ++i) queue.push(2, "line");
        });
    }
    std::size_t seen = 0;
    while (seen < 1000) seen += drain(queue).size();
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQ(seen + drain(queue).size(), 2000u);
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
