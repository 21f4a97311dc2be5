// Two issuers for one broker: no token of one ever becomes a user of the other.
#include "fixture.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

constexpr const char *a_issuer = "https://a.example/realm";
constexpr const char *b_issuer = "https://b.example";

/// Issuer A is [oauth]; its users have no prefix. Issuer B is [oauth.b]. Each has a key with the kid "same"
/// (two different keys) and a key with a kid of its own. `mallory` is a key that is in neither set.
class SeveralIssuers : public BackendTest {
  protected:
    static const TestKey &a_key() { return TestKey::shared("ES256", 0); }
    static const TestKey &b_key() { return TestKey::shared("ES256", 1); }
    static const TestKey &mallory() { return TestKey::shared("ES256", 2); }

    static std::string section(const std::string &issuer, const std::string &more) {
        return R"({"issuer":")" + issuer + R"(","resource_server_id":"mq",)" + more + "}";
    }
    std::string keys(const char *file) const { return R"("jwks_file":")" + provider.path(file) + '"'; }

    std::string config() const {
        return R"({"oauth":)" + section(a_issuer, keys("a.json")) + R"(,"oauth.b":)" +
               section(b_issuer, keys("b.json") + R"(,"username_prefix":"b:")") + "}";
    }
    BackendOptions options(const std::string &json) { return options_with_log(json, log); }
    void SetUp() override {
        provider.write("a.json", support::jwks({a_key().jwk("same"), a_key().jwk("a-only")}));
        provider.write("b.json", support::jwks({b_key().jwk("same"), b_key().jwk("b-only")}));
        backend = make_backend(options(config()), clock);
        ASSERT_NE(backend, nullptr);
    }

    static JsonObject claims(const std::string &issuer) { return Provider::claims().string("iss", issuer); }
    static std::string sign(const TestKey &key, const JsonObject &claims, const char *kid = "same") {
        return key.sign("ES256", support::jws_header("ES256", kid).json(), claims.json());
    }

    bool may(access::Operation operation, const char *resource) const {
        return session->authorize({operation, "v", resource, {}}) == Decision::allowed;
    }
};

#define ASSERT_REASON_NONE(actual) ASSERT_STREQ(reason_name(actual), "NONE") << detail

TEST_F(SeveralIssuers, EachSectionHasItsOwnMaxTokenBytes) {
    backend->close();
    backend = make_backend(
        options(R"({"oauth":)" + section(a_issuer, keys("a.json")) + R"(,"oauth.b":)" +
                section(b_issuer, keys("b.json") + R"(,"username_prefix":"b:","max_token_bytes":600)") + "}"),
        clock);
    ASSERT_NE(backend, nullptr);
    const auto padded = [](const char *issuer) {
        return claims(issuer).string("padding", std::string(600, 'x'));
    };
    EXPECT_REASON(log_in(sign(a_key(), padded(a_issuer))), NONE);
    EXPECT_REASON(log_in(sign(b_key(), claims(b_issuer))), NONE);
    EXPECT_REASON(log_in(sign(b_key(), padded(b_issuer))), TOKEN_TOO_LARGE);
}

TEST_F(SeveralIssuers, TheIssuerChoosesKeysAndName) {
    struct Row {
        const char *what;
        const TestKey &key;
        const char *kid;
        std::string issuer;
        Reason reason;
        const char *username;
        const char *session_issuer;
    };
    const Row rows[] = {
        {"A's own", a_key(), "same", a_issuer, Reason::NONE, "alice", a_issuer},
        {"A's own, with a slash", a_key(), "a-only", std::string(a_issuer) + "/", Reason::NONE, "alice",
         a_issuer},
        {"B's own", b_key(), "same", b_issuer, Reason::NONE, "b:alice", b_issuer},
        {"B's own, with a slash", b_key(), "b-only", std::string(b_issuer) + "/", Reason::NONE, "b:alice",
         b_issuer},
        {"B signs for A, under the kid of both", b_key(), "same", a_issuer, Reason::BAD_SIGNATURE, "", ""},
        {"A signs for B, under the kid of both", a_key(), "same", b_issuer, Reason::BAD_SIGNATURE, "", ""},
        {"B signs for A, under B's kid", b_key(), "b-only", a_issuer, Reason::UNKNOWN_KEY, "", ""},
        {"B signs for A, under A's kid", b_key(), "a-only", a_issuer, Reason::BAD_SIGNATURE, "", ""},
        {"a stranger signs for A", mallory(), "same", a_issuer, Reason::BAD_SIGNATURE, "", ""},
        {"a stranger signs for B", mallory(), "same", b_issuer, Reason::BAD_SIGNATURE, "", ""},
        {"two slashes", a_key(), "same", std::string(a_issuer) + "//", Reason::WRONG_ISSUER, "", ""},
        {"A's host alone", a_key(), "same", "https://a.example", Reason::WRONG_ISSUER, "", ""},
        {"a path behind B", b_key(), "same", std::string(b_issuer) + "/realm", Reason::WRONG_ISSUER, "", ""},
        {"another case", b_key(), "same", "https://B.example", Reason::WRONG_ISSUER, "", ""},
        {"nobody's", b_key(), "same", "https://evil.example", Reason::WRONG_ISSUER, "", ""},
        {"empty", b_key(), "same", "", Reason::WRONG_ISSUER, "", ""},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.what);
        // Twice: the second time the token may be in the cache.
        for (int i = 0; i < 2; ++i) {
            const Reason reason = log_in(sign(row.key, claims(row.issuer), row.kid));
            ASSERT_STREQ(reason_name(reason), reason_name(row.reason)) << detail;
            if (reason != Reason::NONE) continue;
            EXPECT_EQ(session->username(), row.username);
            EXPECT_EQ(session->issuer(), row.session_issuer);
        }
    }
}

