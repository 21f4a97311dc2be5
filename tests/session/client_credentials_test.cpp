// Clients that bring an id and a secret, for which the provider gives a token (RFC 6749 section 4.4), through the whole login.
#include "asking_test.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace tokenward::session {
namespace {

using credentials::Credentials;
using credentials::Kind;
using support::TestIssuer;
using Endpoint = TestIssuer::Endpoint;

constexpr const char *secret = "a-secret-of-the-sensor";

class ClientCredentials : public AskingTest {
  protected:
    ClientCredentials() { issuer.set_client("sensor", secret, token_of("broker.read:v/q", 300)); }
    static support::MintRequest token_of(const std::string &scope, std::int64_t lifetime_s) {
        support::MintRequest request;
        request.lifetime_s = lifetime_s;
        request.claims.string("scope", scope);
        return request;
    }
    std::string config(const std::string &more = "") const {
        return R"({"issuer":")" + issuer.issuer() + R"(","resource_server_id":"broker","ca_file":")" + issuer.ca_file() +
               R"(","client_credentials_prefix":"client:")" + more + "}";
    }
    using AskingTest::log_in;
    Reason log_in(const std::string &username, const std::string &password) {
        return log_in({Kind::username_password, {}, username, password});
    }
    std::size_t asked() const { return issuer.requests(Endpoint::token); }
};

}  // namespace

TEST_F(ClientCredentials, BringATokenThatIsJudgedAsAny) {
    begin(config(R"(,"client_credentials_scope":"broker.read:v/q x","client_credentials_audience":"the broker")"));
    ASSERT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail << log;
    EXPECT_EQ(session->username(), "sensor");
    EXPECT_TRUE(may_read());
    EXPECT_EQ(session->authorize({access::Operation::write, "v", "q", {}}), Decision::denied);
    EXPECT_NEAR(static_cast<double>(session->expires_at() - now()), 3600.0, 20.0)
        << "not the token's 300 seconds";
    EXPECT_EQ(issuer.last_token_request().first,
              "grant_type=client_credentials&scope=broker.read%3Av%2Fq%20x&audience=the%20broker");
    const std::string plain = std::string("\0client:sensor\0", 15) + secret;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
        EXPECT_EQ(log_in({Kind::sasl_plain, plain, {}, {}}), Reason::NONE) << detail;
    }
    EXPECT_EQ(asked(), 1U);
    const std::string metrics = backend->metrics();
    EXPECT_NE(metrics.find("tokenward_client_credentials_requests_total{section=\"oauth\",result=\"granted\"} 1\n"),
              std::string::npos) << metrics;
    EXPECT_NE(backend->status().find(R"("client_credentials":{"endpoint":")" + issuer.issuer() + "/token\""), std::string::npos);
    EXPECT_EQ(log_at_end().find(secret), std::string::npos);
}

TEST_F(ClientCredentials, ANewTokenIsFetchedShortlyBeforeTheOldOneEnds) {
    begin(config(R"(,"client_credentials_session":600)"));
    ASSERT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_NEAR(static_cast<double>(session->expires_at() - now()), 600.0, 20.0);
    clock.shift_s = 265;
    EXPECT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 1U);
    clock.shift_s = 272;  // 30 seconds before its end
    EXPECT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 2U);
}

TEST_F(ClientCredentials, AWrongSecretIsRefusedAndNotAskedAgain) {
    begin(config());
    for (int i = 0; i < 5; ++i) EXPECT_EQ(log_in("client:sensor", "wrong"), Reason::CLIENT_REFUSED) << detail;
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(detail, R"(the client "sensor": the provider says "invalid_client": "no such client, or another secret")");
    EXPECT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_EQ(log_in("client:nobody", secret), Reason::CLIENT_REFUSED) << detail;
    // Ids and secrets don't run into one another.
    EXPECT_EQ(log_in("client:senso", std::string("r") + secret), Reason::CLIENT_REFUSED) << detail;
}

TEST_F(ClientCredentials, ARemovedClientIsOutWhenItsTokenEnds) {
    begin(config());
    ASSERT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    issuer.remove_client("sensor");
    EXPECT_EQ(log_in("client:sensor", secret), Reason::NONE) << "its token still counts";
    clock.shift_s = 272;
    EXPECT_EQ(log_in("client:sensor", secret), Reason::CLIENT_REFUSED) << detail;
}

TEST_F(ClientCredentials, OthersAreNotShownToTheProvider) {
    begin(config());
    const std::vector<std::pair<std::string, std::string>> others = {
        {"sensor", secret}, {"client", secret}, {"client:", secret}, {"Client:sensor", secret}, {"client:sensor", ""}, {"", ""},
    };
    for (const auto &[username, password] : others) EXPECT_EQ(log_in(username, password), Reason::NOT_A_TOKEN) << username;
    EXPECT_EQ(asked(), 0U);
    EXPECT_EQ(log_in("client:sensor", issuer.mint()), Reason::NONE) << "a token is a token";
    EXPECT_EQ(session->username(), "alice");
    EXPECT_EQ(asked(), 0U);
}

