// Sections that share an issuer are one provider: aud tells their tokens apart.
#include "fixture.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

constexpr const char *issuer = "https://id.example";
constexpr const char *alias = "https://id.internal:8443";

/// [oauth] is for the audience "orders", [oauth.telemetry] for "telemetry", [oauth.other] of another provider.
class SharedIssuer : public BackendTest {
  protected:
    std::string section(const std::string &audience, const std::string &more = "") const {
        return R"({"issuer":")" + std::string(issuer) + R"(","issuer_aliases":")" + alias +
               R"(","audience":")" + audience + R"(","scope_prefix":")" + audience + R"(.","jwks_file":")" +
               provider.path("jwks.json") + '"' + more + "}";
    }
    std::string config(const std::string &more = "") const {
        return R"({"oauth":)" + section("orders") + R"(,"oauth.telemetry":)" + section("telemetry", more) +
               R"(,"oauth.other":{"issuer":"https://other.example","audience":"orders","username_prefix":"o:",)"
               R"("scope_prefix":"orders.","jwks_file":")" +
               provider.path("other.json") + R"("}})";
    }
    void SetUp() override {
        provider.write("other.json", support::jwks({TestKey::shared("ES256", 1).jwk("ec256")}));
        backend = make_backend(options_with_log(config(), log), clock);
        ASSERT_NE(backend, nullptr);
    }

    static JsonObject claims() {
        return Provider::claims().string("scope", "orders.read:v/orders telemetry.read:v/telemetry");
    }
    static std::string for_audiences(const std::vector<std::string> &audiences) {
        return Provider::mint(claims().strings("aud", audiences));
    }
    bool may_read(const char *resource) const {
        return session->authorize({access::Operation::read, "v", resource, {}}) == Decision::allowed;
    }
};

#define ASSERT_REASON_NONE(actual) ASSERT_STREQ(reason_name(actual), "NONE") << detail

}  // namespace

TEST_F(SharedIssuer, TheAudienceChoosesTheSection) {
    for (int i = 0; i < 2; ++i) {  // the second time the tokens are in the cache
        ASSERT_REASON_NONE(log_in(for_audiences({"orders"})));
        EXPECT_TRUE(may_read("orders"));
        EXPECT_FALSE(may_read("telemetry"));
        ASSERT_REASON_NONE(log_in(for_audiences({"x", "telemetry"})));
        EXPECT_TRUE(may_read("telemetry"));
        EXPECT_FALSE(may_read("orders"));
    }
    ASSERT_REASON_NONE(log_in(Provider::mint(claims().string("aud", "telemetry").string("iss", alias))));
    EXPECT_TRUE(may_read("telemetry")) << "an alias stands for the provider too";
    EXPECT_EQ(session->issuer(), issuer);
}

TEST_F(SharedIssuer, WhatFitsNoneOrTwoIsRefused) {
    EXPECT_REASON(log_in(for_audiences({"orders", "telemetry"})), WRONG_AUDIENCE);
    EXPECT_EQ(detail, "aud fits [oauth] and [oauth.telemetry]");
    EXPECT_REASON(log_in(for_audiences({"x"})), WRONG_AUDIENCE);
    EXPECT_EQ(detail, R"(aud is "x", needed is "orders", "telemetry")");
    EXPECT_REASON(log_in(for_audiences({})), WRONG_AUDIENCE);
    EXPECT_REASON(log_in(Provider::mint(claims().remove("aud"))), NO_AUDIENCE);
    EXPECT_REASON(log_in(Provider::mint(claims().raw("aud", R"(["orders",1])"))), INVALID_CLAIM);
    EXPECT_REASON(log_in(Provider::mint(claims().raw("aud", "7"))), INVALID_CLAIM);
}

TEST_F(SharedIssuer, TheAudienceIsBelievedForNothingBeforeTheSignature) {
    JsonObject forged = claims();
    forged.string("aud", "telemetry");
    const TestKey &stranger = TestKey::shared("ES256", 2);
    EXPECT_REASON(log_in(stranger.sign("ES256", support::jws_header("ES256", "ec256").json(), forged.json())),
                  BAD_SIGNATURE);
}

