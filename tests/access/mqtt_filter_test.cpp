// Is an MQTT filter contained in a scope? A table, and random small cases against brute force.
#include "access/random_case.hpp"
#include "access/reference.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

std::shared_ptr<const PermissionSet> compile(const std::vector<std::string_view> &scopes) {
    Notes notes;
    return PermissionSet::compile(scopes, false, notes);
}

bool subscribes(const PermissionSet &set, std::string_view filter) {
    Request request{Operation::read, "/", filter, std::nullopt};
    request.mqtt_filter = true;
    EXPECT_EQ(set.explain(request).allowed, set.allows(request)) << filter;
    return set.allows(request);
}

struct Row {
    std::string_view pattern;
    std::string_view filter;
    bool granted;
};

// clang-format off
const Row rows[] = {
    // no wildcard in the filter: one topic
    {"a%2Fb",          "a/b",        true},
    {"a%2Fb",          "a/c",        false},
    {"a%2F*",          "a/b/c",      true},
    // '+' is any run without '/', also empty
    {"*",              "+",          true},
    {"a%2F*",          "a/+",        true},
    {"a%2F*",          "a/+/c",      true},
    {"a%2F*%2Fc",      "a/+/c",      true},
    {"a*%2Fc",         "a/+/c",      true},
    {"a%2F*%2F*%2Fc",  "a/+/c",      false},
    {"a%2F*x*%2Fc",    "a/+/c",      false},
    {"a%2F%2Fc",       "a/+/c",      false},
    {"a%2Fb",          "a/+",        false},
    {"a%2F*",          "+/b",        false},
    {"*%2Fb",          "+/b",        true},
    {"*b",             "+/b",        true},
    {"*%2F*",          "+/+",        true},
    {"*%2F*%2F*",      "+/+",        false},
    {"*%2F*%2F*",      "+/+/+",      true},
    {"a*",             "a+",         false},
    // '#' is the parent topic and every topic below it
    {"*",              "#",          true},
    {"*%2F*",          "#",          false},
    {"a%2F*",          "#",          false},
    {"a%2Fb*",         "a/b/#",      true},
    {"a%2Fb%2F*",      "a/b/#",      false},   // "a/b" itself is not granted
    {"a%2F*",          "a/b/#",      true},
    {"a*",             "a/#",        true},
    {"a",              "a/#",        false},
    {"%2F*",           "/#",         true},    // no topic name is empty
    {"a%2F*",          "a/+/#",      true},
    {"a%2F*%2Fx*",     "a/+/x/#",    true},
    {"*x*",            "+/x/#",      true},
    {"*x",             "+/x/#",      false},
    // one scope must grant them all: see UnionsDoNotCount
    // not well-formed
    {"*",              "",           false},
    {"*",              "a#",         false},
    {"*",              "#/a",        false},
    {"*",              "a/#/b",      false},
    {"*",              "##",         false},
    {"*",              "a/b+",       false},
    {"*",              "+a/b",       false},
    {"*",              "++",         false},
    {"*",              "a/#b",       false},
    // a literal star in a filter is a plain byte
    {"a%2F*",          "a/*",        true},
    {"a%2F%2A",        "a/*",        true},
    {"a%2Fb",          "a/*",        false},
    // literals '+' and '#' in a pattern are bytes that no topic holds
    {"a%2F%2B",        "a/+",        false},
    {"a%2F%2B*",       "a/+/b",      false},
    {"a%2F%23",        "a/#",        false},
    {"a*%23",          "a/#",        false},
    {"%23",            "#",          false},
    {"*%2B*",          "a/+/b",      false},
    {"%2B%2F*",        "+/a",        false},
    {"%2B%2F*",        "+/#",        false},
    // '$': only a pattern with a literal '$' grants such a topic; a filter that begins with a wildcard has none
    {"*",              "$SYS/#",     false},
    {"*",              "$SYS/a",     false},
    {"*SYS*",          "$SYS/#",     false},
    {"$SYS*",          "$SYS/#",     true},
    {"%24SYS*",        "$SYS/#",     true},
    {"$*",             "$CONTROL/x", true},
    {"$SYS%2F*",       "$SYS/+",     true},
    {"$SYS%2F*",       "$SYS/#",     false},
    {"$*",             "#",          false},
    {"$*",             "+/x",        false},
    {"*",              "+/$SYS",     true},
    {"*",              "a/$SYS",     true},
};
// clang-format on

