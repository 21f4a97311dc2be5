#include "chain_names.hpp"

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

TEST(ChainNames, EverySectionNeedsAPrefix) {
    EXPECT_EQ(sections_without_prefix(R"({"oauth":{"log_level":"info","username_prefix":"a:"},"warnings":[]})"),
              "");
    // What all sections share stands in "oauth" also where only named sections have an issuer.
    EXPECT_EQ(sections_without_prefix(
                  R"({"oauth":{"log_level":"info"},"oauth.a":{"username_prefix":"a:"},"warnings":[]})"),
              "");
}

TEST(ChainNames, TheSectionsWithoutOneAreNamed) {
    EXPECT_EQ(
        sections_without_prefix(
            R"({"oauth":{"username_prefix":null},"oauth.a":{"username_prefix":"a:"},"oauth.b":{"username_prefix":null}})"),
        "[oauth], [oauth.b]");
}

TEST(ChainNames, WhatCantBeReadIsAProblem) {
    for (const char *text : {"", "null", "[]", "{"}) EXPECT_NE(sections_without_prefix(text), "") << text;
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
