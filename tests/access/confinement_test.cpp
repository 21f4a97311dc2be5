// What a section's tokens may say at the most: vhosts, tags, operations. The rest of their scopes grants nothing.
#include "access/confinement.hpp"

#include "access/permission_set.hpp"
#include "random_case.hpp"
#include "reference.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

using Names = Confinement::Names;
using Scopes = std::vector<std::string_view>;

Confinement vhosts(std::vector<std::string> patterns) {
    return {std::move(patterns), std::nullopt, std::nullopt};
}
Confinement tags(std::vector<std::string> names) {
    return {std::nullopt, std::move(names), std::nullopt};
}
Confinement operations(std::vector<std::string> names) {
    return {std::nullopt, std::nullopt, std::move(names)};
}

struct Compiled {
    std::shared_ptr<const PermissionSet> set;
    Notes notes;

    bool reads(std::string_view vhost, std::string_view resource = "q") const {
        return set->allows({Operation::read, vhost, resource, std::nullopt});
    }
};

Compiled compile(const Scopes &scopes, const Confinement &confinement, bool routing_keys = true) {
    Compiled out;
    out.set = PermissionSet::compile(scopes, routing_keys, out.notes, confinement);
    return out;
}

}  // namespace

TEST(Confinement, SectionsWithTheSameScopesNeverShareAWrongSet) {
    const Scopes scopes{"read:*/q", "configure:a/q", "tag:x", "tag:y"};
    struct Lists {
        Names vhosts, tags, operations;
    };
    const Names unset;
    const Lists all[] = {{unset, unset, unset},
                         {{{"a"}}, unset, unset},
                         {{{"b"}}, unset, unset},
                         {{{"a", "b"}}, unset, unset},
                         {{{"a,b"}}, unset, unset},
                         {{{"ab", "a"}}, unset, unset},
                         {{{"a", "ba"}}, unset, unset},
                         {{{"a*"}}, unset, unset},
                         {{{"a%2A"}}, unset, unset},
                         {Names{std::vector<std::string>{}}, unset, unset},
                         {unset, {{"x"}}, unset},
                         {unset, {{"y"}}, unset},
                         {unset, {{"x", "y"}}, unset},
                         {unset, Names{std::vector<std::string>{}}, unset},
                         {unset, unset, {{"read"}}},
                         {unset, unset, {{"configure"}}},
                         {unset, unset, Names{std::vector<std::string>{}}},
                         {{{"x"}}, unset, unset},
                         {unset, {{"a"}}, unset},
                         {{{"a"}}, {{"x"}}, {{"read"}}}};
    // The lists as the test reads them.
    const auto has = [](const Names &names, std::string_view name) {
        return !names || std::ranges::find(*names, name) != names->end();
    };
    for (int round = 0; round < 2; ++round) {
        for (const Lists &lists : all) {
            const Confinement one(lists.vhosts, lists.tags, lists.operations);
            Notes notes;
            const auto set = PermissionSet::compile(scopes, true, notes, one);
            for (const std::string vhost : {"a", "b", "ab", "a*", "a,b", "x"}) {
                SCOPED_TRACE(one.key() + " " + vhost);
                const bool inside =
                    !lists.vhosts || std::ranges::any_of(*lists.vhosts, [&](const std::string &raw) {
                        return reference::glob_matches(reference::read_glob(raw), vhost);
                    });
                EXPECT_EQ(set->allows({Operation::read, vhost, "q", std::nullopt}),
                          inside && has(lists.operations, "read"));
                EXPECT_EQ(set->allows({Operation::configure, vhost, "q", std::nullopt}),
                          vhost == "a" && inside && has(lists.operations, "configure"));
            }
            EXPECT_EQ(set->tags().find('x') != std::string_view::npos, has(lists.tags, "x")) << one.key();
            EXPECT_EQ(set->tags().find('y') != std::string_view::npos, has(lists.tags, "y")) << one.key();
        }
    }
    for (const Lists &one : all) {
        for (const Lists &other : all) {
            EXPECT_EQ(Confinement(one.vhosts, one.tags, one.operations).key() ==
                          Confinement(other.vhosts, other.tags, other.operations).key(),
                      &one == &other);
        }
    }
}