TEST_F(ClientCredentials, OneClientsGuessesHoldUpNobodyElse) {
    begin(config());
    int refused = 0;
    int later = 0;
    BackendOptions options;
    options.config_json = config();
    ASSERT_TRUE(backend->reload(&options));  // max_wait_ms 0: a host that asks again
    for (int i = 0; i < 200; ++i) {
        const Reason reason = log_in("client:sensor", "guess-" + std::to_string(i));
        refused += reason == Reason::CLIENT_REFUSED;
        later += reason == Reason::CLIENT_CREDENTIALS_PENDING;
    }
    EXPECT_EQ(refused + later, 200);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_LE(asked(), 8U);
    issuer.set_client("other", "its-secret", token_of("broker.read:v/q", 300));
    for (int i = 0; i < 50 && log_in("client:other", "its-secret") != Reason::NONE; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(detail, "");
}

TEST_F(ClientCredentials, NothingButATokenIsAYes) {
    const std::pair<const char *, const char *> bodies[] = {
        {"HTML", "<html></html>"},
        {"nothing", ""},
        {"no token", R"({"token_type":"Bearer","expires_in":300})"},
        {"a token that is no text", R"({"access_token":["x"],"token_type":"Bearer"})"},
        {"an empty one", R"({"access_token":"","token_type":"Bearer"})"},
        {"no type", R"({"access_token":"x"})"},
        {"another type", R"({"access_token":"x","token_type":"DPoP"})"},
        {"an error with 200", R"({"error":"invalid_client"})"},
    };
    for (const auto &[what, body] : bodies) {
        SCOPED_TRACE(what);
        TestIssuer::Documents documents;
        documents.token = body;
        issuer.set_documents(documents);
        begin(config());
        EXPECT_EQ(log_in("client:sensor", secret), Reason::CLIENT_CREDENTIALS_FAILED) << detail;
        EXPECT_GT(retry_after_ms, 0);
        EXPECT_FALSE(detail.empty());
    }
    TestIssuer::Documents documents;
    documents.token = R"({"access_token":"an-opaque-token-0123456789","token_type":"bearer","expires_in":"300"})";
    issuer.set_documents(documents);
    begin(config());
    EXPECT_EQ(log_in("client:sensor", secret), Reason::OPAQUE_TOKEN) << detail;
    // Another provider's token is no answer of this one.
    documents.token = R"({"access_token":")" + TestIssuer().mint() + R"(","token_type":"Bearer"})";
    issuer.set_documents(documents);
    begin(config());
    EXPECT_NE(log_in("client:sensor", secret), Reason::NONE);
    issuer.heal();
    for (const auto &[fault, number] : std::vector<std::pair<TestIssuer::Fault, int>>{
             {TestIssuer::Fault::status, 500}, {TestIssuer::Fault::redirect, 307}, {TestIssuer::Fault::reset_in_body, 0}}) {
        issuer.set_fault(Endpoint::token, fault, number);
        begin(config());
        EXPECT_EQ(log_in("client:sensor", secret), Reason::CLIENT_CREDENTIALS_FAILED) << detail;
    }
}

TEST_F(ClientCredentials, ATokenThatEndedSoonerThanTheProviderSaidIsGivenUp) {
    issuer.set_client("sensor", secret, token_of("broker.read:v/q", -60));
    begin(config());
    EXPECT_EQ(log_in("client:sensor", secret), Reason::TOKEN_EXPIRED) << detail;
    issuer.set_client("sensor", secret, token_of("broker.read:v/q", 300));
    EXPECT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 2U);
}

TEST_F(ClientCredentials, AnOpaqueTokenIsAskedAbout) {
    TestIssuer::Documents documents;
    documents.token = R"({"access_token":"opaque-0123456789","token_type":"bearer","expires_in":300})";
    issuer.set_documents(documents);
    Provider files;
    files.write("secret", "s3cr:et");
    chmod(files.path("secret").c_str(), 0640);
    begin(config(R"(,"opaque_tokens":true,"introspection_client_id":"broker","client_credentials_session":600,)"
                 R"("introspection_client_secret_file":")" +
                 files.path("secret") + '"'));
    EXPECT_EQ(log_in("client:sensor", secret), Reason::TOKEN_INACTIVE) << detail;
    clock.shift_s = 11;
    issuer.set_active("opaque-0123456789", JsonObject()
                                               .string("sub", "sensor")
                                               .string("aud", "broker")
                                               .number("exp", now() + 300)
                                               .string("scope", "broker.read:v/q"));
    ASSERT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 2U) << "the first one was given up";
    EXPECT_TRUE(may_read());
    EXPECT_NEAR(static_cast<double>(session->expires_at() - now()), 600.0, 20.0);
}

