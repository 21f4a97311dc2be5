// Ten lines a second, then a count.
#include "session/line_limiter.hpp"

#include <gtest/gtest.h>

namespace tokenward::session {

TEST(LineLimiter, TenASecondThenACount) {
    LineLimiter limiter;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(limiter.next(5000 + i), 0U) << i;
    for (int i = 10; i < 25; ++i) EXPECT_FALSE(limiter.next(5000 + i)) << i;
    EXPECT_FALSE(limiter.next(5999));
    EXPECT_EQ(limiter.next(6000), 16U);
    EXPECT_EQ(limiter.next(6001), 0U) << "each line that was left out is counted once";
}

}  // namespace tokenward::session