TEST(Confinement, WhatIsUnsetConfinesNothing) {
    const Scopes scopes{"read:*/q", "write:v/x/k", "tag:administrator"};
    const Compiled plain = compile(scopes, {});
    EXPECT_EQ(compile(scopes, vhosts({"*"})).set, plain.set);
    EXPECT_EQ(compile(scopes, operations({"write", "read"})).set, plain.set);
    EXPECT_EQ(compile(scopes, tags({"administrator", "monitoring"})).set, plain.set);
    EXPECT_TRUE(plain.notes.confined.empty());
    EXPECT_TRUE(Confinement().key().empty());
}

TEST(Confinement, ASetWhoseScopesAllLieInsideIsThePlainOne) {
    struct Row {
        std::vector<std::string> inside;
        std::string_view vhost;
        bool contained;
    };
    const Row rows[] = {
        {{"partner"}, "partner", true},
        {{"partner"}, "p%61rtner", true},
        {{"partner*"}, "partner", true},
        {{"partner*"}, "partner*", true},
        {{"partner*"}, "partner-*", true},
        {{"partner*"}, "partner-*-x", true},
        {{"other", "partner*"}, "partner-*-x", true},
        {{"*"}, "*", true},
        {{"*"}, "a*b*c", true},
        {{"*b*"}, "a*b*c", true},
        {{"a*c"}, "a*b*c", true},
        {{"a*b*c"}, "a*b*c", true},
        {{"a*b*c"}, "a*b**b*c", true},
        {{"%2A"}, "%2A", true},
        {{"partner"}, "%zz", true},  // it never matches
        {{"partner"}, "partner*", false},
        {{"partner*"}, "part*", false},
        {{"partner*"}, "*", false},
        {{"a*c"}, "a*", false},
        {{"a*c"}, "*c", false},
        {{"a*b*c"}, "a*c", false},
        {{"%2A*"}, "*", false},
        {{"*a*", "*b*"}, "*", false},
    };
    for (const Row &row : rows) {
        const std::string scope = "read:" + std::string(row.vhost) + "/q";
        const Compiled confined = compile({scope}, vhosts(row.inside));
        EXPECT_EQ(confined.set == compile({scope}, {}).set, row.contained)
            << row.inside.front() << " " << scope;
        EXPECT_EQ(confined.notes.confined.empty(), row.contained) << row.inside.front() << " " << scope;
        EXPECT_EQ(confined.set->content().vhosts.empty(), row.contained) << row.inside.front() << " " << scope;
    }
}

TEST(Confinement, AListThatHoldsEveryByteStillConfines) {
    std::string every;
    for (int byte = 0; byte < 256; ++byte) {
        static constexpr char digits[] = "0123456789ABCDEF";
        every += {'%', digits[byte / 16], digits[byte % 16]};
    }
    const Confinement confinement = vhosts({every + "*", "a*"});
    EXPECT_TRUE(compile({"read:a/q"}, confinement).reads("a"));
    const Compiled set = compile({"read:a*/q", "read:*/q"}, confinement);
    EXPECT_TRUE(set.reads("a"));
    EXPECT_TRUE(set.reads("ab"));
    EXPECT_FALSE(set.reads("b"));
}

