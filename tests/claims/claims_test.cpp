// Rules 7 to 11 of DESIGN section 4, a row each.
#include "claims/claims.hpp"

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tokenward::claims {
namespace {

constexpr std::int64_t now = 1'800'000'000;

config::Section base_section() {
    config::Section section;
    section.name = "oauth";
    section.issuer = "https://id.example";
    section.tokens.audience = {"broker"};
    return section;
}

/// A good payload with `members` in front. A row that sets a claim must leave out the default one.
std::string payload(const std::string &members, const std::string &without = "") {
    const std::pair<const char *, const char *> defaults[] = {
        {"iss", R"("iss":"https://id.example")"},
        {"aud", R"("aud":"broker")"},
        {"exp", R"("exp":1800000300)"},
        {"sub", R"("sub":"alice")"},
    };
    std::string out = "{" + members;
    for (const auto &[name, member] : defaults) {
        if (("," + without + ",").find(std::string(",") + name + ",") != std::string::npos) continue;
        if (out.size() > 1) out += ',';
        out += member;
    }
    return out + "}";
}

struct Row {
    const char *what;
    std::string members;
    std::string without;
    Reason reason = Reason::NONE;
    void (*change)(config::Section &) = nullptr;
    Form form = Form::jwt;
};

void check_rows(const std::vector<Row> &rows) {
    for (const Row &row : rows) {
        SCOPED_TRACE(row.what);
        config::Section section = base_section();
        if (row.change != nullptr) row.change(section);
        JsonDocument document;
        const auto json = document.parse(payload(row.members, row.without), Reason::MALFORMED_PAYLOAD);
        ASSERT_TRUE(json.has_value()) << json.error().detail;
        const auto claims = check(*json, section.issuer, section.tokens, row.form, now);
        const Reason got = claims ? Reason::NONE : claims.error().reason;
        EXPECT_STREQ(reason_name(got), reason_name(row.reason)) << (claims ? "" : claims.error().detail);
        if (!claims) {
            EXPECT_FALSE(claims.error().detail.empty()) << "a refusal says what is wrong";
        }
    }
}

}  // namespace

TEST(Claims, Rule7Issuer) {
    check_rows({
        {"equal", "", ""},
        {"one trailing slash in the token", R"("iss":"https://id.example/")", "iss"},
        {"one trailing slash in the configuration", "", "", Reason::NONE,
         [](config::Section &s) { s.issuer = "https://id.example/"; }},
        {"two trailing slashes", R"("iss":"https://id.example//")", "iss", Reason::WRONG_ISSUER},
        {"another", R"("iss":"https://evil.example")", "iss", Reason::WRONG_ISSUER},
        {"a prefix", R"("iss":"https://id.example.evil")", "iss", Reason::WRONG_ISSUER},
        {"another case", R"("iss":"https://ID.example")", "iss", Reason::WRONG_ISSUER},
        {"empty", R"("iss":"")", "iss", Reason::WRONG_ISSUER},
        {"missing", "", "iss", Reason::NO_ISSUER},
        {"a number", R"("iss":1)", "iss", Reason::INVALID_CLAIM},
        {"an array", R"("iss":["https://id.example"])", "iss", Reason::INVALID_CLAIM},
        {"null", R"("iss":null)", "iss", Reason::INVALID_CLAIM},
    });
}

TEST(Claims, Rule7Aliases) {
    const auto two = [](config::Section &s) {
        s.tokens.issuer_aliases = {"https://id.internal:8443", "http://id/trust/"};
    };
    check_rows({
        {"the issuer still", "", "", Reason::NONE, two},
        {"an alias", R"("iss":"https://id.internal:8443")", "iss", Reason::NONE, two},
        {"one trailing slash in the token", R"("iss":"https://id.internal:8443/")", "iss", Reason::NONE, two},
        {"one trailing slash in the configuration", R"("iss":"http://id/trust")", "iss", Reason::NONE, two},
        {"two trailing slashes", R"("iss":"http://id/trust//")", "iss", Reason::WRONG_ISSUER, two},
        {"another port", R"("iss":"https://id.internal")", "iss", Reason::WRONG_ISSUER, two},
        {"empty", R"("iss":"")", "iss", Reason::WRONG_ISSUER, two},
        {"without the option", R"("iss":"https://id.internal:8443")", "iss", Reason::WRONG_ISSUER},
    });
}

TEST(Claims, Rule8Audience) {
    check_rows({
        {"a string", "", ""},
        {"in an array", R"("aud":["other","broker"])", "aud"},
        {"another string", R"("aud":"other")", "aud", Reason::WRONG_AUDIENCE},
        {"another case", R"("aud":"Broker")", "aud", Reason::WRONG_AUDIENCE},
        {"a prefix", R"("aud":"brokers")", "aud", Reason::WRONG_AUDIENCE},
        {"spaces are no list", R"("aud":"other broker")", "aud", Reason::WRONG_AUDIENCE},
        {"an empty array", R"("aud":[])", "aud", Reason::WRONG_AUDIENCE},
        {"missing", "", "aud", Reason::NO_AUDIENCE},
        {"null", R"("aud":null)", "aud", Reason::NO_AUDIENCE},
        {"an object", R"("aud":{"broker":1})", "aud", Reason::INVALID_CLAIM},
        {"an array with a number", R"("aud":["broker",1])", "aud", Reason::INVALID_CLAIM},
        {"one of several configured", R"("aud":"two")", "aud", Reason::NONE,
         [](config::Section &s) {
             s.tokens.audience = {"one", "two"};
         }},
        {"verify_aud = false: anything", R"("aud":7)", "aud", Reason::NONE,
         [](config::Section &s) { s.tokens.verify_aud = false; }},
        {"verify_aud = false: none", "", "aud", Reason::NONE,
         [](config::Section &s) { s.tokens.verify_aud = false; }},
    });
}

TEST(Claims, Rule8RequiredClaims) {
    const auto refused = Reason::CLAIM_NOT_ALLOWED;
    const auto client = [](config::Section &s) {
        s.tokens.verify_aud = false;
        s.tokens.required_claims = {{"client_id", {"one", "two"}}};
    };
    const auto nested = [](config::Section &s) {
        s.tokens.required_claims = {{"kubernetes\\.io.namespace", {"factory"}}};
    };
    const auto url = [](config::Section &s) {
        s.tokens.required_claims = {{"https://id.example/team", {"7", "true"}}};
    };
    const auto both = [](config::Section &s) { s.tokens.required_claims = {{"azp", {"app"}}, {"tid", {"t"}}}; };
    check_rows({
        {"a string", R"("client_id":"one")", "aud", Reason::NONE, client},
        {"another of the values", R"("client_id":"two")", "aud", Reason::NONE, client},
        {"in an array", R"("client_id":["x","two"])", "aud", Reason::NONE, client},
        {"another string", R"("client_id":"three")", "aud", refused, client},
        {"another case", R"("client_id":"One")", "aud", refused, client},
        {"a prefix", R"("client_id":"one2")", "aud", refused, client},
        {"both in one string", R"("client_id":"one two")", "aud", refused, client},
        {"empty", R"("client_id":"")", "aud", refused, client},
        {"an empty array", R"("client_id":[])", "aud", refused, client},
        {"an array in an array", R"("client_id":[["one"]])", "aud", refused, client},
        {"an object", R"("client_id":{"one":"one"})", "aud", refused, client},
        {"null", R"("client_id":null)", "aud", refused, client},
        {"missing", "", "aud", refused, client},
        {"aud isn't looked at", R"("client_id":"one","aud":"other")", "aud", Reason::NONE, client},
        {"a path with a dot in a name", R"("kubernetes.io":{"namespace":"factory"})", "", Reason::NONE, nested},
        {"another value there", R"("kubernetes.io":{"namespace":"guests"})", "", refused, nested},
        {"the dot is no step", R"("kubernetes":{"io":{"namespace":"factory"}})", "", refused, nested},
        {"beside aud", R"("kubernetes.io":{"namespace":"factory"},"aud":"other")", "aud",
         Reason::WRONG_AUDIENCE, nested},
        {"a claim of that very name", R"("https://id.example/team":"7")", "", Reason::NONE, url},
        {"a number as it is written", R"("https://id.example/team":7)", "", Reason::NONE, url},
        {"the same number in another way", R"("https://id.example/team":7.0)", "", refused, url},
        {"a boolean", R"("https://id.example/team":true)", "", Reason::NONE, url},
        {"every claim is needed", R"("azp":"app","tid":"t")", "", Reason::NONE, both},
        {"the first is missing", R"("tid":"t")", "", refused, both},
        {"the second is missing", R"("azp":"app")", "", refused, both},
    });
}

TEST(Claims, Rule9Dates) {
    const auto strict = [](config::Section &s) { s.tokens.clock_skew_s = 0; };
    check_rows({
        {"exp in the future", "", ""},
        {"exp now", R"("exp":1800000000)", "exp", Reason::TOKEN_EXPIRED, strict},
        {"exp a second ahead", R"("exp":1800000001)", "exp", Reason::NONE, strict},
        {"a fraction is floored", R"("exp":1800000000.999)", "exp", Reason::TOKEN_EXPIRED, strict},
        {"an exponent", R"("exp":1.8000003e9)", "exp", Reason::NONE, strict},
        {"within the skew", R"("exp":1799999991)", "exp"},
        {"at the end of the skew", R"("exp":1799999990)", "exp", Reason::TOKEN_EXPIRED},
        {"a string", R"("exp":"1800000300")", "exp", Reason::INVALID_CLAIM},
        {"null", R"("exp":null)", "exp", Reason::INVALID_CLAIM},
        {"out of int64", R"("exp":9223372036854775808)", "exp", Reason::INVALID_CLAIM},
        {"huge exponent", R"("exp":1e300)", "exp", Reason::INVALID_CLAIM},
        {"the last int64", R"("exp":9223372036854775807)", "exp"},
        {"negative", R"("exp":-1)", "exp", Reason::TOKEN_EXPIRED},
        {"the smallest", R"("exp":-9223372036854775808)", "exp", Reason::TOKEN_EXPIRED},
        {"missing", "", "exp", Reason::NO_EXPIRY},
        {"missing, require_exp = false", "", "exp", Reason::NONE,
         [](config::Section &s) { s.tokens.require_exp = false; }},
        {"expired, require_exp = false", R"("exp":1)", "exp", Reason::TOKEN_EXPIRED,
         [](config::Section &s) { s.tokens.require_exp = false; }},
        {"nbf past", R"("nbf":1799999999)", ""},
        {"nbf within the skew", R"("nbf":1800000010)", ""},
        {"nbf beyond it", R"("nbf":1800000011)", "", Reason::NOT_YET_VALID},
        {"nbf now", R"("nbf":1800000000)", "", Reason::NONE, strict},
        {"nbf a string", R"("nbf":"1")", "", Reason::INVALID_CLAIM},
        {"nbf the first int64", R"("nbf":-9223372036854775808)", ""},
        {"iat within the skew", R"("iat":1800000010)", ""},
        {"iat beyond it", R"("iat":1800000011)", "", Reason::ISSUED_IN_FUTURE},
        {"iat a boolean", R"("iat":true)", "", Reason::INVALID_CLAIM},
        {"iat the last int64", R"("iat":9223372036854775807)", "", Reason::ISSUED_IN_FUTURE},
    });
}

TEST(Claims, ExpiresAtIsFlooredExpAndSkew) {
    config::Section section = base_section();
    JsonDocument document;
    auto json = document.parse(payload(R"("exp":1800000300.9)", "exp"), Reason::MALFORMED_PAYLOAD);
    EXPECT_EQ(check(*json, section.issuer, section.tokens, Form::jwt, now)->validity.expires_at, 1800000310);
    section.tokens.require_exp = false;
    json = document.parse(payload("", "exp"), Reason::MALFORMED_PAYLOAD);
    EXPECT_EQ(check(*json, section.issuer, section.tokens, Form::jwt, now)->validity.expires_at, INT64_MAX);
}

TEST(Claims, CheckTimeIsOneInstant) {
    const Validity validity{100, 200};
    EXPECT_EQ(check_time(validity, 99).error().reason, Reason::NOT_YET_VALID);
    EXPECT_TRUE(check_time(validity, 100).has_value());
    EXPECT_TRUE(check_time(validity, 199).has_value());
    EXPECT_EQ(check_time(validity, 200).error().reason, Reason::TOKEN_EXPIRED);
}

TEST(Claims, Rule10NotAnAccessToken) {
    const auto id_allowed = [](config::Section &s) { s.tokens.allow_id_token = true; };
    const auto refused = Reason::NOT_AN_ACCESS_TOKEN;
    const auto bound_only = [](config::Section &s) { s.tokens.bound_tokens = config::BoundTokens::require; };
    check_rows({
        {"typ ID", R"("typ":"ID")", "", refused},
        {"typ Refresh", R"("typ":"Refresh")", "", refused},
        {"typ Offline", R"("typ":"Offline")", "", refused},
        {"typ Logout", R"("typ":"Logout")", "", refused},
        {"typ Bearer", R"("typ":"Bearer")", ""},
        {"token_use id", R"("token_use":"id")", "", refused},
        {"token_use access", R"("token_use":"access")", ""},
        {"token_use null", R"("token_use":null)", "", refused},
        {"at_hash", R"("at_hash":"x")", "", refused},
        {"at_hash null", R"("at_hash":null)", "", refused},
        {"c_hash", R"("c_hash":"x")", "", refused},
        {"nonce", R"("nonce":"x")", "", refused},
        {"nonce with typ Bearer (Keycloak before 24)", R"("nonce":"x","typ":"Bearer")", ""},
        {"nonce with typ ID", R"("nonce":"x","typ":"ID")", "", refused},
        {"allow_id_token: typ ID", R"("typ":"ID","nonce":"x","at_hash":"y")", "", Reason::NONE, id_allowed},
        {"events", R"("events":{})", "", refused},
        {"events, allow_id_token", R"("events":{})", "", refused, id_allowed},
        {"cnf", R"("cnf":{"jkt":"x"})", "", Reason::SENDER_CONSTRAINED},
        {"cnf null", R"("cnf":null)", "", Reason::SENDER_CONSTRAINED},
        {"cnf with a certificate", R"("cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"})", ""},
        {"cnf with a certificate and a key", R"("cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0","jkt":"x"})", "",
         Reason::SENDER_CONSTRAINED},
        {"x5t#S256 too short", R"("cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5g"})", "", Reason::INVALID_CLAIM},
        {"x5t#S256 too long", R"("cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0A"})", "", Reason::INVALID_CLAIM},
        {"x5t#S256 with stray bits", R"("cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v1"})", "", Reason::INVALID_CLAIM},
        {"x5t#S256 with padding", R"("cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0="})", "", Reason::INVALID_CLAIM},
        {"x5t#S256 empty", R"("cnf":{"x5t#S256":""})", "", Reason::INVALID_CLAIM},
        {"x5t#S256 no string", R"("cnf":{"x5t#S256":[1]})", "", Reason::INVALID_CLAIM},
        {"cnf empty", R"("cnf":{})", "", Reason::SENDER_CONSTRAINED},
        {"cnf an array", R"("cnf":["x5t#S256"])", "", Reason::SENDER_CONSTRAINED},
        {"cnf a string", R"("cnf":"x5t#S256")", "", Reason::SENDER_CONSTRAINED},
        {"bound_tokens = require", "", "", Reason::TOKEN_NOT_BOUND, bound_only},
        {"bound_tokens = require, bound", R"("cnf":{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"})", "", Reason::NONE,
         bound_only},
        {"bound_tokens = require, DPoP", R"("cnf":{"jkt":"x"})", "", Reason::SENDER_CONSTRAINED, bound_only},
        {"cnf, allow_cnf", R"("cnf":{"jkt":"x"})", "", Reason::NONE,
         [](config::Section &s) { s.tokens.allow_cnf = true; }},
    });
}

TEST(Claims, Rule10Marks) {
    const auto refused = Reason::NOT_AN_ACCESS_TOKEN;
    const auto dex = [](config::Section &s) { s.tokens.id_token_marks = {"c_hash"}; };
    const auto none = [](config::Section &s) { s.tokens.id_token_marks = {}; };
    const auto own = [](config::Section &s) { s.tokens.id_token_marks = {"sid"}; };
    check_rows({
        {"at_hash that is no mark", R"("at_hash":"x")", "", Reason::NONE, dex},
        {"nonce that is no mark", R"("nonce":"x")", "", Reason::NONE, dex},
        {"the mark that is left", R"("at_hash":"x","c_hash":"x")", "", refused, dex},
        {"no marks", R"("at_hash":"x","c_hash":"x","nonce":"x")", "", Reason::NONE, none},
        {"no marks: typ ID still", R"("typ":"ID")", "", refused, none},
        {"no marks: token_use id still", R"("token_use":"id")", "", refused, none},
        {"a mark of one's own", R"("sid":"x")", "", refused, own},
        {"typ Bearer excuses the nonce alone", R"("at_hash":"x","typ":"Bearer")", "", refused},
        {"at+jwt: no mark counts", R"("at_hash":"x","c_hash":"x","nonce":"x")", "", Reason::NONE, nullptr,
         Form::at_jwt},
        {"at+jwt: typ ID", R"("typ":"ID")", "", refused, nullptr, Form::at_jwt},
        {"at+jwt: token_use id", R"("token_use":"id")", "", refused, nullptr, Form::at_jwt},
        {"at+jwt: events", R"("events":{})", "", refused, nullptr, Form::at_jwt},
    });
}

TEST(Claims, OfAnAnswerAboutATokenLessMustBeSaid) {
    const auto refused = Reason::NOT_AN_ACCESS_TOKEN;
    const auto form = Form::introspection;
    check_rows({
        {"whole", R"("active":true,"token_type":"Bearer")", "", Reason::NONE, nullptr, form},
        {"no iss", "", "iss", Reason::NONE, nullptr, form},
        {"another iss", R"("iss":"https://evil.example")", "iss", Reason::WRONG_ISSUER, nullptr, form},
        {"iss of another kind", R"("iss":null)", "iss", Reason::INVALID_CLAIM, nullptr, form},
        {"no exp", "", "exp", Reason::NONE, nullptr, form},
        {"an exp that is over", R"("exp":1799999000)", "exp", Reason::TOKEN_EXPIRED, nullptr, form},
        {"no aud", "", "aud", Reason::NO_AUDIENCE, nullptr, form},
        {"another aud", R"("aud":"other")", "aud", Reason::WRONG_AUDIENCE, nullptr, form},
        {"token_type in another case", R"("token_type":"bearer")", "", Reason::NONE, nullptr, form},
        {"token_type access_token", R"("token_type":"access_token")", "", Reason::NONE, nullptr, form},
        {"token_type null", R"("token_type":null)", "", Reason::NONE, nullptr, form},
        {"token_type DPoP", R"("token_type":"DPoP")", "", refused, nullptr, form},
        {"token_type refresh_token", R"("token_type":"refresh_token")", "", refused, nullptr, form},
        {"token_type of another kind", R"("token_type":["Bearer"])", "", refused, nullptr, form},
        {"token_use access_token", R"("token_use":"access_token")", "", Reason::NONE, nullptr, form},
        {"token_use refresh_token", R"("token_use":"refresh_token")", "", refused, nullptr, form},
        {"typ Refresh", R"("typ":"Refresh")", "", refused, nullptr, form},
        {"cnf of DPoP", R"("cnf":{"jkt":"x"})", "", Reason::SENDER_CONSTRAINED, nullptr, form},
        {"no name", "", "sub", Reason::NO_USERNAME, nullptr, form},
        {"a token says nothing by token_type", R"("token_type":"DPoP")", "", Reason::NONE},
        {"token_use access_token in a token", R"("token_use":"access_token")", "", refused},
    });
}

TEST(Claims, Rule10TheHintNamesTheMarkAndTheSetting) {
    struct Row {
        const char *members;
        const char *detail;
        const char *hint;
    };
    const Row rows[] = {
        {R"("at_hash":"x")", "at_hash makes", "id_token_marks = c_hash,nonce"},
        {R"("nonce":"x")", "nonce makes", "id_token_marks = at_hash,c_hash"},
        {R"("nonce":"x","at_hash":"y")", "at_hash, nonce make it", "id_token_marks = c_hash"},
    };
    for (const Row &row : rows) {
        JsonDocument document;
        const auto json = document.parse(payload(row.members), Reason::MALFORMED_PAYLOAD);
        const auto refused = check(*json, "https://id.example", base_section().tokens, Form::jwt, now);
        ASSERT_FALSE(refused) << row.members;
        EXPECT_NE(refused.error().detail.find(row.detail), std::string::npos) << refused.error().detail;
        EXPECT_TRUE(refused.error().hint.ends_with(row.hint)) << refused.error().hint;
    }
}

TEST(Claims, Rule11Username) {
    struct UsernameRow {
        const char *what;
        std::string members;
        std::string username;  ///< empty: refused
        Reason reason = Reason::NONE;
    };
    const std::string long_name(255, 'x');
    const UsernameRow rows[] = {
        {"the first that is there", R"("sub":"alice","client_id":"app")", "alice"},
        {"the second", R"("client_id":"app")", "app"},
        {"null is not there", R"("sub":null,"client_id":"app")", "app"},
        {"empty is not there", R"("sub":"","client_id":"app")", "app"},
        {"none", R"("azp":"x")", "", Reason::NO_USERNAME},
        {"no falling through a number", R"("sub":7,"client_id":"app")", "", Reason::INVALID_USERNAME},
        {"no falling through an array", R"("sub":[],"client_id":"app")", "", Reason::INVALID_USERNAME},
        {"255 bytes", R"("sub":")" + long_name + R"(")", long_name},
        {"256 bytes", R"("sub":")" + long_name + R"(x")", "", Reason::INVALID_USERNAME},
        {"a newline", R"("sub":"a\nb")", "", Reason::INVALID_USERNAME},
        {"NUL", R"("sub":"a\u0000b")", "", Reason::INVALID_USERNAME},
        {"DEL", R"("sub":"a\u007fb")", "", Reason::INVALID_USERNAME},
        {"C1", R"("sub":"a\u0085b")", "", Reason::INVALID_USERNAME},
        {"right-to-left override", R"("sub":"a\u202eb")", "", Reason::INVALID_USERNAME},
        {"isolate", R"("sub":"a\u2066b")", "", Reason::INVALID_USERNAME},
        {"Arabic letter mark", R"("sub":"a\u061cb")", "", Reason::INVALID_USERNAME},
        {"line separator", R"("sub":"a\u2028b")", "", Reason::INVALID_USERNAME},
        {"a zero-width space", R"("sub":"a\u200bb")", "", Reason::INVALID_USERNAME},
        {"a no-break space", R"("sub":"a\u00a0b")", "", Reason::INVALID_USERNAME},
        {"a tag character", R"("sub":"a\udb40\udc61b")", "", Reason::INVALID_USERNAME},
        {"a space in front", R"("sub":" a")", "", Reason::INVALID_USERNAME},
        {"a space behind", R"("sub":"a ")", "", Reason::INVALID_USERNAME},
        {"nothing but a space", R"("sub":" ")", "", Reason::INVALID_USERNAME},
        {"umlauts and spaces are fine", R"("sub":"J\u00f6rg M.")", "J\xc3\xb6rg M."},
        {"an emoji is fine", R"("sub":"\ud83d\ude00")", "\xf0\x9f\x98\x80"},
    };
    for (const UsernameRow &row : rows) {
        SCOPED_TRACE(row.what);
        JsonDocument document;
        const auto json = document.parse(payload(row.members, "sub"), Reason::MALFORMED_PAYLOAD);
        ASSERT_TRUE(json.has_value()) << json.error().detail;
        const auto claims = check(*json, base_section().issuer, base_section().tokens, Form::jwt, now);
        if (row.reason == Reason::NONE) {
            ASSERT_TRUE(claims.has_value()) << claims.error().detail;
            EXPECT_EQ(claims->username, row.username);
        } else {
            ASSERT_FALSE(claims.has_value());
            EXPECT_STREQ(reason_name(claims.error().reason), reason_name(row.reason));
        }
    }
}

std::string utf8(char32_t c) {
    const auto byte = [](char32_t bits) { return static_cast<char>(bits); };
    if (c < 0x80) return {byte(c)};
    if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F))};
    if (c < 0x10000) return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
    return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)),
            byte(0x80 | (c & 0x3F))};
}

TEST(Claims, Rule11CharactersThatNobodySees) {
    struct Run {
        char32_t first;
        char32_t last;
        const char *what;
    };
    const Run runs[] = {
        {0x00, 0x1F, "a control character"}, {0x7F, 0x9F, "a control character"},
        {0xA0, 0xA0, "white space"},         {0xAD, 0xAD, "invisible"},  // soft hyphen
        {0x34F, 0x34F, "invisible"},         {0x61C, 0x61C, "direction"},
        {0x115F, 0x1160, "invisible"},       {0x1680, 0x1680, "white space"},
        {0x17B4, 0x17B5, "invisible"},       {0x180B, 0x180F, "invisible"},
        {0x2000, 0x200A, "white space"},     {0x200B, 0x200D, "invisible"},  // zero-width
        {0x200E, 0x200F, "direction"},       {0x2028, 0x2029, "white space"},
        {0x202A, 0x202E, "direction"},       {0x202F, 0x202F, "white space"},
        {0x205F, 0x205F, "white space"},     {0x2060, 0x2065, "invisible"},
        {0x2066, 0x2069, "direction"},       {0x206A, 0x206F, "invisible"},
        {0x2800, 0x2800, "invisible"},       {0x3000, 0x3000, "white space"},
        {0x3164, 0x3164, "invisible"},       {0xFE00, 0xFE0F, "invisible"},  // variation selectors
        {0xFEFF, 0xFEFF, "invisible"},       {0xFFA0, 0xFFA0, "invisible"},
        {0xFFF0, 0xFFFB, "invisible"},       {0x1BCA0, 0x1BCA3, "invisible"},
        {0x1D173, 0x1D17A, "invisible"},     {0xE0000, 0xE0FFF, "invisible"},  // tags, more variation selectors
    };
    const Run *run = runs;
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;  // surrogates
        while (run != std::end(runs) && run->last < c) ++run;
        const bool refused = run != std::end(runs) && run->first <= c;
        const std::string problem = username_problem("\xc3\xb6" + utf8(c) + "b");
        if (!refused) {
            ASSERT_EQ(problem, "") << static_cast<std::uint32_t>(c);
            continue;
        }
        ASSERT_NE(problem.find(fmt::format("its character 2 is U+{:04X}, ", static_cast<std::uint32_t>(c))),
                  std::string::npos)
            << problem;
        ASSERT_NE(problem.find(run->what), std::string::npos) << problem;
    }
    EXPECT_EQ(username_problem(" a"), "it begins with a space");
    EXPECT_EQ(username_problem("a "), "it ends with a space");
    EXPECT_EQ(username_problem("a b"), "");
    EXPECT_EQ(username_problem(""), "it is empty");
    EXPECT_EQ(username_problem("a\xff"), "it isn't UTF-8");
}

TEST(Claims, ARefusedUsernameIsToldWithItsCharacter) {
    const config::Section section = base_section();
    JsonDocument document;
    const auto json = document.parse(payload(R"("sub":"ad\u200bmin")", "sub"), Reason::MALFORMED_PAYLOAD);
    EXPECT_EQ(check(*json, section.issuer, section.tokens, Form::jwt, now).error().detail,
              R"("sub" is "ad\xe2\x80\x8bmin": its character 3 is U+200B, an invisible character)");
}

TEST(Claims, Rule11NestedUsername) {
    struct Row {
        const char *what;
        std::string members;
        std::string username;  ///< empty: refused
        Reason reason = Reason::NONE;
    };
    const Row rows[] = {
        {"by a path", R"("act":{"name":"alice"})", "alice"},
        {"a claim of that very name comes first", R"("act":{"name":"alice"},"act.name":"bob")", "bob"},
        {"a dot in a name", R"("example.com":{"user":"alice"})", "alice"},
        {"the next option, if the path ends early", R"("act":{"x":"y"},"sub":"carol")", "carol"},
        {"and if it leads through a text", R"("act":"name","sub":"carol")", "carol"},
        {"no falling through a number", R"("act":{"name":7},"sub":"carol")", "", Reason::INVALID_USERNAME},
        {"no falling through an object", R"("act":{"name":{}},"sub":"carol")", "", Reason::INVALID_USERNAME},
        {"a path leads through objects only", R"("act":[{"name":"alice"}])", "", Reason::NO_USERNAME},
    };
    config::Section section = base_section();
    section.tokens.preferred_username_claims = {"act.name", "example\\.com.user", "sub"};
    for (const Row &row : rows) {
        SCOPED_TRACE(row.what);
        JsonDocument document;
        const auto json = document.parse(payload(row.members, "sub"), Reason::MALFORMED_PAYLOAD);
        ASSERT_TRUE(json.has_value()) << json.error().detail;
        const auto claims = check(*json, section.issuer, section.tokens, Form::jwt, now);
        EXPECT_STREQ(reason_name(claims ? Reason::NONE : claims.error().reason), reason_name(row.reason));
        if (claims) {
            EXPECT_EQ(claims->username, row.username);
        }
    }
}

TEST(Claims, TheUsernamePrefixCountsInTheLength) {
    config::Section section = base_section();
    section.tokens.username_prefix = "b:";
    JsonDocument document;
    const auto json = document.parse(payload(R"("sub":")" + std::string(254, 'x') + R"(")", "sub"),
                                     Reason::MALFORMED_PAYLOAD);
    EXPECT_EQ(check(*json, section.issuer, section.tokens, Form::jwt, now).error().reason,
              Reason::INVALID_USERNAME);
}

}  // namespace tokenward::claims
