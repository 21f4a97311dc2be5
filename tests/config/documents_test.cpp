// The documentation and the sample configurations say what the code does.
#include "base/base64.hpp"
#include "config/apply.hpp"
#include "config/options.hpp"
#include "temp_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tokenward::config {
namespace {

const std::filesystem::path room = TOKENWARD_SOURCE_ROOT "/src/config";

std::string read(const std::filesystem::path &path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string type_column(const Option &option) {
    switch (option.type) {
        case Type::boolean:
            return "true or false";
        case Type::number:
            return fmt::format("{} to {} {}", option.min, option.max, option.unit);
        case Type::list:
        case Type::claim_map:
        case Type::name_list:
        case Type::vhosts:
        case Type::tags:
        case Type::operations:
        case Type::algorithms:
            return "list";
        case Type::scope_map:
            return "scopes";
        case Type::issuer:
        case Type::https_url:
            return "https URL";
        case Type::proxy_url:
            return "URL";
        case Type::path:
            return "path";
        case Type::bound_tokens:
        case Type::log_level:
            return "word";
        case Type::text:
            break;
    }
    return "text";
}

std::string table_of_options() {
    std::string out = "| option | stands in | value | default | meaning |\n|---|---|---|---|---|\n";
    for (const Option &option : options()) {
        const std::string fallback = option.fallback.empty() ? "" : fmt::format("`{}`", option.fallback);
        out += fmt::format("| `{}{}` | {} | {} | {} | {} |\n", option.name,
                           option.type == Type::scope_map   ? ".ALIAS"
                           : option.type == Type::claim_map ? ".CLAIM"
                                                            : "",
                           option.scope() == Scope::section ? "each section" : "`[oauth]`", type_column(option),
                           fallback, option.meaning);
    }
    return out;
}

TEST(Readme, TableOfOptionsIsThatOfTheCode) {
    const std::string text = read(room / "README.md");
    const std::size_t marker = text.find("<!-- options:");
    ASSERT_NE(marker, std::string::npos);
    const std::size_t begin = text.find('\n', marker) + 1;
    const std::size_t end = text.find("<!-- /options -->");
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(text.substr(begin, end - begin), table_of_options())
        << "put this table into src/config/README.md:\n"
        << table_of_options();
}

TEST(Options, NamesAreUnique) {
    std::set<std::string_view> names;
    for (const Option &option : options()) EXPECT_TRUE(names.insert(option.name).second) << option.name;
}

TEST(Examples, EachLoadsWithoutWarning) {
    for (const auto &entry : std::filesystem::directory_iterator(room / "examples")) {
        if (entry.path().extension() != ".ini") continue;
        // In a checkout a group may have the right to write. Only the content is tested here.
        ConfigFolder folder;
        // For the one that is for a pod.
        folder.write("token", "e30." + base64url_encode(R"({"iss":"https://id.example.com"})") + ".AA");
        const auto settings =
            load(std::vector<std::string>{folder.write("a.ini", read(entry.path()))}, {}, folder.path(""));
        EXPECT_TRUE(settings) << entry.path() << settings.error().detail;
        if (!settings) continue;
        EXPECT_TRUE(settings->warnings.empty()) << entry.path() << settings->warnings.front();
        for (const Section &section : settings->sections) {
            EXPECT_TRUE(section.scopes.scope_prefix) << entry.path();
        }
    }
}

/// What stands between ```ini and ``` in a page.
std::string ini_of(const std::string &page) {
    constexpr std::string_view fence = "```ini\n";
    const std::size_t begin = page.find(fence);
    EXPECT_NE(begin, std::string::npos);
    return page.substr(begin + fence.size(), page.find("```", begin + fence.size()) - begin - fence.size());
}

TEST(SeveralProviders, ThePagesConfigurationLoadsWithoutWarning) {
    ConfigFolder folder;
    const std::string ini = ini_of(read(room / "several_providers.md"));
    const auto settings = load(std::vector<std::string>{folder.write("a.ini", ini)}, {});
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_TRUE(settings->warnings.empty()) << settings->warnings.front();
    ASSERT_EQ(settings->sections.size(), 2U);
    EXPECT_EQ(settings->sections[1].name, "partner");
}

TEST(Examples, EachIsNamedInTheRecipes) {
    const std::string recipes = read(room / "examples" / "README.md");
    for (const auto &entry : std::filesystem::directory_iterator(room / "examples")) {
        if (entry.path().extension() != ".ini") continue;
        const std::string file = entry.path().filename().string();
        EXPECT_NE(recipes.find(fmt::format("| [{0}]({0}) |", file)), std::string::npos) << file;
    }
}

/// The words in capital letters with code marks around them, `NO_SCOPE`.
std::set<std::string> reasons_in(const std::string &text) {
    std::set<std::string> out;
    static const std::regex word("`([A-Z]+(_[A-Z]+)+)`");
    for (std::sregex_iterator at(text.begin(), text.end(), word); at != std::sregex_iterator(); ++at) {
        out.insert((*at)[1].str());
    }
    return out;
}

TEST(Examples, RecipesNameReasonsThatExist) {
    std::set<std::string> known;
    for (std::size_t i = 0; i < reason_count(); ++i) known.insert(reason_name(reason_at(i)));
    const std::set<std::string> named = reasons_in(read(room / "examples" / "README.md"));
    EXPECT_GE(named.size(), 10U);
    for (const std::string &reason : named) EXPECT_EQ(known.count(reason), 1U) << reason;
}

}  // namespace
}  // namespace tokenward::config
