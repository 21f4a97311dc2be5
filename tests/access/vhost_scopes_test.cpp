// Scopes with {vhost} behind a vhost with wildcards.
#include "access/permission_set.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

using Texts = std::vector<std::string_view>;

std::shared_ptr<const PermissionSet> compile(const Texts &vhost_scopes, const Texts &scopes = {},
                                             bool routing_keys = true, const Confinement &confinement = {}) {
    Notes notes;
    return PermissionSet::compile(scopes, routing_keys, notes, confinement, vhost_scopes);
}

Request write(std::string_view vhost, std::string_view resource,
              std::optional<std::string_view> key = std::nullopt) {
    return {Operation::write, vhost, resource, key};
}

}  // namespace

TEST(VhostScopes, Table) {
    struct Row {
        const char *scope;
        const char *vhost;
        const char *resource;
        const char *routing_key;  ///< NULL: none
        bool allowed;
    };
    const Row rows[] = {
        {"write:*/x-{vhost}-*/u-al-*", "shop", "x-shop-a", "u-al-1", true},
        {"write:*/x-{vhost}-*/u-al-*", "shop", "x-shop-a", nullptr, true},
        {"write:*/x-{vhost}-*/u-al-*", "shop", "x-bank-a", "u-al-1", false},
        {"write:*/x-{vhost}-*/u-al-*", "bank", "x-bank-a", "u-al-1", true},
        {"write:*/x-{vhost}-*/u-al-*", "shop", "x-shop-a", "u-bo-1", false},
        {"write:*/x-{vhost}-*", "shop", "x-shop-a", "u", false},
        {"read:*/x-{vhost}-*", "shop", "x-shop-a", nullptr, false},
        {"write:dev-*/{vhost}", "dev-1", "dev-1", nullptr, true},
        {"write:dev-*/{vhost}", "prod", "prod", nullptr, false},
        {"write:dev-*/{vhost}", "dev-1", "dev-11", nullptr, false},
        {"write:*/{vhost}{vhost}*", "ab", "ababab", nullptr, true},
        {"write:*/*{vhost}*{vhost}", "ab", "xabxabab", nullptr, true},
        {"write:*/*{vhost}*{vhost}", "ab", "xab", nullptr, false},
        {"write:*/q/{vhost}.*", "v", "q", "v.1", true},
        {"write:*/q/{vhost}.*", "v", "q", "w.1", false},
        // The vhost's bytes are literal ones.
        {"write:*/{vhost}", "*", "anything", nullptr, false},
        {"write:*/{vhost}", "*", "*", nullptr, true},
        {"write:*/{vhost}", "/", "/", nullptr, true},
        {"write:*/{vhost}", "%41", "A", nullptr, false},
        {"write:*/{vhost}", "{vhost}", "{vhost}", nullptr, true},
        {"write:*/{vhost}", "", "", nullptr, true},
        // Escapes as in other scopes.
        {"write:*/a%2F{vhost}+%2a", "v", "a/v *", nullptr, true},
        {"write:*/{vhost}%zz*", "v", "v%zz", nullptr, false},
        {"write:*/{vhost}%4", "v", "v%4", nullptr, false},
    };
    for (const Row &row : rows) {
        const auto key =
            row.routing_key == nullptr ? std::nullopt : std::optional<std::string_view>(row.routing_key);
        const Request request = write(row.vhost, row.resource, key);
        const auto set = compile({row.scope});
        EXPECT_EQ(set->decide(request), row.allowed ? Verdict::allowed : Verdict::denied)
            << row.scope << ' ' << row.vhost << ' ' << row.resource;
        const Explanation explanation = set->explain(request);
        EXPECT_EQ(explanation.allowed, row.allowed) << row.scope;
        EXPECT_EQ(row.allowed ? explanation.scope : explanation.nearest, row.scope);
        EXPECT_EQ(explanation.why.empty(), row.allowed);
    }
}

