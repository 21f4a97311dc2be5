#include "output.hpp"

#include "reasons.hpp"
#include "token_source.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace tokenward::cli {
namespace {

TEST(Output, Times) {
    EXPECT_EQ(utc_time(0), "1970-01-01 00:00:00 UTC");
    EXPECT_EQ(rfc3339(1764000000), "2025-11-24T16:00:00Z");
    EXPECT_EQ(utc_time(std::numeric_limits<std::int64_t>::max()), "never");
    EXPECT_EQ(utc_time(std::numeric_limits<std::int64_t>::max() - 1), "9223372036854775806 s after 1970-01-01");
}

TEST(Output, Durations) {
    EXPECT_EQ(duration(0), "0 s");
    EXPECT_EQ(duration(59), "59 s");
    EXPECT_EQ(duration(60), "1 min");
    EXPECT_EQ(duration(1790), "29 min 50 s");
    EXPECT_EQ(duration(3600), "1 h");
    EXPECT_EQ(duration(3605), "1 h");  // two units, the second is zero
    EXPECT_EQ(duration(90061), "1 d 1 h");
}

TEST(Output, NothingFromOutsideMovesTheCursor) {
    EXPECT_EQ(for_terminal("plain caf\xc3\xa9"), "plain caf\xc3\xa9");
    EXPECT_EQ(for_terminal("\x1b[2J\n"), "\\x1B[2J\\x0A");
    EXPECT_EQ(for_terminal("\xc2\x9b"), "\\xC2\\x9B");             // CSI in C1
    EXPECT_EQ(for_terminal("a\xe2\x80\xae"), "a\\xE2\\x80\\xAE");  // right-to-left override
    EXPECT_EQ(for_terminal("a\xe2\x81\xa6"), "a\\xE2\\x81\\xA6");  // isolate
    EXPECT_EQ(for_terminal("\xff\xc3"), "\\xFF\\xC3");             // not UTF-8
    EXPECT_EQ(for_terminal("\xe0\x80\xaf"), "\\xE0\\x80\\xAF");    // overlong
    EXPECT_EQ(for_terminal("\xe2\x82\xac"), "\xe2\x82\xac");       // the euro sign
}

TEST(Reasons, ByNameAndNumber) {
    ASSERT_NE(find_reason("WRONG_AUDIENCE"), nullptr);
    EXPECT_EQ(find_reason("WRONG_AUDIENCE")->code, 401);
    EXPECT_EQ(find_reason("wrong-audience"), find_reason("401"));
    EXPECT_EQ(find_reason("WRONG_AUDIENCES"), nullptr);
    EXPECT_EQ(find_reason("999"), nullptr);
    EXPECT_EQ(find_reason(""), nullptr);
    const auto similar = [](std::string_view name) {
        const ReasonRow *row = similar_reason(name);
        return row == nullptr ? "" : std::string(row->name);
    };
    EXPECT_EQ(similar("WRONG_AUDIENCES"), "WRONG_AUDIENCE");
    EXPECT_EQ(similar("expired"), "TOKEN_EXPIRED");
    EXPECT_EQ(similar("UNKNOWN_KYE"), "UNKNOWN_KEY");
    EXPECT_EQ(similar("FOO"), "");
    EXPECT_EQ(similar("nonsense_of_mine"), "");
    EXPECT_EQ(similar(""), "");
}

TEST(Reasons, EachHasAMeaning) {
    for (const ReasonRow &row : reasons()) EXPECT_FALSE(row.meaning.empty()) << row.name;
}

TEST(TokenSource, ATokenInTheWrongPlaceIsRecognised) {
    EXPECT_TRUE(may_be_token("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjEifQ.eyJ9.c2ln"));
    EXPECT_TRUE(may_be_token("Bearer x"));
    EXPECT_FALSE(may_be_token("token.jwt"));
    EXPECT_FALSE(may_be_token("-"));
    EXPECT_FALSE(may_be_token("eyelet.jwt"));
    EXPECT_FALSE(may_be_token("eyelets/a-folder-whose-name-is-longer-than-forty-bytes/token.jwt"));
    EXPECT_FALSE(may_be_token("/tmp/eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjEifQ.jwt"));
}

}  // namespace
}  // namespace tokenward::cli
