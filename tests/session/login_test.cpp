// A login from credentials to rights: the rules of DESIGN section 4 where the rooms meet.
#include "fixture.hpp"
#include "session/outcome.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

class LoginRules : public BackendTest {
  protected:
    void configure(const std::string &more = "") {
        backend = make_backend(options_with_log(provider.config(more), log), clock);
        ASSERT_NE(backend, nullptr);
    }
    void SetUp() override { configure(); }

    std::vector<std::string> lines_with(const std::string &text) const {
        std::vector<std::string> found;
        std::istringstream lines(log);
        for (std::string line; std::getline(lines, line);) {
            if (line.find(text) != std::string::npos) found.push_back(line);
        }
        return found;
    }
};

}  // namespace

TEST_F(LoginRules, EveryAlgorithm) {
    for (const char *algorithm :
         {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}) {
        SCOPED_TRACE(algorithm);
        EXPECT_REASON(log_in(Provider::mint(Provider::claims(), algorithm)), NONE);
    }
    const auto by_the_new_name = [] {
        return Provider::sign("EdDSA", support::jws_header("Ed25519", "ed"), Provider::claims().json());
    };
    EXPECT_REASON(log_in(by_the_new_name()), NONE) << "RFC 9864";
    ASSERT_NO_FATAL_FAILURE(configure(R"(,"algorithms":"Ed25519")"));
    EXPECT_REASON(log_in(by_the_new_name()), NONE);
    EXPECT_REASON(log_in(Provider::mint(Provider::claims(), "EdDSA")), NONE);
    EXPECT_REASON(log_in(Provider::mint(Provider::claims(), "ES256")), ALGORITHM_NOT_ALLOWED);
}

TEST_F(LoginRules, Rule1SizeAndSegments) {
    configure(R"(,"max_token_bytes":2048)");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("x", std::string(2048, 'x')))),
                  TOKEN_TOO_LARGE);
    const std::string token = Provider::mint(Provider::claims());
    EXPECT_REASON(log_in(token), NONE);
    EXPECT_REASON(log_in(token + "\n"), MALFORMED_TOKEN);
    EXPECT_REASON(log_in(token + "="), MALFORMED_TOKEN);
    EXPECT_REASON(log_in(token + "."), MALFORMED_TOKEN);
    EXPECT_REASON(log_in(token.substr(0, token.rfind('.'))), MALFORMED_TOKEN);
    EXPECT_REASON(log_in("eyJhbGciOiJkaXIifQ..a.b.c"), ENCRYPTED_TOKEN);
    EXPECT_REASON(log_in("opaque"), OPAQUE_TOKEN);
}

TEST_F(LoginRules, Rule2StrictJson) {
    const auto with_payload = [&](const std::string &payload) {
        return log_in(Provider::sign("ES256", support::jws_header("ES256", "ec256"), payload));
    };
    const std::string good = Provider::claims().json();
    EXPECT_REASON(with_payload(good), NONE);
    EXPECT_REASON(with_payload(good + " "), NONE);
    EXPECT_REASON(with_payload(good + "x"), MALFORMED_PAYLOAD);
    EXPECT_REASON(with_payload("[" + good + "]"), MALFORMED_PAYLOAD);
    EXPECT_REASON(with_payload(R"({"sub":"mallory",)" + good.substr(1)), MALFORMED_PAYLOAD) << "a duplicate";
    EXPECT_REASON(with_payload(R"({"s\u0075b":"mallory",)" + good.substr(1)), MALFORMED_PAYLOAD)
        << "a duplicate once it is unescaped";
    EXPECT_REASON(with_payload(R"({"deep":{"a":{"b":1,"b":2}},)" + good.substr(1)), MALFORMED_PAYLOAD);
    EXPECT_REASON(with_payload(R"({"x":"\ud800",)" + good.substr(1)), MALFORMED_PAYLOAD);
    EXPECT_REASON(with_payload("{\"x\":\"\xff\"," + good.substr(1)), MALFORMED_PAYLOAD);
    EXPECT_REASON(
        with_payload(R"({"x":)" + std::string(5000, '[') + std::string(5000, ']') + "," + good.substr(1)),
        MALFORMED_PAYLOAD);
    const TestKey &key = Provider::key_of("ES256");
    EXPECT_REASON(log_in(key.sign("ES256", R"({"alg":"ES256","kid":"ec256","kid":"x"})", good)),
                  MALFORMED_HEADER);
}

