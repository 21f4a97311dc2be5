// DESIGN section 4, "Scopes": each sentence as rows. The scopes come without their prefix.
#include "access/permission_set.hpp"
#include "access/spelled.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

std::shared_ptr<const PermissionSet> compile(const std::vector<std::string_view> &scopes,
                                             bool routing_keys = true) {
    Notes notes;
    return PermissionSet::compile(scopes, routing_keys, notes);
}

/// Asks for read access to the resource in the vhost "v"; the scope's explanation must agree.
bool reads(std::string_view scope, std::string_view resource) {
    const auto set = compile({scope});
    const Request request{Operation::read, "v", resource, std::nullopt};
    const Explanation explanation = set->explain(request);
    EXPECT_EQ(explanation.allowed, set->allows(request)) << scope;
    return set->allows(request);
}

struct NameRow {
    std::string_view scope;
    std::string_view resource;
    bool granted;
};

constexpr std::string_view with_nul{"a\0b", 3};

// clang-format off
const NameRow name_rows[] = {
    // the whole name matches, over bytes, exact in case
    {"read:v/queue",      "queue",     true},
    {"read:v/queue",      "Queue",     false},
    {"read:v/Queue",      "queue",     false},
    {"read:v/queue",      "queue1",    false},
    {"read:v/queue",      "queu",      false},
    {"read:v/a%00b",      with_nul,    true},
    {"read:v/a",          with_nul,    false},
    {"read:v/a*",         with_nul,    true},
    {"read:v/%ff*",       "\xff\xfe",  true},
    {"read:v/\xc3\xa4",   "\xc3\xa4",  true},
    // an empty part matches the empty name only
    {"read:v/",           "",          true},
    {"read:v/",           "x",         false},
    {"read:v/x",          "",          false},
    // '*' matches any run of bytes, also none, also '/'
    {"read:v/*",          "",          true},
    {"read:v/*",          "a/b/c",     true},
    {"read:v/a*",         "a",         true},
    {"read:v/a*",         "a/b",       true},
    {"read:v/a*",         "ba",        false},
    {"read:v/*a",         "a",         true},
    {"read:v/*a",         "b/a",       true},
    {"read:v/*a",         "ab",        false},
    {"read:v/**",         "x",         true},
    {"read:v/a**b",       "ab",        true},
    {"read:v/a**b",       "axb",       true},
    // a true glob
    {"read:v/*b",         "abab",      true},
    {"read:v/*ab",        "aab",       true},
    {"read:v/a*b*c",      "abbc",      true},
    {"read:v/a*b*c",      "acb",       false},
    {"read:v/*aab*b",     "aaabab",    true},
    {"read:v/ab*ba",      "aba",       false},
    {"read:v/ab*ba",      "abba",      true},
    {"read:v/*a*a*",      "a",         false},
    {"read:v/*a*a*",      "aa",        true},
    // only then percent-decode: %2F a slash, %2A a literal star, + a space
    {"read:v/a%2Fb",      "a/b",       true},
    {"read:v/a%2fb",      "a/b",       true},
    {"read:v/a%2Ab",      "a*b",       true},
    {"read:v/a%2ab",      "a*b",       true},
    {"read:v/a%2Ab",      "axb",       false},
    {"read:v/a*b",        "a*b",       true},
    {"read:v/a+b",        "a b",       true},
    {"read:v/a+b",        "a+b",       false},
    {"read:v/a%2Bb",      "a+b",       true},
    {"read:v/a%20b",      "a b",       true},
    {"read:v/a%252Fb",    "a%2Fb",     true},
    {"read:v/a%252Fb",    "a/b",       false},
    {"read:v/%2A*",       "*x",        true},
    {"read:v/%2A*",       "x",         false},
    // a broken escape never matches
    {"read:v/%",          "%",         false},
    {"read:v/a%2",        "a%2",       false},
    {"read:v/a%zz",       "a%zz",      false},
    {"read:v/%2*",        "%2x",       false},
    {"read:v/%*2F",       "/",         false},
    {"read:v/*%",         "x%",        false},
    {"read:v/%+1",        "% 1",       false},
    {"read:v/%-1",        "\xff",      false},
    // cut at the first ':'
    {"read:v/a:b",        "a:b",       true},
    {"read:v/a:b",        "a",         false},
};
// clang-format on

