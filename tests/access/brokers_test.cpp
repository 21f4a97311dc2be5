// What the tests of RabbitMQ and LavinMQ expect of the same scopes, and where we differ on purpose
// (src/access/README.md).
#include "access/permission_set.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

std::shared_ptr<const PermissionSet> compile(const std::vector<std::string_view> &scopes) {
    Notes notes;
    return PermissionSet::compile(scopes, true, notes);
}

struct MatchRow {
    std::string_view pattern;
    std::string_view name;
    bool matches;
};

void expect_rows(const std::vector<MatchRow> &rows) {
    for (const MatchRow &row : rows) {
        const std::string as_resource = "read:v/" + std::string(row.pattern);
        const std::string as_vhost = "read:" + std::string(row.pattern) + "/r";
        const std::string as_key = "read:v/r/" + std::string(row.pattern);
        EXPECT_EQ(compile({as_resource})->allows({Operation::read, "v", row.name, std::nullopt}), row.matches)
            << row.pattern << " against " << row.name;
        EXPECT_EQ(compile({as_vhost})->opens_vhost(row.name), row.matches)
            << row.pattern << " against " << row.name;
        EXPECT_EQ(compile({as_vhost})->allows({Operation::read, row.name, "r", std::nullopt}), row.matches);
        EXPECT_EQ(compile({as_key})->allows({Operation::read, "v", "r", row.name}), row.matches)
            << row.pattern << " against " << row.name;
    }
}

TEST(RabbitMq, Wildcards) {
    expect_rows({
        {"orders", "orders", true},
        {"a+b", "a b", true},
        {"50%25+of+it+%2F+more", "50% of it / more", true},
        {"two++blanks", "two  blanks", true},
        {"a+%2A+b", "a * b", true},
        {"a+%2a%2f", "a */", true},
        {"Orders", "orders", false},
        {"order", "orders", false},
        {"orders1", "orders", false},
        {"100 % sure", "100 % sure", false},
        {"plain blanks", "plain blanks", true},
        {"a * b", "a * b", true},
        {"a * b", "a * and more b", true},
        {"a+%2a+b", "a * and more b", false},
        {"*ders", "orders", true},
        {"*orders", "orders", true},
        {"*", "orders", true},
        {"*+c", "a * b * c", true},
        {"*b+%2A+c", "a * b * c", true},
        {"*x", "orders", false},
        {"*orders1", "orders", false},
        {"or*", "orders", true},
        {"orders*", "orders", true},
        {"a+%2a*", "a * b * c", true},
        {"a+b+*", "a b *", true},
        {"x*", "orders", false},
        {"neworders*", "orders", false},
        {"*or*ers*", "orders", true},
        {"*or*ers*", "or*ers", true},
        {"one*three", "one two three", true},
        {"one*two*three", "one two three", true},
        {"*one*three*", "one two three", true},
        {"*two*", "one two three", true},
        {"*+*+*", "one two three", true},
        {"*+*+*", "one two", false},
        {"one*four*three", "one two three", false},
        {"o*e*thr*", "one two three", true},
        {"o*z*thr*", "one two three", false},
        {"*four*", "one two", false},
        {"*one*four*", "one two", false},
    });
}

TEST(RabbitMq, Scopes) {
    const std::vector<std::string> names{"/", "foo", "*", "foo/bar", "*/*", "\xd1\x8e\xd0\xbd\xd0\xb8"};
    for (const std::string_view scope : {"read:*/*", "read:*/*/*"}) {
        const auto set = compile({scope, "tag:management"});
        for (const std::string &vhost : names) {
            EXPECT_TRUE(set->opens_vhost(vhost));
            for (const std::string &resource : names) {
                EXPECT_TRUE(set->allows({Operation::read, vhost, resource, std::nullopt}));
                EXPECT_FALSE(set->allows({Operation::write, vhost, resource, std::nullopt}));
                EXPECT_FALSE(set->allows({Operation::configure, vhost, resource, std::nullopt}));
            }
        }
    }
    // A vhost and a resource with escaped slashes and stars, with two parts and with three.
    for (const std::string_view scope : {"write:a%2Fb%2F%2A%2F/c%2A%2Fd", "write:a%2Fb%2F%2A%2F/c%2A%2Fd/*"}) {
        const auto set = compile({scope});
        EXPECT_TRUE(set->allows({Operation::write, "a/b/*/", "c*/d", std::nullopt}));
        EXPECT_FALSE(set->allows({Operation::write, "a/b/*/", "cx/d", std::nullopt}));
        EXPECT_FALSE(set->allows({Operation::write, "a/b/x/", "c*/d", std::nullopt}));
    }
}

