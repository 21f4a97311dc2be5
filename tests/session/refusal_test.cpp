// Tokens that are refused before their claims are read, and the reason, line and hint that come out. One row each: judge
// them at a glance. What is sent in place of a token stands in tests/credentials, segments and headers in tests/jose.
#include "base/base64.hpp"
#include "fixture.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

using credentials::Credentials;
using credentials::Kind;

struct Row {
    const char *options;  ///< more of the configuration
    Credentials sent;
    const char *reason;
    const char *line;
    const char *hint;
};

std::string with_header(const std::string &header) {
    return base64url_encode(header) + '.' + base64url_encode(Provider::claims().json()) + ".SeCrEt0A";
}

std::string with_typ(const std::string &typ) {
    return with_header(R"({"alg":"ES256","kid":"ec256","typ":")" + typ + "\"}");
}

std::string with_payload(const std::string &payload) {
    return Provider::sign("ES256", support::jws_header("ES256", "ec256"), payload);
}

class Refusal : public BackendTest {
  protected:
    void check(const Row &row) {
        SCOPED_TRACE(row.line);
        if (backend) backend->close();
        log.clear();
        backend = make_backend(options_with_log(provider.config(row.options), log), clock);
        ASSERT_NE(backend, nullptr);
        Context last;
        last.last_backend = true;
        const auto result = backend->authenticate(row.sent, last);
        ASSERT_FALSE(result);
        const Failure &failure = result.error();
        EXPECT_STREQ(reason_name(failure.reason), row.reason);
        EXPECT_EQ(failure.detail, row.line);
        EXPECT_EQ(hint_of(failure), row.hint);
        EXPECT_NE(log.find(std::string(": ") + row.line), std::string::npos) << log;
        EXPECT_NE(log.find(row.hint), std::string::npos) << log;
        EXPECT_EQ(log.find("SeCrEt"), std::string::npos) << log;
    }
};

TEST_F(Refusal, Headers) {
    const std::string ps256 = Provider::mint(Provider::claims(), "PS256");
    const std::string named_otherwise = with_header(R"({"alg":"RS256","kid":"ec256"})");
    const std::string hs256 = with_header(R"({"alg":"HS256"})");
    const std::string no_typ = with_header(R"({"alg":"ES256","kid":"ec256"})");
    const std::string jwt = with_typ("JWT");
    const std::string dpop = with_typ("dpop+jwt");
    const std::string logout = with_typ("application/logout+jwt");
    const std::string event = with_typ("secevent+jwt");
    const std::string jwe = with_typ("JWE");
    const std::string other = with_typ("x");
    const char *const only_at_jwt = R"(,"require_at_jwt":true)";
    const Row rows[] = {
        {R"(,"algorithms":"RS256,ES256")", bearer(ps256), "ALGORITHM_NOT_ALLOWED",
         "alg is PS256, algorithms has RS256,ES256", "algorithms = RS256,ES256,PS256"},
        {"", bearer(hs256), "ALGORITHM_NOT_ALLOWED",
         "alg is HS256, a shared secret: who checks such tokens could forge them",
         "sign with RS256, PS256, ES256 or EdDSA"},
        {"", bearer(named_otherwise), "ALGORITHM_MISMATCH", "alg is RS256, the key \"ec256\" is of type P-256",
         ""},
        {"", bearer(dpop), "WRONG_TYPE", "typ is \"dpop+jwt\": this is a DPoP proof, not an access token",
         "send the access_token of the token response"},
        {"", bearer(logout), "WRONG_TYPE",
         "typ is \"application/logout+jwt\": this is a logout token, not an access token",
         "send the access_token of the token response"},
        {"", bearer(event), "WRONG_TYPE",
         "typ is \"secevent+jwt\": this is a security event, not an access token",
         "send the access_token of the token response"},
        {"", bearer(jwe), "WRONG_TYPE", "typ is \"JWE\": this is an encrypted token, not an access token",
         "send the access_token of the token response"},
        {"", bearer(other), "WRONG_TYPE", "typ is \"x\", it must be JWT or at+jwt", ""},
        {only_at_jwt, bearer(other), "WRONG_TYPE", "typ is \"x\", it must be at+jwt", ""},
        {only_at_jwt, bearer(jwt), "WRONG_TYPE", "typ is \"JWT\", require_at_jwt wants at+jwt",
         "require_at_jwt = false"},
        {only_at_jwt, bearer(no_typ), "WRONG_TYPE", "there is no typ, require_at_jwt wants at+jwt",
         "require_at_jwt = false"},
    };
    for (const Row &row : rows) check(row);
}

