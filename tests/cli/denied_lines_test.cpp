// tokenward deny and allow: what becomes of the file.
#include "denied_lines.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::cli {
namespace {

std::string problem_of(const std::vector<std::string> &words) {
    const auto read = read_denial(words, "2026-11-28T21:00:00Z");
    const auto *problem = std::get_if<std::string>(&read);
    return problem == nullptr ? "" : *problem;
}

Denial good(const std::vector<std::string> &words) {
    auto read = read_denial(words, "2026-11-28T21:00:00Z");
    EXPECT_TRUE(std::holds_alternative<Denial>(read)) << problem_of(words);
    return std::get<Denial>(read);
}

std::string denied(const std::string &content, const std::string &section,
                   const std::vector<std::string> &words) {
    return with_line(content, section, good(words)).value_or("(there)");
}
std::string allowed(const std::string &content, const std::string &section,
                    const std::vector<std::string> &words) {
    return without_line(content, section, good(words)).value_or("(none)");
}

}  // namespace

TEST(DeniedLines, Words) {
    EXPECT_EQ(line_of(good({"username", "a b#%\xC3\xA9"})), "username a%20b%23%25\xC3\xA9");
    EXPECT_EQ(line_of(good({"issued_before", "2016-12-31T23:59:60Z"})), "issued_before 2016-12-31T23:59:60Z");
    EXPECT_EQ(line_of(good({"issued_before", "now"})), "issued_before 2026-11-28T21:00:00Z");
    EXPECT_EQ(line_of(good({"issued_before", "2024-02-29T23:59:59Z", "username", "alice"})),
              "issued_before 2024-02-29T23:59:59Z username alice");
    for (const auto &words : std::vector<std::vector<std::string>>{{},
                                                                   {"username"},
                                                                   {"username", ""},
                                                                   {"username", "a", "b"},
                                                                   {"user", "a"},
                                                                   {"issued_before"},
                                                                   {"issued_before", "tomorrow"},
                                                                   {"issued_before", "2026-02-29T00:00:00Z"},
                                                                   {"issued_before", "2026-02-28T00:00:00"},
                                                                   {"issued_before", "2026-2-28T00:00:00Z"},
                                                                   {"username", "a\nb"},
                                                                   {"username", "\xE9"},
                                                                   {"jti", std::string(1025, 'x')},
                                                                   {"issued_before", "2026-02-28T21:00:61Z"},
                                                                   {"issued_before", "2026-02-28T21: 0: 0Z"},
                                                                   {"issued_before", "now", "client_id", "c"},
                                                                   {"issued_before", "now", "username"}})
        EXPECT_NE(problem_of(words), "") << (words.empty() ? "" : words.back());
}

TEST(DeniedLines, Deny) {
    EXPECT_EQ(denied("", "", {"username", "alice"}), "username alice\n");
    EXPECT_EQ(denied("# ours\n", "", {"username", "alice"}), "# ours\nusername alice\n");
    EXPECT_EQ(denied("\xEF\xBB\xBF[oauth.plant]\n", "", {"username", "alice"}),
              "\xEF\xBB\xBFusername alice\n[oauth.plant]\n");
    EXPECT_EQ(denied("\xEF\xBB\xBFusername alice\n", "", {"username", "alice"}), "(there)");
    EXPECT_EQ(denied("username alice # since May\n", "", {"username", "alice"}), "(there)");
    EXPECT_EQ(denied("username %61lice\r\n", "", {"username", "alice"}), "(there)");
    // Above the first header, or it would count for that section alone.
    EXPECT_EQ(denied("[oauth]\nusername bob\n", "", {"username", "alice"}),
              "username alice\n[oauth]\nusername bob\n");
    EXPECT_EQ(denied("kid x\n\n# plant\n[oauth.plant]\n", "", {"kid", "y"}),
              "kid x\nkid y\n\n# plant\n[oauth.plant]\n");
    EXPECT_EQ(denied("[oauth]\nusername alice\n", "", {"username", "alice"}),
              "username alice\n[oauth]\nusername alice\n");
}

TEST(DeniedLines, DenyInASection) {
    EXPECT_EQ(denied("", "[oauth.plant]", {"jti", "1"}), "[oauth.plant]\njti 1\n");
    EXPECT_EQ(denied("jti 1\n", "[oauth.plant]", {"jti", "1"}), "jti 1\n\n[oauth.plant]\njti 1\n");
    EXPECT_EQ(denied("[oauth.plant] # ours\n[oauth]\njti 2\n", "[oauth.plant]", {"jti", "1"}),
              "[oauth.plant] # ours\njti 1\n[oauth]\njti 2\n");
    EXPECT_EQ(denied("[oauth.plant]\njti 1\n", "[oauth.plant]", {"jti", "1"}), "(there)");
}

TEST(DeniedLines, Allow) {
    EXPECT_EQ(allowed("# a\nusername alice # b\nusername bob\n", "", {"username", "alice"}),
              "# a\nusername bob\n");
    EXPECT_EQ(allowed("username %61lice\nusername alice\n", "", {"username", "alice"}), "");
    EXPECT_EQ(allowed("username alicee\njti alice\n", "", {"username", "alice"}), "(none)");
    EXPECT_EQ(allowed("[oauth]\nusername alice\n", "", {"username", "alice"}), "(none)");
    EXPECT_EQ(allowed("username alice\n[oauth]\nusername alice\n", "[oauth]", {"username", "alice"}),
              "username alice\n[oauth]\n");
    EXPECT_EQ(allowed("issued_before 2026-11-28T21:00:00Z username alice\n", "", {"username", "alice"}),
              "(none)");
}

}  // namespace tokenward::cli