TEST(RabbitMq, RoutingKeys) {
    EXPECT_TRUE(compile({"read:*/*/*"})->allows({Operation::read, "foo/bar", "*", "any"}));
    EXPECT_TRUE(compile({"read:v/*/*"})->allows({Operation::read, "v", "x", "any"}));
    EXPECT_FALSE(compile({"read:v/*/*"})->allows({Operation::read, "w", "x", "any"}));
    EXPECT_TRUE(compile({"read:*/exchange/*"})->allows({Operation::read, "w", "exchange", "any"}));
    EXPECT_FALSE(compile({"read:*/exchange/*"})->allows({Operation::read, "w", "x", "any"}));
    EXPECT_TRUE(compile({"read:*/*/route"})->allows({Operation::read, "w", "x", "route"}));
    EXPECT_FALSE(compile({"read:*/*/route"})->allows({Operation::read, "w", "x", "other"}));
    for (const std::string_view key : {"route", "reroute", "enroute"}) {
        EXPECT_TRUE(compile({"read:*/*/*route"})->allows({Operation::read, "w", "x", key}));
    }
    EXPECT_FALSE(compile({"read:*/*"})->allows({Operation::read, "w", "x", "route"}));
}

TEST(LavinMq, VhostPatterns) {
    for (const MatchRow &row : std::vector<MatchRow>{
             {"prod", "prod", true},
             {"prod", "staging", false},
             {"*", "", true},
             {"prod-*", "prod-us", true},
             {"prod-*", "prod-", true},
             {"prod-*", "production", false},
             {"*-prod", "-prod", true},
             {"*-prod", "prod", false},
             {"*-prod", "us-staging", false},
             {"prod-*-db", "prod-eu-west-db", true},
             {"prod-*-db", "prod--db", true},
             {"prod-*-db", "prod-db", false},
             {"*-prod-*", "-prod-", true},
             {"*-prod-*", "prod-db", false},
             {"*prod*", "us-prod-db", true},
             {"*prod*", "staging", false},
             {"a**b", "ab", true},
             {"a**b", "aXYZb", true},
             {"exact", "prefix-exact", false},
             {"ab*ab", "abab", true},
             {"ab*ab", "ababab", true},
             {"ab*ab", "ab", false},
         }) {
        EXPECT_EQ(compile({"read:" + std::string(row.pattern) + "/*"})->opens_vhost(row.name), row.matches)
            << row.pattern << " against " << row.name;
    }
}

TEST(Differences, WiderThanRabbitMq) {
    // RabbitMQ takes the first place where a literal fits and doesn't go back.
    expect_rows({{"*b", "abab", true}, {"*ab*c", "abacabc", true}, {"*aa", "aaa", true}});
}

TEST(Differences, WiderThanLavinMq) {
    // LavinMQ uses the scopes of one vhost pattern only. We use all scopes.
    const auto set = compile({"configure:production/none", "configure:prod*/queue"});
    EXPECT_TRUE(set->allows({Operation::configure, "production", "queue", std::nullopt}));
}

TEST(Differences, NarrowerThanLavinMq) {
    // LavinMQ decodes before it looks for wildcards, so %2A is a wildcard there. Here it is a literal star.
    EXPECT_FALSE(compile({"read:v/a%2Ab"})->allows({Operation::read, "v", "axb", std::nullopt}));
    EXPECT_FALSE(compile({"read:a%2Ab/q"})->opens_vhost("axb"));
    // LavinMQ ignores the third part. Here the routing key must match it.
    EXPECT_FALSE(compile({"read:v/x/key"})->allows({Operation::read, "v", "x", "other"}));
    // LavinMQ reads a broken escape as plain text. Here it never matches.
    EXPECT_FALSE(compile({"read:v/100%"})->allows({Operation::read, "v", "100%", std::nullopt}));
}

}  // namespace
}  // namespace tokenward::access
