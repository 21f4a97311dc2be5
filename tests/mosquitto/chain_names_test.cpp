#include "chain_names.hpp"

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

using Prefixes = std::vector<std::string>;

TEST(ChainNames, EverySectionNeedsAPrefix) {
    const ChainNames one =
        read_chain_names(R"({"oauth":{"log_level":"info","username_prefix":"a:"},"warnings":[]})");
    EXPECT_EQ(one.without_prefix, "");
    EXPECT_EQ(one.prefixes, Prefixes({"a:"}));
    // What all sections share stands in "oauth" also where only named sections have an issuer.
    const ChainNames named = read_chain_names(
        R"({"oauth":{"log_level":"info"},"oauth.a":{"username_prefix":"a:"},"oauth.b":{"username_prefix":"b:"}})");
    EXPECT_EQ(named.without_prefix, "");
    EXPECT_EQ(named.prefixes, Prefixes({"a:", "b:"}));
}

TEST(ChainNames, TheSectionsWithoutOneAreNamed) {
    const ChainNames names = read_chain_names(
        R"({"oauth":{"username_prefix":null},"oauth.a":{"username_prefix":"a:"},"oauth.b":{"username_prefix":""}})");
    EXPECT_EQ(names.without_prefix, "[oauth], [oauth.b]");
    EXPECT_EQ(names.prefixes, Prefixes({"a:"}));
}

TEST(ChainNames, WhatCantBeReadIsAProblem) {
    for (const char *text : {"", "null", "[]", "{"}) {
        EXPECT_NE(read_chain_names(text).without_prefix, "") << text;
        EXPECT_EQ(read_chain_names(text).prefixes, Prefixes()) << text;
    }
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