TEST_F(LoginRules, Rule3Algorithms) {
    const std::string good = Provider::claims().json();
    const TestKey &key = Provider::key_of("ES256");
    const auto with_alg = [&](const char *alg) {
        return log_in(key.sign("ES256", JsonObject().string("alg", alg).string("kid", "ec256").json(), good));
    };
    for (const char *alg : {"none", "None", "HS256", "HS512", "es256", "ES256K", "RSA-OAEP", ""}) {
        EXPECT_REASON(with_alg(alg), ALGORITHM_NOT_ALLOWED) << alg;
    }
    EXPECT_REASON(with_alg("RS256"), ALGORITHM_MISMATCH);
    EXPECT_REASON(with_alg("ES384"), ALGORITHM_MISMATCH);
    EXPECT_REASON(log_in(support::compact(R"({"alg":"none"})", good, "")), ALGORITHM_NOT_ALLOWED);
    configure(R"(,"algorithms":["RS256","PS256"])");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims(), "ES256")), ALGORITHM_NOT_ALLOWED);
    EXPECT_REASON(log_in(Provider::mint(Provider::claims(), "PS256")), NONE);
}

TEST_F(LoginRules, Rule4WhichKey) {
    const std::string good = Provider::claims().json();
    const auto with_header = [&](const JsonObject &header) {
        return log_in(Provider::sign("ES256", header, good));
    };
    EXPECT_REASON(with_header(JsonObject().string("alg", "ES256")), NONE) << "the only key that fits";
    EXPECT_REASON(with_header(support::jws_header("ES256", "nobody")), UNKNOWN_KEY);
    EXPECT_REASON(with_header(JsonObject().string("alg", "ES256").string("kid", "")), UNKNOWN_KEY);
    EXPECT_REASON(with_header(JsonObject().string("alg", "ES256").number("kid", 1)), INVALID_KEY_ID);
    EXPECT_REASON(with_header(JsonObject().string("alg", "ES256").string("kid", std::string(257, 'k'))),
                  INVALID_KEY_ID);
    // Keys that the token brings along are not looked at.
    const TestKey &stranger = TestKey::shared("ES256", 3);
    JsonObject header = support::jws_header("ES256", "ec256");
    header.object("jwk", stranger.jwk("ec256")).string("jku", "https://evil.example").strings("x5c", {"x"});
    EXPECT_REASON(log_in(stranger.sign("ES256", header.json(), good)), BAD_SIGNATURE);
    configure(R"(,"default_key":"ec384")");
    EXPECT_REASON(log_in(Provider::sign("ES384", JsonObject().string("alg", "ES384"), good)), NONE);
    EXPECT_REASON(with_header(JsonObject().string("alg", "ES256")), ALGORITHM_MISMATCH);
}

TEST_F(LoginRules, Rule5CritAndTyp) {
    const auto with = [&](const char *name, const char *json) {
        return log_in(Provider::sign("ES256", support::jws_header("ES256", "ec256").raw(name, json),
                                     Provider::claims().json()));
    };
    for (const char *crit : {R"(["exp"])", R"(["b64"])", "[]", "null", "\"x\"", "{}", "1"}) {
        EXPECT_REASON(with("crit", crit), CRITICAL_HEADER) << crit;
    }
    for (const char *typ :
         {"\"JWT\"", "\"jwt\"", "\"at+jwt\"", "\"AT+JWT\"", "\"application/at+jwt\"", "\"Application/JWT\""}) {
        EXPECT_REASON(with("typ", typ), NONE) << typ;
    }
    for (const char *typ : {"\"\"", "\"dpop+jwt\"", "\"logout+jwt\"", "\"JOSE\"", "null", "1",
                            "\"application/\"", "\"text/jwt\""}) {
        EXPECT_REASON(with("typ", typ), WRONG_TYPE) << typ;
    }
    EXPECT_REASON(log_in(Provider::sign("ES256", support::jws_header("ES256", "ec256").remove("typ"),
                                        Provider::claims().json())),
                  NONE);
    configure(R"(,"require_at_jwt":true)");
    EXPECT_REASON(with("typ", "\"JWT\""), WRONG_TYPE);
    EXPECT_REASON(with("typ", "\"at+jwt\""), NONE);
    EXPECT_REASON(log_in(Provider::sign("ES256", support::jws_header("ES256", "ec256").remove("typ"),
                                        Provider::claims().json())),
                  WRONG_TYPE);
}

