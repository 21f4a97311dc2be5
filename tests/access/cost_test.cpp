// What a decision may cost, whatever the token and the name say (DESIGN section 4, "What a good token may cost").
// tests/session/cost.cpp counts the instructions.
#include "access/permission_set.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

std::shared_ptr<const PermissionSet> set_of(const std::vector<std::string> &scopes) {
    const std::vector<std::string_view> views(scopes.begin(), scopes.end());
    Notes notes;
    return PermissionSet::compile(views, true, notes);
}

/// As many scopes as a token of 16 KB holds: a pattern each whose inner literal is a word of so many `a` and `b`.
std::vector<std::string> abba_scopes(std::size_t count, const std::string &begin,
                                     const std::string &end = "*") {
    std::vector<std::string> scopes;
    for (std::size_t i = 0; i < count; ++i) {
        std::string word;
        for (std::size_t bit = 0; bit < 9; ++bit) word += (i >> bit & 1U) != 0 ? 'a' : 'b';
        scopes.push_back(begin + "a" + word + "b" + end);
    }
    return scopes;
}

std::string words(std::string_view word, std::size_t size) {
    std::string text;
    while (text.size() < size) text += word;
    text.resize(size);
    return text;
}

}  // namespace

// Which pattern is tried first doesn't depend on the token, and what isn't tried doesn't grant.
TEST(Cost, TheSameSetAndNameHaveTheSameAnswer) {
    const std::string abba = words("abba", 65535);
    const Request request{Operation::write, "v", abba, std::nullopt};
    std::vector<std::string> scopes = abba_scopes(480, "write:*/*b*");
    const auto set = set_of(scopes);
    EXPECT_EQ(set->decide(request), Verdict::too_costly);
    EXPECT_EQ(set->decide(request), Verdict::too_costly);
    const std::vector<std::string> reversed(scopes.rbegin(), scopes.rend());
    EXPECT_EQ(set_of(reversed), set);
    EXPECT_EQ(set->decide({Operation::read, "v", abba, std::nullopt}), Verdict::denied) << "nothing was tried";
    EXPECT_EQ(set->decide({Operation::write, "v", "abba", std::nullopt}), Verdict::denied);
    const Explanation why = set->explain(request);
    EXPECT_FALSE(why.allowed);
    EXPECT_NE(why.why.find("not all of them were tried"), std::string::npos) << why.why;
}

TEST(Cost, ExactNamesAndPrefixesCountAlways) {
    const std::string abba = words("abba", 65535);
    for (const std::string &more : {"write:v/" + abba, std::string("write:v/ab*"), std::string("write:v/*"),
                                    std::string("write:v/*bb"), std::string("write:v/ab*bb")}) {
        std::vector<std::string> scopes = abba_scopes(480, "write:*/*b*");
        scopes.push_back(more);
        EXPECT_EQ(set_of(scopes)->decide({Operation::write, "v", abba, std::nullopt}), Verdict::allowed)
            << more.substr(0, 32);
    }
}

// What people write stays far below the bound.
TEST(Cost, OrdinarySetsAreNotDenied) {
    std::vector<std::string> scopes;
    for (std::size_t i = 0; i < 400; ++i)
        scopes.push_back("read:*/*%2Fplant-" + std::to_string(i) + "%2F*%2Falarm");
    const auto set = set_of(scopes);
    const std::string topic = "company/" + words("area/", 150) + "plant-399/line/alarm";
    EXPECT_EQ(set->decide({Operation::read, "v", topic, std::nullopt}), Verdict::allowed);
    EXPECT_EQ(set->decide({Operation::read, "v", topic + "s", std::nullopt}), Verdict::denied);
    // One pattern, the longest topic that there is.
    const std::string longest = words("area/", 65500) + "plant-399/line/alarm";
    EXPECT_EQ(
        set_of({"read:*/*%2Fplant-399%2F*%2Falarm"})->decide({Operation::read, "v", longest, std::nullopt}),
        Verdict::allowed);
}

}  // namespace tokenward::access