TEST(ScopeTable, NamesAndPatterns) {
    for (const NameRow &row : name_rows) {
        EXPECT_EQ(reads(row.scope, row.resource), row.granted) << row.scope << " against " << row.resource;
    }
}

TEST(ScopeTable, AnythingElseIsIgnored) {
    for (const std::string_view scope : {"",
                                         ":",
                                         "read",
                                         "read:",
                                         "read:v",
                                         "Read:v/q",
                                         "READ:v/q",
                                         " read:v/q",
                                         "read :v/q",
                                         "delete:v/q",
                                         "*:v/q",
                                         "read,write:v/q",
                                         "tag",
                                         "tag:",
                                         "Tag:administrator",
                                         "tag:a b",
                                         "tag:a/b",
                                         "tag:a*",
                                         "tag:\xc3\xa4",
                                         "prefix.read:v/q",
                                         "openid",
                                         "read/v/q",
                                         "read%3Av/q"}) {
        Notes notes;
        const std::vector<std::string_view> scopes{scope};
        const auto set = PermissionSet::compile(scopes, true, notes);
        EXPECT_TRUE(set->empty()) << scope;
        EXPECT_EQ(set->tags(), "") << scope;
        EXPECT_TRUE(spelled_scopes(*set).empty()) << scope;
        EXPECT_TRUE(notes.malformed.empty()) << scope;
        EXPECT_FALSE(set->opens_vhost("v")) << scope;
    }
}

TEST(ScopeTable, OneScopeGrantsOneOperation) {
    struct Row {
        std::string_view scope;
        Operation operation;
    };
    for (const Row &row : {Row{"configure:v/q", Operation::configure}, Row{"read:v/q", Operation::read},
                           Row{"write:v/q", Operation::write}}) {
        const auto set = compile({row.scope});
        for (const Operation asked : {Operation::configure, Operation::read, Operation::write}) {
            EXPECT_EQ(set->allows({asked, "v", "q", std::nullopt}), asked == row.operation) << row.scope;
        }
    }
    EXPECT_FALSE(compile({"read:v/q"})->allows({static_cast<Operation>(0), "v", "q", std::nullopt}));
    EXPECT_FALSE(compile({"read:v/q"})->allows({static_cast<Operation>(9), "v", "q", std::nullopt}));
    EXPECT_FALSE(compile({"configure:v/q/k"})->allows({static_cast<Operation>(4), "v", "q", std::nullopt}));
}

TEST(ScopeTable, ManyInnerGlobs) {
    // Enough of them for an index and its pair filter. Each literal stands at the end of the name that it
    // matches.
    std::vector<std::string> texts;
    for (char c = 'A'; c <= 'Z'; ++c) texts.push_back("read:v/*:" + std::string(1, c) + "*");
    const auto set = compile({texts.begin(), texts.end()});
    for (char c = 'A'; c <= 'Z'; ++c) {
        const std::string granted = std::string("queue:") + c;
        const std::string denied = std::string("queue") + c;
        EXPECT_TRUE(set->allows({Operation::read, "v", granted, std::nullopt})) << c;
        EXPECT_FALSE(set->allows({Operation::read, "v", denied, std::nullopt})) << c;
    }
}