TEST(MqttFilter, Table) {
    for (const Row &row : rows) {
        const auto set = compile({"read:%2F/" + std::string(row.pattern)});
        EXPECT_EQ(subscribes(*set, row.filter), row.granted) << row.filter << " in " << row.pattern;
        // A scope for another operation or vhost never grants it.
        EXPECT_FALSE(subscribes(*compile({"write:%2F/" + std::string(row.pattern)}), row.filter));
        EXPECT_FALSE(subscribes(*compile({"read:v/" + std::string(row.pattern)}), row.filter));
    }
}

TEST(MqttFilter, UnionsDoNotCount) {
    const auto set = compile({"read:%2F/a", "read:%2F/a%2F*"});
    EXPECT_FALSE(subscribes(*set, "a/#"));
    EXPECT_TRUE(subscribes(*compile({"read:%2F/a", "read:%2F/a*"}), "a/#"));
}

TEST(MqttFilter, ALiteralPlusInTheCommonPrefixOfAListCounts) {
    EXPECT_FALSE(subscribes(*compile({"read:%2F/%2B%2Fx*", "read:%2F/%2B%2Fy*"}), "+/x"));
    EXPECT_FALSE(subscribes(*compile({"read:%2F/a%2F%2B%2Fx*", "read:%2F/a%2F%2B%2Fy*"}), "a/+/x/#"));
}

TEST(MqttFilter, ThreePartScopesDoNotGrant) {
    EXPECT_FALSE(subscribes(*compile({"read:%2F/*/*"}), "a/#"));
}

TEST(MqttTopic, OnlyALiteralDollarReachesDollarTopics) {
    struct TopicRow {
        std::string_view pattern;
        std::string_view topic;
        bool granted_as_topic;
        bool granted_as_name;
    };
    // clang-format off
    for (const TopicRow &row : {
        TopicRow{"*",           "$CONTROL/x", false, true},
        TopicRow{"*CONTROL*",   "$CONTROL/x", false, true},
        TopicRow{"$*",          "$CONTROL/x", true,  true},
        TopicRow{"%24*",        "$CONTROL/x", true,  true},
        TopicRow{"$CONTROL*x",  "$CONTROL/x", true,  true},
        TopicRow{"$CONTROL%2Fx","$CONTROL/x", true,  true},
        TopicRow{"*",           "a/$x",       true,  true},
        TopicRow{"*",           "",           true,  true},
        TopicRow{"*",           "+",          true,  true},
    }) {
        // clang-format on
        const std::string scope = "write:%2F/" + std::string(row.pattern);
        Request request{Operation::write, "/", row.topic, std::nullopt};
        EXPECT_EQ(compile({scope})->allows(request), row.granted_as_name) << row.pattern;
        request.mqtt_topic = true;
        EXPECT_EQ(compile({scope})->allows(request), row.granted_as_topic) << row.pattern;
        EXPECT_EQ(compile({scope})->explain(request).allowed, row.granted_as_topic) << row.pattern;
        // The same beside other scopes, so that the list has no common prefix.
        EXPECT_EQ(compile({scope, "write:%2F/b", "write:%2F/c*"})->allows(request), row.granted_as_topic);
    }
}

struct KeyRow {
    std::string_view scope;
    std::string_view key;
    bool is_filter;
    bool granted;
};