TEST_F(SeveralIssuers, ATokenHasOneIssuer) {
    EXPECT_REASON(log_in(sign(b_key(), claims(b_issuer).strings("iss", {a_issuer, b_issuer}))), INVALID_CLAIM);
    EXPECT_REASON(log_in(sign(b_key(), claims(b_issuer).remove("iss"))), NO_ISSUER);
    const std::string twice =
        R"({"iss":")" + std::string(a_issuer) + R"(",)" + claims(b_issuer).json().substr(1);
    EXPECT_REASON(log_in(b_key().sign("ES256", support::jws_header("ES256", "same").json(), twice)),
                  MALFORMED_PAYLOAD);
    // iss in the header (RFC 7519 section 5.3) is ignored.
    JsonObject header = support::jws_header("ES256", "same");
    header.string("iss", a_issuer);
    EXPECT_REASON(log_in(b_key().sign("ES256", header.json(), claims(b_issuer).json())), NONE);
    EXPECT_EQ(session->username(), "b:alice");
}

TEST_F(SeveralIssuers, WithoutAKidTheIssuersOwnKeysAreAskedOnly) {
    provider.write("a.json", support::jwks({a_key().jwk("a-only")}));
    provider.write("b.json", support::jwks({b_key().jwk("b-only")}));
    auto created = Backend::create(options(config()), clock);
    ASSERT_TRUE(created.has_value());
    backend->close();
    backend = *created;
    const auto without_kid = [](const TestKey &key, const char *issuer) {
        return key.sign("ES256", R"({"alg":"ES256"})", claims(issuer).json());
    };
    EXPECT_REASON(log_in(without_kid(a_key(), a_issuer)), NONE);
    EXPECT_REASON(log_in(without_kid(b_key(), b_issuer)), NONE);
    EXPECT_REASON(log_in(without_kid(b_key(), a_issuer)), BAD_SIGNATURE);
    EXPECT_REASON(log_in(without_kid(a_key(), b_issuer)), BAD_SIGNATURE);
}

TEST_F(SeveralIssuers, NoNameOfAIsOneOfB) {
    for (const char *name : {"b:alice", "b:", "b:b:alice"}) {
        EXPECT_REASON(log_in(sign(a_key(), claims(a_issuer).string("sub", name))), INVALID_USERNAME);
        EXPECT_NE(detail.find("username_prefix of [b]"), std::string::npos) << detail;
    }
    for (const char *name : {"b", "B:alice", "ab:alice", ":alice"}) {
        EXPECT_REASON(log_in(sign(a_key(), claims(a_issuer).string("sub", name))), NONE);
        EXPECT_EQ(session->username(), name);
    }
    EXPECT_REASON(log_in(sign(b_key(), claims(b_issuer).string("sub", "b:alice"))), NONE);
    EXPECT_EQ(session->username(), "b:b:alice");
}

