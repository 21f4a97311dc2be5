#include "jose/jws.hpp"

#include "base/base64.hpp"
#include "jose/segment.hpp"

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
        const char *reason;
        const char *line;
        const char *hint;
    };
    const char *const two = "two tokens stand there: send one";
    const char *const decrypt = "turn off access token encryption for this client at the provider";
    const Row rows[] = {
        {"", "MALFORMED_TOKEN", "it has 1 segment, a token has 3", ""},
        {"abc", "MALFORMED_TOKEN", "it has 1 segment, a token has 3", ""},
        {"a.b", "MALFORMED_TOKEN", "it has 2 segments, a token has 3: its signature is missing", ""},
        {"a.b.c.d", "MALFORMED_TOKEN", "it has 4 segments, a token has 3", ""},
        {"a.b.c.d.e", "ENCRYPTED_TOKEN", "five segments: an encrypted token (JWE)", decrypt},
        {"....", "ENCRYPTED_TOKEN", "five segments: an encrypted token (JWE)", decrypt},
        {"a.b.c a.b.c", "MALFORMED_TOKEN", "it has 5 segments, a token has 3", two},
        {"a.b.c\na.b.c", "MALFORMED_TOKEN", "it has 5 segments, a token has 3", two},
        {"a.b.c.d.e.f", "MALFORMED_TOKEN", "it has 6 segments, a token has 3", two},
        {std::string(100, '.'), "MALFORMED_TOKEN", "it has 101 segments, a token has 3", ""},
    };
    for (const Row &row : rows) {
        const auto jws = CompactJws::split(row.token);
        ASSERT_FALSE(jws) << row.token;
        EXPECT_STREQ(reason_name(jws.error().reason), row.reason) << row.token;
        EXPECT_EQ(jws.error().detail, row.line) << row.token;
        EXPECT_EQ(jws.error().hint, row.hint) << row.token;
    }
}

TEST(CompactJws, SaysHowATokenIsEncrypted) {
    JsonDocument document;
    const auto describe = [&](const std::string &header) {
        return describe_encryption(base64url_encode(header) + "....", document);
    };
    EXPECT_EQ(describe(R"({"enc":"A256GCM","alg":"dir"})"), R"(, alg "dir", enc "A256GCM")");
    EXPECT_EQ(describe(R"({"enc":"A256GCM","alg":1})"), R"(, enc "A256GCM")");
    EXPECT_EQ(describe("{}"), "");
    EXPECT_EQ(describe("[1]"), "");
    EXPECT_EQ(describe("no JSON"), "");
    EXPECT_EQ(describe_encryption("=....", document), "");
}

TEST(MalformedSegment, SaysWhatStandsThere) {
    struct Row {
        std::string segment;
        const char *line;
        const char *hint;
    };
    const Row rows[] = {
        {"SeC\nReT", "a line end stands at byte 3 of the second segment (payload)",
         "take the line ends out: tr -d '\\r\\n'"},
        {"SeC\r\nReT", "a line end stands at byte 3 of the second segment (payload)",
         "take the line ends out: tr -d '\\r\\n'"},
        {"SeC ReT", "white space stands at byte 3 of the second segment (payload)",
         "send the token alone, without white space"},
        {"SeCRe===", "the second segment (payload) has \"=\" at byte 5: base64url has no padding", ""},
        {"SeC+ReT", "the second segment (payload) has \"+\" at byte 3: it is base64, not base64url", ""},
        {"SeC/ReT", "the second segment (payload) has \"/\" at byte 3: it is base64, not base64url", ""},
        {"SeC%3D", "the second segment (payload) has \"%\" at byte 3: the token is percent-encoded",
         "send it decoded"},
        {"SeC\"", "a quotation mark stands at byte 3 of the second segment (payload)",
         "send the token without quotation marks: jq -r"},
        {"SeC!ReT", "the second segment (payload) has a byte that isn't base64url at byte 3",
         "send the token as it came"},
        {"SeC\0"s, "the second segment (payload) has a byte that isn't base64url at byte 3",
         "send the token as it came"},
        {"SeCRe", "the second segment (payload) isn't whole base64url: it has 5 digits",
         "send the whole token"},
    };
    for (const Row &row : rows) {
        const Failure failure = malformed_segment(row.segment, Segment::payload);
        EXPECT_EQ(failure.reason, Reason::MALFORMED_TOKEN);
        EXPECT_EQ(failure.detail, row.line);
        EXPECT_EQ(failure.hint, row.hint);
    }
    EXPECT_EQ(malformed_segment("!", Segment::header).detail,
              "the first segment (header) has a byte that isn't base64url at byte 0");
}