TEST_F(LoginRules, Rule6SignatureBeforeClaims) {
    const std::string token = Provider::mint(Provider::claims());
    const std::size_t last_dot = token.rfind('.');
    EXPECT_REASON(log_in(token.substr(0, last_dot + 1)), BAD_SIGNATURE) << "an empty signature";
    EXPECT_REASON(log_in(token.substr(0, last_dot + 1) + "AAAA"), BAD_SIGNATURE);
    const std::string other = Provider::mint(Provider::claims().string("sub", "mallory"));
    EXPECT_REASON(log_in(other.substr(0, other.rfind('.')) + token.substr(last_dot)), BAD_SIGNATURE);
    // An expired token with a bad signature is forged, not expired.
    const std::string expired = Provider::mint(Provider::claims().number("exp", 1));
    EXPECT_REASON(log_in(expired.substr(0, expired.rfind('.')) + token.substr(last_dot)), BAD_SIGNATURE);
    EXPECT_REASON(log_in(expired), TOKEN_EXPIRED);
}

TEST_F(LoginRules, Rule7AForeignIssuerIsNamedBeforeAnythingIsAskedOfItsKeys) {
    EXPECT_REASON(log_in(Provider::sign("ES256", support::jws_header("ES256", "nobody"),
                                        Provider::claims().string("iss", "https://evil.example").json())),
                  WRONG_ISSUER);
    EXPECT_NE(detail.find("https://evil.example"), std::string::npos);
    EXPECT_NE(detail.find("https://id.example"), std::string::npos);
}

TEST_F(LoginRules, Rules8To12ReachTheCaller) {
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("aud", "other"))), WRONG_AUDIENCE);
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("typ", "ID"))), NOT_AN_ACCESS_TOKEN);
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().remove("sub"))), NO_USERNAME);
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("sub", "a\nb"))), INVALID_USERNAME);
    configure(R"(,"max_token_bytes":131072)");
    std::string many;
    for (int i = 0; i < 2049; ++i) many += "mq.read:v/" + std::to_string(i) + " ";
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("scope", many))), TOO_MANY_SCOPES);
}

TEST_F(LoginRules, NamesThatTheClientSendsDecideNothing) {
    const std::string token = Provider::mint(Provider::claims());
    const auto plain = [&](const std::string &authzid, const std::string &authcid) {
        const std::string message = authzid + '\0' + authcid + '\0' + token;
        return log_in(credentials::Credentials{credentials::Kind::sasl_plain, message, {}, {}});
    };
    EXPECT_REASON(plain("", "mallory"), NONE);
    EXPECT_EQ(session->username(), "alice");
    EXPECT_REASON(plain("bob", "bob"), NONE);
    EXPECT_REASON(plain("alice", "bob"), NONE);
    EXPECT_REASON(plain("carol", "bob"), AUTHZID_MISMATCH);
    configure(R"(,"require_username_match":true)");
    EXPECT_REASON(plain("", "mallory"), USERNAME_MISMATCH);
    EXPECT_EQ(detail.find("mallory"), std::string::npos) << "it might be a password";
    EXPECT_REASON(plain("", "alice"), NONE);
    EXPECT_REASON(log_in(token), NONE) << "nothing sent, nothing differs";
}

TEST_F(LoginRules, TokenInUsername) {
    const std::string token = Provider::mint(Provider::claims());
    const credentials::Credentials presented{credentials::Kind::username_password, {}, token, "x"};
    EXPECT_REASON(log_in(presented), NOT_A_TOKEN);
    configure(R"(,"token_in_username":true)");
    EXPECT_REASON(log_in(presented), NONE);
    EXPECT_EQ(log.find(token.substr(0, 20)), std::string::npos) << log;
}