TEST_F(SeveralIssuers, ARefreshStaysWithinItsProvider) {
    ASSERT_REASON_NONE(log_in(sign(a_key(), claims(a_issuer))));
    const auto more = [](const std::string &issuer) {
        return claims(issuer).string("scope", "mq.write:v/q").string("jti", "id-2");
    };
    EXPECT_REASON(refresh(sign(b_key(), more(b_issuer))), IDENTITY_CHANGED);
    EXPECT_REASON(refresh(sign(b_key(), more(b_issuer).string("sub", "lice"))), IDENTITY_CHANGED);
    EXPECT_REASON(refresh(sign(b_key(), more(a_issuer))), BAD_SIGNATURE);
    EXPECT_REASON(refresh(sign(a_key(), more(a_issuer).string("sub", "bob"))), IDENTITY_CHANGED);
    // B's token is now in the cache.
    ASSERT_EQ(backend->authenticate(bearer(sign(b_key(), more(b_issuer))), {}).has_value(), true);
    EXPECT_REASON(refresh(sign(b_key(), more(b_issuer))), IDENTITY_CHANGED);
    EXPECT_TRUE(may(access::Operation::read, "q"));
    EXPECT_FALSE(may(access::Operation::write, "q"));
    EXPECT_EQ(session->username(), "alice");
    EXPECT_EQ(session->issuer(), a_issuer);

    EXPECT_REASON(refresh(sign(a_key(), more(a_issuer))), NONE);
    EXPECT_TRUE(may(access::Operation::write, "q"));

    ASSERT_REASON_NONE(log_in(sign(b_key(), claims(b_issuer))));
    EXPECT_REASON(refresh(sign(a_key(), more(a_issuer))), IDENTITY_CHANGED);
    EXPECT_REASON(refresh(sign(a_key(), more(a_issuer).string("sub", "b:alice"))), INVALID_USERNAME);
    EXPECT_FALSE(may(access::Operation::write, "q"));
}

TEST_F(SeveralIssuers, ACachedTokenFollowsItsIssuerOverAReload) {
    const std::string of_a = sign(a_key(), claims(a_issuer));
    ASSERT_REASON_NONE(log_in(of_a));
    ASSERT_REASON_NONE(log_in(of_a));
    EXPECT_EQ(session->username(), "alice");
    // The sections change places: the same token now belongs to the second one.
    const auto swapped = options(R"({"oauth":)" + section(b_issuer, keys("b.json")) + R"(,"oauth.b":)" +
                                 section(a_issuer, keys("a.json") + R"(,"username_prefix":"a:")") + "}");
    ASSERT_TRUE(backend->reload(&swapped).has_value());
    // The live session is A's alice. A's new section names her a:alice, and B in [oauth] is another provider.
    EXPECT_REASON(refresh(of_a), IDENTITY_CHANGED);
    EXPECT_REASON(refresh(sign(b_key(), claims(b_issuer))), IDENTITY_CHANGED);
    EXPECT_TRUE(may(access::Operation::read, "q"));
    ASSERT_REASON_NONE(log_in(of_a));
    EXPECT_EQ(session->username(), "a:alice");
}

TEST_F(SeveralIssuers, AnIssuerThatChangedItsSectionKeepsItsUsers) {
    const std::string of_a = sign(a_key(), claims(a_issuer));
    ASSERT_REASON_NONE(log_in(of_a));
    const auto swapped =
        options(R"({"oauth":)" + section(b_issuer, keys("b.json") + R"(,"username_prefix":"b:")") +
                R"(,"oauth.a":)" + section(a_issuer, keys("a.json")) + "}");
    ASSERT_TRUE(backend->reload(&swapped).has_value());
    // The same provider and the same username, in [oauth.a] instead of [oauth].
    EXPECT_REASON(refresh(of_a), NONE);
    EXPECT_REASON(refresh(sign(b_key(), claims(b_issuer))), IDENTITY_CHANGED);
}

TEST_F(SeveralIssuers, ASectionThatIsGoneTakesItsTokensAlong) {
    const std::string of_b = sign(b_key(), claims(b_issuer));
    ASSERT_REASON_NONE(log_in(of_b));
    const auto only_a = options(R"({"oauth":)" + section(a_issuer, keys("a.json")) + "}");
    ASSERT_TRUE(backend->reload(&only_a).has_value());
    EXPECT_REASON(log_in(of_b), WRONG_ISSUER);
    EXPECT_REASON(refresh(of_b), WRONG_ISSUER);
    EXPECT_REASON(log_in(sign(a_key(), claims(a_issuer).string("sub", "b:alice"))), NONE)
        << "nobody else's name any more";
}

TEST_F(SeveralIssuers, EachSectionHasItsOwnRules) {
    const auto mixed =
        options(R"({"oauth":)" + section(a_issuer, keys("a.json") + R"(,"audience":"a-aud","allow_cnf":true)") +
                R"(,"oauth.b":)" +
                section(b_issuer, keys("b.json") + R"(,"username_prefix":"b:","algorithms":["RS256"])") + "}");
    ASSERT_TRUE(backend->reload(&mixed).has_value());
    EXPECT_REASON(log_in(sign(a_key(), claims(a_issuer))), WRONG_AUDIENCE);
    EXPECT_REASON(log_in(sign(a_key(), claims(a_issuer).string("aud", "a-aud").object("cnf", JsonObject()))),
                  NONE);
    EXPECT_REASON(log_in(sign(b_key(), claims(b_issuer))), ALGORITHM_NOT_ALLOWED);
}

}  // namespace
}  // namespace tokenward::session