TEST_F(SharedIssuer, BothHaveOneSetOfKeysAndOtherProvidersHaveTheirOwn) {
    const auto current = backend->status();
    EXPECT_NE(current.find(R"("section":"telemetry")"), std::string::npos) << current;
    // In the metrics the provider's keys stand once.
    const std::string metrics = backend->metrics();
    const std::string sample = R"(tokenward_keys{section="oauth"} 5)";
    ASSERT_NE(metrics.find(sample), std::string::npos) << metrics;
    EXPECT_EQ(metrics.find(sample), metrics.rfind(sample)) << metrics;
    EXPECT_EQ(metrics.find(R"(section="telemetry")"), std::string::npos) << metrics;
    EXPECT_NE(metrics.find(R"(tokenward_keys{section="other"} 1)"), std::string::npos) << metrics;
    // The other provider's audience is this one's, too: iss comes first.
    EXPECT_REASON(
        log_in(Provider::mint(claims().string("aud", "orders").string("iss", "https://other.example"))),
        BAD_SIGNATURE);
}

TEST_F(SharedIssuer, TheIdentityIsTheProvidersUser) {
    ASSERT_REASON_NONE(log_in(for_audiences({"orders"})));
    EXPECT_REASON(refresh(for_audiences({"telemetry"})), NONE);
    EXPECT_TRUE(may_read("telemetry"));
    EXPECT_FALSE(may_read("orders"));
    EXPECT_REASON(refresh(Provider::mint(claims().string("aud", "orders").string("sub", "bob"))),
                  IDENTITY_CHANGED);
    EXPECT_REASON(refresh(Provider::mint(claims().string("aud", "orders").string("iss", alias))), NONE);
    EXPECT_TRUE(may_read("orders"));
}

TEST_F(SharedIssuer, ANameOfOneIsNoForeignNameInTheOther) {
    const std::string prefix = R"(,"username_prefix":"p:")";
    const auto both = options_with_log(R"({"oauth":)" + section("orders", prefix) + R"(,"oauth.telemetry":)" +
                                           section("telemetry", prefix) + "}",
                                       log);
    ASSERT_TRUE(backend->reload(&both).has_value());
    ASSERT_REASON_NONE(log_in(for_audiences({"orders"})));
    EXPECT_EQ(session->username(), "p:alice");
}

TEST_F(SharedIssuer, ASessionGoesOnAfterIssuerAndAliasChangedPlaces) {
    ASSERT_REASON_NONE(log_in(for_audiences({"orders"})));
    const std::string swapped = R"({"issuer":")" + std::string(alias) + R"(","issuer_aliases":")" + issuer +
                                R"(","audience":"orders","scope_prefix":"orders.","jwks_file":")" +
                                provider.path("jwks.json") + R"("})";
    const auto options = options_with_log(swapped, log);
    ASSERT_TRUE(backend->reload(&options).has_value());
    EXPECT_REASON(refresh(for_audiences({"orders"})), NONE);
    // Without the alias it is another provider's name.
    const auto without =
        options_with_log(R"({"issuer":")" + std::string(alias) + R"(","audience":"orders",)" +
                             R"("scope_prefix":"orders.","jwks_file":")" + provider.path("jwks.json") + R"("})",
                         log);
    ASSERT_TRUE(backend->reload(&without).has_value());
    EXPECT_REASON(refresh(Provider::mint(claims().string("aud", "orders").string("iss", alias))),
                  IDENTITY_CHANGED);
}

TEST_F(SharedIssuer, InspectSaysThatTwoFit) {
    const auto shown = Backend::inspect(backend.get(), for_audiences({"orders", "telemetry"}));
    ASSERT_TRUE(shown) << shown.error().detail;
    EXPECT_NE(shown->find("aud fits [oauth] and [oauth.telemetry]"), std::string::npos) << *shown;
    const auto good = Backend::inspect(backend.get(), for_audiences({"telemetry"}));
    ASSERT_TRUE(good);
    EXPECT_NE(good->find(R"("section":"telemetry")"), std::string::npos) << *good;
    EXPECT_EQ(good->find("problem"), std::string::npos) << *good;
}

}  // namespace tokenward::session
