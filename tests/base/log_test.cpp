#include "base/log.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

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

}  // namespace tokenward
