#include "chain_names.hpp"

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

TEST(ChainNames, EverySectionNeedsAPrefix) {
    EXPECT_EQ(shared_names_problem(R"({"oauth":{"log_level":"info","username_prefix":"a:"},"warnings":[]})"),
              "");
    // What all sections share stands in "oauth" also where only named sections have an issuer.
    EXPECT_EQ(shared_names_problem(
                  R"({"oauth":{"log_level":"info"},"oauth.a":{"username_prefix":"a:"},"warnings":[]})"),
              "");
}

TEST(ChainNames, TheSectionsWithoutOneAreNamed) {
    const std::string problem = shared_names_problem(
        R"({"oauth":{"username_prefix":null},"oauth.a":{"username_prefix":"a:"},"oauth.b":{"username_prefix":null}})");
    EXPECT_NE(problem.find("set username_prefix in [oauth], [oauth.b] "), std::string::npos) << problem;
    EXPECT_NE(problem.find("plugin_opt_shared_names true"), std::string::npos) << problem;
}

TEST(ChainNames, WhatCantBeReadIsAProblem) {
    for (const char *text : {"", "null", "[]", "{"}) EXPECT_NE(shared_names_problem(text), "") << text;
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
