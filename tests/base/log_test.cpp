#include "base/log.hpp"

#include "support/in_child.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace tokenward {
namespace {

struct Line {
    std::int32_t level;
    std::string text;
};

void collect(void *user, std::int32_t level, const char *message, std::size_t size) {
    EXPECT_EQ(message[size], '\0');
    static_cast<std::vector<Line> *>(user)->push_back({level, std::string(message, size)});
}

}  // namespace

TEST(Logger, LevelsAndPrintableAscii) {
    std::vector<Line> lines;
    Logger logger({LogMode::to_callback, collect, &lines, {}});
    logger.debug("not wanted at info");
    logger.info("a\nb\x1b[31m");
    logger.error(std::string(5000, 'x'));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].text, "a?b?[31m");
    EXPECT_EQ(lines[0].level, 3);
    EXPECT_EQ(lines[1].text.size(), Logger::line_size - 1);
}

TEST(Logger, AfterCloseNothingComes) {
    std::vector<Line> lines;
    Logger logger({LogMode::to_callback, collect, &lines, {}});
    logger.close();
    logger.error("late");
    EXPECT_TRUE(lines.empty());
}

TEST(Logger, TheHostsLevelWins) {
    std::vector<Line> lines;
    Logger logger({LogMode::to_callback, collect, &lines, LogLevel::warning});
    logger.set_level(LogLevel::debug);
    logger.info("not wanted");
    logger.warning("wanted");
    ASSERT_EQ(lines.size(), 1U);
}

namespace {

/// A sink that stays in its first line until it is told to go on.
struct BusySink {
    std::mutex mutex;
    std::condition_variable changed;
    bool entered = false;
    bool go_on = false;
    int inside = 0;
    int most_inside = 0;
    std::vector<std::string> lines;

    static void receive(void *user, std::int32_t, const char *message, std::size_t size) {
        auto &self = *static_cast<BusySink *>(user);
        std::unique_lock lock(self.mutex);
        self.most_inside = std::max(self.most_inside, ++self.inside);
        self.lines.emplace_back(message, size);
        self.entered = true;
        self.changed.notify_all();
        self.changed.wait(lock, [&] { return self.go_on; });
        --self.inside;
    }
    void wait_until_entered() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return entered; });
    }
    void let_go() {
        const std::lock_guard lock(mutex);
        go_on = true;
        changed.notify_all();
    }
};

}  // namespace

TEST(Logger, NobodyWaitsForABusySinkAndNothingIsLost) {
    BusySink sink;
    Logger logger({LogMode::to_callback, BusySink::receive, &sink, {}});
    std::thread first([&] { logger.info("1"); });
    sink.wait_until_entered();
    logger.info("2");  // would hang if the sink ran under the logger's lock
    logger.info("3");
    sink.let_go();
    first.join();
    EXPECT_EQ(sink.lines, (std::vector<std::string>{"1", "2", "3"}));
    EXPECT_EQ(sink.most_inside, 1);
}

TEST(Logger, CloseWaitsForTheSinkThatIsRunning) {
    BusySink sink;
    Logger logger({LogMode::to_callback, BusySink::receive, &sink, {}});
    std::thread first([&] { logger.info("1"); });
    sink.wait_until_entered();
    std::atomic<bool> closed{false};
    std::thread closing([&] {
        logger.close();
        closed = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(closed);
    sink.let_go();
    closing.join();
    first.join();
    logger.error("late");
    EXPECT_EQ(sink.lines.size(), 1U);
}

namespace {

bool is_readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

}  // namespace

TEST(LogQueue, LinesComeInOrderAndTheDescriptorTells) {
    Logger logger({LogMode::to_queue, nullptr, nullptr, {}});
    const int fd = logger.fd();
    EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_FALSE(is_readable(fd));
    logger.warning("one");
    logger.error("two");
    EXPECT_TRUE(is_readable(fd));
    char buffer[Logger::line_size];
    std::int32_t level = 0;
    EXPECT_EQ(logger.read(level, nullptr, 0), 3U) << "size 0 takes nothing";
    EXPECT_EQ(logger.read(level, buffer, sizeof buffer), 3U);
    EXPECT_STREQ(buffer, "one");
    EXPECT_EQ(level, 2);
    EXPECT_TRUE(is_readable(fd));
    EXPECT_EQ(logger.read(level, buffer, 3), 3U) << "the whole length";
    EXPECT_STREQ(buffer, "tw") << "cut";
    EXPECT_EQ(level, 1);
    EXPECT_FALSE(is_readable(fd));
    EXPECT_EQ(logger.read(level, buffer, sizeof buffer), 0U);
    EXPECT_EQ(level, 0);
    logger.info("three");
    EXPECT_TRUE(is_readable(fd)) << "again";
}

TEST(LogQueue, AFullQueueDropsTheNewestAndCountsThem) {
    Logger logger({LogMode::to_queue, nullptr, nullptr, {}});
    for (int i = 0; i < 1030; ++i) logger.info(std::to_string(i));
    char buffer[Logger::line_size];
    std::int32_t level = 0;
    for (int i = 0; i < 1024; ++i) {
        ASSERT_NE(logger.read(level, buffer, sizeof buffer), 0U);
        ASSERT_EQ(buffer, std::to_string(i));
    }
    ASSERT_NE(logger.read(level, buffer, sizeof buffer), 0U);
    EXPECT_STREQ(buffer, "6 log lines were left out: the queue was full");
    EXPECT_EQ(level, 2);
    EXPECT_EQ(logger.read(level, buffer, sizeof buffer), 0U);
    EXPECT_FALSE(is_readable(logger.fd()));
}

TEST(LogQueue, WhatNobodyReadGoesToStandardError) {
    char path[] = "/tmp/tokenward-log-XXXXXX";
    const int file = ::mkstemp(path);
    ASSERT_GE(file, 0);
    EXPECT_EQ(support::in_child([file] {
                  ::dup2(file, 2);
                  Logger logger({LogMode::to_queue, nullptr, nullptr, {}});
                  logger.info("waits");
                  logger.leave_queue();
                  logger.info("of destroy");
                  logger.close();
                  return 0;
              }),
              0);
    char text[256] = "";
    EXPECT_GT(::pread(file, text, sizeof text - 1, 0), 0);
    EXPECT_STREQ(text, "tokenward info: waits\ntokenward info: of destroy\n");
    ::close(file);
    ::unlink(path);
}

}  // namespace tokenward
