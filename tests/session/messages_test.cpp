// What a user reads when something goes wrong: each input with the line and the hint that come out, to be judged at a
// glance. A line says where, which value, what was needed; a hint is an action with a value in it, or nothing.
#include "base/json.hpp"
#include "fixture.hpp"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tokenward::session {
namespace {

/// Members of a JSON object by name, as they stand; an empty one is left out.
using Members = std::map<std::string, std::string>;

std::string object_of(Members members, const Members &changed) {
    for (const auto &[name, value] : changed) members[name] = value;
    std::string out;
    for (const auto &[name, value] : members) {
        if (!value.empty()) out += (out.empty() ? "{\"" : ",\"") + name + "\":" + value;
    }
    return out + "}";
}

constexpr const char *keycloak = R"("https://id.example.com/realms/factory")";

class Messages : public BackendTest {
  protected:
    void configure(const Members &section) {
        const Members defaults{{"issuer", keycloak},
                               {"resource_server_id", R"("broker")"},
                               {"jwks_file", '"' + provider.path("jwks.json") + '"'}};
        if (backend) backend->close();
        log.clear();
        backend = make_backend(options_with_log(object_of(defaults, section), log), clock);
        ASSERT_TRUE(backend);
    }
    static std::string token_of(const Members &claims, const Members &header = {}) {
        const Members payload{{"iss", keycloak},
                              {"aud", R"("broker")"},
                              {"sub", R"("alice")"},
                              {"exp", "1800000300"},
                              {"scope", R"("broker.read:%2F/orders*")"}};
        const Members fields{{"alg", R"("ES256")"}, {"kid", R"("ec256")"}};
        return Provider::key_of("ES256").sign("ES256", object_of(fields, header), object_of(payload, claims));
    }