TEST_F(Refusal, SegmentsAndSizes) {
    const std::string good = Provider::mint(Provider::claims());
    const std::string line_end = good + "\r\n";
    const std::string wrapped = good.substr(0, 76) + '\n' + good.substr(76);
    const std::string lost = good.substr(0, good.rfind('.'));
    const std::string encrypted = base64url_encode(R"({"alg":"dir","enc":"A256GCM"})") + "..SeCrEt.a.b";
    const std::string large = "eyJSeCrEt.x." + std::string(16383, 'x');
    const std::string huge = "eyJSeCrEt.x." + std::string(1048576, 'x');
    const std::string twice = with_payload(R"({"groups":[],"groups":[]})");
    const std::string cut = with_payload(R"({"groups":[)");
    const std::string list = with_payload("[1]");
    const Row rows[] = {
        {"", bearer(line_end), "MALFORMED_TOKEN", "a line end (\\r\\n) stands behind the token",
         "cut it off: tr -d '\\r\\n'"},
        {"", bearer(wrapped), "MALFORMED_TOKEN", "a line end stands at byte 20 of the second segment (payload)",
         "take the line ends out: tr -d '\\r\\n'"},
        {"", bearer(lost), "MALFORMED_TOKEN", "it has 2 segments, a token has 3: its signature is missing", ""},
        {"", bearer(encrypted), "ENCRYPTED_TOKEN",
         "five segments: an encrypted token (JWE), alg \"dir\", enc \"A256GCM\"",
         "turn off access token encryption for this client at the provider"},
        {"", bearer(large), "TOKEN_TOO_LARGE", "the token has 16395 bytes, max_token_bytes is 16384",
         "max_token_bytes = 20480"},
        {"", bearer(huge), "TOKEN_TOO_LARGE", "the token has 1048588 bytes, max_token_bytes is 16384",
         "put fewer roles or groups into the token, or raise max_token_bytes"},
        {"", bearer(twice), "MALFORMED_PAYLOAD", "the payload: duplicate member \"groups\" at byte 24",
         "two claim mappers write it: take one away at the provider"},
        {"", bearer(cut), "MALFORMED_PAYLOAD", "the payload: not a JSON value at byte 11", ""},
        {"", bearer(list), "MALFORMED_PAYLOAD", "the payload isn't a JSON object", ""},
    };
    for (const Row &row : rows) check(row);
}

TEST_F(Refusal, Names) {
    const std::string good = Provider::mint(Provider::claims());
    const std::string as_bob = '\0' + std::string("bob") + '\0' + good;
    const std::string for_bob = "bob" + std::string("\0alice\0", 7) + good;
    const std::string odd = Provider::mint(Provider::claims().string("sub",
                                                                     "al\xc3\xad"
                                                                     "ce"));
    const char *const match = R"(,"require_username_match":true)";
    const char *const send = "the client must send the access token as its password";
    const Row rows[] = {
        {"",
         {Kind::sasl_plain, for_bob, {}, {}},
         "AUTHZID_MISMATCH",
         "authzid isn't the token's username, \"alice\"",
         "leave the SASL authorization identity (authzid) empty"},
        {match,
         {Kind::sasl_plain, as_bob, {}, {}},
         "USERNAME_MISMATCH",
         "the client's username isn't the token's, \"alice\"",
         "connect with the username alice"},
        {match,
         {Kind::username_password, {}, "bob", odd},
         "USERNAME_MISMATCH",
         "the client's username isn't the token's, \"al\\xc3\\xadce\"",
         "send the token's username, or set require_username_match = false"},
        {"",
         {Kind::username_password, {}, good, ""},
         "NOT_A_TOKEN",
         "the token stands in the username, and there is no password",
         "send it as the password, or set token_in_username = true"},
        {"",
         {Kind::username_password, {}, "alice", ""},
         "NOT_A_TOKEN",
         "the client sent no password",
         "send the access token as the password"},
        {"", bearer("{}"), "OPAQUE_TOKEN", "a JSON answer without access_token was sent as the token", ""},
        // An ordinary password, and nobody is asked after us.
        {"", {Kind::username_password, {}, "alice", "SeCrEt"}, "NOT_A_TOKEN", "", send},
    };
    for (const Row &row : rows) check(row);
}

}  // namespace
}  // namespace tokenward::session
