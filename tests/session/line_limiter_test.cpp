// Ten lines a second, two of a client, then a count that names the noisiest client.
#include "session/line_limiter.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

Context from(std::string_view peer, std::string_view client_id = {}) {
    Context context;
    context.peer = peer;
    context.client_id = client_id;
    return context;
}

}  // namespace

TEST(LineLimiter, TenASecondThenACount) {
    LineLimiter limiter;
    const auto next = [&](std::int64_t ms) -> std::int64_t {
        const auto left_out = limiter.next(ms, {});
        return left_out ? static_cast<std::int64_t>(left_out->lines) : -1;
    };
    for (int i = 0; i < 10; ++i) EXPECT_EQ(next(5000 + i), 0) << i;
    for (int i = 10; i < 25; ++i) EXPECT_EQ(next(5000 + i), -1) << i;
    EXPECT_EQ(next(5999), -1);
    EXPECT_EQ(next(6000), 16);
    EXPECT_EQ(next(6001), 0) << "each line that was left out is counted once";
}

TEST(LineLimiter, TheNoisiestIsNamedByItsAddress) {
    LineLimiter limiter;
    for (int i = 0; i < 10; ++i) limiter.next(1000, {});
    // Many clients with a line each, and one that reconnects from another port each time.
    for (int i = 0; i < 100; ++i) {
        const std::string peer = "192.0.2." + std::to_string(i) + ":1883";
        limiter.next(1000, from(peer));
        const std::string noisy = "198.51.100.9:" + std::to_string(20000 + i);
        limiter.next(1000, from(noisy, "id" + std::to_string(i)));
    }
    limiter.leave_out(from("198.51.100.9:7"));
    const auto left_out = limiter.next(2000, {});
    ASSERT_TRUE(left_out);
    EXPECT_EQ(left_out->lines, 201U);
    EXPECT_EQ(left_out->noisiest, "198.51.100.9");
    EXPECT_GE(left_out->of_noisiest, 101U);
    for (int i = 0; i < 10; ++i) limiter.next(2000, from("203.0.113.1:1"));
    EXPECT_EQ(limiter.next(3000, {})->noisiest, "203.0.113.1") << "it begins anew after each count";
}

TEST(LineLimiter, ManyClientsWithALineEachNameTheOneThatHasMore) {
    LineLimiter limiter;
    for (int i = 0; i < 10; ++i) limiter.next(1000, {});
    for (int i = 0; i < 7; ++i) limiter.next(1000, from("", "chatty"));
    limiter.next(1000, from("", "quiet"));
    EXPECT_EQ(limiter.next(2000, {})->noisiest, "chatty");
}

TEST(ClientLimits, TwoASecondForEachClient) {
    ClientLimits limits;
    EXPECT_TRUE(limits.allow(from("192.0.2.1:10", "a"), 1000));
    EXPECT_TRUE(limits.allow(from("192.0.2.1:11", "a"), 1100));
    EXPECT_FALSE(limits.allow(from("192.0.2.1:12", "a"), 1999)) << "another port is the same client";
    EXPECT_TRUE(limits.allow(from("192.0.2.1:13", "b"), 1999)) << "another client behind the same address";
    EXPECT_TRUE(limits.allow(from("192.0.2.2:10", "a"), 1999));
    EXPECT_TRUE(limits.allow(from("192.0.2.1:14", "a"), 2000)) << "a new second";
    EXPECT_TRUE(limits.allow(from("[2001:db8::1]:1", "a"), 2000));
    EXPECT_TRUE(limits.allow(from("[2001:db8::1]:2", "a"), 2000));
    EXPECT_FALSE(limits.allow(from("[2001:db8::1]:3", "a"), 2000));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.allow({}, 2000)) << "nothing is known of it";
}

}  // namespace tokenward::session
