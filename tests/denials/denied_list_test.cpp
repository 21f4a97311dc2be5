// The lines of denied_file: what they match, and what isn't understood.
#include "denials/denied_list.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::denials {
namespace {

constexpr std::int64_t noon = 1'798'718'400;  // 2026-12-31T12:00:00Z

std::vector<SectionName> sections() {
    return {{"[oauth]", "https://id.example", {"https://inside.example"}},
            {"[oauth.plant]", "https://plant.example", {}},
            {"[oauth.office]", "https://plant.example", {}}};
}

Result<DeniedList> parse(const std::string &content) {
    return DeniedList::parse(content, "/etc/tokenward/denied", sections());
}

struct Token {
    std::string username = "alice";
    std::string jti = "j1";
    std::string client_id = "c1";
    std::string azp = "a1";
    std::string kid = "k1";
    std::int64_t iat = noon;
    std::string section = "[oauth]";
    std::string issuer = "https://id.example";
};

std::optional<Match> find(const DeniedList &list, const Token &token) {
    const TokenMarks marks{mark_of(Kind::jti, token.jti), mark_of(Kind::client_id, token.client_id),
                           mark_of(Kind::client_id, token.azp), mark_of(Kind::kid, token.kid), token.iat};
    return list.find({token.section, token.issuer, token.username, marks});
}

/// What becomes of the token under this content.
std::string verdict(const std::string &content, const Token &token = {}) {
    const auto list = parse(content);
    if (!list) return list.error().detail;
    const auto match = find(*list, token);
    return match ? "denied by " + std::to_string(match->line) : "passes";
}

struct Row {
    const char *name;
    std::string content;
    std::string expected;
    Token token = {};
};

void check_rows(const std::vector<Row> &rows) {
    for (const Row &row : rows) EXPECT_EQ(verdict(row.content, row.token), row.expected) << row.name;
}

}  // namespace

TEST(DeniedList, Lines) {
    const Token none_issued{.iat = TokenMarks::no_issued_at};
    check_rows({
        {"nothing", "", "passes"},
        {"comments and blanks", "# username alice\n\n   \t\n  # x\r\n", "passes"},
        {"a byte order mark", "\xEF\xBB\xBFusername alice\n", "denied by 1"},
        {"the user", "\nusername alice\n", "denied by 2"},
        {"CRLF", "username alice\r\n", "denied by 1"},
        {"blanks around it", "  username \t alice  # laptop\n", "denied by 1"},
        {"another user", "username alic\nusername alicee\nusername Alice\n", "passes"},
        {"escapes", "username a%20b%23%25\n", "denied by 1", {.username = "a b#%"}},
        {"escapes of what needs none", "username %61lice\n", "denied by 1"},
        {"the token", "jti j1\n", "denied by 1"},
        {"a jti is no username", "jti alice\nusername j1\n", "passes"},
        {"the client", "client_id c1\n", "denied by 1"},
        {"the client as azp", "client_id a1\n", "denied by 1"},
        {"the key", "kid k1\n", "denied by 1"},
        {"a token that has none of them",
         "jti j1\nclient_id c1\nclient_id a1\nkid k1\n",
         "passes",
         {.jti = "", .client_id = "", .azp = "", .kid = ""}},
        {"issued in the second before", "issued_before 2026-12-31T12:00:01Z\n", "denied by 1"},
        {"issued in that second", "issued_before 2026-12-31T12:00:00Z\n", "passes"},
        {"a part of a second", "issued_before 2026-12-31T12:00:00.001Z\n", "denied by 1"},
        {"no part of a second", "issued_before 2026-12-31T12:00:00.000Z\n", "passes"},
        {"small letters", "issued_before 2026-12-31t12:00:01z\n", "denied by 1"},
        {"UTC as an offset", "issued_before 2026-12-31T12:00:01+00:00\n", "denied by 1"},
        {"no iat", "issued_before 1970-01-01T00:00:00Z\n", "denied by 1", none_issued},
        {"of one user", "issued_before 2026-12-31T12:00:01Z username alice\n", "denied by 1"},
        {"of another", "issued_before 2026-12-31T12:00:01Z username bob\n", "passes"},
        {"the later of two",
         "issued_before 2026-12-31T12:00:01Z username alice\nissued_before 2020-01-01T00:00:00Z username "
         "alice\n",
         "denied by 1"},
        {"the user beside a time", "issued_before 2020-01-01T00:00:00Z username alice\nusername alice\n",
         "denied by 2"},
        {"the time beside the user", "username alice\nissued_before 2020-01-01T00:00:00Z username alice\n",
         "denied by 1"},
    });
}

TEST(DeniedList, Sections) {
    const Token plant{.section = "[oauth.plant]", .issuer = "https://plant.example"};
    const Token gone{.section = "[oauth.old]", .issuer = "https://plant.example/"};
    const Token moved{.section = "[oauth.plant]", .issuer = "https://inside.example"};
    const Token nobodys{.section = "[oauth.old]", .issuer = "https://old.example"};
    check_rows({
        {"above any header", "username alice\n[oauth.plant]\nusername bob\n", "denied by 1", plant},
        {"below its own", "[oauth.plant]\nusername alice\n", "denied by 2", plant},
        {"below another", "[oauth]\nusername alice\n[oauth.office]\nusername alice\n", "passes", plant},
        {"the first section's own", "[oauth]\nusername alice\n", "denied by 2"},
        {"issued_before too", "[oauth]\nissued_before 2027-01-01T00:00:00Z\n", "passes", plant},
        {"a header twice", "[oauth]\n[oauth.plant]\n[oauth]\nusername alice\n", "denied by 4"},
        {"a section that is gone: any of its provider", "[oauth.office]\nusername alice\n", "denied by 2",
         gone},
        {"none of another's", "[oauth]\nusername alice\n", "passes", gone},
        {"a section that became another provider's", "[oauth]\nusername alice\n", "denied by 2", moved},
        {"and not by its name", "[oauth.plant]\nusername alice\n", "passes", moved},
        {"a provider that is gone", "[oauth]\nusername alice\n", "passes", nobodys},
    });
}

