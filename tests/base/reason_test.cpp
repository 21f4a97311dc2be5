#include "base/reason.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace tokenward {

TEST(Reason, EveryReasonHasANameOfItsOwnAndAnIndex) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < reason_count(); ++i) {
        const Reason reason = reason_at(i);
        EXPECT_EQ(reason_index(reason), i);
        EXPECT_TRUE(names.insert(reason_name(reason)).second) << reason_name(reason);
        EXPECT_LT(std::string(reason_hint(reason)).size(), 512U) << "must fit tokenward_error.hint";
    }
    EXPECT_GT(names.size(), 50U);
}

TEST(Reason, WhatIsNoReasonIsUnknown) {
    EXPECT_STREQ(reason_name(static_cast<Reason>(-1)), "UNKNOWN");
    EXPECT_STREQ(reason_name(static_cast<Reason>(99999)), "UNKNOWN");
    EXPECT_STREQ(reason_hint(static_cast<Reason>(99999)), "");
}

}  // namespace tokenward