TEST(ScopeTable, AnyOneScopeGrantsAndNoneDenies) {
    const auto set = compile({"read:v/a", "read:w/b*", "write:v/b", "read:v/%zz"});
    EXPECT_TRUE(set->allows({Operation::read, "v", "a", std::nullopt}));
    EXPECT_TRUE(set->allows({Operation::read, "w", "bc", std::nullopt}));
    EXPECT_TRUE(set->allows({Operation::write, "v", "b", std::nullopt}));
    // One scope must match in all parts: halves of two scopes grant nothing.
    EXPECT_FALSE(set->allows({Operation::read, "v", "b", std::nullopt}));
    EXPECT_FALSE(set->allows({Operation::write, "w", "b", std::nullopt}));
    EXPECT_FALSE(set->allows({Operation::read, "w", "a", std::nullopt}));
}

TEST(ScopeTable, RoutingKeys) {
    struct Row {
        std::string_view scope;
        std::optional<std::string_view> key;
        bool granted;
        bool granted_with_routing_keys_off;
    };
    // clang-format off
    const Row rows[] = {
        {"write:v/x",       std::nullopt, true,  true},
        {"write:v/x",       "k",          false, false},  // with a key only scopes with three parts
        {"write:v/x",       "",           false, false},
        {"write:v/x/k",     std::nullopt, true,  false},  // without one either kind
        {"write:v/x/k",     "k",          true,  false},
        {"write:v/x/k",     "K",          false, false},
        {"write:v/x/k*",    "k.a",        true,  false},
        {"write:v/x/",      "",           true,  false},
        {"write:v/x/",      "k",          false, false},
        {"write:v/x/*",     "",           true,  false},
        {"write:v/x/%zz",   "%zz",        false, false},
        {"write:v/x/%zz",   std::nullopt, true,  false},  // the key's pattern is not asked
        {"write:v/y/k",     "k",          false, false},
        {"read:v/x/k",      "k",          false, false},
    };
    // clang-format on
    for (const Row &row : rows) {
        for (const bool routing_keys : {true, false}) {
            Notes notes;
            const std::vector<std::string_view> scopes{row.scope};
            const auto set = PermissionSet::compile(scopes, routing_keys, notes);
            const Request request{Operation::write, "v", "x", row.key};
            const bool expected = routing_keys ? row.granted : row.granted_with_routing_keys_off;
            EXPECT_EQ(set->allows(request), expected) << row.scope << " key " << row.key.value_or("(none)");
            EXPECT_EQ(set->explain(request).allowed, expected) << row.scope;
            EXPECT_TRUE(set->opens_vhost("v"));
            const bool three = std::string_view(row.scope).find('/', 8) != std::string_view::npos;
            EXPECT_EQ(notes.three_parts_ignored, three && !routing_keys) << row.scope;
        }
    }
}

TEST(ScopeTable, SomeRoutingKeyIsGrantedByThreePartsOnly) {
    const Request request{Operation::read, "v", "x", "key"};
    EXPECT_TRUE(compile({"read:v/x/other"})->allows_some_routing_key(request));
    EXPECT_FALSE(compile({"read:v/x"})->allows_some_routing_key(request));
    EXPECT_FALSE(compile({"write:v/x/key", "read:v/y/key"})->allows_some_routing_key(request));
    EXPECT_FALSE(compile({"read:v/x/other"}, false)->allows_some_routing_key(request));
}

TEST(ScopeTable, VhostAccess) {
    struct Row {
        std::string_view scope;
        std::string_view vhost;
        bool opened;
    };
    // clang-format off
    for (const Row &row : {
        Row{"read:v/q",             "v",       true},
        Row{"configure:v/q/k",      "v",       true},
        Row{"write:v/nothing",      "v",       true},
        Row{"read:v/q",             "V",       false},
        Row{"read:v/q",             "",        false},
        Row{"read:/q",              "",        true},
        Row{"read:%2F/q",           "/",       true},
        Row{"read:%2F/q",           "",        false},
        Row{"read:*/q",             "x",       true},
        Row{"read:*/q",             "",        true},
        Row{"read:prod-*/q",        "prod-eu", true},
        Row{"read:prod-*/q",        "prod",    false},
        Row{"read:*-db/q",          "eu-db",   true},
        Row{"read:p*-*db/q",        "p-1-db",  true},
        Row{"read:v%/q",            "v%",      false},
        Row{"read:v/%zz",           "v",       true},
        Row{"tag:administrator",    "v",       false},
        Row{"read:v/q/k/more",      "v",       false},
    }) {
        EXPECT_EQ(compile({row.scope})->opens_vhost(row.vhost), row.opened) << row.scope << " " << row.vhost;
        EXPECT_EQ(compile({row.scope}, false)->opens_vhost(row.vhost), row.opened)
            << row.scope << " " << row.vhost;
    }
    // clang-format on
}

