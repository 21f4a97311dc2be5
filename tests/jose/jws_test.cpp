#include "jose/jws.hpp"

#include "base/base64.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::jose {
using namespace std::string_literals;

TEST(CompactJws, Splits) {
    const auto jws = CompactJws::split("aa.b.cc");
    ASSERT_TRUE(jws);
    EXPECT_EQ(jws->header, "aa");
    EXPECT_EQ(jws->payload, "b");
    EXPECT_EQ(jws->signature, "cc");
    EXPECT_EQ(jws->signing_input, "aa.b");

    const auto empty = CompactJws::split("..");  // empty segments fail later, with a better reason
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->signing_input, ".");
}

TEST(CompactJws, Refuses) {
    struct Row {
        std::string token;
        Reason reason;
        const char *detail;
    };
    const Row rows[] = {
        {"", Reason::MALFORMED_TOKEN, "it has 1 segments, not three"},
        {"abc", Reason::MALFORMED_TOKEN, "it has 1 segments, not three"},
        {"a.b", Reason::MALFORMED_TOKEN, "it has 2 segments, not three"},
        {"a.b.c.d", Reason::MALFORMED_TOKEN, "it has 4 segments, not three"},
        {"a.b.c.d.e", Reason::ENCRYPTED_TOKEN, "it has five segments"},
        {"....", Reason::ENCRYPTED_TOKEN, "it has five segments"},
        {"a.b.c.d.e.f", Reason::MALFORMED_TOKEN, "it has 6 segments, not three"},
        {std::string(100, '.'), Reason::MALFORMED_TOKEN, "it has 101 segments, not three"},
    };
    for (const Row &row : rows) {
        const auto jws = CompactJws::split(row.token);
        ASSERT_FALSE(jws) << row.token;
        EXPECT_EQ(jws.error().reason, row.reason) << row.token;
        EXPECT_EQ(jws.error().detail, row.detail);
    }
}

/// alg, kid and typ as found, or the reason's name and the detail.
std::string decode(const std::string &json) {
    JsonDocument document;
    const auto header = Header::decode(base64url_encode(json), document);
    if (!header) return std::string(reason_name(header.error().reason)) + ": " + header.error().detail;
    std::string text(algorithm_name(header->algorithm));
    if (header->kid) text += " kid=" + std::string(*header->kid);
    if (header->typ) text += " typ=" + std::string(*header->typ);
    return text;
}

TEST(Header, Accepts) {
    struct Row {
        const char *json;
        const char *found;
    };
    const Row rows[] = {
        {R"({"alg":"RS256"})", "RS256"},
        {R"({"alg":"RS384"})", "RS384"},
        {R"({"alg":"RS512"})", "RS512"},
        {R"({"alg":"PS256"})", "PS256"},
        {R"({"alg":"PS384"})", "PS384"},
        {R"({"alg":"PS512"})", "PS512"},
        {R"({"alg":"ES256"})", "ES256"},
        {R"({"alg":"ES384"})", "ES384"},
        {R"({"alg":"ES512"})", "ES512"},
        {R"({"alg":"EdDSA"})", "EdDSA"},
        {R"({"alg":"Ed25519"})", "EdDSA"},
        {R"({"typ":"JWT","kid":"a","alg":"RS256"})", "RS256 kid=a typ=JWT"},
        {R"({"alg":"RS256","kid":""})", "RS256 kid="},
        {R"({"alg":"RS256","kid":"a\u002fb"})", "RS256 kid=a/b"},
        {R"({"alg":"RS256","typ":""})", "RS256 typ="},
        {R"( {"alg" : "RS256"}
            )",
         "RS256"},
        {R"({"alg":"RS256","jku":"https://evil.example/","jwk":{"kty":"RSA"},"x5u":1,"x5c":["x"]})", "RS256"},
        {R"({"alg":"RS256","b64":false})", "RS256"},  // RFC 7797 section 6: without crit it means nothing
        {R"({"alg":"RS256","cty":{"alg":"none","crit":[]}})", "RS256"},
        {R"({"alg":"RS256","Alg":"none","ALG":"HS256"})", "RS256"},
    };
    for (const Row &row : rows) EXPECT_EQ(decode(row.json), row.found) << row.json;
    const std::string kid(256, 'k');
    EXPECT_EQ(decode(R"({"alg":"ES256","kid":")" + kid + "\"}"), "ES256 kid=" + kid);
}

