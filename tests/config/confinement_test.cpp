// What a section's tokens may say at the most, as it is configured; and the warning where that isn't said.
#include "temp_files.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::config {
namespace {

using Names = Confinement::Names;
using List = std::vector<std::string>;
using SectionLimits = ConfigTest;

TEST_F(SectionLimits, AreReadFromIni) {
    struct Row {
        std::string_view lines;
        Names vhosts;
        Names tags;
        Names operations;
    };
    const Row rows[] = {
        {"", {}, {}, {}},
        {"vhosts = partner-*, %2F,a%2Cb,a b\n", List{"partner-*", "%2F", "a%2Cb", "a b"}, {}, {}},
        {"vhosts = *\ntags = a,B-1_.x\noperations = read\n", List{"*"}, List{"a", "B-1_.x"}, List{"read"}},
        {"operations = write,configure\n", {}, {}, List{"write", "configure"}},
        // There and empty: nothing, and not unset.
        {"vhosts =\ntags =\noperations =\n", List{}, List{}, List{}},
        {"tags = ,\n", {}, List{}, {}},
    };
    for (const Row &row : rows) {
        const auto settings = load_ini(std::string(minimal) + std::string(row.lines));
        ASSERT_TRUE(settings) << settings.error().detail;
        const Confinement &got = settings->sections.front().confinement;
        EXPECT_EQ(got.vhosts, row.vhosts) << row.lines;
        EXPECT_EQ(got.tags, row.tags) << row.lines;
        EXPECT_EQ(got.operations, row.operations) << row.lines;
        EXPECT_TRUE(settings->warnings.empty()) << "one provider needs none: " << settings->warnings.front();
    }
}

TEST_F(SectionLimits, AreReadFromJson) {
    const auto settings = load(
        {},
        R"({"oauth":{"issuer":"https://a","audience":"x","vhosts":["p*"],"tags":[],"operations":"read, write"},
                "oauth.b":{"issuer":"https://b","audience":"x","scope_prefix":"x.","username_prefix":"b:",
                           "vhosts":null,"tags":""}})");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections[0].confinement.vhosts, List{"p*"});
    EXPECT_EQ(settings->sections[0].confinement.tags, List{});
    EXPECT_EQ(settings->sections[0].confinement.operations, (List{"read", "write"}));
    EXPECT_EQ(settings->sections[1].confinement.vhosts, std::nullopt) << "null is as if it weren't there";
    EXPECT_EQ(settings->sections[1].confinement.tags, List{});
    EXPECT_EQ(settings->sections[1].confinement.operations, std::nullopt) << "nothing is inherited";
    const std::string json = to_json(*settings);
    EXPECT_NE(json.find(R"("vhosts":["p*"],"tags":[],"operations":["read","write"])"), std::string::npos)
        << json;
    EXPECT_NE(json.find(R"("vhosts":null,"tags":[],"operations":null)"), std::string::npos) << json;
}

TEST_F(SectionLimits, ALaterFileWinsAndCanNotUnset) {
    const List files{write("a.ini", std::string(minimal) + "tags = a\nvhosts = a\n"),
                     write("b.ini", "[oauth]\ntags =\nvhosts = *\n")};
    const auto settings = load(files, {});
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections[0].confinement.tags, List{});
    EXPECT_EQ(settings->sections[0].confinement.vhosts, List{"*"});
}

TEST_F(SectionLimits, AnEmptyElementOfAJsonListIsRefused) {
    for (const std::string_view option : {"vhosts", "tags", "operations"}) {
        const auto settings =
            load({}, R"({"issuer":"https://a","audience":"x",")" + std::string(option) + R"(":[""]})");
        ASSERT_FALSE(settings) << option;
        EXPECT_NE(settings.error().detail.find(option), std::string::npos) << settings.error().detail;
    }
}

/// The warnings about `option`.
List warnings_of(const Settings &settings, std::string_view option) {
    List out;
    std::ranges::copy_if(settings.warnings, std::back_inserter(out), [&](const std::string &warning) {
        return warning.find(std::string(option) + " is unset beside another provider") != std::string::npos;
    });
    return out;
}

TEST_F(SectionLimits, SeveralProvidersWithoutThemAreAWarning) {
    const auto both = [&](const std::string &first, const std::string &second) {
        return load_ini(std::string(minimal) + first +
                        "[oauth.partner]\nissuer = https://p.example\naudience = x\nscope_prefix = x.\n"
                        "username_prefix = p:\n" +
                        second);
    };
    const auto neither = both("", "");
    ASSERT_TRUE(neither) << neither.error().detail;
    const List about_vhosts = warnings_of(*neither, "vhosts");
    const List about_tags = warnings_of(*neither, "tags");
    ASSERT_EQ(about_vhosts.size(), 2U);
    ASSERT_EQ(about_tags.size(), 2U);
    EXPECT_TRUE(about_vhosts[0].starts_with("[oauth] vhosts")) << about_vhosts[0];
    EXPECT_TRUE(about_vhosts[1].starts_with("[oauth.partner] vhosts")) << about_vhosts[1];
    EXPECT_NE(about_vhosts[1].find("may name every vhost"), std::string::npos) << about_vhosts[1];
    EXPECT_NE(about_vhosts[1].find("vhosts = *"), std::string::npos) << about_vhosts[1];
    EXPECT_NE(about_tags[1].find("also administrator"), std::string::npos) << about_tags[1];

    const auto partly = both("vhosts = *\ntags = administrator\n", "tags =\n");
    ASSERT_TRUE(partly) << partly.error().detail;
    EXPECT_EQ(partly->warnings.size(), 1U);
    EXPECT_EQ(warnings_of(*partly, "vhosts").size(), 1U);

    const auto all = both("vhosts = *\ntags = administrator\n", "vhosts = p-*\ntags =\n");
    ASSERT_TRUE(all) << all.error().detail;
    EXPECT_TRUE(all->warnings.empty()) << all->warnings.front();
}

}  // namespace
}  // namespace tokenward::config
