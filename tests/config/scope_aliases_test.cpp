// scope_aliases, in INI and in JSON: the only option that has keys itself.
#include "base/reason.hpp"
#include "temp_files.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tokenward::config {
namespace {

using Aliases = ConfigTest;
using List = std::vector<std::string>;

constexpr std::string_view head = R"({"issuer":"https://id.example.com","resource_server_id":"broker",)";

TEST_F(Aliases, Ini) {
    const auto settings = load_ini(std::string(minimal) +
                                   "scope_aliases.ADMIN = broker.read:*/*  broker.tag:administrator\n"
                                   "scope_aliases.a.b/c d=broker.write:v/x\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections.front().scopes.scope_aliases,
              (ScopeAliases{{"ADMIN", {"broker.read:*/*", "broker.tag:administrator"}},
                            {"a.b/c d", {"broker.write:v/x"}}}));
    EXPECT_TRUE(settings->warnings.empty()) << settings->warnings.front();
}

TEST_F(Aliases, InQuotes) {
    struct Row {
        std::string_view line;
        std::string_view alias;
    };
    const Row rows[] = {
        {R"(scope_aliases."CN=X,OU=Y" = broker.a)", "CN=X,OU=Y"},
        {R"(scope_aliases."CN=X,OU=Y"=broker.a)", "CN=X,OU=Y"},
        {R"(scope_aliases."Domain Admins"   =  broker.a)", "Domain Admins"},
        {R"(scope_aliases."CN=a"b,OU=c" = broker.a)", "CN=a\"b,OU=c"},
        {R"(scope_aliases."CN=a\, b" = broker.a)", R"(CN=a\, b)"},
        {R"(scope_aliases.a"b = broker.a)", "a\"b"},
        {R"(scope_aliases.a.b = broker.a)", "a.b"},
    };
    for (const Row &row : rows) {
        const auto settings = load_ini(std::string(minimal) + std::string(row.line) + "\n");
        ASSERT_TRUE(settings) << row.line << settings.error().detail;
        EXPECT_EQ(settings->sections.front().scopes.scope_aliases,
                  (ScopeAliases{{std::string(row.alias), {"broker.a"}}}))
            << row.line;
    }
    // A value with an equals sign in a scope is one.
    const auto settings = load_ini(std::string(minimal) + "scope_aliases.a = broker.read:*/x=y\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections.front().scopes.scope_aliases, (ScopeAliases{{"a", {"broker.read:*/x=y"}}}));
}

TEST_F(Aliases, ALaterFileWinsAliasByAlias) {
    const std::vector<std::string> files{
        write("a.ini", std::string(minimal) + "scope_aliases.a = broker.a\nscope_aliases.b = broker.b\n"
                                              "scope_aliases.c = broker.c\n"),
        write("b.ini", "[oauth]\nscope_aliases.b = broker.d\nscope_aliases.c =\nscope_aliases.none =\n")};
    const auto settings = load(files, {});
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections.front().scopes.scope_aliases,
              (ScopeAliases{{"a", {"broker.a"}}, {"b", {"broker.d"}}}));
}

TEST_F(Aliases, EachSectionHasItsOwn) {
    const auto settings = load_ini(std::string(minimal) +
                                   "scope_aliases.a = broker.a\n[oauth.b]\nissuer = https://b\naudience = x\n"
                                   "username_prefix = b-\nscope_prefix =\nscope_aliases.a = read:v/b\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections[0].scopes.scope_aliases, (ScopeAliases{{"a", {"broker.a"}}}));
    EXPECT_EQ(settings->sections[1].scopes.scope_aliases, (ScopeAliases{{"a", {"read:v/b"}}}));
}

TEST_F(Aliases, Json) {
    const ScopeAliases expected{{"ADMIN", {"broker.read:*/*", "broker.tag:x"}}};
    struct Row {
        std::string json;
        ScopeAliases aliases;
    };
    const std::string h(head);
    const Row rows[] = {
        {h + R"("scope_aliases":{"ADMIN":"broker.read:*/* broker.tag:x"}})", expected},
        {h + R"("scope_aliases":{"ADMIN":["broker.read:*/*","broker.tag:x"]}})", expected},
        {h + R"("scope_aliases.ADMIN":["broker.read:*/*","broker.tag:x"]})", expected},
        {R"({"oauth":)" + h + R"("scope_aliases":{"ADMIN":"broker.read:*/* broker.tag:x"}}})", expected},
        {h + R"("scope_aliases":{"a":null,"b":"","c":[],"d":"broker.d"}})", {{"d", {"broker.d"}}}},
        {h + R"("scope_aliases":{"a=b":["broker.x y"]}})", {{"a=b", {"broker.x y"}}}},
        {h + R"("scope_aliases":{}})", {}},
        {h + R"("scope_aliases":null})", {}},
    };
    for (const Row &row : rows) {
        const auto settings = load({}, row.json);
        ASSERT_TRUE(settings) << row.json << settings.error().detail;
        EXPECT_EQ(settings->sections.front().scopes.scope_aliases, row.aliases) << row.json;
    }
}

TEST_F(Aliases, JsonWinsAliasByAlias) {
    const auto settings =
        load_ini(std::string(minimal) + "scope_aliases.a = broker.a\nscope_aliases.b = broker.b\n",
                 R"({"scope_aliases":{"b":"broker.c"}})");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections.front().scopes.scope_aliases,
              (ScopeAliases{{"a", {"broker.a"}}, {"b", {"broker.c"}}}));
}

TEST_F(Aliases, AreShownAsJsonThatReadsBack) {
    const auto settings = load_ini(std::string(minimal) + "scope_aliases.a = broker.a broker.b\n");
    ASSERT_TRUE(settings);
    const std::string json = to_json(*settings);
    EXPECT_NE(json.find(R"("scope_aliases":{"a":["broker.a","broker.b"]})"), std::string::npos) << json;
}

