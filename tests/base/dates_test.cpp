#include "base/dates.hpp"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace tokenward {
namespace {

TEST(Dates, AnInstantIsANumberAndADate) {
    EXPECT_EQ(date_of(1'799'999'700), "1799999700 (2027-01-15T07:55:00Z)");
    EXPECT_EQ(date_of(0), "0 (1970-01-01T00:00:00Z)");
    EXPECT_EQ(date_of(253'402'300'799), "253402300799 (9999-12-31T23:59:59Z)");
    EXPECT_EQ(date_of(253'402'300'800), "253402300800") << "milliseconds, say";
    EXPECT_EQ(date_of(-1), "-1");
    EXPECT_EQ(date_of(std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
}

TEST(Dates, ASpanHasTheUnitThatReadsBest) {
    EXPECT_EQ(span_of(0), "0 s");
    EXPECT_EQ(span_of(120), "120 s");
    EXPECT_EQ(span_of(121), "2 min");
    EXPECT_EQ(span_of(7'200), "120 min");
    EXPECT_EQ(span_of(7'201), "2 h");
    EXPECT_EQ(span_of(172'800), "48 h");
    EXPECT_EQ(span_of(172'801), "2 d");
    EXPECT_EQ(span_of(std::numeric_limits<std::uint64_t>::max()), "213503982334601 d");
}

TEST(Dates, SecondsBetweenAnyTwo) {
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(seconds_between(10, 25), 15U);
    EXPECT_EQ(seconds_between(25, 10), 0U);
    EXPECT_EQ(seconds_between(least, most), std::numeric_limits<std::uint64_t>::max());
}

}  // namespace
}  // namespace tokenward
