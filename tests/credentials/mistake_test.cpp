// What people send by mistake, and the reason, line and hint that they read. One row each: judge them at a glance.
#include "base/reason.hpp"
#include "credentials/credentials.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::credentials {
namespace {

using namespace std::string_literals;

constexpr std::size_t max_token_bytes = 16384;

/// Its segments have "SeCrEt" in them, which no message may show. The passwords below have "hunter2".
const std::string token = "eyJSeCrEtJ9.eyJSeCrEt.SeCrEt";

struct Row {
    std::string sent;
    const char *reason;
    const char *line;
    const char *hint;
};

void check(const Row &row, const Credentials &credentials, bool token_in_username = false) {
    SCOPED_TRACE(testing::PrintToString(row.sent.substr(0, 100)));
    std::string storage;
    const auto result = extract_token(credentials, token_in_username, max_token_bytes, storage);
    ASSERT_FALSE(result);
    const Failure &failure = result.error();
    EXPECT_STREQ(reason_name(failure.reason), row.reason);
    EXPECT_EQ(failure.detail, row.line);
    EXPECT_EQ(failure.hint, row.hint);
    for (const char *secret : {"SeCrEt", "hunter2"}) {
        EXPECT_EQ(failure.detail.find(secret), std::string::npos);
        EXPECT_EQ(failure.hint.find(secret), std::string::npos);
    }
}

std::string utf16(std::string_view text, bool little_endian) {
    std::string out;
    for (const char c : text) out += little_endian ? std::string{c, '\0'} : std::string{'\0', c};
    return out;
}

std::string percent_encoded(std::string text, const std::string &dot) {
    for (std::size_t at = text.find('.'); at != std::string::npos; at = text.find('.'))
        text.replace(at, 1, dot);
    return text;
}

const std::string response = "{\"access_token\":\"" + token + "\",\"expires_in\":300}";
const std::string answer_error = R"({"error":"invalid_client","error_description":"hunter2"})";

TEST(Mistake, AsABearerToken) {
    const char *const jq = "send the value of access_token alone: jq -r .access_token";
    const char *const no_jwt =
        "87 bytes that are no JSON Web Token (eyJ..., with two dots): the provider issued an opaque token, or "
        "something else was sent";
    const char *const ask = "ask the provider for JWT access tokens, or set opaque_tokens = true";
    const char *const github = "send the job's ID token (permissions: id-token: write)";
    const char *const gitlab = "send a token of the job's id_tokens";
    const char *const not_json = "a JSON answer without access_token was sent as the token";
    const Row rows[] = {
        // the answer of the token endpoint
        {response, "OPAQUE_TOKEN", "the whole answer of the token endpoint (JSON) was sent as the token", jq},
        {" \r\n" + response, "OPAQUE_TOKEN",
         "the whole answer of the token endpoint (JSON) was sent as the token", jq},
        {"\xef\xbb\xbf" + response, "OPAQUE_TOKEN",
         "the whole answer of the token endpoint (JSON) was sent as the token", jq},
        {answer_error, "OPAQUE_TOKEN",
         "a JSON answer without access_token was sent as the token; its error is \"invalid_client\"", ""},
        {R"({ "error" : "invalid_grant" })", "OPAQUE_TOKEN",
         "a JSON answer without access_token was sent as the token; its error is \"invalid_grant\"", ""},
        {"{\"error\":\"" + std::string(64, 'e') + "\"}", "OPAQUE_TOKEN",
         "a JSON answer without access_token was sent as the token; its error is "
         "\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"",
         ""},
        // what is no error code isn't shown
        {"{\"error\":\"" + std::string(65, 'e') + "\"}", "OPAQUE_TOKEN", not_json, ""},
        {R"({"error":"hunter2"})", "OPAQUE_TOKEN", not_json, ""},
        {R"({"error":"Hunter"})", "OPAQUE_TOKEN", not_json, ""},
        {R"({"error":""})", "OPAQUE_TOKEN", not_json, ""},
        {R"({"error":"invalid_client)", "OPAQUE_TOKEN", not_json, ""},
        {R"({"error":["invalid_client"]})", "OPAQUE_TOKEN", not_json, ""},
        {R"({"error")", "OPAQUE_TOKEN", not_json, ""},
        {R"({"id_token":"SeCrEt"})", "OPAQUE_TOKEN", not_json, ""},
        {"{" + std::string(65536, ' ') + "\"access_token\"", "OPAQUE_TOKEN", not_json, ""},  // past 64 KiB
        // something in front
        {"Bearer " + token, "OPAQUE_TOKEN", "the token has the word Bearer in front",
         "send what stands behind it"},
        {"bearer opaque", "OPAQUE_TOKEN", "the token has the word Bearer in front",
         "send what stands behind it"},
        {'"' + token + '"', "OPAQUE_TOKEN", "the token stands in quotation marks",
         "send it without them: jq -r"},
        {'\'' + token + '\'', "OPAQUE_TOKEN", "the token stands in quotation marks",
         "send it without them: jq -r"},
        {' ' + token, "OPAQUE_TOKEN", "white space stands in front of the token", "send the token without it"},
        {"\t\n" + token, "OPAQUE_TOKEN", "white space stands in front of the token",
         "send the token without it"},
        {"\xef\xbb\xbf" + token, "OPAQUE_TOKEN", "a byte order mark (EF BB BF) stands in front of the token",
         "save the file without a byte order mark"},
        // the wrong encoding
        {"\xff\xfe" + utf16(token, true), "OPAQUE_TOKEN", "the token is UTF-16 text",
         "write the file as ASCII or UTF-8"},
        {"\xfe\xff" + utf16(token, false), "OPAQUE_TOKEN", "the token is UTF-16 text",
         "write the file as ASCII or UTF-8"},
        {utf16(token, true), "OPAQUE_TOKEN", "the token is UTF-16 text", "write the file as ASCII or UTF-8"},
        {utf16(response, true), "OPAQUE_TOKEN", "the token is UTF-16 text", "write the file as ASCII or UTF-8"},
        {percent_encoded(token, "%2E"), "OPAQUE_TOKEN", "the token is percent-encoded (%2E at byte 11)",
         "send it decoded"},
        {percent_encoded(token, "%2e"), "OPAQUE_TOKEN", "the token is percent-encoded (%2E at byte 11)",
         "send it decoded"},
        // opaque tokens
        {"ory_at_SeCrEt", "OPAQUE_TOKEN", "the token begins with ory_at_: an opaque token of Ory Hydra",
         "set strategies.access_token: jwt in Hydra's configuration, or opaque_tokens = true and "
         "opaque_token_prefix = ory_at_"},
        {"ya29.SeCrEt", "OPAQUE_TOKEN", "the token begins with ya29.: an opaque token of Google",
         "send an ID token: gcloud auth print-identity-token --audiences=AUDIENCE"},
        {"ghp_SeCrEt", "OPAQUE_TOKEN", "the token begins with ghp_: a token of GitHub", github},
        {"gho_SeCrEt", "OPAQUE_TOKEN", "the token begins with gho_: a token of GitHub", github},
        {"ghu_SeCrEt", "OPAQUE_TOKEN", "the token begins with ghu_: a token of GitHub", github},
        {"ghs_SeCrEt", "OPAQUE_TOKEN", "the token begins with ghs_: a token of GitHub", github},
        {"ghr_SeCrEt", "OPAQUE_TOKEN", "the token begins with ghr_: a token of GitHub", github},
        {"github_pat_SeCrEt", "OPAQUE_TOKEN", "the token begins with github_pat_: a token of GitHub", github},
        {"glpat-SeCrEt", "OPAQUE_TOKEN", "the token begins with glpat-: a token of GitLab", gitlab},
        {"glcbt-SeCrEt", "OPAQUE_TOKEN", "the token begins with glcbt-: a token of GitLab", gitlab},
        {"SeCrEt" + std::string(81, 'x'), "OPAQUE_TOKEN", no_jwt, ask},
        {"SeCrEt.x." + std::string(78, 'x'), "OPAQUE_TOKEN", no_jwt, ask},
        {"", "EMPTY_TOKEN", "no token was sent", "send the access token"},
    };
    for (const Row &row : rows) check(row, {Kind::bearer_token, row.sent, {}, {}});
}

TEST(Mistake, AsAPassword) {
    const char *const jq = "send the value of access_token alone: jq -r .access_token";
    const Row rows[] = {
        {response, "NOT_A_TOKEN", "the whole answer of the token endpoint (JSON) was sent as the password", jq},
        {answer_error, "NOT_A_TOKEN",
         "a JSON answer without access_token was sent as the password; its error is \"invalid_client\"", ""},
        {"Bearer " + token, "NOT_A_TOKEN", "the password has the word Bearer in front",
         "send what stands behind it"},
        {'"' + token + '"', "NOT_A_TOKEN", "the password stands in quotation marks",
         "send it without them: jq -r"},
        {' ' + token, "NOT_A_TOKEN", "white space stands in front of the password",
         "send the token without it"},
        {"\xef\xbb\xbf" + token, "NOT_A_TOKEN", "a byte order mark (EF BB BF) stands in front of the password",
         "save the file without a byte order mark"},
        {utf16(token, true), "NOT_A_TOKEN", "the password is UTF-16 text", "write the file as ASCII or UTF-8"},
        {percent_encoded(token, "%2E"), "NOT_A_TOKEN", "the password is percent-encoded (%2E at byte 11)",
         "send it decoded"},
        {"eyJSeCrEtJ9.eyJSeCrEt", "NOT_A_TOKEN",
         "the password has 2 segments, a token has 3: its signature is missing", ""},
        {"ory_at_SeCrEt", "NOT_A_TOKEN", "the password begins with ory_at_: an opaque token of Ory Hydra",
         "set strategies.access_token: jwt in Hydra's configuration, or opaque_tokens = true and "
         "opaque_token_prefix = ory_at_"},
        {"", "NOT_A_TOKEN", "the client sent no password", "send the access token as the password"},
        // Ordinary passwords: nothing is said of how they look, not even how many dots they have.
        {"hunter2", "NOT_A_TOKEN", "", ""},
        {"eye.witness42", "NOT_A_TOKEN", "", ""},
        {" hunter2", "NOT_A_TOKEN", "", ""},
        {"\"hunter2\"", "NOT_A_TOKEN", "", ""},
        {"Bearer of hunter2", "NOT_A_TOKEN", "", ""},
        {"{hunter2}", "NOT_A_TOKEN", "", ""},
        {R"({"error":"hunter2"})", "NOT_A_TOKEN", "", ""},
        {"\xef\xbb\xbfhunter2", "NOT_A_TOKEN", "", ""},
        {"\xff\xfehunter2", "NOT_A_TOKEN", "", ""},
        {"eyJhunter2", "NOT_A_TOKEN", "", ""},
        {"100%2Ehunter2", "NOT_A_TOKEN", "", ""},
        {"eyJhunter2%2F", "NOT_A_TOKEN", "", ""},
    };
    for (const Row &row : rows) {
        check(row, {Kind::username_password, {}, "alice", row.sent});
        if (row.sent.find('\0') != std::string::npos) continue;  // none may stand in PLAIN
        check(row, {Kind::sasl_plain, "\0alice\0"s + row.sent, {}, {}});
    }
}

TEST(Mistake, InTheUsername) {
    const char *const hint = "send it as the password, or set token_in_username = true";
    const Row rows[] = {
        {"", "NOT_A_TOKEN", "the token stands in the username, and there is no password", hint},
        {"hunter2", "NOT_A_TOKEN", "the token stands in the username, and the password isn't one", hint},
    };
    for (const Row &row : rows) check(row, {Kind::username_password, {}, token, row.sent});
    const Row neither{"", "NOT_A_TOKEN", "the client sent no password",
                      "send the access token as the password"};
    check(neither, {Kind::username_password, {}, "alice", ""}, true);
    check(neither, {Kind::username_password, {}, "", ""}, true);
}

TEST(Mistake, InAnAuthorizationHeader) {
    const char *const form = "Authorization: Bearer TOKEN";
    const char *const basic = "Authorization: Basic BASE64, that is base64 of USERNAME:TOKEN";
    const char *const malformed = "MALFORMED_CREDENTIALS";
    const Row rows[] = {
        {"", malformed, "the Authorization header is empty", form},
        {token, malformed, "the Authorization header has a token without the word Bearer in front", form},
        {"Token " + token, malformed, "the Authorization header has the scheme \"Token\"", form},
        {"dpop " + token, malformed, "the Authorization header has the scheme \"DPoP\"", form},
        {"hunter2 hunter2", malformed, "the Authorization header has neither the scheme Bearer nor Basic",
         form},
        {"Bearer", "EMPTY_TOKEN", "the Authorization header has nothing behind Bearer", form},
        {"Bearer Bearer " + token, malformed, "the token has the word Bearer in front",
         "send what stands behind it"},
        {R"(Bearer {"access_token": "SeCrEt"})", malformed,
         "the whole answer of the token endpoint (JSON) was sent as the token",
         "send the value of access_token alone: jq -r .access_token"},
        {"Bearer " + token + " hunter2", malformed, "the Authorization header has something behind the token",
         form},
        {"Bearer \"" + token + '"', "OPAQUE_TOKEN", "the token stands in quotation marks",
         "send it without them: jq -r"},
        {"Basic hunter2=", malformed, "HTTP Basic: not padded base64 (RFC 4648 section 4)", basic},
        {"Basic aHVudGVyMg==", malformed, "HTTP Basic: no colon between username and password", basic},
        {"Basic " + std::string(30000, 'A'), "TOKEN_TOO_LARGE",
         "HTTP Basic: username and password have 22500 bytes, max_token_bytes is 16384",
         "max_token_bytes = 24576"},
        {"Basic " + std::string(1500000, 'A'), "TOKEN_TOO_LARGE",
         "HTTP Basic: username and password have 1125000 bytes, max_token_bytes is 16384", ""},
        {"Basic YWxpY2U6", "NOT_A_TOKEN", "the client sent no password",  // alice:
         "send the access token as the password"},
    };
    for (const Row &row : rows) check(row, {Kind::http_authorization, row.sent, {}, {}});
}

TEST(Mistake, InASaslMessage) {
    const char *const form =
        "n,,^Aauth=Bearer TOKEN^A^A (^A is byte 01), or the mechanism PLAIN with the token as the password";
    const Row rows[] = {
        {token, "MALFORMED_CREDENTIALS", "OAUTHBEARER: the message begins with the token, not with n,,", form},
        {"hunter2", "MALFORMED_CREDENTIALS", "OAUTHBEARER: no gs2 header (\"n,,\")", form},
        {"n,,\1auth=\1\1", "EMPTY_TOKEN", "OAUTHBEARER: auth is empty", form},
        {"n,,\1auth=Bearer \1\1", "EMPTY_TOKEN", "OAUTHBEARER: auth has nothing behind Bearer", form},
        {"n,,\1auth=Bearer  \xef\xbb\xbf" + token + "\1\1", "OPAQUE_TOKEN",
         "a byte order mark (EF BB BF) stands in front of the token",
         "save the file without a byte order mark"},
    };
    for (const Row &row : rows) check(row, {Kind::sasl_oauthbearer, row.sent, {}, {}});
    const Row plain{token, "MALFORMED_CREDENTIALS", "PLAIN: fewer than two NUL bytes",
                    "authzid NUL authcid NUL TOKEN; the first two may be empty"};
    check(plain, {Kind::sasl_plain, plain.sent, {}, {}});
}

}  // namespace
}  // namespace tokenward::credentials
