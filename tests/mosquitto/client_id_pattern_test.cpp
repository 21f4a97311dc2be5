#include "client_id_pattern.hpp"

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

ClientIdPattern pattern(std::string_view text) {
    auto parsed = ClientIdPattern::parse(text);
    EXPECT_TRUE(std::holds_alternative<ClientIdPattern>(parsed)) << text;
    return std::get<ClientIdPattern>(std::move(parsed));
}

struct Row {
    const char *pattern;
    const char *username;
    const char *client_id;
    bool matches;
};

TEST(ClientIdPattern, BindsIdentifiersToUsernames) {
    const Row rows[] = {
        {"{username}/*", "alice", "alice/1", true},
        {"{username}/*", "alice", "alice/", true},
        {"{username}/*", "alice", "alice", false},
        {"{username}/*", "alice", "alice2/1", false},
        {"{username}/*", "alice", "Alice/1", false},
        {"{username}/*", "alice", "", false},
        {"{username}/*", "alice", "x/alice/1", false},
        // A name with a slash is no other name with something behind it.
        {"{username}/*", "alice/1", "alice/1/x", false},
        {"{username}/*", "alice/1", "alice%2F1/x", true},
        {"{username}/*", "alice%2F1", "alice%2F1/x", false},
        {"{username}/*", "alice%2F1", "alice%252F1/x", true},
        {"{username}/*", "*", "anything/1", false},
        {"{username}/*", "*", "%2A/1", true},
        {"{username}/*", "\xc3\xa9", "\xc3\xa9/1", false},
        {"{username}/*", "\xc3\xa9", "%C3%A9/1", true},
        {"{username}", "alice", "alice", true},
        {"{username}", "alice", "alice/1", false},
        {"dev-{username}/mqtt", "alice", "dev-alice/mqtt", true},
        {"dev-{username}/mqtt", "alice", "dev-alice/mqtt2", false},
        {"dev-{username}/mqtt-*", "alice", "dev-alice/mqtt-2", true},
    };
    for (const Row &row : rows)
        EXPECT_EQ(pattern(row.pattern).matches(row.client_id, row.username), row.matches)
            << row.pattern << ' ' << row.username << ' ' << row.client_id;
}

TEST(ClientIdPattern, IsShownWithTheName) {
    EXPECT_EQ(pattern("x{username}/a*").of("a/b"), "xa%2Fb/a*");
    EXPECT_EQ(pattern("{username}").of("alice"), "alice");
}

TEST(ClientIdPattern, WhatBindsNothingIsAProblem) {
    for (const char *text :
         {"", "*", "alice", "{client_id}/*", "{username}*", "{username}-*", "{username}x", "*{username}",
          "{username}/*/*", "{username}/{username}", "{username}/{mqtt:client_id}", "a*b{username}/*"}) {
        EXPECT_TRUE(std::holds_alternative<std::string>(ClientIdPattern::parse(text))) << text;
    }
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