TEST(Confinement, EveryKindOfScopeIsConfined) {
    const Confinement partner{Names{{"partner-*"}}, Names{{"monitoring"}}, Names{{"read", "write"}}};
    const Compiled set = compile({"read:*/*", "write:*-x/e/k", "configure:*/*", "configure:partner-a/*",
                                  "tag:administrator", "tag:monitoring", "read:sales/*", "write:part*/*"},
                                 partner);
    EXPECT_TRUE(set.reads("partner-a"));
    EXPECT_FALSE(set.reads("sales"));
    EXPECT_FALSE(set.reads("/"));
    EXPECT_FALSE(set.reads(""));
    EXPECT_EQ(set.set->tags(), "monitoring");
    EXPECT_FALSE(set.set->allows({Operation::configure, "partner-a", "q", std::nullopt}));
    EXPECT_TRUE(set.set->allows({Operation::write, "partner-a-x", "e", "k"}));
    EXPECT_FALSE(set.set->allows({Operation::write, "sales-x", "e", "k"}));
    EXPECT_TRUE(set.set->allows_some_routing_key({Operation::write, "partner-a-x", "e", "z"}));
    EXPECT_FALSE(set.set->allows_some_routing_key({Operation::write, "sales-x", "e", "z"}));
    EXPECT_TRUE(set.set->opens_vhost("partner-a"));
    EXPECT_FALSE(set.set->opens_vhost("sales-x"));
    EXPECT_FALSE(set.set->opens_vhost("party"));
    Request topic{Operation::read, "sales", "a/b", std::nullopt};
    topic.mqtt_topic = true;
    EXPECT_FALSE(set.set->allows(topic));
    topic.vhost = "partner-a";
    EXPECT_TRUE(set.set->allows(topic));
    Request filter{Operation::read, "sales", "a/#", std::nullopt};
    filter.mqtt_filter = true;
    EXPECT_FALSE(set.set->allows(filter));
    filter.vhost = "partner-a";
    EXPECT_TRUE(set.set->allows(filter));
    // An operation that isn't one, as a host might send it.
    const Compiled keyed = compile({"configure:*/q/k", "read:*/q/k", "write:*/q/k"}, vhosts({"partner-*"}));
    for (const int wrong : {0, 4, 5, 6, 255}) {
        const Request request{static_cast<Operation>(wrong), "partner-a", "q", std::nullopt};
        EXPECT_FALSE(set.set->allows(request)) << wrong;
        EXPECT_FALSE(keyed.set->allows(request)) << wrong;
    }
}

TEST(Confinement, EachKindOfDropIsOneNote) {
    const Confinement partner{Names{{"partner-*", "shared"}}, Names{{"monitoring"}}, Names{{"read"}}};
    const Compiled set = compile({"tag:administrator", "tag:policymaker", "configure:partner-a/*", "write:x/y",
                                  "read:sales/*", "read:sales*/*", "read:*/*", "read:p*/*", "read:partner-a/b"},
                                 partner);
    EXPECT_EQ(set.notes.confined,
              (std::vector<std::string>{
                  R"("tag:administrator" and 1 more grant nothing: the section has tags = "monitoring")",
                  R"("configure:partner-a/*" and 1 more grant nothing: the section has operations = "read")",
                  R"("read:sales/*" and 1 more grant nothing: the section has vhosts = "partner-*,shared")",
                  R"("read:*/*" and 1 more hold in vhosts = "partner-*,shared" of the section only)"}));
    EXPECT_EQ(compile({"tag:administrator"}, tags({})).notes.confined,
              (std::vector<std::string>{R"("tag:administrator" grants nothing: the section has tags = "")"}));
    EXPECT_TRUE(compile({"openid", "tag:a b"}, partner).notes.confined.empty()) << "no scopes of ours";
}

TEST(Confinement, NotesAreBoundedAndQuoted) {
    std::vector<std::string> texts;
    for (int i = 0; i < 500; ++i) texts.push_back("read:\n" + std::to_string(i) + std::string(500, 'x') + "/q");
    const Compiled set = compile(Scopes(texts.begin(), texts.end()), vhosts({std::string(500, 'y')}));
    ASSERT_EQ(set.notes.confined.size(), 1U);
    EXPECT_LT(set.notes.confined.front().size(), 260U);
    EXPECT_EQ(set.notes.confined.front().find('\n'), std::string::npos);
    EXPECT_NE(set.notes.confined.front().find("499 more"), std::string::npos);
}

TEST(Confinement, AnExplanationNamesTheVhostsOfTheSection) {
    const Compiled set = compile({"read:*/q*", "write:sh*/x"}, vhosts({"partner-*", "shared"}));
    Explanation found = set.set->explain({Operation::read, "sales", "queue", std::nullopt});
    EXPECT_FALSE(found.allowed);
    EXPECT_EQ(found.nearest, "read:*/q*");
    EXPECT_EQ(found.why, R"(the vhost "sales" isn't one of the section's vhosts, "partner-*,shared")");
    found = set.set->explain({Operation::read, "shared", "queue", std::nullopt});
    EXPECT_TRUE(found.allowed);
    EXPECT_EQ(found.scope, "read:*/q*");
    found = set.set->explain({Operation::read, "shared", "x", std::nullopt});
    EXPECT_EQ(found.why.find("section"), std::string::npos) << found.why;
}

