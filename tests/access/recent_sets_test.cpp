// A remembered set is the one that compile() would have made, with the same notes.
#include "access/recent_sets.hpp"

#include "random_case.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

using Scopes = std::vector<std::string_view>;

std::shared_ptr<const PermissionSet> compile(RecentSets &recent, const Scopes &scopes,
                                             bool routing_keys = true) {
    Notes notes;
    return recent.compile(scopes, routing_keys, notes);
}

TEST(RecentSets, GivesWhatCompileGives) {
    RecentSets recent;
    const Scopes scopes{"read:v/a", "write:*/b", "tag:x", "openid"};
    Notes notes;
    const auto plain = PermissionSet::compile(scopes, true, notes);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(compile(recent, scopes), plain);
}

TEST(RecentSets, KeepsASetForTheNextClient) {
    RecentSets recent;
    const std::weak_ptr<const PermissionSet> watch = compile(recent, {"read:v/remembered"});
    EXPECT_FALSE(watch.expired());
}

TEST(RecentSets, TextsAreToldApartWhole) {
    RecentSets recent;
    const auto set = compile(recent, {"read:v/a", "read:v/b"});
    EXPECT_NE(compile(recent, {"read:v/a"}), set);
    EXPECT_NE(compile(recent, {"read:v/aread:v/b"}), set);
    EXPECT_NE(compile(recent, {"read:v/a", "read:v/c"}), set);
    EXPECT_NE(compile(recent, {"read:v/a", "read:v/b", "tag:t"}), set);
    EXPECT_EQ(compile(recent, {"read:v/a", "read:v/b", ""}), set);
    EXPECT_EQ(compile(recent, {"read:v/b", "read:v/a"}), set);
}

TEST(RecentSets, RoutingKeysBelongToTheText) {
    RecentSets recent;
    const Request keyed{Operation::write, "v", "x", "k"};
    EXPECT_TRUE(compile(recent, {"write:v/x/k"}, true)->allows(keyed));
    EXPECT_FALSE(compile(recent, {"write:v/x/k"}, false)->allows(keyed));
    EXPECT_TRUE(compile(recent, {"write:v/x/k"}, true)->allows(keyed));
}

TEST(RecentSets, TheNotesComeBackWithTheSet) {
    RecentSets recent;
    const Scopes scopes{"read:v/a/b/c", "write:v/x/k"};
    for (int i = 0; i < 3; ++i) {
        Notes notes;
        notes.malformed.emplace_back("of another token");
        static_cast<void>(recent.compile(scopes, false, notes));
        ASSERT_EQ(notes.malformed.size(), 1U);
        EXPECT_NE(notes.malformed.front().find("read:v/a/b/c"), std::string::npos);
        EXPECT_TRUE(notes.three_parts_ignored);
    }
    Notes notes;
    static_cast<void>(recent.compile(Scopes{"read:v/a"}, false, notes));
    EXPECT_TRUE(notes.malformed.empty());
    EXPECT_FALSE(notes.three_parts_ignored);
}

TEST(RecentSets, ATextTooLongIsCompiledAndForgotten) {
    RecentSets recent;
    const std::string name = "read:v/" + std::string(RecentSets::max_text_bytes, 'n');
    std::weak_ptr<const PermissionSet> watch;
    {
        const auto set = compile(recent, {name});
        EXPECT_TRUE(set->allows({Operation::read, "v", std::string_view(name).substr(7), std::nullopt}));
        watch = set;
    }
    EXPECT_TRUE(watch.expired());
}

TEST(RecentSets, WhatItKeepsIsBounded) {
    RecentSets recent;
    std::vector<std::weak_ptr<const PermissionSet>> sets;
    const std::string filler(RecentSets::max_text_bytes / 8, 'n');
    for (int i = 0; i < 200; ++i) {
        const std::string scope = "read:v/" + std::to_string(i) + filler;
        sets.push_back(compile(recent, {scope}));
    }
    std::size_t kept = 0;
    for (const auto &set : sets) kept += set.expired() ? 0 : 1;
    EXPECT_GT(kept, 0U);
    EXPECT_LT(kept, 8U);
}

TEST(RecentSets, ManyTextsInRandomOrderAgreeWithCompile) {
    RecentSets recent;
    Random random(14);
    for (std::size_t round = scaled(20000); round > 0; --round) {
        std::vector<std::string> texts;
        for (std::size_t count = random.below(4); count > 0; --count) {
            texts.push_back((random.chance(2) ? "read:" : "write:") + random.text("ab*/", 6));
        }
        const Scopes scopes(texts.begin(), texts.end());
        const bool routing_keys = random.chance(2);
        Notes expected;
        Notes got;
        const auto plain = PermissionSet::compile(scopes, routing_keys, expected);
        EXPECT_EQ(recent.compile(scopes, routing_keys, got), plain);
        EXPECT_EQ(got.malformed, expected.malformed);
        EXPECT_EQ(got.three_parts_ignored, expected.three_parts_ignored);
    }
}

}  // namespace
}  // namespace tokenward::access