TEST(MalformedSegment, OrWhatStandsBehindTheSignature) {
    struct Row {
        std::string segment;
        std::size_t token_size;
        const char *line;
        const char *hint;
    };
    const char *const cut_off = "cut it off: tr -d '\\r\\n'";
    const Row rows[] = {
        {"SeCReT\r\n", 900, "a line end (\\r\\n) stands behind the token", cut_off},
        {"SeCReT\n", 900, "a line end (\\n) stands behind the token", cut_off},
        {"SeCReT\n\n", 900, "a line end (\\n) stands behind the token", cut_off},
        {"SeCReT\r", 900, "a line end (\\r) stands behind the token", cut_off},
        {"SeCReT ", 900, "white space stands behind the token", "cut it off"},
        {"SeC\nReT", 900, "a line end stands at byte 3 of the third segment (signature)",
         "take the line ends out: tr -d '\\r\\n'"},
        {"SeCReT=", 900, "the third segment (signature) has \"=\" at byte 6: base64url has no padding", ""},
        {"SeCRe", 900,
         "the third segment (signature) isn't whole base64url: it has 5 digits, and the token ends after 900 "
         "bytes",
         "send the whole token"},
        {"SeCRe", 255,
         "the third segment (signature) isn't whole base64url: it has 5 digits, and the token ends after 255 "
         "bytes",
         "send the whole token: something on the way cuts it at 255 bytes"},
        {"SeCRe", 1024,
         "the third segment (signature) isn't whole base64url: it has 5 digits, and the token ends after 1024 "
         "bytes",
         "send the whole token: something on the way cuts it at 1024 bytes"},
    };
    for (const Row &row : rows) {
        const Failure failure = malformed_signature(row.segment, row.token_size);
        EXPECT_EQ(failure.reason, Reason::MALFORMED_TOKEN);
        EXPECT_EQ(failure.detail, row.line);
        EXPECT_EQ(failure.hint, row.hint);
    }
}

