#include "base/text.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward {
using namespace std::string_literals;

TEST(Quoted, IsPrintableAsciiAndBounded) {
    EXPECT_EQ(quote("alice"), R"("alice")");
    EXPECT_EQ(quote("a\nb\"c\\\x01\xff"s), R"("a\nb\"c\\\x01\xff")");
    EXPECT_EQ(quote(std::string(65, 'x')), '"' + std::string(64, 'x') + "\"...");
    EXPECT_EQ(quote("\0"s), R"("\x00")");
}

TEST(JsonString, EscapesAndReplacesWhatIsNoUtf8) {
    std::string out;
    append_json_string(out, "a\"\\\n\x7f\xc3\xa9\xff"s);
    EXPECT_EQ(out, "\"a\\\"\\\\\\u000a\\u007f\xc3\xa9\\ufffd\"");
}

TEST(Utf8, Table) {
    struct Row {
        const char *what;
        std::string bytes;
        bool valid;
    };
    const Row rows[] = {
        {"empty", "", true},
        {"ascii", "hello, world: longer than a word", true},
        {"two bytes", "\xc2\x80", true},
        {"overlong slash", "\xc0\xaf", false},
        {"overlong three", "\xe0\x80\xaf", false},
        {"overlong four", "\xf0\x80\x80\xaf", false},
        {"surrogate", "\xed\xa0\x80", false},
        {"last before surrogates", "\xed\x9f\xbf", true},
        {"past U+10FFFF", "\xf4\x90\x80\x80", false},
        {"U+10FFFF", "\xf4\x8f\xbf\xbf", true},
        {"cut", "abcdefgh\xe2\x82", false},
        {"stray continuation", "\x80", false},
        {"ff", "\xff", false},
    };
    for (const Row &row : rows) EXPECT_EQ(is_utf8(row.bytes), row.valid) << row.what;
}

TEST(CopyBounded, TerminatesAndCuts) {
    char out[4];
    copy_bounded(out, sizeof out, "abcdef");
    EXPECT_STREQ(out, "abc");
    copy_bounded(out, sizeof out, "a\n");
    EXPECT_STREQ(out, "a?");
}

}  // namespace tokenward