TEST(DeniedList, WhatIsNotUnderstood) {
    const std::string at = "denied_file \"/etc/tokenward/denied\":";
    check_rows({
        {"half written", "username bob\nusername ali",
         at + "2: the line has no end: the file may be half written"},
        {"a word", "user alice\n", at + "1: the line begins with \"user\""},
        {"upper case", "Username alice\n", at + "1: the line begins with \"Username\""},
        {"no name", "username\n", at + "1: the line has 0 values, username takes one"},
        {"a space in a name", "jti a b\n", at + "1: the line has 2 values, jti takes one"},
        {"# in a name", "username alice#1\n", at + "1: the line has a # inside \"alice#1\""},
        {"a broken escape", "username 50%\n", at + "1: the line has a broken escape in \"50%\""},
        {"another", "username %4gx\n", at + "1: the line has a broken escape in \"%4gx\""},
        {"NUL", std::string("username a\0b\n", 13),
         at + "1: the line has a control character, or bytes that aren't UTF-8"},
        {"not UTF-8", "username \xE9\n",
         at + "1: the line has a control character, or bytes that aren't UTF-8"},
        {"CR in a line", "username a\rb\n",
         at + "1: the line has a control character, or bytes that aren't UTF-8"},
        {"an unknown section", "[oauth.nowhere]\n",
         at + "1: the line names no section of the configuration, which has [oauth], [oauth.plant], "
              "[oauth.office]"},
        {"no time", "issued_before yesterday\n", at + "1: the line has the time \"yesterday\""},
        {"a date", "issued_before 2026-12-31\n", at + "1: the line has the time \"2026-12-31\""},
        {"no zone", "issued_before 2026-12-31T12:00:00\n",
         at + "1: the line has the time \"2026-12-31T12:00:00\""},
        {"another zone", "issued_before 2026-12-31T12:00:00+01:00\n",
         at + "1: the line has the time \"2026-12-31T12:00:00+01:00\""},
        {"no such day", "issued_before 2026-02-29T12:00:00Z\n",
         at + "1: the line has the time \"2026-02-29T12:00:00Z\""},
        {"no such hour", "issued_before 2026-02-28T24:00:00Z\n",
         at + "1: the line has the time \"2026-02-28T24:00:00Z\""},
        {"an empty fraction", "issued_before 2026-02-28T23:00:00.Z\n",
         at + "1: the line has the time \"2026-02-28T23:00:00.Z\""},
        {"of a client", "issued_before 2026-02-28T23:00:00Z client_id c\n",
         at + "1: the line isn't issued_before TIME [username NAME]"},
        {"a long name", "jti " + std::string(1025, 'x') + "\n",
         at + "1: the line has a value of 1025 bytes, at most 1024 are allowed"},
    });
}

TEST(DeniedList, SaysWhatWouldBeRight) {
    const auto hint = [](const std::string &content) { return parse(content).error().hint; };
    EXPECT_EQ(hint("usernam alice\n"), "did you mean username?");
    EXPECT_NE(hint("xyz alice\n").find("lines are 'username NAME'"), std::string::npos);
    EXPECT_NE(hint("username a b\n").find("%20"), std::string::npos);
    EXPECT_NE(hint("username a#b\n").find("%23"), std::string::npos);
    EXPECT_NE(hint("username a%\n").find("%25"), std::string::npos);
    EXPECT_NE(hint("issued_before now\n").find("2026-11-28T21:00:00Z"), std::string::npos);
}

TEST(DeniedList, Describes) {
    const auto list = parse("username alice\nissued_before 2026-12-31T12:00:01Z\n");
    ASSERT_TRUE(list);
    EXPECT_EQ(list->lines(), 2U);
    EXPECT_EQ(list->describe({Kind::username, 1}, "alice"),
              "the operator denies the username \"alice\": \"/etc/tokenward/denied\":1");
    EXPECT_EQ(list->describe({Kind::issued_before, 2}),
              "the operator denies tokens that were issued so early: \"/etc/tokenward/denied\":2");
}

// Every line is found, and nobody else.
TEST(DeniedList, TenThousandLines) {
    std::string content;
    for (int i = 0; i < 10000; ++i) content += "jti id-" + std::to_string(i) + "\n";
    const auto list = parse(content);
    ASSERT_TRUE(list);
    for (int i = 0; i < 10000; ++i) {
        const auto match = find(*list, {.jti = "id-" + std::to_string(i)});
        ASSERT_TRUE(match) << i;
        EXPECT_EQ(match->line, i + 1);
        EXPECT_FALSE(find(*list, {.jti = "no-" + std::to_string(i)})) << i;
    }
}

}  // namespace tokenward::denials
