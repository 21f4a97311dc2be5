#include "base/text.hpp"

#include "base/issuer.hpp"

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

TEST(Copyable, OnlyWhatALineOfTheConfigurationCanHold) {
    for (const std::string &good :
         {std::string("a"), std::string("https://a/b?c=d"), std::string("a b"), std::string(128, 'x')})
        EXPECT_EQ(copyable(good), good);
    for (const std::string &bad :
         {std::string(), std::string(" a"), std::string("a "), std::string("a\nb"), std::string("\xc3\xa9"),
          std::string("a,b"), std::string("a\"b"), std::string("a\\b"), std::string(129, 'x')})
        EXPECT_EQ(copyable(bad), "") << bad;
}

TEST(CommandWith, NamesTheFileOnlyIfAShellReadsNothingElse) {
    EXPECT_EQ(command_with("openssl x509 -in FILE -out FILE.pem", "/a/b-c_1.d"),
              "openssl x509 -in /a/b-c_1.d -out /a/b-c_1.d.pem");
    EXPECT_EQ(command_with("chmod go-w FILE", "/a/FILE"), "chmod go-w /a/FILE");
    EXPECT_EQ(command_with("jwks_uri = https://a/keys", "/a"), "jwks_uri = https://a/keys");
    EXPECT_EQ(command_with("", "/a"), "");
    for (const char *path : {"", "/a b", "/a;b", "/$(a)", "/a'b", "/`a`", "/a*", "/a&b", "/a>b", "~"})
        EXPECT_EQ(command_with("chmod go-w FILE", path), "") << path;
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

TEST(ToUtf8, ReplacesEachByteThatIsNoUtf8) {
    EXPECT_EQ(to_utf8("caf\xc3\xa9"), "caf\xc3\xa9");
    EXPECT_EQ(to_utf8("a\xff\xe2\x82z"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(ToLower, ChangesAsciiLettersAlone) {
    EXPECT_EQ(to_lower("AZ[az@\xC3\x84"), "az[az@\xC3\x84");
}

TEST(EqualsIgnoringCase, ComparesWholeTexts) {
    EXPECT_TRUE(equals_ignoring_case("No-Store", "nO-sTORE"));
    EXPECT_FALSE(equals_ignoring_case("no-store", "no-stor"));
    EXPECT_FALSE(equals_ignoring_case("[", "{"));  // differ in the bit that letters differ in
}

TEST(Trim, TakesBlanksFromBothEnds) {
    EXPECT_EQ(trim(" \t a b\t "), "a b");
    EXPECT_EQ(trim(" \t "), "");
    EXPECT_EQ(trim("\va"), "\va");
    EXPECT_EQ(trim("\va ", "\v "), "a");
}

TEST(Nearest, IsNearOrNothing) {
    constexpr std::string_view words[] = {"issuer", "audience", "proxy"};
    EXPECT_EQ(nearest("isuer", words), "issuer");
    EXPECT_EQ(nearest("audiences", words), "audience");
    EXPECT_EQ(nearest("prox", words), "proxy");
    EXPECT_EQ(nearest("completely_else", words), "");
    EXPECT_EQ(nearest("", words), "");
    EXPECT_EQ(nearest(std::string(100000, 'x'), words), "");
}

TEST(SameIssuer, ForgivesOneSlashAtTheEnd) {
    EXPECT_TRUE(same_issuer("https://a", "https://a/"));
    EXPECT_TRUE(same_issuer("https://a/", "https://a"));
    EXPECT_FALSE(same_issuer("https://a", "https://a//"));
    EXPECT_FALSE(same_issuer("https://a/b", "https://a"));
    EXPECT_TRUE(same_issuer("/", ""));
}

}  // namespace tokenward