/// alg, kid and typ as found, or the reason's name, the line and the hint.
std::string decode(const std::string &json) {
    JsonDocument document;
    const auto header = Header::decode(base64url_encode(json), document);
    if (!header) {
        const Failure &failure = header.error();
        return std::string(reason_name(failure.reason)) + ": " + failure.detail +
               (failure.hint.empty() ? "" : " | " + failure.hint);
    }
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
        {"", "MALFORMED_HEADER: the header: no JSON value at byte 0"},
        {R"({"alg":"RS256" "kid":"a"})", "MALFORMED_HEADER: the header: a comma or } is missing at byte 15"},
        {"null", "MALFORMED_HEADER: the header isn't a JSON object"},
        {"[]", "MALFORMED_HEADER: the header isn't a JSON object"},
        {R"(["alg","RS256"])", "MALFORMED_HEADER: the header isn't a JSON object"},
        {R"("RS256")", "MALFORMED_HEADER: the header isn't a JSON object"},
        {R"({"alg":"RS256"}{})",
         "MALFORMED_HEADER: the header: something after the end of the JSON value at byte 15"},
        {R"({"alg":"RS256"})"s + '\0', "MALFORMED_HEADER: the header: a control character at byte 15"},
        {R"({"alg":"RS256","alg":"none"})",
         "MALFORMED_HEADER: the header: duplicate member \"alg\" at byte 27"},
        {R"({"alg":"RS256","\u0061lg":"RS256"})",
         "MALFORMED_HEADER: the header: duplicate member \"alg\" at byte 33"},
        {R"({"alg":"RS256","x":{"y":[{"z":1,"z":1}]}})",
         "MALFORMED_HEADER: the header: duplicate member \"z\" at byte 37"},
        {"{\"alg\":\"RS256\",\"x\":\"\xff\"}", "MALFORMED_HEADER: the header: not UTF-8"},
        {R"({"alg":"RS256","x":"\ud800"})", "MALFORMED_HEADER: the header: a lone surrogate at byte 20"},
        {"{}", "ALGORITHM_NOT_ALLOWED: the header has no alg | sign with RS256, PS256, ES256 or EdDSA"},
        {R"({"typ":"JWT"})",
         "ALGORITHM_NOT_ALLOWED: the header has no alg | sign with RS256, PS256, ES256 or EdDSA"},
        {R"({"alg":null})", "ALGORITHM_NOT_ALLOWED: alg is null, it must be a string"},
        {R"({"alg":["RS256"]})", "ALGORITHM_NOT_ALLOWED: alg is an array, it must be a string"},
        {R"({"alg":""})",
         "ALGORITHM_NOT_ALLOWED: alg is \"\", which isn't known here | sign with RS256, PS256, ES256 or EdDSA"},
        {R"({"alg":"none"})", "ALGORITHM_NOT_ALLOWED: alg is none: the token has no signature"},
        {R"({"alg":"None"})", "ALGORITHM_NOT_ALLOWED: alg is none: the token has no signature"},
        {R"({"alg":"nOnE"})", "ALGORITHM_NOT_ALLOWED: alg is none: the token has no signature"},
        {R"({"alg":"HS256"})",
         "ALGORITHM_NOT_ALLOWED: alg is HS256, a shared secret: who checks such tokens could forge them | sign "
         "with RS256, PS256, ES256 or EdDSA"},
        {R"({"alg":"HS384"})",
         "ALGORITHM_NOT_ALLOWED: alg is HS384, a shared secret: who checks such tokens could forge them | sign "
         "with RS256, PS256, ES256 or EdDSA"},
        {R"({"alg":"HS512"})",
         "ALGORITHM_NOT_ALLOWED: alg is HS512, a shared secret: who checks such tokens could forge them | sign "
         "with RS256, PS256, ES256 or EdDSA"},
        {R"({"alg":"rs256"})",
         "ALGORITHM_NOT_ALLOWED: alg is \"rs256\", which isn't known here | sign with RS256, PS256, ES256 or "
         "EdDSA"},
        {R"({"alg":"RS256 "})",
         "ALGORITHM_NOT_ALLOWED: alg is \"RS256 \", which isn't known here | sign with RS256, PS256, ES256 or "
         "EdDSA"},
        {R"({"alg":"RS256\u0000"})",
         "ALGORITHM_NOT_ALLOWED: alg is \"RS256\\x00\", which isn't known here | sign with RS256, PS256, ES256 "
         "or EdDSA"},
        {R"({"alg":"RS1"})",
         "ALGORITHM_NOT_ALLOWED: alg is \"RS1\", which isn't known here | sign with RS256, PS256, ES256 or "
         "EdDSA"},
        {R"({"alg":"ES256K"})",
         "ALGORITHM_NOT_ALLOWED: alg is \"ES256K\", which isn't known here | sign with RS256, PS256, ES256 or "
         "EdDSA"},
        {R"({"alg":"RSA-OAEP","enc":"A128GCM"})",
         "ALGORITHM_NOT_ALLOWED: alg is \"RSA-OAEP\", which isn't known here | sign with RS256, PS256, ES256 "
         "or EdDSA"},
        {R"({"alg":"RS256","kid":1})", "INVALID_KEY_ID: kid is a number, it must be a string"},
        {R"({"alg":"RS256","kid":null})", "INVALID_KEY_ID: kid is null, it must be a string"},
        {R"({"alg":"RS256","kid":["a"]})", "INVALID_KEY_ID: kid is an array, it must be a string"},
        {R"({"alg":"RS256","kid":")" + std::string(257, 'k') + "\"}",
         "INVALID_KEY_ID: kid has 257 bytes, more than 256"},
        {R"({"alg":"RS256","crit":["b64"],"b64":false})", "CRITICAL_HEADER: the header has crit: \"b64\""},
        {R"({"alg":"RS256","crit":["a","b","c","d"]})",
         R"(CRITICAL_HEADER: the header has crit: "a", "b", "c", "d")"},
        {R"({"alg":"RS256","crit":["a","b","c","d","e","f"]})",
         R"(CRITICAL_HEADER: the header has crit: "a", "b", "c", "d" and 2 more)"},
        {R"({"alg":"RS256","crit":["exp",1]})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":[]})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":null})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":false})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","crit":"x"})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","cri\u0074":{}})", "CRITICAL_HEADER: the header has crit"},
        {R"({"alg":"RS256","typ":1})", "WRONG_TYPE: typ is a number, it must be a string"},
        {R"({"alg":"RS256","typ":null})", "WRONG_TYPE: typ is null, it must be a string"},
    };
    for (const Row &row : rows) EXPECT_EQ(decode(row.json), row.why) << row.json;
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