TEST_F(LoginRules, SessionEnd) {
    EXPECT_REASON(log_in(Provider::mint(Provider::claims())), NONE);
    EXPECT_EQ(session->expires_at(), 1'800'000'310);
    clock.unix_s = 1'800'000'309;
    EXPECT_EQ(session->can_access_vhost("v"), Decision::allowed);
    clock.unix_s = 1'800'000'310;
    EXPECT_EQ(session->can_access_vhost("v"), Decision::expired);
    clock.unix_s = 1'800'000'000;

    configure(R"(,"max_session":60)");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims())), NONE);
    EXPECT_EQ(session->expires_at(), 1'800'000'060);

    configure(R"(,"require_exp":false)");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().remove("exp"))), NONE);
    EXPECT_EQ(session->expires_at(), 1'800'086'400) << "max_session is a day where require_exp is off";
    configure(R"(,"require_exp":false,"max_session":0)");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().remove("exp"))), NONE);
    EXPECT_EQ(session->expires_at(), INT64_MAX);
}

TEST_F(LoginRules, RightsComeFromTheScopes) {
    EXPECT_REASON(log_in(Provider::mint(Provider::claims())), NONE);
    using access::Operation;
    EXPECT_EQ(session->authorize({Operation::read, "v", "q", {}}), Decision::allowed);
    EXPECT_EQ(session->authorize({Operation::write, "v", "q", {}}), Decision::denied);
    session->with_tags([](std::string_view tags) { EXPECT_EQ(tags, "monitoring"); });
    EXPECT_EQ(backend->metrics().find("NO_SCOPE"), std::string::npos);
}

TEST_F(LoginRules, ATokenInTheUsernameIsForTheIssuersThatAllowIt) {
    const std::string keys = R"("resource_server_id":"mq","jwks_file":")" + provider.path("jwks.json") + '"';
    BackendOptions options;
    options.config_json = R"({"oauth":{"issuer":"https://id.example",)" + keys +
                          R"(},"oauth.b":{"issuer":"https://b.example","username_prefix":"b-",)" +
                          R"("token_in_username":true,)" + keys + "}}";
    const auto created = Backend::create(options, clock);
    ASSERT_TRUE(created.has_value()) << created.error().detail;
    backend = *created;
    const auto token = [](const char *issuer, const char *username) {
        return Provider::mint(Provider::claims().string("iss", issuer).string("sub", username));
    };
    const auto as_username = [&](const std::string &sent) {
        return log_in(credentials::Credentials{credentials::Kind::username_password, {}, sent, ""});
    };
    for (int again = 0; again < 2; ++again) {  // the second time from the cache
        EXPECT_REASON(as_username(token("https://b.example", "alice")), NONE);
        EXPECT_REASON(as_username(token("https://id.example", "alice")), NOT_A_TOKEN);
    }
}

TEST_F(LoginRules, RoutingKeysOff) {
    configure(R"(,"routing_keys":"off")");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("scope", "mq.read:v/q/rk"))), NONE);
    EXPECT_EQ(session->can_access_vhost("v"), Decision::allowed);
    EXPECT_EQ(session->authorize({access::Operation::read, "v", "q", {}}), Decision::denied);
    EXPECT_EQ(session->authorize({access::Operation::read, "v", "q", "rk"}), Decision::denied);
    EXPECT_NE(log.find("routing"), std::string::npos) << log;
}

TEST_F(LoginRules, TwoProvidersAliceNeverMeet) {
    backend->close();
    BackendOptions options;
    options.config_json =
        R"({"oauth":{"issuer":"https://id.example","audience":"mq","scope_prefix":"","jwks_file":")" +
        provider.path("jwks.json") +
        R"("},"oauth.b":{"issuer":"https://b.example","audience":"mq","scope_prefix":"","username_prefix":"b:","jwks_file":")" +
        provider.path("jwks.json") + R"("}})";
    options.log = {LogMode::to_callback, collect_log, &log, {}};
    auto created = Backend::create(options, clock);
    ASSERT_TRUE(created.has_value()) << created.error().detail;
    backend = *created;
    const auto of_b = [](const std::string &sub) {
        return Provider::mint(Provider::claims().string("iss", "https://b.example").string("sub", sub));
    };
    EXPECT_REASON(log_in(Provider::mint(Provider::claims())), NONE);
    EXPECT_EQ(session->username(), "alice");
    EXPECT_REASON(log_in(of_b("alice")), NONE);
    EXPECT_EQ(session->username(), "b:alice");
    EXPECT_EQ(session->issuer(), "https://b.example");
    EXPECT_FALSE(
        backend->refresh(*session, bearer(Provider::mint(Provider::claims().string("sub", "alice"))), {})
            .has_value());
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("sub", "b:alice"))), INVALID_USERNAME);
    EXPECT_REASON(log_in(of_b("b:alice")), NONE);
    EXPECT_EQ(session->username(), "b:b:alice");
}

