// Tokens about which the provider is asked (RFC 7662), through the whole login.
#include "asking_test.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace tokenward::session {
namespace {

using credentials::Kind;
using support::TestIssuer;
using Endpoint = TestIssuer::Endpoint;

constexpr const char *good = "opaque-0123456789-abcdef";

class OpaqueTokens : public AskingTest {
  protected:
    void SetUp() override {
        files.write("secret", "s3cr:et\n");
        chmod(files.path("secret").c_str(), 0640);
    }

    std::string config(const std::string &more = R"(,"opaque_tokens":true)") const {
        return R"({"issuer":")" + issuer.issuer() + R"(","resource_server_id":"broker","ca_file":")" + issuer.ca_file() +
               R"(","introspection_client_id":"broker","introspection_client_secret_file":")" + files.path("secret") + '"' +
               more + "}";
    }
    static JsonObject claims() {
        return JsonObject()
            .string("sub", "alice")
            .string("aud", "broker")
            .string("client_id", "app")
            .string("token_type", "Bearer")
            .string("scope", "broker.read:v/q broker.tag:monitoring");
    }
    using AskingTest::log_in;
    Reason log_in(std::string_view token) { return log_in(bearer(token)); }
    std::size_t asked() const { return issuer.requests(Endpoint::introspection); }
    std::string metric(const std::string &name) const {
        const std::string text = '\n' + backend->metrics();
        const std::size_t at = text.find('\n' + name + ' ');
        if (at == std::string::npos) return "(none)";
        const std::size_t begin = at + name.size() + 2;
        return text.substr(begin, text.find('\n', begin) - begin);
    }

    Provider files;
};

}  // namespace

TEST_F(OpaqueTokens, AreAskedAboutOnceAndGiveTheirRights) {
    begin(config());
    const std::int64_t end = now() + 200;
    issuer.set_active(good, claims().number("exp", end).number("iat", now() - 5));
    ASSERT_EQ(log_in(good), Reason::NONE) << detail << log;
    EXPECT_EQ(session->username(), "alice");
    EXPECT_EQ(session->issuer(), issuer.issuer());
    EXPECT_EQ(session->expires_at(), end + 10);  // clock_skew
    EXPECT_TRUE(may_read());
    EXPECT_EQ(session->authorize({access::Operation::write, "v", "q", {}}), Decision::denied);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(metric("tokenward_token_cache_hits_total"), "5");
    EXPECT_EQ(metric(R"(tokenward_introspection_requests_total{section="oauth",result="active"})"), "1");
    EXPECT_NE(backend->status().find(R"("introspection":{"endpoint":")" + issuer.issuer() + "/introspect\""), std::string::npos);
    EXPECT_EQ(log_at_end().find(good), std::string::npos) << "no log holds a token";
    EXPECT_EQ(log_at_end().find("s3cr"), std::string::npos);
    EXPECT_NE(log_at_end().find("username=\"alice\""), std::string::npos) << log;
}

TEST_F(OpaqueTokens, HintsNameWhatIsMissingNotWhatIsThere) {
    const auto hint_of_login = [&](const credentials::Credentials &presented) {
        auto result = backend->authenticate(presented, {});
        return result ? std::string("in") : result.error().hint;
    };
    const auto password = [](std::string_view secret) {
        return credentials::Credentials{credentials::Kind::username_password, {}, "any", secret};
    };
    const std::string alphabet =
        "the provider is asked about opaque tokens of 16 bytes and more, all of a bearer token's alphabet (RFC "
        "6750 section 2.1)";
    begin(config(R"(,"opaque_tokens":true,"opaque_token_prefix":"ory_at_")"));
    EXPECT_EQ(hint_of_login(password("ory_at_x")), alphabet);
    EXPECT_EQ(hint_of_login(bearer("ory_at_x")), alphabet);
    EXPECT_EQ(Backend::inspect(backend.get(), "ory_at_x").error().hint, alphabet);
    EXPECT_EQ(hint_of_login(bearer("Bearer 0123456789abcdef")), "send what stands behind it")
        << "a better one stays";
    begin(config(R"(,"opaque_tokens":true,"opaque_token_prefix":"mine_")"));
    EXPECT_EQ(hint_of_login(password("ory_at_0123456789abcdef")),
              "the provider is asked about what begins with opaque_token_prefix");
    begin(R"({"issuer":")" + issuer.issuer() + R"(","audience":"b","scope_prefix":"","ca_file":")" +
          issuer.ca_file() + R"("})");
    EXPECT_NE(hint_of_login(bearer("0123456789abcdefgh")).find("set opaque_tokens = true"), std::string::npos);
    EXPECT_EQ(asked(), 0U);
}