TEST(ScopeTable, Tags) {
    EXPECT_EQ(compile({"tag:b", "tag:a", "tag:b", "tag:administrator"})->tags(), "a,administrator,b");
    EXPECT_EQ(compile({"tag:A_z.0-9"})->tags(), "A_z.0-9");
    const std::string longest = "tag:" + std::string(64, 'x');
    EXPECT_EQ(compile({longest})->tags(), longest.substr(4));
    EXPECT_EQ(compile({longest + "x"})->tags(), "");
    EXPECT_FALSE(compile({"tag:a"})->empty());
    EXPECT_FALSE(compile({"tag:a:b"})->tags() == "a:b");
}

TEST(ScopeTable, FourPartsAreReportedWithTheLikelySpelling) {
    struct Row {
        std::string_view scope;
        std::string_view likely;
    };
    for (const Row &row :
         {Row{"read:v/a/b/c", "\"read:v/a%2Fb%2Fc\""}, Row{"write:v/a/b/c/d", "\"write:v/a%2Fb%2Fc%2Fd\""},
          Row{"read://a/b", "\"read:%2F/a%2Fb\""}, Row{"read:/a/b/c", "\"read:%2F/a%2Fb%2Fc\""},
          Row{"read:v/a/b/", "\"read:v/a%2Fb%2F\""}}) {
        Notes notes;
        const std::vector<std::string_view> scopes{row.scope, row.scope};
        const auto set = PermissionSet::compile(scopes, true, notes);
        ASSERT_EQ(notes.malformed.size(), 1U) << row.scope;
        EXPECT_NE(notes.malformed[0].find("\"" + std::string(row.scope) + "\""), std::string::npos)
            << notes.malformed[0];
        EXPECT_NE(notes.malformed[0].find(row.likely), std::string::npos) << notes.malformed[0];
        EXPECT_TRUE(set->empty());
    }
    Notes notes;
    const std::vector<std::string_view> many{"read:v/1/b/c", "read:v/2/b/c", "read:v/3/b/c",
                                             "read:v/4/b/c", "read:v/5/b/c", "read:v/6/b/c"};
    PermissionSet::compile(many, true, notes);
    EXPECT_EQ(notes.malformed.size(), 4U);
}

TEST(ScopeTable, CanonicalSpelling) {
    const auto set =
        compile({"write:%2F/a%2fb", "write:%2F/a%2Fb", "read:v/x**y*", "read:v/a+b%2B%25", "tag:t",
                 "configure:v/*/*", "read:v/%zz", "read:v/q/", "read:/", "read:v/x*", "read:v/*%e4"});
    EXPECT_EQ(spelled_scopes(*set), (std::vector<std::string>{"configure:v/*/*", "read:/", "read:v/%zz", "read:v/*%E4",
                                                       "read:v/a%20b%2B%25", "read:v/q/", "read:v/x*",
                                                       "read:v/x*y*", "tag:t", "write:%2F/a%2Fb"}));
    // The canonical spelling compiles to the very same set.
    const std::vector<std::string> spelled = spelled_scopes(*set);
    EXPECT_EQ(compile({spelled.begin(), spelled.end()}), set);
}

}  // namespace
}  // namespace tokenward::access
