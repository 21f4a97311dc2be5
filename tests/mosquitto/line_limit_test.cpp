#include "line_limit.hpp"

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

TEST(LineLimit, TenLinesASecondAndTheNextOneTellsHowManyWereLeftOut) {
    LineLimit limit;
    std::string suffix;
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(limit.allows(100, suffix));
        EXPECT_EQ(suffix, "");
    }
    for (int i = 0; i < 7; ++i) EXPECT_FALSE(limit.allows(100, suffix));
    EXPECT_TRUE(limit.allows(101, suffix));
    EXPECT_EQ(suffix, " [7 more lines like this were left out]");
    EXPECT_TRUE(limit.allows(101, suffix));
    EXPECT_EQ(suffix, "");
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