TEST_F(Aliases, Refused) {
    struct Row {
        std::string ini;
        std::string json;
        Reason reason;
        std::string_view words;
    };
    const std::string h(head);
    const std::string long_name(1025, 'x');
    const Row rows[] = {
        {"scope_aliases = x", "", Reason::CONFIG_INVALID_VALUE,
         R"(:4: [oauth] scope_aliases = "x": must be scope_aliases.ALIAS = SCOPE SCOPE)"},
        {"scope_aliases. = x", "", Reason::CONFIG_INVALID_VALUE,
         R"(scope_aliases."" = "x": an alias has 1 to)"},
        {"scope_aliases.a = broker.read:*/*, broker.b", "", Reason::CONFIG_INVALID_VALUE,
         R"([oauth] scope_aliases."a" = "broker.read:*/*, broker.b": scopes have spaces between them, no commas)"},
        {"scope_aliases.a = broker.a ,broker.b", "", Reason::CONFIG_INVALID_VALUE, "no commas"},
        {"scope_aliases.a = broker.a\nscope_aliases.a = broker.b", "", Reason::CONFIG_DUPLICATE_KEY,
         R"(:5: [oauth] "scope_aliases.a": stands already on line 4)"},
        {"scope_aliases." + long_name + " = x", "", Reason::CONFIG_INVALID_VALUE,
         "an alias has 1 to 1024 bytes"},
        {"scope_aliases.a = " + long_name, "", Reason::CONFIG_INVALID_VALUE,
         "scopes must have 1 to 1024 bytes"},
        {"scope_aliases.a\x01 = x", "", Reason::CONFIG_INVALID_VALUE, "without control characters"},
        {"scope_alias.a = x", "", Reason::CONFIG_UNKNOWN_KEY, "there is no such option"},
        {"issuer.a = x", "", Reason::CONFIG_UNKNOWN_KEY, "there is no such option"},
        {"", h + R"("scope_aliases":"x"})", Reason::CONFIG_INVALID_VALUE,
         "must be scope_aliases.ALIAS = SCOPE SCOPE"},
        {"", h + R"("scope_aliases":["x"]})", Reason::CONFIG_INVALID_VALUE, "must be scope_aliases.ALIAS"},
        {"", h + R"("scope_aliases":{"a":{"b":"c"}}})", Reason::CONFIG_INVALID_VALUE,
         R"(config_json: scope_aliases."a": an object can't stand here)"},
        {"", h + R"("scope_aliases":{"a":7}})", Reason::CONFIG_INVALID_VALUE, R"(scope_aliases."a" = "7")"},
        {"", h + R"("scope_aliases":{"a":["b",7]}})", Reason::CONFIG_INVALID_VALUE,
         "a list holds strings only"},
        {"", h + R"("scope_aliases":{"a":[""]}})", Reason::CONFIG_INVALID_VALUE, "scopes must have 1 to"},
        {"", h + R"("scope_aliases":{"":"x"}})", Reason::CONFIG_INVALID_VALUE, "an alias has 1 to"},
        {"", h + R"("scope_aliases":{"a":"x","a":"y"}})", Reason::CONFIG_SYNTAX, "config_json: "},
        {"", h + R"("scope_aliases":{"a":"x"},"scope_aliases.a":"y"})", Reason::CONFIG_DUPLICATE_KEY,
         R"(scope_aliases."a": stands there twice)"},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.ini + row.json);
        const auto result =
            row.json.empty() ? load_ini(std::string(minimal) + row.ini + "\n") : load({}, row.json);
        ASSERT_FALSE(result);
        EXPECT_STREQ(reason_name(result.error().reason), reason_name(row.reason)) << result.error().detail;
        EXPECT_NE(result.error().detail.find(row.words), std::string::npos) << result.error().detail;
    }
}

TEST_F(Aliases, Bounds) {
    const auto with = [&](int aliases, int scopes) {
        std::string text(minimal);
        for (int i = 0; i < aliases; ++i) {
            text += "scope_aliases.a" + std::to_string(i) + " =";
            for (int j = 0; j < scopes; ++j) text += " broker.";
            text += "\n";
        }
        return load_ini(text);
    };
    EXPECT_TRUE(with(1024, 1));
    EXPECT_FALSE(with(1025, 1));
    EXPECT_TRUE(with(1, 256));
    EXPECT_FALSE(with(1, 257));
}

TEST_F(Aliases, OneWithoutThePrefixIsWarnedOf) {
    const auto settings = load_ini(std::string(minimal) + "scope_aliases.a = broker.read:*/* read:*/*\n");
    ASSERT_TRUE(settings);
    ASSERT_EQ(settings->warnings.size(), 1U);
    EXPECT_EQ(
        settings->warnings.front(),
        R"([oauth] scope_aliases."a": "read:*/*" doesn't begin with the prefix "broker." and grants nothing)");
    EXPECT_EQ(load_ini(std::string(minimal) + "scope_prefix =\nscope_aliases.a = read:*/*\n")->warnings.size(),
              1U)
        << "only that of the empty prefix";
}

TEST_F(Aliases, ResourceServerTypeNeedsTheId) {
    const auto result = load_ini("[oauth]\nissuer = https://a\naudience = x\nresource_server_type = mq\n");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, Reason::CONFIG_MISSING_KEY);
    EXPECT_NE(result.error().detail.find(":4: [oauth] resource_server_type: set resource_server_id too"),
              std::string::npos)
        << result.error().detail;
    EXPECT_TRUE(load_ini(std::string(minimal) + "resource_server_type = mq\n"));
}

}  // namespace
}  // namespace tokenward::config