TEST(Header, Refuses) {
    struct Row {
        std::string json;
        const char *why;
    };
    const Row rows[] = {
        {"", "MALFORMED_HEADER: no JSON value"},
        {"null", "MALFORMED_HEADER: the header isn't a JSON object"},
        {"[]", "MALFORMED_HEADER: the header isn't a JSON object"},
        {R"(["alg","RS256"])", "MALFORMED_HEADER: the header isn't a JSON object"},
        {R"("RS256")", "MALFORMED_HEADER: the header isn't a JSON object"},
        {R"({"alg":"RS256"}{})", "MALFORMED_HEADER: something after the end"},
        {R"({"alg":"RS256"})"s + '\0', "MALFORMED_HEADER: a control character"},
        {R"({"alg":"RS256","alg":"none"})", "MALFORMED_HEADER: duplicate member \"alg\""},
        {R"({"alg":"RS256","\u0061lg":"RS256"})", "MALFORMED_HEADER: duplicate member \"alg\""},
        {R"({"alg":"RS256","x":{"y":[{"z":1,"z":1}]}})", "MALFORMED_HEADER: duplicate member \"z\""},
        {"{\"alg\":\"RS256\",\"x\":\"\xff\"}", "MALFORMED_HEADER: not UTF-8"},
        {R"({"alg":"RS256","x":"\ud800"})", "MALFORMED_HEADER: a lone surrogate"},
        {"{}", "ALGORITHM_NOT_ALLOWED: the header has no alg"},
        {R"({"typ":"JWT"})", "ALGORITHM_NOT_ALLOWED: the header has no alg"},
        {R"({"alg":null})", "ALGORITHM_NOT_ALLOWED: the header's alg isn't a string"},
        {R"({"alg":["RS256"]})", "ALGORITHM_NOT_ALLOWED: the header's alg isn't a string"},
        {R"({"alg":""})", "ALGORITHM_NOT_ALLOWED: alg is \"\""},
        {R"({"alg":"none"})", "ALGORITHM_NOT_ALLOWED: alg is \"none\""},
        {R"({"alg":"None"})", "ALGORITHM_NOT_ALLOWED: alg is \"None\""},
        {R"({"alg":"nOnE"})", "ALGORITHM_NOT_ALLOWED: alg is \"nOnE\""},
        {R"({"alg":"HS256"})", "ALGORITHM_NOT_ALLOWED: alg is \"HS256\""},
        {R"({"alg":"HS384"})", "ALGORITHM_NOT_ALLOWED: alg is \"HS384\""},
        {R"({"alg":"HS512"})", "ALGORITHM_NOT_ALLOWED: alg is \"HS512\""},
        {R"({"alg":"rs256"})", "ALGORITHM_NOT_ALLOWED: alg is \"rs256\""},
        {R"({"alg":"RS256 "})", "ALGORITHM_NOT_ALLOWED: alg is \"RS256 \""},
        {R"({"alg":"RS256\u0000"})", "ALGORITHM_NOT_ALLOWED: alg is \"RS256\\x00\""},
        {R"({"alg":"RS1"})", "ALGORITHM_NOT_ALLOWED: alg is \"RS1\""},
        {R"({"alg":"ES256K"})", "ALGORITHM_NOT_ALLOWED: alg is \"ES256K\""},
        {R"({"alg":"RSA-OAEP","enc":"A128GCM"})", "ALGORITHM_NOT_ALLOWED: alg is \"RSA-OAEP\""},
        {R"({"alg":"RS256","kid":1})", "INVALID_KEY_ID: kid isn't a string"},
        {R"({"alg":"RS256","kid":null})", "INVALID_KEY_ID: kid isn't a string"},
        {R"({"alg":"RS256","kid":["a"]})", "INVALID_KEY_ID: kid isn't a string"},
        {R"({"alg":"RS256","kid":")" + std::string(257, 'k') + "\"}", "INVALID_KEY_ID: kid has 257 bytes"},
        {R"({"alg":"RS256","crit":["b64"],"b64":false})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":["exp"]})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":[]})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":null})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":false})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":"x"})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","cri\u0074":{}})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","typ":1})", "WRONG_TYPE: typ isn't a string"},
        {R"({"alg":"RS256","typ":null})", "WRONG_TYPE: typ isn't a string"},
    };
    for (const Row &row : rows) {
        EXPECT_EQ(decode(row.json).substr(0, std::string(row.why).size()), row.why) << row.json;
    }
}

TEST(Header, RefusesOtherBase64) {
    const char *const encoded[] = {
        "eyJhbGciOiJSUzI1NiJ9=",
        "eyJhbGciOiJSUzI1NiJ9 ",
        " eyJhbGciOiJSUzI1NiJ9",
        "eyJhbGciOiJSUzI1Ni\nJ9",
        "eyJhbGciOiJSUzI1NiJ",
        "eyJhbGciOiJSUzI1NiIgfR",
        "A",
    };
    JsonDocument document;
    EXPECT_TRUE(Header::decode("eyJhbGciOiJSUzI1NiJ9", document));
    EXPECT_TRUE(Header::decode("eyJhbGciOiJSUzI1NiIgfQ", document));
    for (const char *text : encoded) {
        const auto header = Header::decode(text, document);
        ASSERT_FALSE(header) << text;
        EXPECT_EQ(header.error().reason, Reason::MALFORMED_TOKEN) << text;
    }
}

}  // namespace tokenward::jose
