// Each configuration in src/config/examples accepts a token of the shape that its provider makes, and no other.
#include "config/load.hpp"
#include "fixture.hpp"
#include "recipes.hpp"
#include "support/provider_shapes.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

using support::TokenShape;

/// Letters and digits, as GoogleTest wants them.
template <typename Row>
std::string test_name(const testing::TestParamInfo<Row> &info) {
    std::string name;
    for (const char c : std::string(info.param.what)) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
    }
    return name;
}

/// "oauth", "oauth.telemetry": the sections of a file that are for us.
std::vector<std::string> sections_of(const std::string &file) {
    std::vector<std::string> out;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("[oauth")) out.push_back(line.substr(1, line.find(']') - 1));
    }
    return out;
}

/// A backend over an example, with the test's key set in place of the provider's.
class Example {
  public:
    /// `more`: members for [oauth], each with a comma behind it.
    Example(const char *file, const std::string &more) : file_(std::string(EXAMPLES) + "/" + file) {
        for (const std::string &section : sections_of(file_)) {
            json_ += (json_.empty() ? "{\"" : ",\"") + section + "\":{" + (section == "oauth" ? more : "") +
                     R"("jwks_file":")" + provider_.path("jwks.json") + "\"}";
        }
        json_ += "}";
        auto settings = config::load(std::vector{file_}, json_);
        if (!settings) {
            problem_ = settings.error().detail;
            return;
        }
        settings_ = *std::move(settings);
        BackendOptions options = options_with_log(json_, log_);
        options.config_files = {file_};
        auto created = Backend::create(options, clock_);
        if (!created) {
            problem_ = created.error().detail;
            return;
        }
        backend_ = *std::move(created);
    }
    ~Example() {
        if (backend_) backend_->close();
    }
    Example(const Example &) = delete;
    Example &operator=(const Example &) = delete;

    /// Empty if the configuration is good.
    const std::string &problem() const { return problem_; }

    TokenShape shape(TokenShape (*make)(const support::ShapeRequest &), const std::vector<std::string> &scopes,
                     const std::string &section_name = "oauth", const std::string &issuer = {}) const {
        const auto section = std::find_if(settings_.sections.begin(), settings_.sections.end(),
                                          [&](const config::Section &one) { return one.name == section_name; });
        EXPECT_NE(section, settings_.sections.end()) << section_name;
        const auto &audience = section->tokens.audience;
        return make({issuer.empty() ? section->issuer : issuer, audience.empty() ? "" : audience.front(),
                     scopes, clock_.unix_seconds(), 300});
    }

    Result<std::unique_ptr<Session>> log_in(const TokenShape &shape) const {
        return backend_->authenticate(
            bearer(Provider::sign("RS256", support::jws_header("RS256", "rsa").merge(shape.header),
                                  shape.claims.json())),
            {});
    }

  private:
    Provider provider_;
    ManualClock clock_;
    std::string file_;
    std::string json_;
    std::string problem_;
    std::string log_;
    config::Settings settings_;
    std::shared_ptr<Backend> backend_;
};

class Recipes : public testing::TestWithParam<Recipe> {};
class NearMisses : public testing::TestWithParam<NearMiss> {};

}  // namespace

TEST_P(Recipes, ATokenOfThatShapeGivesTheRights) {
    const Recipe &recipe = GetParam();
    const Example example(recipe.file, recipe.more);
    ASSERT_EQ(example.problem(), "");
    auto session = example.log_in(example.shape(recipe.shape, recipe.scopes, recipe.section, recipe.issuer));
    ASSERT_TRUE(session.has_value()) << reason_name(session.error().reason) << ": " << session.error().detail;
    EXPECT_EQ((*session)->username(), recipe.username);
    using access::Operation;
    EXPECT_EQ((*session)->authorize({Operation::read, "/", "orders-1", {}}), Decision::allowed);
    EXPECT_EQ((*session)->authorize({Operation::write, "/", "events", {}}), Decision::allowed);
    EXPECT_EQ((*session)->authorize({Operation::configure, "/", "orders-1", {}}), Decision::denied);
    EXPECT_EQ((*session)->authorize({Operation::read, "v", "orders-1", {}}), Decision::denied)
        << "what is another service's gives nothing";
    (*session)->with_tags([](std::string_view tags) { EXPECT_EQ(tags, "monitoring"); });
}

INSTANTIATE_TEST_SUITE_P(Examples, Recipes, testing::ValuesIn(recipes()), test_name<Recipe>);

TEST_P(NearMisses, AreRefused) {
    const NearMiss &miss = GetParam();
    const Example example(miss.file, miss.more);
    ASSERT_EQ(example.problem(), "");
    TokenShape shape = example.shape(miss.shape, miss.scopes);
    ASSERT_TRUE(example.log_in(shape).has_value()) << "without the change it is a good token";
    if (*miss.json == '\0') {
        shape.claims.remove(miss.claim);
    } else {
        shape.claims.raw(miss.claim, miss.json);
    }
    EXPECT_FALSE(example.log_in(shape).has_value());
}

INSTANTIATE_TEST_SUITE_P(Examples, NearMisses, testing::ValuesIn(near_misses()), test_name<NearMiss>);

TEST(Examples, EachHasARow) {
    std::set<std::string> with_a_row;
    for (const Recipe &recipe : recipes()) with_a_row.insert(recipe.file);
    for (const auto &entry : std::filesystem::directory_iterator(EXAMPLES)) {
        if (entry.path().extension() != ".ini") continue;
        EXPECT_EQ(with_a_row.count(entry.path().filename().string()), 1U) << entry.path();
    }
}

TEST(EntraVersion1, TheWrongIssuerHasAHintThatHelps) {
    const Provider provider;
    ManualClock clock;
    BackendOptions options;
    options.config_files = {std::string(EXAMPLES) + "/entra.ini"};
    options.config_json = R"({"jwks_file":")" + provider.path("jwks.json") + R"("})";
    std::string log;
    options.log = {LogMode::to_callback, collect_log, &log, {}};
    auto backend = Backend::create(options, clock);
    ASSERT_TRUE(backend.has_value()) << backend.error().detail;
    const TokenShape shape =
        support::entra_v1_shape({"https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
                                 "api://broker", scopes_with_prefix, clock.unix_seconds(), 300});
    const std::string token =
        Provider::sign("RS256", support::jws_header("RS256", "rsa").merge(shape.header), shape.claims.json());
    auto session = (*backend)->authenticate(bearer(token), {});
    ASSERT_FALSE(session.has_value());
    EXPECT_STREQ(reason_name(session.error().reason), "WRONG_ISSUER");
    EXPECT_NE(log.find("accessTokenAcceptedVersion"), std::string::npos) << log;
    (*backend)->close();
}

}  // namespace tokenward::session