TEST(MqttFilter, InTheRoutingKeyIsTranslatedAndContained) {
    // clang-format off
    for (const KeyRow &row : {
        KeyRow{"read:%2F/amq.topic/a.*",   "a/b",   false, true},
        KeyRow{"read:%2F/amq.topic/a.*",   "b/a",   false, false},
        KeyRow{"read:%2F/amq.topic/a.*",   "",      false, false},
        KeyRow{"read:%2F/amq.topic/a%2F*", "a/b",   false, false},
        KeyRow{"read:%2F/amq.topic/a.*",   "a/+/c", true,  true},
        KeyRow{"read:%2F/amq.topic/a.*",   "+/a",   true,  false},
        KeyRow{"read:%2F/amq.topic/a.*",   "a/#",   true,  false},
        KeyRow{"read:%2F/amq.topic/a*",    "a/#",   true,  true},
        KeyRow{"read:%2F/amq.topic/*",     "a/#/b", true,  false},
        KeyRow{"read:%2F/amq.topic/*",     "$SYS",  false, false},
        KeyRow{"read:%2F/amq.topic/$*",    "$SYS",  false, true},
        KeyRow{"read:%2F/amq.*/a.*",       "a/b",   false, true},
        KeyRow{"read:%2F/amq.direct/a.*",  "a/b",   false, false},
        KeyRow{"write:%2F/amq.topic/a.*",  "a/b",   false, false},
        KeyRow{"read:%2F/amq.topic",       "a/b",   false, false},
    }) {
        // clang-format on
        Request request{Operation::read, "/", "amq.topic", row.key};
        (row.is_filter ? request.mqtt_filter : request.mqtt_topic) = true;
        Notes notes;
        const auto set = PermissionSet::compile(std::vector<std::string_view>{row.scope}, true, notes);
        EXPECT_EQ(set->allows(request), row.granted) << row.scope << ' ' << row.key;
        EXPECT_EQ(set->explain(request).allowed, row.granted) << row.scope << ' ' << row.key;
        EXPECT_FALSE(
            PermissionSet::compile(std::vector<std::string_view>{row.scope}, false, notes)->allows(request));
    }
}

/// All topics of 1 to `longest` bytes over the alphabet.
std::vector<std::string> all_topics(std::string_view alphabet, std::size_t longest) {
    std::vector<std::string> topics;
    std::vector<std::string> last{""};
    for (std::size_t size = 1; size <= longest; ++size) {
        std::vector<std::string> next;
        for (const std::string &stem : last) {
            for (const char c : alphabet) next.push_back(stem + c);
        }
        topics.insert(topics.end(), next.begin(), next.end());
        last = std::move(next);
    }
    return topics;
}

std::string random_filter(Random &random) {
    std::string filter;
    for (std::size_t levels = 1 + random.below(3); levels > 0; --levels) {
        const std::size_t kind = random.below(5);
        filter += kind == 0 ? "+" : kind == 1 && levels == 1 ? "#" : random.text("ab$", 2);
        if (levels > 1) filter += '/';
    }
    return filter;
}

TEST(MqttFilter, AgreesWithBruteForce) {
    // No pattern has an 'x', so a topic with 'x' is matched by wildcards alone.
    const std::vector<std::string> topics = all_topics("ab/$x", 6);
    Random random(20261);
    const std::size_t rounds = scaled(600);
    std::size_t granted = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        // Not longer than the longest topic: so the topic with 'x' for each wildcard is one of `topics`.
        std::string filter = random_filter(random);
        while (filter.size() > 6) filter = random_filter(random);
        std::string pattern = random.chance(3) ? random.wildcards_into(filter) : random.text("ab/*$*", 5);
        for (std::size_t slash = 0; (slash = pattern.find('/', slash)) != std::string::npos;) {
            pattern.replace(slash, 1, "%2F");
        }
        const auto set = compile({"read:%2F/" + pattern});
        const bool ours = subscribes(*set, filter);
        granted += ours ? 1 : 0;

        const auto scopes = reference::read_scopes({"read:%2F/" + pattern});
        bool expected = reference::filter_is_valid(filter);
        for (const std::string &topic : topics) {
            if (!expected) break;
            if (!reference::filter_matches(filter, topic)) continue;
            Request request{Operation::read, "/", topic, std::nullopt};
            request.mqtt_topic = true;
            expected = reference::allows(scopes, false, request);
        }
        ASSERT_EQ(ours, expected) << filter << " in " << pattern;
    }
    EXPECT_GT(granted, rounds / 20) << "too few filters are granted for the test to mean something";
}

}  // namespace
}  // namespace tokenward::access