TEST_F(ClientCredentials, TheRulesBesideTheTokenHoldForThemToo) {
    begin(config(R"(,"require_username_match":true,"max_session":100)"));
    ASSERT_EQ(log_in("client:sensor", secret), Reason::NONE)
        << "the username is the client's id here: " << detail;
    EXPECT_NEAR(static_cast<double>(session->expires_at() - now()), 100.0, 20.0);
    const std::string plain = std::string("bob\0client:sensor\0", 18) + secret;
    EXPECT_EQ(log_in({Kind::sasl_plain, plain, {}, {}}), Reason::AUTHZID_MISMATCH) << detail;
    // Sent as a token, it is none: the secret isn't shown.
    EXPECT_EQ(log_in(bearer(secret)), Reason::OPAQUE_TOKEN) << detail;
    EXPECT_EQ(asked(), 1U);
    issuer.set_client("large", secret, [] {
        support::MintRequest request = token_of("broker.read:v/q", 300);
        request.claims.string("filler", std::string(20'000, 'x'));
        return request;
    }());
    EXPECT_EQ(log_in("client:large", secret), Reason::TOKEN_TOO_LARGE) << detail;
    EXPECT_EQ(log_in("client:huge", std::string(100'000, 'x')), Reason::TOKEN_TOO_LARGE) << detail;
    EXPECT_EQ(asked(), 2U) << "nor is a secret that is too large";
}

TEST_F(ClientCredentials, ALoginThatWaitsHoldsNoReloadUp) {
    begin(config());
    issuer.set_fault(Endpoint::token, TestIssuer::Fault::hang, 4);
    std::thread login([&] {
        static_cast<void>(backend->authenticate({Kind::username_password, {}, "client:sensor", secret}, {}));
    });
    while (asked() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto begun = SystemClock::instance().monotonic_ms();
    EXPECT_TRUE(backend->reload(nullptr));
    EXPECT_LT(SystemClock::instance().monotonic_ms() - begun, 3500);
    login.join();
}

TEST_F(ClientCredentials, ATokenOfAnotherSectionsProviderIsRefused) {
    TestIssuer other(TestIssuer::Options{{}, "localhost", {}, true, 1});
    const std::string both = R"({"oauth":)" + config() + R"(,"oauth.two":{"issuer":")" + other.issuer() +
                             R"(","resource_server_id":"broker","ca_file":")" + other.ca_file() + R"(","username_prefix":"two:"}})";
    begin(both);
    ASSERT_EQ(log_in(bearer(other.mint())), Reason::NONE) << detail;
    TestIssuer::Documents documents;
    documents.token = R"({"access_token":")" + other.mint() + R"(","token_type":"Bearer"})";
    issuer.set_documents(documents);
    EXPECT_EQ(log_in("client:sensor", secret), Reason::WRONG_ISSUER) << detail;
}

TEST_F(ClientCredentials, TheSecretGoesWhereTheProviderWantsIt) {
    begin(config());
    ASSERT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_TRUE(issuer.last_token_request().second.starts_with("Basic "));
    TestIssuer::Documents documents;
    documents.auth_methods = {"client_secret_post"};
    issuer.set_documents(documents);
    begin(config());
    ASSERT_EQ(log_in("client:sensor", secret), Reason::NONE) << detail;
    EXPECT_EQ(issuer.last_token_request().second, "");
}

TEST_F(ClientCredentials, ManyAtOnceAreOneRequest) {
    begin(config());
    issuer.set_fault(Endpoint::token, TestIssuer::Fault::hang, 1);
    std::atomic<int> in{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i) {
        threads.emplace_back([&] {
            in += backend->authenticate({Kind::username_password, {}, "client:sensor", secret}, {}).has_value() ? 1 : 0;
        });
    }
    for (auto &thread : threads) thread.join();
    EXPECT_EQ(in, 20) << log;
    EXPECT_EQ(asked(), 1U);
}

TEST_F(ClientCredentials, AnySecretIsSentAsItIs) {
    const std::string odd = "\xff\x01 &=%:\"-----BEGIN PRIVATE KEY-----";
    begin(config());
    EXPECT_EQ(log_in("client:sensor", odd), Reason::CLIENT_REFUSED) << detail;
    EXPECT_EQ(log_in(std::string("client:s\xff\n"), odd), Reason::CLIENT_REFUSED) << detail;
    EXPECT_EQ(detail.find('\n'), std::string::npos);
    EXPECT_EQ(log_at_end().find("BEGIN PRIVATE"), std::string::npos);
}

}  // namespace tokenward::session