TEST_F(OpaqueTokens, InspectShowsWhatTheProviderSaid) {
    begin(config());
    issuer.set_active(good, claims().number("exp", now() + 200));
    const auto inspected = [&](const Backend *asked) {
        auto shown = Backend::inspect(asked, good);
        return shown ? *shown : std::string(reason_name(shown.error().reason));
    };
    EXPECT_EQ(inspected(backend.get()), "OPAQUE_TOKEN") << "nothing is asked for it";
    const std::string hint = Backend::inspect(backend.get(), good).error().hint;
    EXPECT_EQ(hint, "the provider is asked at a login: tokenward check shows what it says");
    EXPECT_EQ(asked(), 0U);
    ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    const std::string shown = inspected(backend.get());
    EXPECT_NE(shown.find(R"("verified":false)"), std::string::npos) << shown;
    EXPECT_NE(shown.find(R"("username":"alice")"), std::string::npos) << shown;
    EXPECT_NE(shown.find(R"("permissions":["read:v/q","tag:monitoring"])"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("problem"), std::string::npos) << shown;
    EXPECT_EQ(inspected(nullptr), "OPAQUE_TOKEN");
    clock.shift_s += 61;
    EXPECT_EQ(inspected(backend.get()), "OPAQUE_TOKEN") << "the answer doesn't count any more";
    EXPECT_EQ(asked(), 1U);
}

TEST_F(OpaqueTokens, AnotherAnswerIsJudgedAnew) {
    begin(config(R"(,"opaque_tokens":true,"expand_connection":true,"introspection_rate":10000)"));
    const auto says = [this](const char *user, const char *audience) {
        issuer.set_active(good, claims()
                                    .number("exp", now() + 300)
                                    .string("sub", user)
                                    .string("aud", audience)
                                    .string("scope", "broker.read:v/{mqtt:client_id}"));
    };
    Context context;
    context.client_id = "kitchen";
    context.client_id_bound = true;
    const auto user = [&] {
        auto result = backend->authenticate(bearer(good), context);
        return result ? std::string((*result)->username()) : std::string(reason_name(result.error().reason));
    };
    // Answers that push this one out, while the token is known.
    const auto forget = [this] {
        for (int i = 0; i < 300; ++i) {
            const std::string token = "large-0123456789-" + std::to_string(i) + "-" + std::to_string(asked());
            issuer.set_active(token,
                              claims().number("exp", now() + 300).string("filler", std::string(60'000, 'x')));
            ASSERT_EQ(log_in(token), Reason::NONE) << detail;
        }
    };
    says("alice", "broker");
    ASSERT_EQ(user(), "alice");
    forget();
    ASSERT_EQ(user(), "alice");
    forget();
    says("bob", "broker");
    EXPECT_EQ(user(), "INTROSPECTION_PENDING") << "not bob's rights in alice's name";
    EXPECT_EQ(user(), "bob");
    forget();
    says("bob", "other");
    EXPECT_EQ(user(), "WRONG_AUDIENCE");
}

TEST_F(OpaqueTokens, AnAnswerCountsForSoLong) {
    begin(config(R"(,"opaque_tokens":true,"introspection_ttl":30)"));
    issuer.set_active(good, claims().number("exp", now() + 3600));
    ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    issuer.set_inactive(good);
    clock.shift_s = 28;
    EXPECT_EQ(log_in(good), Reason::NONE) << detail;
    clock.shift_s = 31;
    EXPECT_EQ(log_in(good), Reason::TOKEN_INACTIVE) << detail;
    EXPECT_EQ(asked(), 2U);
    EXPECT_EQ(log_in(good), Reason::TOKEN_INACTIVE);
    EXPECT_EQ(asked(), 2U) << "a no counts for ten seconds";
    issuer.set_active(good, claims().number("exp", now() + 3600));
    clock.shift_s = 42;
    EXPECT_EQ(log_in(good), Reason::NONE) << detail;
}

TEST_F(OpaqueTokens, TheAnswersExpEndsThemSooner) {
    begin(config(R"(,"opaque_tokens":true,"clock_skew":0)"));
    issuer.set_active(good, claims().number("exp", now() + 20));
    ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    clock.shift_s = 21;
    EXPECT_EQ(session->authorize({access::Operation::read, "v", "q", {}}), Decision::expired);
    EXPECT_EQ(log_in(good), Reason::TOKEN_EXPIRED) << detail;
    EXPECT_EQ(asked(), 1U);
}

TEST_F(OpaqueTokens, WithoutExpASessionIsBoundedAllTheSame) {
    begin(config());
    issuer.set_active(good, claims());
    ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    EXPECT_NEAR(static_cast<double>(session->expires_at() - now()), 86400.0, 20.0);
    begin(config(R"(,"opaque_tokens":true,"max_session":600)"));
    ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    EXPECT_NEAR(static_cast<double>(session->expires_at() - now()), 600.0, 20.0);
}

TEST_F(OpaqueTokens, TheAnswersClaimsGoThroughTheSameRules) {
    begin(config());
    struct Row {
        const char *what;
        JsonObject answer;
        Reason reason;
    };
    const Row rows[] = {
        {"another issuer's", claims().string("iss", "https://evil.example"), Reason::WRONG_ISSUER},
        {"made for another service", claims().string("aud", "mail"), Reason::WRONG_AUDIENCE},
        {"made for nobody", claims().remove("aud"), Reason::NO_AUDIENCE},
        {"over", claims().number("exp", now() - 60), Reason::TOKEN_EXPIRED},
        {"not yet good", claims().number("nbf", now() + 600), Reason::NOT_YET_VALID},
        {"exp as text", claims().string("exp", "soon"), Reason::INVALID_CLAIM},
        {"a DPoP token", claims().string("token_type", "DPoP"), Reason::NOT_AN_ACCESS_TOKEN},
        {"a refresh token by its type", claims().string("token_type", "refresh_token"),
         Reason::NOT_AN_ACCESS_TOKEN},
        {"from the future", claims().number("iat", now() + 600), Reason::ISSUED_IN_FUTURE},
        {"nobody's", claims().remove("sub").remove("client_id"), Reason::NO_USERNAME},
        {"a refresh token", claims().string("token_use", "refresh_token"), Reason::NOT_AN_ACCESS_TOKEN},
        {"bound to a key", claims().raw("cnf", R"({"jkt":"x"})"), Reason::SENDER_CONSTRAINED},
        {"bound to a certificate",
         claims().raw("cnf", R"({"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"})"),
         Reason::SENDER_CONSTRAINED},
    };
    int number = 0;
    for (const Row &row : rows) {
        SCOPED_TRACE(row.what);
        const std::string token = "opaque-0123456789-" + std::to_string(++number);
        issuer.set_active(token, row.answer);
        EXPECT_STREQ(reason_name(log_in(token)), reason_name(row.reason)) << detail;
        EXPECT_FALSE(detail.empty());
    }
    JsonObject scopes = claims();
    scopes.strings("scope", {"broker.read:v/q"});
    issuer.set_active("opaque-scopes-as-an-array", scopes);
    EXPECT_EQ(log_in("opaque-scopes-as-an-array"), Reason::NONE) << detail;
    EXPECT_TRUE(may_read());
}

TEST_F(OpaqueTokens, NothingButAnAnswerIsAYes) {
    const std::pair<const char *, const char *> bodies[] = {
        {"HTML", "<html><body>Please log in</body></html>"},
        {"nothing", ""},
        {"no object", "[true]"},
        {"no active", R"({"sub":"alice","aud":"broker","scope":"broker.read:*/*"})"},
        {"active as a string", R"({"active":"true","sub":"alice","aud":"broker"})"},
        {"active as a number", R"({"active":1,"sub":"alice","aud":"broker"})"},
        {"active twice", R"({"active":false,"active":true,"sub":"alice","aud":"broker"})"},
        {"null", "null"},
        {"half", R"({"active":true,"sub":"ali)"},
    };
    for (const auto &[what, body] : bodies) {
        SCOPED_TRACE(what);
        TestIssuer::Documents documents;
        documents.introspection = body;
        issuer.set_documents(documents);
        begin(config());
        EXPECT_EQ(log_in(good), Reason::INTROSPECTION_FAILED) << detail;
        EXPECT_GT(retry_after_ms, 0) << "the token itself may be good";
        EXPECT_FALSE(detail.empty());
    }
    issuer.heal();
    const std::pair<const char *, std::pair<TestIssuer::Fault, int>> faults[] = {
        {"a redirect", {TestIssuer::Fault::redirect, 302}}, {"503", {TestIssuer::Fault::status, 503}},
        {"404", {TestIssuer::Fault::status, 404}},          {"huge", {TestIssuer::Fault::huge, 2}},
        {"cut off", {TestIssuer::Fault::truncate, 0}},      {"reset", {TestIssuer::Fault::reset_in_body, 0}},
    };
    issuer.set_active(good, claims().number("exp", now() + 200));
    for (const auto &[what, fault] : faults) {
        SCOPED_TRACE(what);
        issuer.set_fault(Endpoint::introspection, fault.first, fault.second);
        begin(config());
        EXPECT_EQ(log_in(good), Reason::INTROSPECTION_FAILED) << detail;
        EXPECT_FALSE(detail.empty());
    }
    issuer.heal();
    begin(config());
    EXPECT_EQ(log_in(good), Reason::NONE) << detail;
    EXPECT_EQ(log_at_end().find(good), std::string::npos);
}

TEST_F(OpaqueTokens, ASlowProviderHoldsNobodyLongerThanTheTimeOut) {
    begin(config(R"(,"opaque_tokens":true,"jwks_timeout":1)"));
    issuer.set_active(good, claims().number("exp", now() + 200));
    issuer.set_fault(Endpoint::introspection, TestIssuer::Fault::stall_in_body);
    const auto begun = SystemClock::instance().monotonic_ms();
    const Reason reason = log_in(good);
    EXPECT_TRUE(reason == Reason::INTROSPECTION_FAILED || reason == Reason::INTROSPECTION_PENDING) << reason_name(reason);
    EXPECT_LT(SystemClock::instance().monotonic_ms() - begun, 4000);
    issuer.heal();
    for (int i = 0; i < 100 && log_in(good) != Reason::NONE; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(detail, "");
    EXPECT_LT(SystemClock::instance().monotonic_ms() - begun, 20'000) << "the request itself ended, too";
    EXPECT_NE(log_at_end().find("introspection works again"), std::string::npos) << log;
}

TEST_F(OpaqueTokens, AsWhomIsAsked) {
    TestIssuer::Documents documents;
    documents.auth_methods = {"client_secret_post"};
    issuer.set_documents(documents);
    issuer.set_active(good, claims().number("exp", now() + 200));
    begin(config());
    EXPECT_EQ(log_in(good), Reason::NONE) << detail;
    files.write("secret", "wrong");
    chmod(files.path("secret").c_str(), 0640);
    begin(config());
    EXPECT_EQ(log_in(good), Reason::INTROSPECTION_FAILED);
    EXPECT_NE(detail.find("doesn't take introspection_client_id"), std::string::npos) << detail;
    EXPECT_EQ(log_in("another-0123456789abcdef"), Reason::INTROSPECTION_FAILED)
        << "nobody is asked for a moment";
    EXPECT_NE(detail.find("doesn't take introspection_client_id"), std::string::npos)
        << "each line says why: " << detail;
}

TEST_F(OpaqueTokens, NobodyElseMayReadTheSecret) {
    const auto created = [this] { return Backend::create(options_with_log(config(), log), clock); };
    chmod(files.path("secret").c_str(), 0644);
    auto refused = created();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, Reason::CONFIG_INSECURE_FILE);
    EXPECT_NE(refused.error().detail.find("introspection_client_secret_file"), std::string::npos);
    EXPECT_EQ(refused.error().detail.find("s3cr"), std::string::npos);
    chmod(files.path("secret").c_str(), 0440);
    EXPECT_TRUE(created().has_value());
}

TEST_F(OpaqueTokens, NoPasswordIsShownToTheProvider) {
    begin(config());
    const std::string plain = std::string("\0user\0", 6) + good;
    const std::vector<credentials::Credentials> passwords = {
        {Kind::username_password, {}, "user", good},
        {Kind::sasl_plain, plain, {}, {}},
        {Kind::username_password, {}, "user", "correct horse battery staple"},
    };
    for (const auto &one : passwords) EXPECT_EQ(log_in(one), Reason::NOT_A_TOKEN) << detail;
    // Sent as a token, but nobody makes such tokens.
    EXPECT_EQ(log_in("short"), Reason::OPAQUE_TOKEN) << detail;
    EXPECT_EQ(log_in("0123456789abcde"), Reason::OPAQUE_TOKEN) << "fifteen bytes: " << detail;
    EXPECT_EQ(log_in("0123456789 0123456789"), Reason::OPAQUE_TOKEN) << detail;
    EXPECT_EQ(log_in("0123456789\"0123456789"), Reason::OPAQUE_TOKEN) << detail;
    EXPECT_EQ(log_in("01234567890=0123456789"), Reason::OPAQUE_TOKEN) << detail;
    EXPECT_EQ(asked(), 0U);
    EXPECT_EQ(log_in("0123456789abcdef"), Reason::TOKEN_INACTIVE) << "sixteen bytes: " << detail;
    EXPECT_EQ(asked(), 1U);
    // With a prefix that the operator names it is no password.
    begin(config(R"(,"opaque_tokens":true,"opaque_token_prefix":"opaque-")"));
    issuer.set_active(good, claims().number("exp", now() + 200));
    EXPECT_EQ(log_in(passwords[0]), Reason::NONE) << detail;
    EXPECT_EQ(log_in(passwords[1]), Reason::NONE) << detail;
    EXPECT_EQ(log_in(passwords[2]), Reason::NOT_A_TOKEN) << detail;
    EXPECT_EQ(asked(), 2U);
    EXPECT_EQ(log_in({Kind::username_password, {}, "user", "opaque-short"}), Reason::NOT_A_TOKEN) << detail;
    EXPECT_EQ(log_in({Kind::username_password, {}, "user", "opaque-with a space in it"}), Reason::NOT_A_TOKEN)
        << detail;
    const std::string message = std::string("n,,\x01" "auth=Bearer ") + good + "\x01\x01";
    EXPECT_EQ(log_in({Kind::sasl_oauthbearer, message, {}, {}}), Reason::NONE) << detail;
    EXPECT_EQ(log_in({Kind::http_authorization, std::string("Bearer ") + good, {}, {}}), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 2U) << "the same token";
}

TEST_F(OpaqueTokens, AJsonWebTokenIsJudgedHereAsEver) {
    begin(config());
    const std::string token = issuer.mint();
    EXPECT_EQ(log_in(token), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 0U);
    EXPECT_EQ(log_in("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ.a.b.c.d"), Reason::ENCRYPTED_TOKEN) << detail;
    EXPECT_EQ(asked(), 0U);
}

TEST_F(OpaqueTokens, OfTwoProvidersThePrefixChooses) {
    const std::string both = R"({"oauth":)" + config(R"(,"opaque_tokens":true,"opaque_token_prefix":"opaque-")") +
                             R"(,"oauth.two":{"issuer":"https://two.example","resource_server_id":"broker","jwks_file":")" +
                             files.path("jwks.json") + R"(","username_prefix":"two:"}})";
    begin(both);
    issuer.set_active(good, claims().number("exp", now() + 200));
    EXPECT_EQ(log_in(good), Reason::NONE) << detail;
    EXPECT_EQ(log_in("another-0123456789-abcdef"), Reason::OPAQUE_TOKEN) << detail;
    EXPECT_EQ(asked(), 1U);
}

TEST_F(OpaqueTokens, ManyAtOnceAreOneRequest) {
    begin(config());
    issuer.set_active(good, claims().number("exp", now() + 200));
    issuer.set_fault(Endpoint::introspection, TestIssuer::Fault::drip, 5);
    std::atomic<int> in{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i)
        threads.emplace_back([&] { in += backend->authenticate(bearer(good), {}).has_value() ? 1 : 0; });
    for (auto &thread : threads) thread.join();
    EXPECT_EQ(in, 20) << log;
    EXPECT_EQ(asked(), 1U);
}

TEST_F(OpaqueTokens, AFloodOfMadeUpOnesIsHeldBack) {
    BackendOptions options = options_with_log(config(R"(,"opaque_tokens":true,"introspection_rate":5)"), log);
    backend = make_backend(options, clock);  // max_wait_ms 0: a host that asks again
    ASSERT_NE(backend, nullptr);
    issuer.set_active(good, claims().number("exp", now() + 200));
    for (int i = 0; i < 100 && log_in(good) != Reason::NONE; ++i) {
        EXPECT_GT(retry_after_ms, 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ASSERT_EQ(detail, "");
    for (int i = 0; i < 300; ++i) EXPECT_NE(log_in("made-up-token-number-" + std::to_string(i)), Reason::NONE);
    EXPECT_EQ(log_in(good), Reason::NONE) << "a good one isn't held up";
    EXPECT_LE(asked(), 20U);
    EXPECT_NE(metric(R"(tokenward_introspection_limited_total{section="oauth"})"), "0");
}

TEST_F(OpaqueTokens, AReloadThatChangesNothingKeepsTheAnswers) {
    begin(config());
    issuer.set_active(good, claims().number("exp", now() + 200));
    ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    ASSERT_TRUE(backend->reload(nullptr));
    issuer.set_network(TestIssuer::Network::down);
    EXPECT_EQ(log_in(good), Reason::NONE) << detail;
    BackendOptions options;
    options.config_json = config(R"(,"opaque_tokens":true,"introspection_ttl":5)");
    options.max_wait_ms = 3000;
    ASSERT_TRUE(backend->reload(&options));
    EXPECT_NE(log_in(good), Reason::NONE) << "other settings: asked anew";
    options.config_json = config("");
    options.config_json = R"({"issuer":")" + issuer.issuer() + R"(","resource_server_id":"broker","ca_file":")" +
                          issuer.ca_file() + R"("})";
    ASSERT_TRUE(backend->reload(&options));
    EXPECT_EQ(log_in(good), Reason::OPAQUE_TOKEN) << "nobody is asked any more";
    EXPECT_TRUE(may_read()) << "a live session goes on";
}

TEST_F(OpaqueTokens, ARefreshTakesOne) {
    begin(config());
    issuer.set_active(good, claims().number("exp", now() + 200));
    ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    const std::string next = "opaque-9876543210-fedcba";
    const std::int64_t end = now() + 400;
    issuer.set_active(next, claims().number("exp", end).string("scope", "broker.write:v/q"));
    ASSERT_TRUE(backend->refresh(*session, bearer(next), {}).has_value());
    EXPECT_FALSE(may_read());
    EXPECT_EQ(session->expires_at(), end + 10);
    const std::string bobs = "opaque-of-bob-0123456789";
    issuer.set_active(bobs, claims().string("sub", "bob").number("exp", now() + 400));
    EXPECT_EQ(backend->refresh(*session, bearer(bobs), {}).error().reason, Reason::IDENTITY_CHANGED);
}

TEST_F(OpaqueTokens, TheSizeOfATokenIsBounded) {
    begin(config(R"(,"opaque_tokens":true,"max_token_bytes":1024)"));
    EXPECT_EQ(log_in(std::string(1025, 'x')), Reason::TOKEN_TOO_LARGE) << detail;
    EXPECT_EQ(asked(), 0U);
    EXPECT_EQ(log_in(std::string(1024, 'x')), Reason::TOKEN_INACTIVE) << detail;
    // Its own section's bound counts, not another one's.
    begin(R"({"oauth":)" +
          config(R"(,"opaque_tokens":true,"opaque_token_prefix":"opaque-","max_token_bytes":1024)") +
          R"(,"oauth.two":{"issuer":"https://two.example","resource_server_id":"broker","jwks_file":")" +
          files.path("jwks.json") + R"(","username_prefix":"two:"}})");
    EXPECT_EQ(log_in("opaque-" + std::string(1018, 'x')), Reason::TOKEN_TOO_LARGE) << detail;
    EXPECT_EQ(asked(), 1U);
}

TEST_F(OpaqueTokens, WhatComesWithTheTokenMustAgree) {
    begin(config(R"(,"opaque_tokens":true,"opaque_token_prefix":"opaque-","require_username_match":true)"));
    issuer.set_active(good, claims().number("exp", now() + 200));
    EXPECT_EQ(log_in({Kind::username_password, {}, "bob", good}), Reason::USERNAME_MISMATCH) << detail;
    EXPECT_EQ(log_in({Kind::username_password, {}, "alice", good}), Reason::NONE) << detail;
    const std::string plain = std::string("bob\0alice\0", 10) + good;
    EXPECT_EQ(log_in({Kind::sasl_plain, plain, {}, {}}), Reason::AUTHZID_MISMATCH) << detail;
}

TEST_F(OpaqueTokens, ALoginThatWaitsHoldsNoReloadUp) {
    begin(config());
    issuer.set_fault(Endpoint::introspection, TestIssuer::Fault::hang, 4);
    issuer.set_active(good, claims().number("exp", now() + 200));
    std::thread login([&] { static_cast<void>(backend->authenticate(bearer(good), {})); });
    while (asked() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto begun = SystemClock::instance().monotonic_ms();
    EXPECT_TRUE(backend->reload(nullptr));
    EXPECT_LT(SystemClock::instance().monotonic_ms() - begun, 3500);
    login.join();
}

TEST_F(OpaqueTokens, WithoutACacheTheAnswerCountsAllTheSame) {
    begin(config(R"(,"opaque_tokens":true,"token_cache_size":0,"introspection_ttl":30)"));
    issuer.set_active(good, claims().number("exp", now() + 200));
    for (int i = 0; i < 3; ++i) ASSERT_EQ(log_in(good), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 1U);
    issuer.set_inactive(good);
    clock.shift_s = 31;
    EXPECT_EQ(log_in(good), Reason::TOKEN_INACTIVE) << detail;
}

TEST_F(OpaqueTokens, AnOperatorMayDenyThem) {
    files.write("denied", "client_id app\n");
    begin(config(R"(,"opaque_tokens":true,"denied_file":")" + files.path("denied") + '"'));
    issuer.set_active(good, claims().number("exp", now() + 200));
    EXPECT_EQ(log_in(good), Reason::DENIED_BY_OPERATOR) << detail;
}

// ---- introspect = jwt ---------------------------------------------------------------------------------------

class RevokedTokens : public OpaqueTokens {};

TEST_F(RevokedTokens, AJsonWebTokenMustBeActive) {
    begin(config(R"(,"introspect":"jwt")"));
    const std::string token = issuer.mint();
    issuer.set_active(token, claims());
    ASSERT_EQ(log_in(token), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 1U);
    ASSERT_EQ(log_in(token), Reason::NONE) << detail;
    EXPECT_EQ(asked(), 1U);
    issuer.set_inactive(token);
    clock.shift_s = 61;
    EXPECT_EQ(log_in(token), Reason::TOKEN_INACTIVE) << detail;
    EXPECT_EQ(log_in(issuer.mint()), Reason::TOKEN_INACTIVE) << detail;
    EXPECT_EQ(log_in(good), Reason::OPAQUE_TOKEN) << "opaque_tokens isn't set";
}

TEST_F(RevokedTokens, WhatARuleRefusesIsntAskedAbout) {
    begin(config(R"(,"introspect":"jwt")"));
    support::MintRequest forged;
    forged.signer = support::MintRequest::Signer::stranger;
    EXPECT_EQ(log_in(issuer.mint(forged)), Reason::BAD_SIGNATURE) << detail;
    support::MintRequest old;
    old.lifetime_s = -100;
    EXPECT_EQ(log_in(issuer.mint(old)), Reason::TOKEN_EXPIRED) << detail;
    EXPECT_EQ(asked(), 0U);
}

TEST_F(RevokedTokens, OpenIsOnlyForAProviderThatIsDown) {
    const std::string json = config(R"(,"introspect":"jwt","introspect_fail":"open","introspection_rate":1)");
    BackendOptions options = options_with_log(json, log);
    options.startup_wait_ms = 5000;
    backend = make_backend(options, clock);  // max_wait_ms 0: a host that asks again
    ASSERT_NE(backend, nullptr);
    issuer.set_fault(Endpoint::introspection, TestIssuer::Fault::hang, 2);
    int pending = 0;
    for (int i = 0; i < 5; ++i) {
        support::MintRequest request;
        request.claims.string("jti", std::to_string(i));
        pending += log_in(issuer.mint(request)) == Reason::INTROSPECTION_PENDING ? 1 : 0;
        EXPECT_GT(retry_after_ms, 0);
    }
    EXPECT_EQ(pending, 5) << "neither a question that is on its way nor a flood opens: " << detail;
}

TEST_F(RevokedTokens, WhileTheProviderIsDown) {
    begin(config(R"(,"introspect":"jwt")"));
    const std::string token = issuer.mint();
    issuer.set_active(token, claims());
    issuer.set_fault(Endpoint::introspection, TestIssuer::Fault::status, 503);
    EXPECT_EQ(log_in(token), Reason::INTROSPECTION_FAILED) << detail;
    EXPECT_GT(retry_after_ms, 0);
    begin(config(R"(,"introspect":"jwt","introspect_fail":"open")"));
    EXPECT_EQ(log_in(token), Reason::NONE) << detail;
    issuer.heal();
    issuer.set_inactive(token);
    clock.shift_s = 11;
    EXPECT_EQ(log_in(token), Reason::TOKEN_INACTIVE) << "it answers again: " << detail;
    EXPECT_NE(log_at_end().find("introspect_fail = open"), std::string::npos) << "a warning says so";
}

}  // namespace tokenward::session
