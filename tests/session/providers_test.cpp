// Each configuration in src/config/examples accepts a token of the shape that its provider makes.
#include "config/load.hpp"
#include "fixture.hpp"
#include "support/provider_shapes.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

using support::ShapeRequest;
using support::TokenShape;

struct Recipe {
    const char *what;
    const char *file;
    TokenShape (*shape)(const ShapeRequest &);
    std::vector<std::string> scopes;  ///< as the provider stores them
    std::string username;
    const char *more = "";  ///< more lines of configuration
};

const std::vector<std::string> bare = {"read:%2F/q*", "write:%2F/ex", "tag:monitoring"};
const std::vector<std::string> prefixed = {"broker.read:%2F/q*", "broker.write:%2F/ex",
                                           "broker.tag:monitoring"};

class Recipes : public testing::TestWithParam<Recipe> {};

}  // namespace

TEST_P(Recipes, ATokenOfThatShapeGivesTheRights) {
    const Recipe &recipe = GetParam();
    const Provider provider;
    ManualClock clock;
    const std::string file = std::string(EXAMPLES) + "/" + recipe.file;
    BackendOptions options;
    options.config_files = {file};
    options.config_json = R"({"jwks_file":")" + provider.path("jwks.json") + '"' + recipe.more + "}";
    std::string log;
    options.log = {LogMode::to_callback, collect_log, &log, {}};
    auto backend = Backend::create(options, clock);
    ASSERT_TRUE(backend.has_value()) << backend.error().detail;

    const auto settings = config::load(std::vector{file}, {});
    ASSERT_TRUE(settings.has_value());
    const config::Section &section = settings->sections.front();
    const TokenShape shape = recipe.shape(
        {section.issuer, section.tokens.audience.front(), recipe.scopes, clock.unix_seconds(), 300});
    const std::string token =
        Provider::sign("RS256", support::jws_header("RS256", "rsa").merge(shape.header), shape.claims.json());
    auto session = (*backend)->authenticate(bearer(token), {});
    ASSERT_TRUE(session.has_value()) << reason_name(session.error().reason) << ": " << session.error().detail;
    EXPECT_EQ((*session)->username(), recipe.username);
    using access::Operation;
    EXPECT_EQ((*session)->authorize({Operation::read, "/", "q1", {}}), Decision::allowed);
    EXPECT_EQ((*session)->authorize({Operation::write, "/", "ex", {}}), Decision::allowed);
    EXPECT_EQ((*session)->authorize({Operation::configure, "/", "q1", {}}), Decision::denied);
    EXPECT_EQ((*session)->authorize({Operation::read, "v", "q1", {}}), Decision::denied)
        << "another client's roles give nothing";
    (*session)->with_tags([](std::string_view tags) { EXPECT_EQ(tags, "monitoring"); });
    (*backend)->close();
}

INSTANTIATE_TEST_SUITE_P(
    Examples, Recipes,
    testing::Values(
        Recipe{"Keycloak, client roles", "keycloak.ini", support::keycloak_shape, bare, "alice"},
        Recipe{"Keycloak before 24, with a nonce", "keycloak.ini", support::keycloak_23_shape, bare, "alice"},
        Recipe{"Keycloak, client scopes", "keycloak.ini", support::keycloak_scope_shape, prefixed, "alice"},
        Recipe{"Entra ID, version 2", "entra.ini", support::entra_v2_shape, prefixed,
               "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"},
        Recipe{"Auth0", "auth0.ini", support::auth0_shape, prefixed, "kC3vExampleClient@clients"},
        Recipe{"Okta", "okta.ini", support::okta_shape, prefixed, "alice@example.com"},
        Recipe{"UAA", "uaa.ini", support::uaa_shape, prefixed, "sensor_app"}),
    [](const testing::TestParamInfo<Recipe> &info) {
        std::string name;
        for (const char c : std::string(info.param.what)) {
            if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
        }
        return name;
    });

TEST(Kubernetes, AServiceAccountHasTheScopesOfItsAlias) {
    const Provider provider;
    ManualClock clock;
    const std::string issuer = "https://kubernetes.default.svc.cluster.local";
    BackendOptions options;
    options.config_files = {std::string(EXAMPLES) + "/kubernetes.ini"};
    options.config_json = R"({"kubernetes":false,"issuer":")" + issuer + R"(","jwks_file":")" +
                          provider.path("jwks.json") + R"("})";
    std::string log;
    options.log = {LogMode::to_callback, collect_log, &log, {}};
    auto backend = Backend::create(options, clock);
    ASSERT_TRUE(backend.has_value()) << backend.error().detail;
    support::JsonObject claims;
    claims.strings("aud", {"broker"})
        .string("iss", issuer)
        .string("sub", "system:serviceaccount:factory:sensor")
        .string("jti", "0b6b1f8e-4f4b-4f0a-8a35-a9d0c8d8b5f2")
        .number("iat", clock.unix_seconds())
        .number("nbf", clock.unix_seconds())
        .number("exp", clock.unix_seconds() + 3600)
        .raw("kubernetes.io", R"({"namespace":"factory","serviceaccount":{"name":"sensor","uid":"4c0b"}})");
    const std::string token = Provider::sign("RS256", support::jws_header("RS256", "rsa"), claims.json());
    auto session = (*backend)->authenticate(bearer(token), {});
    ASSERT_TRUE(session.has_value()) << reason_name(session.error().reason) << ": " << session.error().detail;
    EXPECT_EQ((*session)->username(), "system:serviceaccount:factory:sensor");
    using access::Operation;
    EXPECT_EQ((*session)->authorize({Operation::write, "/", "events", {}}), Decision::allowed);
    EXPECT_EQ((*session)->authorize({Operation::read, "/", "events", {}}), Decision::denied);
    (*backend)->close();
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
                                 "api://broker", prefixed, clock.unix_seconds(), 300});
    const std::string token =
        Provider::sign("RS256", support::jws_header("RS256", "rsa").merge(shape.header), shape.claims.json());
    auto session = (*backend)->authenticate(bearer(token), {});
    ASSERT_FALSE(session.has_value());
    EXPECT_STREQ(reason_name(session.error().reason), "WRONG_ISSUER");
    EXPECT_NE(log.find("accessTokenAcceptedVersion"), std::string::npos) << log;
    (*backend)->close();
}

}  // namespace tokenward::session