TEST(VhostScopes, StandBesideOthers) {
    const auto set = compile({"write:*/x-{vhost}"}, {"read:v/a", "tag:management", "write:v/y"});
    EXPECT_TRUE(set->allows(write("v", "y")));
    EXPECT_TRUE(set->allows(write("v", "x-v")));
    EXPECT_TRUE(set->allows({Operation::read, "v", "a", std::nullopt}));
    EXPECT_FALSE(set->allows({Operation::read, "v", "x-v", std::nullopt}));
    EXPECT_TRUE(set->opens_vhost("any"));
    EXPECT_FALSE(compile({"write:d*/x-{vhost}"})->opens_vhost("any"));
    EXPECT_FALSE(compile({"write:d*/x-{vhost}"})->empty());
    // A braced name of a scope that is none of them is plain.
    EXPECT_FALSE(compile({}, {"write:*/x-{vhost}"})->allows(write("v", "x-v")));
    Texts seen;
    std::vector<std::string> spelled;
    set->visit_scopes([&](std::string_view scope) { spelled.emplace_back(scope); });
    EXPECT_EQ(spelled,
              (std::vector<std::string>{"read:v/a", "tag:management", "write:v/y", "write:*/x-{vhost}"}));
}

TEST(VhostScopes, RoutingKeysOff) {
    const auto set = compile({"write:*/x-{vhost}/k"}, {}, false);
    EXPECT_FALSE(set->allows(write("v", "x-v")));
    EXPECT_FALSE(set->allows(write("v", "x-v", "k")));
    EXPECT_TRUE(set->opens_vhost("v"));
    EXPECT_TRUE(compile({"write:*/x-{vhost}/k"})->allows_some_routing_key(write("v", "x-v")));
    EXPECT_FALSE(compile({"write:*/x-{vhost}"})->allows_some_routing_key(write("v", "x-v")));
}

TEST(VhostScopes, TheSectionConfinesThem) {
    const Confinement confinement(std::vector<std::string>{"shared", "p-*"}, std::vector<std::string>{},
                                  std::vector<std::string>{"write"});
    const auto set =
        compile({"write:*/x-{vhost}", "read:*/x-{vhost}", "write:z*/{vhost}"}, {}, true, confinement);
    EXPECT_TRUE(set->allows(write("p-1", "x-p-1")));
    EXPECT_FALSE(set->allows(write("sales", "x-sales")));
    EXPECT_FALSE(set->allows({Operation::read, "p-1", "x-p-1", std::nullopt}));
    EXPECT_FALSE(set->opens_vhost("zoo"));
}

TEST(VhostScopes, OfMqttOnlyWholeTopics) {
    const auto set = compile({"write:*/{vhost}*"});
    Request topic = write("v", "v/a");
    topic.mqtt_topic = true;
    EXPECT_TRUE(set->allows(topic));
    Request filter = write("v", "v/#");
    filter.mqtt_filter = true;
    EXPECT_FALSE(set->allows(filter));
    filter.resource = "v/a";
    EXPECT_TRUE(set->allows(filter));
    Request system = write("$SYS", "$SYS/x");
    system.mqtt_topic = true;
    EXPECT_FALSE(set->allows(system));
}

TEST(VhostScopes, EqualSetsAreOneAndOthersAreNot) {
    const auto set = compile({"write:*/{vhost}", "read:*/{vhost}"});
    EXPECT_EQ(compile({"read:*/{vhost}", "write:*/{vhost}", "read:*/{vhost}"}), set);
    EXPECT_NE(compile({"write:*/{vhost}"}), set);
    EXPECT_NE(compile({}, {"write:*/{vhost}", "read:*/{vhost}"}), set);
    Notes notes;
    const Texts one = {"write:*/{vhost}"};
    const auto plain = PermissionSet::compile(one, true, notes);
    const auto with_vhost = PermissionSet::compile({}, true, notes, {}, one);
    EXPECT_NE(plain, with_vhost);
    EXPECT_EQ(PermissionSet::compile({}, true, notes, {}, one), with_vhost);
    EXPECT_TRUE(with_vhost->allows(write("v", "v")));
}

TEST(VhostScopes, WhatADecisionSpendsIsBounded) {
    std::vector<std::string> texts;
    for (int i = 0; i < 100; ++i) texts.push_back("write:*/*a*b*{vhost}*" + std::to_string(i));
    const auto set = compile(Texts(texts.begin(), texts.end()));
    const std::string name(4096, 'a');
    EXPECT_EQ(set->decide(write("v", name)), Verdict::too_costly);
    EXPECT_EQ(set->decide(write("v", "xabv7")), Verdict::allowed);
}

}  // namespace tokenward::access