// What a request may cost is bounded for the section's patterns and the token's together.
TEST(Confinement, ItsPatternsAreTriedWithinTheBudget) {
    std::vector<std::string> inside{"shared"};
    for (unsigned i = 0; i < 60; ++i) {
        std::string word;
        for (unsigned bit = 0; bit < 6; ++bit) word += (i >> bit & 1U) != 0 ? 'a' : 'b';
        inside.push_back("*b*a" + word + "b*");
    }
    const Compiled set = compile({"read:*/q"}, vhosts(inside));
    std::string abba;
    while (abba.size() < 65532) abba += "abba";
    const Request request{Operation::read, abba, "q", std::nullopt};
    EXPECT_EQ(set.set->decide(request), Verdict::too_costly);
    EXPECT_FALSE(set.set->opens_vhost(abba));
    const Explanation why = set.set->explain(request);
    EXPECT_FALSE(why.allowed);
    EXPECT_NE(why.why.find("not all of them were tried"), std::string::npos) << why.why;
    EXPECT_TRUE(set.reads("shared"));
    EXPECT_TRUE(set.reads("b-abbbbbbb"));
    EXPECT_EQ(set.set->decide({Operation::read, "abba", "q", std::nullopt}), Verdict::denied);
}

// Random patterns over a tiny alphabet, all vhosts up to five bytes: the set says what the two lists say together.
TEST(Confinement, IsTheIntersection) {
    constexpr std::string_view alphabet = "ab";
    std::vector<std::string> names{""};
    for (std::size_t i = 0; names[i].size() < 5; ++i) {
        for (const char c : alphabet) names.push_back(names[i] + c);
    }
    ASSERT_EQ(names.size(), 63U);
    Random random(28);
    std::size_t plain = 0;
    std::size_t beside = 0;
    for (std::size_t round = scaled(4000); round > 0; --round) {
        std::vector<std::string> inside;
        // Sometimes so many that the list has an index.
        for (std::size_t count = random.chance(50) ? 40 : random.below(4); count > 0; --count) {
            inside.push_back(random.wildcards_into(random.text(alphabet, 5)));
        }
        std::vector<std::string> texts;
        for (std::size_t count = 1 + random.below(3); count > 0; --count) {
            texts.push_back((random.chance(2) ? "read:" : "write:") +
                            random.wildcards_into(random.text(alphabet, 5)) + "/q" +
                            (random.chance(4) ? "/k" : ""));
        }
        const Compiled got = compile(Scopes(texts.begin(), texts.end()), vhosts(inside));
        ++(got.set->content().vhosts.empty() ? plain : beside);
        const std::vector<reference::Scope> scopes = reference::read_scopes(texts);
        for (const std::string &name : names) {
            const bool in_section = std::ranges::any_of(inside, [&](const std::string &raw) {
                return reference::glob_matches(reference::read_glob(raw), name);
            });
            const Request requests[] = {{Operation::read, name, "q", std::nullopt},
                                        {Operation::write, name, "q", std::nullopt},
                                        {Operation::write, name, "q", "k"}};
            for (const Request &request : requests) {
                const bool expected = in_section && reference::allows(scopes, true, request);
                ASSERT_EQ(got.set->allows(request), expected)
                    << testing::PrintToString(inside) << testing::PrintToString(texts) << name;
                ASSERT_EQ(got.set->explain(request).allowed, expected)
                    << testing::PrintToString(inside) << testing::PrintToString(texts) << name;
            }
            ASSERT_EQ(got.set->opens_vhost(name), in_section && reference::opens_vhost(scopes, name))
                << testing::PrintToString(inside) << testing::PrintToString(texts) << name;
        }
    }
    EXPECT_GT(plain, 100U);
    EXPECT_GT(beside, 100U);
}

}  // namespace tokenward::access