    /// "REASON: line" and the hint.
    std::pair<std::string, std::string> refusal_of(const credentials::Credentials &presented) {
        const auto result = backend->authenticate(presented, {});
        if (result) return {"accepted", ""};
        const Failure &failure = result.error();
        return {std::string(reason_name(failure.reason)) + ": " + failure.detail,
                std::string(hint_of(failure))};
    }
};

/// A token that a rule refuses.
struct TokenRow {
    const char *what;
    Members section;
    Members claims;
    const char *line;
    const char *hint;
    Members header = {};
};

TEST_F(Messages, Tokens) {
    // clang-format off
    const std::vector<TokenRow> rows = {
        // ---- header and algorithm
        {"HMAC", {}, {},
         "ALGORITHM_NOT_ALLOWED: alg is HS256, a shared secret: who checks such tokens could forge them",
         "sign with RS256, PS256, ES256 or EdDSA", {{"alg", R"("HS256")"}}},
        {"no signature", {}, {},
         "ALGORITHM_NOT_ALLOWED: alg is none: the token has no signature",
         "let the provider sign with RS256, PS256, ES256 or EdDSA; HMAC and none are never accepted", {{"alg", R"("none")"}}},
        {"an alg that nobody knows", {}, {},
         R"(ALGORITHM_NOT_ALLOWED: alg is "ES256K", which isn't known here)",
         "sign with RS256, PS256, ES256 or EdDSA", {{"alg", R"("ES256K")"}}},
        {"an alg that isn't allowed here", {{"algorithms", R"("RS256")"}}, {},
         "ALGORITHM_NOT_ALLOWED: alg is ES256, algorithms has RS256",
         "algorithms = RS256,ES256"},
        {"an alg that isn't the key's", {}, {},
         R"(ALGORITHM_MISMATCH: alg is ES256, the key "rsa" is of type RSA 2048)",
         "", {{"kid", R"("rsa")"}}},
        {"a critical header", {}, {},
         R"(CRITICAL_HEADER: the header has crit: "b64")",
         "turn off critical header extensions at the provider", {{"crit", R"(["b64"])"}}},
        {"a DPoP proof", {}, {},
         R"(WRONG_TYPE: typ is "dpop+jwt": this is a DPoP proof, not an access token)",
         "send the access_token of the token response", {{"typ", R"("dpop+jwt")"}}},
        {"a logout token by its header", {}, {},
         R"(WRONG_TYPE: typ is "logout+jwt": this is a logout token, not an access token)",
         "send the access_token of the token response", {{"typ", R"("logout+jwt")"}}},
        {"no typ, and require_at_jwt", {{"require_at_jwt", "true"}}, {},
         "WRONG_TYPE: there is no typ, require_at_jwt wants at+jwt",
         "require_at_jwt = false"},
        {"kid is a number", {}, {},
         "INVALID_KEY_ID: kid is a number, it must be a string",
         "", {{"kid", "7"}}},
        {"no such key", {}, {},
         R"(UNKNOWN_KEY: no key has the token's kid "k9"; the set has "rsa", "ec256", "ec384", "ec512" and 1 more)",
         "", {{"kid", R"("k9")"}}},
        {"the configured key isn't there", {{"default_key", R"("main")"}}, {},
         R"(UNKNOWN_KEY: no key has the configured default_key "main"; the set has "rsa", "ec256", "ec384", "ec512" and 1 more)",
         "default_key = rsa", {{"kid", ""}}},
        // ---- issuer
        {"another host, the same realm", {}, {{"iss", R"("https://id.internal:8443/realms/factory")"}},
         R"(WRONG_ISSUER: iss is "https://id.internal:8443/realms/factory", configured is "https://id.example.com/realms/factory")",
         "issuer_aliases = https://id.internal:8443/realms/factory, if both are one provider"},
        {"http, else the same", {}, {{"iss", R"("http://id.example.com/realms/factory")"}},
         R"(WRONG_ISSUER: iss is "http://id.example.com/realms/factory", configured is "https://id.example.com/realms/factory")",
         "issuer_aliases = http://id.example.com/realms/factory, if both are one provider; or tell Keycloak its address: --hostname=https://id.example.com"},
        {"upper and lower case", {}, {{"iss", R"("https://ID.example.com/realms/factory")"}},
         R"(WRONG_ISSUER: iss is "https://ID.example.com/realms/factory", configured is "https://id.example.com/realms/factory"; upper and lower case differ)",
         "issuer = https://ID.example.com/realms/factory"},
        {"Entra ID, version 1", {{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}}, {{"iss", R"("https://sts.windows.net/0a1b/")"}},
         R"(WRONG_ISSUER: iss is "https://sts.windows.net/0a1b/", configured is "https://login.microsoftonline.com/0a1b/v2.0")",
         "accessTokenAcceptedVersion = 2 in the manifest of the broker's app, or issuer_aliases = https://sts.windows.net/0a1b/"},
        {"Entra ID, another tenant", {{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}}, {{"iss", R"("https://sts.windows.net/ffff/")"}},
         R"(WRONG_ISSUER: iss is "https://sts.windows.net/ffff/", configured is "https://login.microsoftonline.com/0a1b/v2.0")",
         ""},
        {"AD FS", {{"issuer", R"("https://fs.example.com/adfs")"}}, {{"iss", R"("http://fs.example.com/adfs/services/trust")"}},
         R"(WRONG_ISSUER: iss is "http://fs.example.com/adfs/services/trust", configured is "https://fs.example.com/adfs")",
         "issuer = http://fs.example.com/adfs/services/trust and jwks_uri = https://fs.example.com/adfs/discovery/keys"},
        {"another realm", {}, {{"iss", R"("https://id.example.com/realms/office")"}},
         R"(WRONG_ISSUER: iss is "https://id.example.com/realms/office", configured is "https://id.example.com/realms/factory")",
         ""},
        {"the token of a Secret", {}, {{"iss", R"("kubernetes/serviceaccount")"}},
         R"(WRONG_ISSUER: iss is "kubernetes/serviceaccount", configured is "https://id.example.com/realms/factory"; it is the token of a Secret)",
         "mount a projected service account token (serviceAccountToken in the pod's volumes)"},
        {"a stranger's", {}, {{"iss", R"("https://evil.example.net/x")"}},
         R"(WRONG_ISSUER: iss is "https://evil.example.net/x", configured is "https://id.example.com/realms/factory")",
         ""},
        {"one that can't be copied, with the same path", {}, {{"iss", R"("https://id.\u202eexample.com/realms/factory")"}},
         R"(WRONG_ISSUER: iss is "https://id.\xe2\x80\xaeexample.com/realms/factory", configured is "https://id.example.com/realms/factory")",
         ""},
        {"an issuer that would break a line", {}, {{"iss", R"("https://id.example.com/realms/factory\nissuer = https://evil.example")"}},
         R"(WRONG_ISSUER: iss is "https://id.example.com/realms/factory\nissuer = https://evil.example", configured is "https://id.example.com/realms/factory")",
         ""},
        {"no iss", {}, {{"iss", ""}},
         "NO_ISSUER: the token has no iss",
         "let the provider set it (RFC 7519 section 4.1.1)"},
        {"iss is an array", {}, {{"iss", R"(["https://id.example.com/realms/factory"])"}},
         "INVALID_CLAIM: iss is an array, it must be a string",
         ""},
        // ---- audience
        {"Keycloak's usual one", {}, {{"aud", R"("account")"}},
         R"(WRONG_AUDIENCE: aud is "account", needed is "broker")",
         "give the client a role of broker, or its client scope a mapper Audience with broker; audience = broker,account, if such tokens are meant for this broker"},
        {"many", {}, {{"aud", R"(["a","b","c","d","e","f"])"}},
         R"(WRONG_AUDIENCE: aud is "a", "b", "c", "d" and 2 more, needed is "broker")",
         "give the client a role of broker, or its client scope a mapper Audience with broker; audience = broker,a, if such tokens are meant for this broker"},
        {"an ID token", {}, {{"aud", R"("sensor-app")"}, {"nonce", R"("n")"}},
         R"(WRONG_AUDIENCE: aud is "sensor-app", needed is "broker"; it looks like an ID token (nonce))",
         "send the access_token of the token response"},
        {"Cognito's ID token", {{"issuer", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}}, {{"iss", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}, {"aud", R"("1example")"}, {"token_use", R"("id")"}},
         R"(WRONG_AUDIENCE: aud is "1example", needed is "broker"; it looks like an ID token (token_use))",
         "send the access_token of the token response"},
        {"Microsoft Graph", {{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}}, {{"iss", R"("https://login.microsoftonline.com/0a1b/v2.0")"}, {"aud", R"("00000003-0000-0000-c000-000000000000")"}},
         R"(WRONG_AUDIENCE: aud is "00000003-0000-0000-c000-000000000000", needed is "broker")",
         "ask for the scope api://broker/.default, not for Microsoft Graph's"},
        {"Auth0 without audience", {{"issuer", R"("https://factory.eu.auth0.com/")"}}, {{"iss", R"("https://factory.eu.auth0.com/")"}, {"aud", R"("https://factory.eu.auth0.com/userinfo")"}},
         R"(WRONG_AUDIENCE: aud is "https://factory.eu.auth0.com/userinfo", needed is "broker")",
         "send audience=broker with the request for the token"},
        {"another provider's, that ends so too", {{"issuer", R"("https://id.example")"}}, {{"iss", R"("https://id.example")"}, {"aud", R"("https://id.example/userinfo")"}},
         R"(WRONG_AUDIENCE: aud is "https://id.example/userinfo", needed is "broker")",
         "audience = broker,https://id.example/userinfo, if such tokens are meant for this broker"},
        {"AD FS without resource", {{"issuer", R"("https://fs.example.com/adfs")"}}, {{"iss", R"("https://fs.example.com/adfs")"}, {"aud", R"("urn:microsoft:userinfo")"}},
         R"(WRONG_AUDIENCE: aud is "urn:microsoft:userinfo", needed is "broker")",
         "send resource=broker with the request for the token"},
        {"a pod's own token", {{"issuer", R"("https://kubernetes.default.svc")"}}, {{"iss", R"("https://kubernetes.default.svc")"}, {"sub", R"("system:serviceaccount:default:app")"}, {"aud", R"(["https://kubernetes.default.svc"])"}},
         R"(WRONG_AUDIENCE: aud is "https://kubernetes.default.svc", needed is "broker")",
         "mount a projected service account token with audience: broker"},
        {"upper and lower case", {}, {{"aud", R"("Broker")"}},
         R"(WRONG_AUDIENCE: aud is "Broker", needed is "broker")",
         "audience = Broker"},
        {"one of several is needed", {{"issuer", R"("https://id.example")"}, {"audience", R"("orders,telemetry")"}}, {{"iss", R"("https://id.example")"}, {"aud", R"("stock")"}},
         R"(WRONG_AUDIENCE: aud is "stock", needed is "orders", "telemetry")",
         "audience = orders,telemetry,stock, if such tokens are meant for this broker"},
        {"one that can't be copied", {{"issuer", R"("https://id.example")"}}, {{"iss", R"("https://id.example")"}, {"aud", R"("a\nb")"}},
         R"(WRONG_AUDIENCE: aud is "a\nb", needed is "broker")",
         ""},
        {"an empty list", {{"issuer", R"("https://id.example")"}}, {{"iss", R"("https://id.example")"}, {"aud", "[]"}},
         R"(WRONG_AUDIENCE: aud is [], needed is "broker")",
         ""},
        {"none, Keycloak", {}, {{"aud", ""}},
         R"(NO_AUDIENCE: the token has no aud, needed is "broker")",
         "give the client a role of broker, or its client scope a mapper Audience with broker"},
        {"none, Cognito", {{"issuer", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}}, {{"iss", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}, {"aud", ""}, {"client_id", R"("1example23456789")"}, {"token_use", R"("access")"}},
         R"(NO_AUDIENCE: the token has no aud, needed is "broker")",
         "if the provider never writes aud: verify_aud = false and required_claims.client_id = 1example23456789"},
        {"none, and nothing instead", {{"issuer", R"("https://id.example")"}}, {{"iss", R"("https://id.example")"}, {"aud", ""}},
         R"(NO_AUDIENCE: the token has no aud, needed is "broker")",
         ""},
        {"a number", {}, {{"aud", "7"}},
         "INVALID_CLAIM: aud is a number, it must be a string or an array of strings",
         ""},
        {"another client", {{"verify_aud", "false"}, {"required_claims.client_id", R"("press")"}}, {{"client_id", R"("oven")"}},
         R"(CLAIM_NOT_ALLOWED: client_id is "oven", required_claims has "press")",
         "required_claims.client_id = press,oven, if such tokens are meant for this broker"},
        {"another group", {{"required_claims.groups", R"("operators")"}}, {{"groups", R"(["guests","visitors"])"}},
         R"(CLAIM_NOT_ALLOWED: groups is "guests", "visitors", required_claims has "operators")",
         "required_claims.groups = operators,guests, if such tokens are meant for this broker"},
        {"the claim isn't there", {{"required_claims.client_id", R"("press")"}}, {},
         R"(CLAIM_NOT_ALLOWED: the token has no client_id, required_claims wants "press")",
         ""},
        // ---- time
        {"expired", {}, {{"exp", "1799999700"}},
         "TOKEN_EXPIRED: exp with clock_skew was 1799999710 (2027-01-15T07:55:10Z), 4 min ago",
         "the client must fetch a new token"},
        {"expired long ago", {}, {{"exp", "1700000000"}},
         "TOKEN_EXPIRED: exp with clock_skew was 1700000010 (2023-11-14T22:13:30Z), 1157 d ago",
         "the client must fetch a new token"},
        {"exp is a string", {}, {{"exp", R"("1800000300")"}},
         R"(INVALID_CLAIM: exp is the string "1800000300", it must be a number)",
         ""},
        {"exp is out of range", {}, {{"exp", "1e300"}},
         R"(INVALID_CLAIM: exp is "1e300", out of range)",
         ""},
        {"no exp", {}, {{"exp", ""}},
         "NO_EXPIRY: the token has no exp",
         "let the provider set one, or set require_exp = false"},
        {"not yet", {}, {{"nbf", "1800000060"}},
         "NOT_YET_VALID: nbf with clock_skew is 1800000050 (2027-01-15T08:00:50Z), 50 s ahead; now is 1800000000 (2027-01-15T08:00:00Z) here",
         "set the clocks of the provider and of this machine (NTP), or clock_skew = 60"},
        {"clocks that differ by hours", {}, {{"nbf", "1800010800"}},
         "NOT_YET_VALID: nbf with clock_skew is 1800010790 (2027-01-15T10:59:50Z), 2 h ahead; now is 1800000000 (2027-01-15T08:00:00Z) here",
         "set the clocks of the provider and of this machine (NTP), or raise clock_skew"},
        {"issued in the future", {}, {{"iat", "1800000060"}},
         "ISSUED_IN_FUTURE: iat with clock_skew is 1800000050 (2027-01-15T08:00:50Z), 50 s ahead; now is 1800000000 (2027-01-15T08:00:00Z) here",
         "set the clocks of the provider and of this machine (NTP), or clock_skew = 60"},
        // ---- kind
        {"an ID token of Keycloak", {}, {{"typ", R"("ID")"}},
         R"(NOT_AN_ACCESS_TOKEN: typ is "ID": it is an ID token)",
         "send the access_token of the token response, or allow_id_token = true"},
        {"a refresh token", {}, {{"typ", R"("Refresh")"}},
         R"(NOT_AN_ACCESS_TOKEN: typ is "Refresh": it is a refresh token, which no broker should see)",
         "send the access_token of the token response"},
        {"an offline token", {}, {{"typ", R"("Offline")"}},
         R"(NOT_AN_ACCESS_TOKEN: typ is "Offline": it is a refresh token, which no broker should see)",
         "send the access_token of the token response"},
        {"at_hash, as Dex writes it", {}, {{"at_hash", R"("x")"}},
         "NOT_AN_ACCESS_TOKEN: at_hash makes it an ID token (id_token_marks)",
         "send the access_token of the token response; if this is one: id_token_marks = c_hash,nonce"},
        {"nonce, as Authentik writes it", {}, {{"nonce", R"("x")"}},
         "NOT_AN_ACCESS_TOKEN: nonce makes it an ID token (id_token_marks)",
         "send the access_token of the token response; if this is one: id_token_marks = at_hash,c_hash"},
        {"two marks", {}, {{"nonce", R"("x")"}, {"at_hash", R"("y")"}},
         "NOT_AN_ACCESS_TOKEN: at_hash, nonce make it an ID token (id_token_marks)",
         "send the access_token of the token response; if this is one: id_token_marks = c_hash"},
        {"all marks", {}, {{"nonce", R"("x")"}, {"at_hash", R"("y")"}, {"c_hash", R"("z")"}},
         "NOT_AN_ACCESS_TOKEN: at_hash, c_hash, nonce make it an ID token (id_token_marks)",
         "send the access_token of the token response"},
        {"the last mark that is configured", {{"id_token_marks", R"("nonce")"}}, {{"nonce", R"("x")"}},
         "NOT_AN_ACCESS_TOKEN: nonce makes it an ID token (id_token_marks)",
         "send the access_token of the token response; if this is one: id_token_marks ="},
        {"token_use", {}, {{"token_use", R"("id")"}},
         R"(NOT_AN_ACCESS_TOKEN: token_use is "id": it is an ID token)",
         "send the access_token of the token response, or allow_id_token = true"},
        {"a security event", {}, {{"events", "{}"}},
         "NOT_AN_ACCESS_TOKEN: events makes it a security event or logout token",
         "send the access_token of the token response"},
        {"DPoP", {}, {{"cnf", R"({"jkt":"x"})"}},
         "SENDER_CONSTRAINED: cnf has jkt: the token is bound to a key of the client's (DPoP)",
         "turn off DPoP for this client at the provider, or allow_cnf = true"},
        {"DPoP, Okta", {{"issuer", R"("https://dev-1.okta.com/oauth2/default")"}}, {{"iss", R"("https://dev-1.okta.com/oauth2/default")"}, {"cnf", R"({"jkt":"x"})"}},
         "SENDER_CONSTRAINED: cnf has jkt: the token is bound to a key of the client's (DPoP)",
         "turn off Require Demonstrating Proof of Possession for this client, or allow_cnf = true"},
        {"a certificate", {}, {{"cnf", R"({"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"})"}},
         "SENDER_CONSTRAINED: cnf has x5t#S256: the token is bound to the certificate "
         "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0 of the client's (mTLS), and the broker has none of it",
         "let the client connect by TLS with its certificate, where the broker asks for one; or turn off "
         "certificate-bound tokens for this client at the provider, or allow_cnf = true"},
        {"a certificate and a key", {}, {{"cnf", R"({"x5t#S256":"x","jwk":{}})"}},
         "SENDER_CONSTRAINED: cnf has x5t#S256: the token is bound to a certificate of the client's (mTLS)",
         "turn off certificate-bound tokens for this client at the provider, or allow_cnf = true"},
        {"not bound", {{"bound_tokens", R"("require")"}}, {},
         "TOKEN_NOT_BOUND: the token has no cnf with x5t#S256, bound_tokens = require wants one",
         "let the provider bind this client's tokens to its certificate (RFC 8705), or bound_tokens = check"},
        // ---- username
        {"none", {{"preferred_username_claims", R"("preferred_username,upn")"}}, {{"client_id", R"("press")"}},
         R"(NO_USERNAME: the token has none of "preferred_username", "upn"; it has sub, client_id)",
         "preferred_username_claims = sub"},
        {"none at all", {{"preferred_username_claims", R"("upn")"}}, {{"sub", ""}},
         R"(NO_USERNAME: the token has none of "upn")",
         "add one of the claims at the provider, or name another in preferred_username_claims"},
        {"a number", {}, {{"sub", "7"}, {"client_id", R"("press")"}},
         "INVALID_USERNAME: sub is a number, it must be a string",
         "preferred_username_claims = client_id"},
        {"a character that turns the text round", {}, {{"sub", R"("al\u202eice")"}, {"azp", R"("press")"}},
         R"(INVALID_USERNAME: "sub" is "al\xe2\x80\xaeice": its character 3 is U+202E, a character that changes the direction of text)",
         "preferred_username_claims = azp"},
        {"too long", {}, {{"sub", R"("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")"}},
         R"(INVALID_USERNAME: "sub" is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...: it has 300 bytes, at most 255 are allowed)",
         "name another claim in preferred_username_claims"},
        {"with its prefix too long", {{"username_prefix", R"("p:")"}}, {{"sub", R"("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")"}},
         R"(INVALID_USERNAME: "sub" is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...: with username_prefix it has more than 255 bytes)",
         "name another claim in preferred_username_claims"},
        // ---- payload
        {"a claim twice", {}, {{"sub", R"("alice","sub":"bob")"}},
         R"(MALFORMED_PAYLOAD: the payload: duplicate member "sub" at byte 138)",
         "two claim mappers write it: take one away at the provider"},
    };
    // clang-format on
    for (const TokenRow &row : rows) {
        SCOPED_TRACE(row.what);
        configure(row.section);
        const std::string token = token_of(row.claims, row.header);
        const auto [line, hint] = refusal_of(bearer(token));
        EXPECT_EQ(line, row.line);
        EXPECT_EQ(hint, row.hint);
        // The log says the same.
        if (line != "accepted") {
            EXPECT_NE(log.find(line.substr(line.find(' ') + 1)), std::string::npos) << log;
        }
    }
}

// Before its signature is known to be good, a token says little that is worth repeating.
TEST_F(Messages, ASignatureOfAnotherKey) {
    const std::string graph =
        R"("iss":"https://login.microsoftonline.com/0a1b/v2.0","aud":"00000003-0000-0000-c000-000000000000")";
    const std::string header = support::jws_header("ES256", "ec256").json();
    const TestKey &other = TestKey::shared("ES256", 1);
    configure({});
    auto [line, hint] =
        refusal_of(bearer(other.sign("ES256", header, R"({"iss":)" + std::string(keycloak) + "}")));
    EXPECT_EQ(line, R"(BAD_SIGNATURE: the signature isn't one of the key "ec256" (ES256))");
    EXPECT_EQ(hint, "send the token as it came: it was altered, cut, or signed by another key");
    configure({{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}});
    std::tie(line, hint) = refusal_of(bearer(other.sign("ES256", header, "{" + graph + "}")));
    EXPECT_EQ(hint, "ask for the scope api://broker/.default, not for Microsoft Graph's");
    configure({{"issuer", R"("https://id.example")"}});
    std::tie(line, hint) = refusal_of(bearer(other.sign(
        "ES256", header, R"({"iss":"https://id.example","aud":"00000003-0000-0000-c000-000000000000"})")));
    EXPECT_EQ(hint, "send the token as it came: it was altered, cut, or signed by another key");
}

/// A request that is denied, as tokenward_explain says it.
struct DecisionRow {
    const char *what;
    Members section;
    std::string scope;
    access::Request request;
    const char *answer;  ///< reason: nearest scope (why)
    const char *hint;
};

access::Request mqtt(access::Request request, bool is_filter = false) {
    (is_filter ? request.mqtt_filter : request.mqtt_topic) = true;
    return request;
}

TEST_F(Messages, Decisions) {
    constexpr auto read = access::Operation::read;
    constexpr auto write = access::Operation::write;
    const Members variables{{"expand_variables", "true"}};
    const Members no_keys{{"routing_keys", "false"}};
    // clang-format off
    const std::vector<DecisionRow> rows = {
        {"nothing of that operation", {}, "broker.read:%2F/events", {write, "/", "events", std::nullopt},
         "NO_MATCHING_SCOPE: read:%2F/events (it grants read, not write)",
         "add the scope broker.write:%2F/events"},
        {"upper and lower case", {}, "broker.write:%2F/events", {write, "/", "Events", std::nullopt},
         R"(NO_MATCHING_SCOPE: write:%2F/events (the resource "Events" doesn't match: upper and lower case differ))",
         "add the scope broker.write:%2F/Events"},
        {"the same operation comes first", {}, "broker.read:%2F/events broker.write:%2F/evnts", {write, "/", "events", std::nullopt},
         R"(NO_MATCHING_SCOPE: write:%2F/evnts (the resource "events" doesn't match))",
         "add the scope broker.write:%2F/events"},
        {"a routing key, and two parts", {}, "broker.write:%2F/amq.topic", {write, "/", "amq.topic", "factory.1"},
         "ROUTING_KEY_SCOPE_NEEDED: write:%2F/amq.topic (the scope has two parts; a request with a routing key needs a scope with three parts)",
         "add the scope broker.write:%2F/amq.topic/factory.1"},
        {"a third part that doesn't match", {}, "broker.write:*/*/other.key", {write, "/", "amq.topic", "positions"},
         R"(NO_MATCHING_SCOPE: write:*/*/other.key (the routing key "positions" doesn't match))",
         "add the scope broker.write:%2F/amq.topic/positions"},
        {"two parts for one, three for another", {}, "broker.write:%2F/amq.topic broker.write:%2F/logs/x", {write, "/", "amq.topic", "factory.1"},
         "ROUTING_KEY_SCOPE_NEEDED: write:%2F/amq.topic (the scope has two parts; a request with a routing key needs a scope with three parts)",
         "add the scope broker.write:%2F/amq.topic/factory.1"},
        {"a variable that isn't read", {}, "broker.write:%2F/amq.topic/{sub}", {write, "/", "amq.topic", "alice"},
         R"(NO_MATCHING_SCOPE: write:%2F/amq.topic/{sub} (the routing key "alice" doesn't match; "{sub}" stands for itself, since expand_variables is off))",
         "expand_variables = true"},
        {"a variable in the resource", {}, "broker.read:%2F/{sub}*", {read, "/", "alice-1", std::nullopt},
         R"(NO_MATCHING_SCOPE: read:%2F/{sub}* (the resource "alice-1" doesn't match; "{sub}" stands for itself, since expand_variables is off))",
         "expand_variables = true"},
        {"a variable that is read", variables, "broker.read:%2F/{sub}*", {read, "/", "bob-1", std::nullopt},
         R"(NO_MATCHING_SCOPE: read:%2F/alice* (the resource "bob-1" doesn't match))",
         "add the scope broker.read:%2F/bob-1"},
        {"a topic, and a slash that isn't encoded", no_keys, "broker.write:%2F/a/b", mqtt({write, "/", "a/b", std::nullopt}),
         "NO_MATCHING_SCOPE: write:%2F/a/b (routing_keys is off: a scope with three parts grants access to its vhost and nothing else; a slash inside a name is written %2F)",
         "add the scope broker.write:%2F/a%2Fb"},
        {"another vhost", {}, "broker.read:%2F/orders* broker.write:prod/orders", {read, "prod", "orders", std::nullopt},
         R"(NO_MATCHING_SCOPE: read:%2F/orders* (the vhost "prod" doesn't match))",
         "add the scope broker.read:prod/orders"},
        {"a vhost that no scope names", {}, "broker.write:%2F/a broker.read:%2F/orders*", {read, "prod", "orders", std::nullopt},
         R"(NO_VHOST_ACCESS: read:%2F/orders* (the vhost "prod" doesn't match))",
         "add the scope broker.read:prod/orders"},
        {"the vhost itself", {}, "broker.read:%2F/orders*", {read, "prod", "", std::nullopt},
         R"(NO_VHOST_ACCESS: read:%2F/orders* (the vhost "prod" doesn't match, and the resource doesn't match either))",
         "add the scope broker.read:prod/*"},
        {"a filter that is too wide", {}, "broker.read:%2F/a%2F*", mqtt({read, "/", "#", std::nullopt}, true),
         R"(NO_MATCHING_SCOPE: read:%2F/a%2F* (the pattern doesn't match every topic of the filter "#"))",
         "add the scope broker.read:%2F/*"},
        {"a filter that also matches its parent", {}, "broker.read:%2F/a%2F*", mqtt({read, "/", "a/#", std::nullopt}, true),
         R"(NO_MATCHING_SCOPE: read:%2F/a%2F* (the filter also matches the topic "a", which the pattern doesn't))",
         "add the scope broker.read:%2F/a*"},
        {"a system topic", {}, "broker.read:%2F/*", mqtt({read, "/", "$SYS/uptime", std::nullopt}),
         "NO_MATCHING_SCOPE: read:%2F/* (a topic that begins with $ is granted only by a pattern that begins with a literal $)",
         "add the scope broker.read:%2F/$SYS%2Fuptime"},
        {"a broken escape", {}, "broker.read:%2F/%zz", {read, "/", "orders", std::nullopt},
         "NO_MATCHING_SCOPE: read:%2F/%zz (its resource has a broken percent escape and never matches)",
         "add the scope broker.read:%2F/orders"},
        {"only tags", {}, "broker.tag:monitoring", {read, "/", "orders", std::nullopt},
         "NO_VHOST_ACCESS:  (the token has no scope that grants anything but tags)",
         "add the scope broker.read:%2F/orders"},
        {"after the token's end", {}, "broker.read:%2F/orders", {read, "/", "orders", std::nullopt},
         "SESSION_EXPIRED:  (the session's token ended at 1800000310 (2027-01-15T08:05:10Z), 3 min ago)",
         "the client must send a new token"},
    };
    // clang-format on
    for (const DecisionRow &row : rows) {
        SCOPED_TRACE(row.what);
        configure(row.section);
        session.reset();
        ASSERT_EQ(log_in(token_of({{"scope", '"' + row.scope + '"'}})), Reason::NONE) << detail;
        if (row.what == std::string_view("after the token's end")) clock.unix_s += 500;
        JsonDocument document;
        const auto json = document.parse(session->explain(row.request), Reason::INTERNAL);
        clock.unix_s = 1'800'000'000;
        ASSERT_TRUE(json);
        const auto text = [&](const char *name) {
            const auto member = json->find(name);
            return std::string(member ? member->text() : "");
        };
        const std::string answer = text("reason") + ": " + text("nearest") + " (" + text("why") + ")";
        EXPECT_EQ(answer, row.answer);
        EXPECT_EQ(text("hint"), row.hint);
    }
}

}  // namespace
}  // namespace tokenward::session
