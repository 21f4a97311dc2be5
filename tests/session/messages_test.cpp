// What a user reads when something goes wrong: each input with the line and the hint that come out, to be judged at a
// glance. A line says where, which value, what was needed; a hint is an action with a value in it, or nothing.
#include "fixture.hpp"

#include "base/json.hpp"

#include <cstdio>
#include <cstdlib>
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
        return {std::string(reason_name(failure.reason)) + ": " + failure.detail, std::string(hint_of(failure))};
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
    const std::vector<TokenRow> rows = {
//ROWS-BEGIN
        // ---- header and algorithm
        {"HMAC", {}, {},
         "",
         "", {{"alg", R"("HS256")"}}},
        {"no signature", {}, {},
         "",
         "", {{"alg", R"("none")"}}},
        {"an alg that nobody knows", {}, {},
         "",
         "", {{"alg", R"("ES256K")"}}},
        {"an alg that isn't allowed here", {{"algorithms", R"("RS256")"}}, {},
         "",
         ""},
        {"an alg that isn't the key's", {}, {},
         "",
         "", {{"kid", R"("rsa")"}}},
        {"a critical header", {}, {},
         "",
         "", {{"crit", R"(["b64"])"}}},
        {"a DPoP proof", {}, {},
         "",
         "", {{"typ", R"("dpop+jwt")"}}},
        {"a logout token by its header", {}, {},
         "",
         "", {{"typ", R"("logout+jwt")"}}},
        {"no typ, and require_at_jwt", {{"require_at_jwt", "true"}}, {},
         "",
         ""},
        {"kid is a number", {}, {},
         "",
         "", {{"kid", "7"}}},
        {"no such key", {}, {},
         "",
         "", {{"kid", R"("k9")"}}},
        {"no kid, several keys", {}, {},
         "",
         "", {{"kid", ""}}},
        {"the configured key isn't there", {{"default_key", R"("main")"}}, {},
         "",
         "", {{"kid", ""}}},
        {"signed by another key", {}, {},
         "",
         "", {{"kid", R"("ec256")"}, {"typ", R"("JWT")"}, {"x", "1"}}},
        // ---- issuer
        {"another host, the same realm", {}, {{"iss", R"("https://id.internal:8443/realms/factory")"}},
         "",
         ""},
        {"http, else the same", {}, {{"iss", R"("http://id.example.com/realms/factory")"}},
         "",
         ""},
        {"upper and lower case", {}, {{"iss", R"("https://ID.example.com/realms/factory")"}},
         "",
         ""},
        {"Entra ID, version 1", {{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}}, {{"iss", R"("https://sts.windows.net/0a1b/")"}},
         "",
         ""},
        {"Entra ID, another tenant", {{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}}, {{"iss", R"("https://sts.windows.net/ffff/")"}},
         "",
         ""},
        {"AD FS", {{"issuer", R"("https://fs.example.com/adfs")"}}, {{"iss", R"("http://fs.example.com/adfs/services/trust")"}},
         "",
         ""},
        {"another realm", {}, {{"iss", R"("https://id.example.com/realms/office")"}},
         "",
         ""},
        {"the token of a Secret", {}, {{"iss", R"("kubernetes/serviceaccount")"}},
         "",
         ""},
        {"a stranger's", {}, {{"iss", R"("https://evil.example.net/x")"}},
         "",
         ""},
        {"an issuer that would break a line", {}, {{"iss", R"("https://id.example.com/realms/factory\nissuer = https://evil.example")"}},
         "",
         ""},
        {"no iss", {}, {{"iss", ""}},
         "",
         ""},
        {"iss is an array", {}, {{"iss", R"(["https://id.example.com/realms/factory"])"}},
         "",
         ""},
        // ---- audience
        {"Keycloak's usual one", {}, {{"aud", R"("account")"}},
         "",
         ""},
        {"many", {}, {{"aud", R"(["a","b","c","d","e","f"])"}},
         "",
         ""},
        {"an ID token", {}, {{"aud", R"("sensor-app")"}, {"nonce", R"("n")"}},
         "",
         ""},
        {"Cognito's ID token", {{"issuer", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}}, {{"iss", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}, {"aud", R"("1example")"}, {"token_use", R"("id")"}},
         "",
         ""},
        {"Microsoft Graph", {{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}}, {{"iss", R"("https://login.microsoftonline.com/0a1b/v2.0")"}, {"aud", R"("00000003-0000-0000-c000-000000000000")"}},
         "",
         ""},
        {"Auth0 without audience", {{"issuer", R"("https://factory.eu.auth0.com/")"}}, {{"iss", R"("https://factory.eu.auth0.com/")"}, {"aud", R"("https://factory.eu.auth0.com/userinfo")"}},
         "",
         ""},
        {"AD FS without resource", {{"issuer", R"("https://fs.example.com/adfs")"}}, {{"iss", R"("https://fs.example.com/adfs")"}, {"aud", R"("urn:microsoft:userinfo")"}},
         "",
         ""},
        {"a pod's own token", {{"issuer", R"("https://kubernetes.default.svc")"}}, {{"iss", R"("https://kubernetes.default.svc")"}, {"sub", R"("system:serviceaccount:default:app")"}, {"aud", R"(["https://kubernetes.default.svc"])"}},
         "",
         ""},
        {"upper and lower case", {}, {{"aud", R"("Broker")"}},
         "",
         ""},
        {"one of several is needed", {{"issuer", R"("https://id.example")"}, {"audience", R"("orders,telemetry")"}}, {{"iss", R"("https://id.example")"}, {"aud", R"("stock")"}},
         "",
         ""},
        {"one that can't be copied", {{"issuer", R"("https://id.example")"}}, {{"iss", R"("https://id.example")"}, {"aud", R"("a\nb")"}},
         "",
         ""},
        {"an empty list", {{"issuer", R"("https://id.example")"}}, {{"iss", R"("https://id.example")"}, {"aud", "[]"}},
         "",
         ""},
        {"none, Keycloak", {}, {{"aud", ""}},
         "",
         ""},
        {"none, Cognito", {{"issuer", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}}, {{"iss", R"("https://cognito-idp.eu-west-1.amazonaws.com/p")"}, {"aud", ""}, {"client_id", R"("1example23456789")"}, {"token_use", R"("access")"}},
         "",
         ""},
        {"none, and nothing instead", {{"issuer", R"("https://id.example")"}}, {{"iss", R"("https://id.example")"}, {"aud", ""}},
         "",
         ""},
        {"a number", {}, {{"aud", "7"}},
         "",
         ""},
        {"another client", {{"verify_aud", "false"}, {"required_claims.client_id", R"("press")"}}, {{"client_id", R"("oven")"}},
         "",
         ""},
        {"another group", {{"required_claims.groups", R"("operators")"}}, {{"groups", R"(["guests","visitors"])"}},
         "",
         ""},
        {"the claim isn't there", {{"required_claims.client_id", R"("press")"}}, {},
         "",
         ""},
        // ---- time
        {"expired", {}, {{"exp", "1799999700"}},
         "",
         ""},
        {"expired long ago", {}, {{"exp", "1700000000"}},
         "",
         ""},
        {"exp is a string", {}, {{"exp", R"("1800000300")"}},
         "",
         ""},
        {"exp is out of range", {}, {{"exp", "1e300"}},
         "",
         ""},
        {"no exp", {}, {{"exp", ""}},
         "",
         ""},
        {"not yet", {}, {{"nbf", "1800000060"}},
         "",
         ""},
        {"clocks that differ by hours", {}, {{"nbf", "1800010800"}},
         "",
         ""},
        {"issued in the future", {}, {{"iat", "1800000060"}},
         "",
         ""},
        // ---- kind
        {"an ID token of Keycloak", {}, {{"typ", R"("ID")"}},
         "",
         ""},
        {"a refresh token", {}, {{"typ", R"("Refresh")"}},
         "",
         ""},
        {"an offline token", {}, {{"typ", R"("Offline")"}},
         "",
         ""},
        {"at_hash, as Dex writes it", {}, {{"at_hash", R"("x")"}},
         "",
         ""},
        {"nonce, as Authentik writes it", {}, {{"nonce", R"("x")"}},
         "",
         ""},
        {"two marks", {}, {{"nonce", R"("x")"}, {"at_hash", R"("y")"}},
         "",
         ""},
        {"the last mark that is configured", {{"id_token_marks", R"("nonce")"}}, {{"nonce", R"("x")"}},
         "",
         ""},
        {"token_use", {}, {{"token_use", R"("id")"}},
         "",
         ""},
        {"a security event", {}, {{"events", "{}"}},
         "",
         ""},
        {"DPoP", {}, {{"cnf", R"({"jkt":"x"})"}},
         "",
         ""},
        {"DPoP, Okta", {{"issuer", R"("https://dev-1.okta.com/oauth2/default")"}}, {{"iss", R"("https://dev-1.okta.com/oauth2/default")"}, {"cnf", R"({"jkt":"x"})"}},
         "",
         ""},
        {"a certificate", {}, {{"cnf", R"({"x5t#S256":"x"})"}},
         "",
         ""},
        // ---- username
        {"none", {{"preferred_username_claims", R"("preferred_username,upn")"}}, {{"client_id", R"("press")"}},
         "",
         ""},
        {"none at all", {{"preferred_username_claims", R"("upn")"}}, {{"sub", ""}},
         "",
         ""},
        {"a number", {}, {{"sub", "7"}, {"client_id", R"("press")"}},
         "",
         ""},
        {"a character that turns the text round", {}, {{"sub", R"("al\u202eice")"}, {"azp", R"("press")"}},
         "",
         ""},
        {"too long", {}, {{"sub", R"("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")"}},
         "",
         ""},
        {"with its prefix too long", {{"username_prefix", R"("p:")"}}, {{"sub", R"("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")"}},
         "",
         ""},
        // ---- payload
        {"a claim twice", {}, {{"sub", R"("alice","sub":"bob")"}},
         "",
         ""},
//ROWS-END
    };
    for (const TokenRow &row : rows) {
        SCOPED_TRACE(row.what);
        configure(row.section);
        const std::string token = token_of(row.claims, row.header);
        const auto [line, hint] = refusal_of(bearer(token));
        if (FILE *dump = std::getenv("DUMP") ? std::fopen(std::getenv("DUMP"), "a") : nullptr) {
            std::fprintf(dump, "%zu\t%s\t%s\n", static_cast<std::size_t>(&row - rows.data()), line.c_str(), hint.c_str());
            std::fclose(dump);
        }
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
    auto [line, hint] = refusal_of(bearer(other.sign("ES256", header, R"({"iss":)" + std::string(keycloak) + "}")));
    EXPECT_EQ(line, R"(BAD_SIGNATURE: the signature isn't one of the key "ec256" (ES256))");
    EXPECT_EQ(hint, "send the token as it came: it was altered, cut, or signed by another key");
    configure({{"issuer", R"("https://login.microsoftonline.com/0a1b/v2.0")"}});
    std::tie(line, hint) = refusal_of(bearer(other.sign("ES256", header, "{" + graph + "}")));
    EXPECT_EQ(hint, "ask for the scope api://broker/.default, not for Microsoft Graph's");
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
    const std::vector<DecisionRow> rows = {
//DEC-BEGIN
        {"nothing of that operation", {}, "broker.read:%2F/events", {write, "/", "events", std::nullopt},
         "",
         ""},
        {"upper and lower case", {}, "broker.write:%2F/events", {write, "/", "Events", std::nullopt},
         "",
         ""},
        {"the same operation comes first", {}, "broker.read:%2F/events broker.write:%2F/evnts", {write, "/", "events", std::nullopt},
         "",
         ""},
        {"a routing key, and two parts", {}, "broker.write:%2F/amq.topic", {write, "/", "amq.topic", "factory.1"},
         "",
         ""},
        {"a third part that doesn't match", {}, "broker.write:*/*/other.key", {write, "/", "amq.topic", "positions"},
         "",
         ""},
        {"two parts for one, three for another", {}, "broker.write:%2F/amq.topic broker.write:%2F/logs/x", {write, "/", "amq.topic", "factory.1"},
         "",
         ""},
        {"a variable that isn't read", {}, "broker.write:%2F/amq.topic/{sub}", {write, "/", "amq.topic", "alice"},
         "",
         ""},
        {"a variable in the resource", {}, "broker.read:%2F/{sub}*", {read, "/", "alice-1", std::nullopt},
         "",
         ""},
        {"a variable that is read", variables, "broker.read:%2F/{sub}*", {read, "/", "bob-1", std::nullopt},
         "",
         ""},
        {"a topic, and a slash that isn't encoded", no_keys, "broker.write:%2F/a/b", mqtt({write, "/", "a/b", std::nullopt}),
         "",
         ""},
        {"another vhost", {}, "broker.read:%2F/orders* broker.write:prod/orders", {read, "prod", "orders", std::nullopt},
         "",
         ""},
        {"a vhost that no scope names", {}, "broker.write:%2F/a broker.read:%2F/orders*", {read, "prod", "orders", std::nullopt},
         "",
         ""},
        {"the vhost itself", {}, "broker.read:%2F/orders*", {read, "prod", "", std::nullopt},
         "",
         ""},
        {"a filter that is too wide", {}, "broker.read:%2F/a%2F*", mqtt({read, "/", "#", std::nullopt}, true),
         "",
         ""},
        {"a filter that also matches its parent", {}, "broker.read:%2F/a%2F*", mqtt({read, "/", "a/#", std::nullopt}, true),
         "",
         ""},
        {"a system topic", {}, "broker.read:%2F/*", mqtt({read, "/", "$SYS/uptime", std::nullopt}),
         "",
         ""},
        {"a broken escape", {}, "broker.read:%2F/%zz", {read, "/", "orders", std::nullopt},
         "",
         ""},
        {"only tags", {}, "broker.tag:monitoring", {read, "/", "orders", std::nullopt},
         "",
         ""},
        {"after the token's end", {}, "broker.read:%2F/orders", {read, "/", "orders", std::nullopt},
         "",
         ""},
//DEC-END
    };
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
        if (FILE *dump = std::getenv("DUMP2") ? std::fopen(std::getenv("DUMP2"), "a") : nullptr) {
            std::fprintf(dump, "%zu\t%s\t%s\n", static_cast<std::size_t>(&row - rows.data()), answer.c_str(), text("hint").c_str());
            std::fclose(dump);
        }
        EXPECT_EQ(answer, row.answer);
        EXPECT_EQ(text("hint"), row.hint);
    }
}

}  // namespace
}  // namespace tokenward::session