TEST_F(LoginRules, TheAuditLineSaysWhoAndWhereAndWhyNot) {
    log_in(Provider::mint(Provider::claims()));
    EXPECT_NE(
        log.find(
            R"(authenticate ok reason=NONE issuer="https://id.example" username="alice" kid="ec256" jti="id-1" protocol="mqtt" peer="192.0.2.7:5" client_id="c1")"),
        std::string::npos)
        << log;
    log.clear();
    log_in(Provider::mint(Provider::claims().number("exp", 1'799'000'000)));
    EXPECT_NE(log.find("authenticate refused reason=TOKEN_EXPIRED"), std::string::npos) << log;
    EXPECT_NE(log.find("hint: "), std::string::npos) << log;
    EXPECT_NE(log.find(R"(kid="ec256")"), std::string::npos) << log;
}

TEST_F(LoginRules, RefusalsAreTenASecondPerReasonThenACount) {
    const auto refused = [&](int client) {
        Context from;
        from.peer = "192.0.2.7:5";
        const std::string client_id = "c" + std::to_string(client);
        from.client_id = client_id;
        EXPECT_FALSE(backend->authenticate(bearer("opaque"), from));
    };
    for (int i = 0; i < 25; ++i) refused(i);
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 10) << log;
    clock.ms += 1000;
    refused(1);
    EXPECT_NE(log.find("[15 more lines of this reason were left out, about 15 of them from \"192.0.2.7\"]"),
              std::string::npos)
        << log;
}

TEST_F(LoginRules, RefusalsOfOneClientAreTwoASecond) {
    for (int i = 0; i < 5; ++i) log_in("opaque");
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
    for (int i = 0; i < 5; ++i) EXPECT_REASON(log_in(Provider::mint(Provider::claims())), NONE);
    EXPECT_EQ(lines_with("authenticate ok").size(), 5U) << "accepted logins are never left out";
}

// An accepted login may be noted for what an operator would change: like a refusal two lines a second of a client,
// ten of all. Another kind of note has limits of its own.
TEST_F(LoginRules, NotesNameTheUserAndAreTwoASecondOfAClientAndTenOfAll) {
    struct Row {
        const char *config, *scope, *note;
    };
    const Row rows[] = {
        {"", "mq.read:v/a/b/c mq.read:v/q", "has more than three parts"},
        {R"(,"routing_keys":"off")", "mq.read:v/a/b mq.read:v/q", "grant only vhost access here"},
        {"", "other.read:v/q", "accepted without any rights"},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.note);
        configure(std::string(R"(,"log_level":"info")") + row.config);
        log.clear();
        const auto log_in_as = [&](const std::string &client_id) {
            // A note on a scope is said when the token is read, so each login brings a new one.
            static int number = 0;
            Context from;
            from.peer = "192.0.2.7:5";
            from.client_id = client_id;
            const std::string fresh = Provider::mint(
                Provider::claims().string("jti", std::to_string(++number)).string("scope", row.scope));
            EXPECT_TRUE(backend->authenticate(bearer(fresh), from));
        };
        for (int i = 0; i < 20; ++i) log_in_as("c1");
        auto notes = lines_with(row.note);
        EXPECT_EQ(notes.size(), 2U) << log;
        for (const std::string &line : notes) {
            EXPECT_NE(line.find(R"(username="alice")"), std::string::npos) << line;
            EXPECT_NE(line.find(R"(client_id="c1")"), std::string::npos) << line;
        }
        for (int i = 0; i < 20; ++i) log_in_as("d" + std::to_string(i));
        EXPECT_EQ(lines_with(row.note).size(), 10U) << log;
        EXPECT_EQ(lines_with("authenticate ok").size(), 40U) << "accepted logins are never left out";
        // Each line tells what was left out before it.
        EXPECT_EQ(lines_with("[18 more lines of this kind were left out, about 18 of them from").size(), 1U)
            << log;
        clock.ms += 1000;
        log_in_as("c1");
        EXPECT_EQ(lines_with("[12 more lines of this kind were left out, about 12 of them from").size(), 1U)
            << log;
    }
}

TEST_F(LoginRules, TheFirstLineAndTheCachedOneNameTheSameUser) {
    configure(R"(,"username_prefix":"b:")");
    const std::string token = Provider::mint(Provider::claims());
    log_in(token);
    log_in(token);
    EXPECT_EQ(lines_with(R"(username="b:alice")").size(), 2U) << log;
}

// From the signature on the payload is the issuer's word, so the line of a refusal says whose token it was.
TEST_F(LoginRules, ARefusalBehindTheSignatureNamesTheSessionsUser) {
    configure(R"(,"username_prefix":"b:")");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().number("exp", 1'799'000'000))), TOKEN_EXPIRED);
    EXPECT_EQ(
        lines_with(
            R"(reason=TOKEN_EXPIRED issuer="https://id.example" username="b:alice" kid="ec256" jti="id-1")")
            .size(),
        1U)
        << log;
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("aud", "other"))), WRONG_AUDIENCE);
    EXPECT_EQ(lines_with(R"(reason=WRONG_AUDIENCE issuer="https://id.example" username="b:alice")").size(), 1U)
        << log;
    clock.ms += 1000;  // two lines of a client a second
    std::string forged = Provider::mint(Provider::claims());
    forged[forged.size() - 20] = forged[forged.size() - 20] == 'A' ? 'B' : 'A';
    EXPECT_REASON(log_in(forged), BAD_SIGNATURE);
    EXPECT_EQ(lines_with("reason=BAD_SIGNATURE").size(), 1U) << log;
    EXPECT_EQ(lines_with("username=").size(), 2U) << "nobody vouches for the name in a forged token" << log;
    const auto unnamed = Provider::claims()
                             .string("sub",
                                     "a\x01"
                                     "b")
                             .number("exp", 1'799'000'000);
    EXPECT_REASON(log_in(Provider::mint(unnamed)), TOKEN_EXPIRED);
    EXPECT_EQ(lines_with("username=").size(), 2U) << "no valid name" << log;
}

TEST_F(LoginRules, NotATokenIsForTheNextBackend) {
    EXPECT_REASON(log_in(credentials::Credentials{credentials::Kind::username_password, {}, "guest", "guest"}),
                  NOT_A_TOKEN);
    EXPECT_EQ(outcome_of(Reason::NOT_A_TOKEN), Outcome::not_a_token);
    EXPECT_EQ(outcome_of(Reason::KEYS_PENDING), Outcome::try_again);
    EXPECT_EQ(outcome_of(Reason::KEYS_UNAVAILABLE), Outcome::try_again);
    EXPECT_EQ(outcome_of(Reason::UNKNOWN_KEY), Outcome::refused);
    EXPECT_EQ(log, "") << "a chain of backends makes these all the time: no line";
}

TEST_F(LoginRules, AHostThatAsksAgainHasOneLineForTheWholeWait) {
    backend = make_backend(
        options_with_log(R"({"issuer":"https://localhost:1","audience":"broker","log_level":"warning"})", log),
        SystemClock::instance());
    ASSERT_NE(backend, nullptr);
    const std::string token = Provider::mint(Provider::claims().string("iss", "https://localhost:1"));
    Context again;
    again.asks_again = true;
    for (int i = 0; i < 5; ++i) {
        const auto result = backend->authenticate(bearer(token), again);
        ASSERT_FALSE(result);
        ASSERT_EQ(outcome_of(result.error().reason), Outcome::try_again);
    }
    EXPECT_FALSE(backend->authenticate(bearer(token), {}));
    EXPECT_FALSE(backend->authenticate(bearer(Provider::mint(Provider::claims())), again));
    backend->close();  // the key thread writes to the log, too
    EXPECT_EQ(lines_with("authenticate try_again").size(), 1U) << log;
    EXPECT_EQ(lines_with("authenticate refused").size(), 1U) << "another answer is a line\n" << log;
    EXPECT_EQ(lines_with("authenticate").size(), 2U) << log;
    EXPECT_EQ(lines_with("left out").size(), 0U) << log;
}

}  // namespace tokenward::session
