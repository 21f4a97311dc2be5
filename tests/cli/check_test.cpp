// tokenward check, as a script sees it.
#include "base/base64.hpp"
#include "reasons.hpp"
#include "tool_fixture.hpp"

#include <filesystem>

#include <openssl/evp.h>
#include <rapidjson/document.h>

namespace tokenward::cli {
namespace {

using support::MintRequest;

TEST_F(Tool, AcceptsAGoodToken) {
    const Outcome outcome = check(token("t.read:%2F/orders t.tag:administrator t.tag:monitoring"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(outcome.out, "ACCEPTED  alice\n"));
    EXPECT_TRUE(has(outcome.out, "issuer:  " + issuer().issuer()));
    EXPECT_TRUE(has(outcome.out, " UTC, in "));
    EXPECT_TRUE(has(outcome.out, "tags:    administrator,monitoring"));
    EXPECT_TRUE(has(outcome.out, "  may:     read:%2F/orders\n"));
    EXPECT_FALSE(has(outcome.out, "tag:administrator"));
}

TEST_F(Tool, ListsWhatATokenMayDo) {
    EXPECT_TRUE(has(check(token("t.tag:monitoring")).out, "  may:     nothing\n"));
    std::string scopes;
    for (int i = 10; i < 32; ++i) scopes += " t.write:v/q" + std::to_string(i);
    const Outcome many = check(token(scopes.substr(1) + " t.read:v/a t.publish:v/b"));
    EXPECT_TRUE(has(many.out, "  may:     read:v/a\n           write:v/q10\n")) << many.out;
    EXPECT_TRUE(has(many.out, "           write:v/q28\n           and 3 more (--json lists them all)\n"))
        << many.out;
    rapidjson::Document json;
    json.Parse(check(token(scopes.substr(1)), {"--json"}).out.c_str());
    ASSERT_TRUE(json.IsObject());
    EXPECT_EQ(json["permissions"].Size(), 22U);
    EXPECT_EQ(std::string(json["permissions"][0].GetString()), "write:v/q10");
}

TEST_F(Tool, AnswersQuestions) {
    struct Row {
        const char *scopes;
        std::vector<std::string> questions;
        int exit_code;
        const char *part_of_output;
    };
    const Row rows[] = {
        {"t.write:%2F/orders", {"--write", "%2F/orders"}, 0, "ALLOWED   write:%2F/orders"},
        {"t.write:%2F/ord*", {"--write", "%2F/orders"}, 0, "by:      write:%2F/ord*"},
        {"t.write:%2F/ord*", {"--read", "%2F/orders"}, 1, "DENIED    read:%2F/orders"},
        {"t.write:%2F/orders", {"--write", "%2F/Orders"}, 1, "NO_MATCHING_SCOPE"},
        {"t.configure:v/q", {"--configure", "v/q"}, 0, "ALLOWED   configure:v/q"},
        {"t.read:v/q", {"--read", "w/q"}, 1, "NO_VHOST_ACCESS"},
        {"t.write:v/x/k*", {"--write", "v/x/key"}, 0, "ALLOWED   write:v/x/key"},
        {"t.write:v/x", {"--write", "v/x/key"}, 1, "ROUTING_KEY_SCOPE_NEEDED"},
        {"t.write:v/x", {"--write", "v/x/"}, 1, "ROUTING_KEY_SCOPE_NEEDED"},
        {"t.read:v/a%2A", {"--read", "v/a%2A"}, 0, "ALLOWED   read:v/a%2A"},
        {"t.read:[v]/[a,b]", {"--read", "[v]/[a,b]"}, 0, "ALLOWED   read:[v]/[a,b]"},
        {"t.read:v]/[a", {"--read", "[v]/[a]"}, 1, "NO_VHOST_ACCESS"},
        {"t.read:v/a%2A", {"--read", "v/ab"}, 1, "DENIED"},
        {"t.read:v/a+b", {"--read", "v/a%20b"}, 0, "ALLOWED   read:v/a%20b"},
        {"t.read:%2F/sensors%2F*", {"--mqtt-filter", "%2F/sensors/+/t"}, 0, "mqtt-filter:%2F/sensors/+/t"},
        {"t.read:%2F/sensors%2Fa",
         {"--mqtt-filter", "%2F/sensors/+"},
         1,
         "DENIED    mqtt-filter:%2F/sensors/+"},
        {"t.read:%2F/sensors%2F*", {"--mqtt-filter", "%2F/$share/g/sensors/#"}, 1, "DENIED"},
        {"t.read:%2F/sensors*", {"--mqtt-filter", "%2F/$share/g/sensors/#"}, 0, "ALLOWED"},
        // A topic without a vhost in front.
        {"t.read:%2F/sensors%2F*",
         {"--mqtt", "--read", "sensors/room1"},
         1,
         "'sensors' is read as the vhost; of the vhost / the topic 'sensors/room1' is %2F/sensors%2Froom1"},
        {"t.read:%2F/sensors%2F*",
         {"--mqtt-filter", "sensors/+/t"},
         1,
         "topic 'sensors/+/t' is %2F/sensors/+/t"},
        {"t.read:%2F/sensors%2F*", {"--read", "sensors/room1"}, 1, "add the scope t.read:sensors/room1"},
        // One no makes the whole a no, in any order.
        {"t.read:v/q", {"--read", "v/q", "--write", "v/q"}, 1, "ALLOWED   read:v/q"},
        {"t.read:v/q", {"--write", "v/q", "--read", "v/q"}, 1, "ALLOWED   read:v/q"},
        {"", {"--read", "v/q"}, 1, "NO_SCOPE"},
        {"read:v/q", {"--read", "v/q"}, 1, "NO_SCOPE"},
    };
    for (const Row &row : rows) {
        const Outcome outcome = check(token(row.scopes), row.questions);
        EXPECT_EQ(outcome.exit_code, row.exit_code) << row.scopes << "\n" << outcome.out << outcome.err;
        EXPECT_TRUE(has(outcome.out, row.part_of_output)) << row.scopes;
    }
}

TEST_F(Tool, AnswersAsTheMosquittoPluginDoes) {
    struct Row {
        const char *scopes;
        std::vector<std::string> questions;
        int plain;
        int mqtt;
    };
    const Row rows[] = {
        {"t.write:*/*", {"--write", "%2F/$CONTROL%2Fx"}, 0, 1},
        {"t.write:*/$CONTROL*", {"--write", "%2F/$CONTROL%2Fx"}, 0, 0},
        {"t.write:%2F/topic/*", {"--write", "%2F/topic"}, 0, 1},
        {"t.write:%2F/topic", {"--write", "%2F/topic"}, 0, 0},
    };
    for (const Row &row : rows) {
        EXPECT_EQ(check(token(row.scopes), row.questions).exit_code, row.plain) << row.scopes;
        std::vector<std::string> questions = row.questions;
        questions.emplace_back("--mqtt");
        EXPECT_EQ(check(token(row.scopes), questions).exit_code, row.mqtt) << row.scopes;
    }
}

TEST_F(Tool, AnswersForAClientWithABoundIdentifier) {
    const std::string file = token("t.write:%2F/dev%2F{mqtt:client_id}");
    const std::string with = config("expand_connection = true\n");
    const Outcome own = check(file, {"--client-id", "kitchen", "--write", "%2F/dev%2Fkitchen"}, with);
    EXPECT_EQ(own.exit_code, 0) << own.out;
    EXPECT_TRUE(has(own.out, "by:      write:%2F/dev%2Fkitchen\n")) << own.out;
    EXPECT_TRUE(has(own.out, "may:     write:%2F/dev%2F{mqtt:client_id}\n")) << own.out;
    EXPECT_TRUE(has(own.out, "note:    {mqtt:client_id} stands for")) << own.out;
    EXPECT_EQ(check(file, {"--client-id", "bath", "--write", "%2F/dev%2Fkitchen"}, with).exit_code, 1);
    EXPECT_EQ(check(file, {"--write", "%2F/dev%2Fkitchen"}, with).exit_code, 1) << "no client, no identifier";
    const Outcome off = check(file, {"--client-id", "kitchen", "--write", "%2F/dev%2Fkitchen"});
    EXPECT_EQ(off.exit_code, 1);
    EXPECT_TRUE(has(off.out, "hint:    expand_connection = true")) << off.out;
}

TEST_F(Tool, RefusesWithRuleValueAndHint) {
    MintRequest expired;
    expired.lifetime_s = -3600;
    MintRequest audience;
    audience.claims.string("aud", "somebody-else");
    MintRequest stranger;
    stranger.signer = MintRequest::Signer::stranger;
    MintRequest foreign_issuer;
    foreign_issuer.claims.string("iss", "https://elsewhere.example/");
    struct Row {
        MintRequest request;
        const char *reason;
        const char *value;
        std::string hint;
    };
    const Row rows[] = {
        {expired, "TOKEN_EXPIRED", " min ago", std::string(find_reason("TOKEN_EXPIRED")->hint)},
        {audience, "WRONG_AUDIENCE", "aud is \"somebody-else\"", "audience = broker,somebody-else, if such tokens"},
        {stranger, "BAD_SIGNATURE", "why:", std::string(find_reason("BAD_SIGNATURE")->hint)},
        {foreign_issuer, "WRONG_ISSUER", "https://elsewhere.example/",
         "issuer_aliases = https://elsewhere.example/, if both are one provider"},
    };
    for (const Row &row : rows) {
        const Outcome outcome = check(token("t.read:v/q", row.request), {"--read", "v/q"});
        EXPECT_EQ(outcome.exit_code, 1) << row.reason;
        EXPECT_TRUE(has(outcome.out, std::string("REFUSED  ") + row.reason));
        EXPECT_TRUE(has(outcome.out, row.value));
        EXPECT_TRUE(has(outcome.out, "hint: " + row.hint)) << outcome.out;
        EXPECT_FALSE(has(outcome.out, "ALLOWED")) << row.reason;
    }
    EXPECT_EQ(check("").exit_code, 1);
    EXPECT_EQ(check("secret").exit_code, 1);
    EXPECT_EQ(check(std::string(20000, 'e')).exit_code, 1);
}

TEST_F(Tool, CutsOneNewlineAndNothingElse) {
    const std::string good = token("t.read:v/q");
    EXPECT_EQ(check(good).exit_code, 0);
    EXPECT_EQ(check(good + "\n").exit_code, 0);
    EXPECT_EQ(check(good + "\n\n").exit_code, 1);
    EXPECT_EQ(check(good + "\r\n").exit_code, 1);
    EXPECT_EQ(check(good + " ").exit_code, 1);
    EXPECT_EQ(check(" " + good).exit_code, 1);
    EXPECT_EQ(check(good + std::string(1, '\0')).exit_code, 1);
}

// In the library's words: brokers' logs have the same.
TEST_F(Tool, SaysWhatWasPasted) {
    const std::string good = token("t.read:v/q");
    struct Row {
        std::string file;
        const char *said;
    };
    const Row rows[] = {
        {"{\"access_token\":\"" + good + "\"}\n",
         "REFUSED  OPAQUE_TOKEN\n"
         "  why:  the whole answer of the token endpoint (JSON) was sent as the token\n"
         "  hint: send the value of access_token alone: jq -r .access_token\n"},
        {"Bearer " + good + "\n",
         "REFUSED  OPAQUE_TOKEN\n"
         "  why:  the token has the word Bearer in front\n"
         "  hint: send what stands behind it\n"},
        {"\xef\xbb\xbf" + good + "\r\n",
         "REFUSED  OPAQUE_TOKEN\n"
         "  why:  a byte order mark (EF BB BF) stands in front of the token\n"
         "  hint: save the file without a byte order mark\n"},
        {good + "\r\n",
         "REFUSED  MALFORMED_TOKEN\n"
         "  why:  a line end (\\r) stands behind the token\n"
         "  hint: cut it off: tr -d '\\r\\n'\n"},
        {"\n",
         "REFUSED  EMPTY_TOKEN\n"
         "  why:  no token was sent\n"
         "  hint: send the access token\n"},
    };
    for (const Row &row : rows) {
        const Outcome outcome = check(row.file);
        EXPECT_EQ(outcome.exit_code, 1);
        EXPECT_EQ(outcome.out, row.said) << outcome.err;
    }
}

TEST_F(Tool, ReadsTheTokenFromAFile) {
    const std::string good = token("t.read:v/q");
    EXPECT_EQ(
        tokenward({"check", "--config", config(), "--token-file", file("token.jwt", good + "\n")}).exit_code,
        0);
    const Outcome gone =
        tokenward({"check", "--config", config(), "--token-file", directory_.path() + "/none"});
    EXPECT_EQ(gone.exit_code, 2);
    EXPECT_TRUE(has(gone.err, "can't open the token file"));
}

TEST_F(Tool, ReadsATokenOfAtMostOneMebibyte) {
    const std::string largest(std::size_t{1} << 20, 'e');
    EXPECT_EQ(check(largest).exit_code, 1);
    const Outcome larger = check(largest + 'e');
    EXPECT_EQ(larger.exit_code, 2);
    EXPECT_TRUE(has(larger.err, "is larger than 1 MiB"));
}

TEST_F(Tool, TakesNoTokenOnTheCommandLine) {
    const std::string good = token("t.read:v/q");
    const std::string signature = good.substr(good.rfind('.') + 1);
    const std::vector<std::vector<std::string>> attempts = {{"check", "--token", good},
                                                            {"check", good},
                                                            {"check", "--token-file", good},
                                                            {"check", "--token=" + good},
                                                            {"inspect", good},
                                                            {good},
                                                            {"explain", good}};
    for (const auto &arguments : attempts) {
        const Outcome outcome = tokenward(arguments);
        EXPECT_EQ(outcome.exit_code, 2);
        EXPECT_TRUE(has(outcome.err, "ps"));
        EXPECT_FALSE(has(outcome.out + outcome.err, signature.substr(0, 20)));
    }
}

TEST_F(Tool, AsksAboutAnOpaqueToken) {
    const std::string opaque = "ory_at_0123456789abcdefghij";
    issuer().set_active(opaque, support::JsonObject()
                                    .string("sub", "alice")
                                    .string("aud", "broker")
                                    .string("client_id", "app")
                                    .string("token_type", "Bearer")
                                    .string("scope", "t.read:v/q t.write:v/x*"));
    const std::string secret = file("secret", "s3cr:et\n");
    chmod(secret.c_str(), 0600);
    const std::string asking =
        "opaque_tokens = true\nrequire_exp = false\nintrospection_client_id = broker\n"
        "introspection_client_secret_file = " +
        secret + "\n";
    const std::string note = "note:    as a password";
    const Outcome outcome = check(opaque, {"--read", "v/q", "--write", "v/q"}, config(asking));
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    EXPECT_TRUE(has(outcome.out, "ACCEPTED  alice"));
    EXPECT_TRUE(has(outcome.out, "  may:     read:v/q\n           write:v/x*\n"));
    EXPECT_TRUE(has(outcome.out, "ALLOWED   read:v/q"));
    EXPECT_TRUE(has(outcome.out, "DENIED    write:v/q"));
    EXPECT_TRUE(has(outcome.out, note)) << "without opaque_token_prefix";
    const Outcome prefixed = check(opaque, {}, config(asking + "opaque_token_prefix = ory_at_\n"));
    EXPECT_EQ(prefixed.exit_code, 0) << prefixed.err;
    EXPECT_FALSE(has(prefixed.out, note));
    EXPECT_FALSE(has(check(token("t.read:v/q"), {}, config(asking)).out, note)) << "a JWT is a password, too";
    issuer().set_inactive(opaque);
    const Outcome revoked = check(opaque, {}, config(asking));
    EXPECT_EQ(revoked.exit_code, 1);
    EXPECT_TRUE(has(revoked.out, "REFUSED  TOKEN_INACTIVE"));
    EXPECT_EQ(check(opaque).exit_code, 1);
    EXPECT_TRUE(has(check(opaque).out, "opaque_tokens = true")) << "the hint says how";
}

TEST_F(Tool, TellsKeysFromRefusals) {
    const std::string good = token("t.read:v/q");
    issuer().set_network(support::TestIssuer::Network::down);
    const Outcome outcome = check(good, {"--wait", "1"});
    EXPECT_EQ(outcome.exit_code, 3) << outcome.out << outcome.err;
    EXPECT_FALSE(has(outcome.out, "ACCEPTED"));
}

TEST_F(Tool, NeedsNoNetworkWithAKeyFile) {
    const std::string keys = file("jwks.json", issuer().jwks());
    issuer().set_network(support::TestIssuer::Network::down);
    const std::string configuration =
        file("static.ini", "[oauth]\nissuer = " + issuer().issuer() +
                               "\naudience = broker\njwks_file = " + keys + "\n" + "scope_prefix = t.\n");
    EXPECT_EQ(check(token("t.read:v/q"), {"--read", "v/q"}, configuration).exit_code, 0);
}

TEST_F(Tool, LeavesTheBrokersFilesAlone) {
    const std::string metrics = directory_.path() + "/metrics.prom";
    const std::string cache = directory_.path() + "/cache.json";
    const std::string cache_of_b = directory_.path() + "/cache_of_b.json";
    const support::TestIssuer second;
    const std::string configuration = config(
        "metrics_file = " + metrics + "\njwks_cache_file = " + cache +
        "\n[oauth.b]\nissuer = " + second.issuer() + "\nca_file = " + second.ca_file() +
        "\naudience = broker\nscope_prefix =\nusername_prefix = b:\njwks_cache_file = " + cache_of_b + "\n");
    const std::string good = token("t.read:v/q");
    const std::vector<std::string> commands[] = {
        {"check", "--token-file", "-"}, {"inspect", "--token-file", "-"}, {"keys"}};
    for (const std::vector<std::string> &command : commands) {
        std::vector<std::string> arguments = command;
        arguments.insert(arguments.end(), {"--config", configuration});
        const Outcome outcome = tokenward(arguments, good);
        EXPECT_EQ(outcome.exit_code, 0) << command[0] << ": " << outcome.err;
        for (const std::string &path : {metrics, cache, cache_of_b})
            EXPECT_FALSE(std::filesystem::exists(path)) << command[0] << " wrote " << path;
    }
}

TEST_F(Tool, AnAnswerThatCannotBeWrittenIsNoYes) {
    const std::string path = file("token.jwt", token("t.read:v/q"));
    const Outcome outcome = run({"/bin/sh", "-c", R"(exec "$@" >/dev/full)", "sh", environment("TOKENWARD_CLI"),
                                 "check", "--config", config(), "--token-file", path},
                                {});
    EXPECT_EQ(outcome.exit_code, 2);
}

TEST_F(Tool, SpeaksJson) {
    const Outcome outcome = check(token("t.read:v/q t.tag:monitoring"),
                                  {"--json", "--read", "v/q", "--write", "v/q/", "--mqtt-filter", "v/#"});
    EXPECT_EQ(outcome.exit_code, 1);
    rapidjson::Document json;
    json.Parse(outcome.out.data(), outcome.out.size());
    ASSERT_FALSE(json.HasParseError()) << outcome.out;
    EXPECT_TRUE(json["accepted"].GetBool());
    EXPECT_STREQ(json["result"].GetString(), "accepted");
    EXPECT_STREQ(json["username"].GetString(), "alice");
    EXPECT_EQ(json["issuer"].GetString(), issuer().issuer());
    EXPECT_GT(json["expires_at"].GetInt64(), 1700000000);
    EXPECT_TRUE(json["expires"].IsString());
    EXPECT_STREQ(json["tags"][0].GetString(), "monitoring");
    const auto &questions = json["questions"];
    ASSERT_EQ(questions.Size(), 3u);
    EXPECT_STREQ(questions[0]["question"].GetString(), "read:v/q");
    EXPECT_STREQ(questions[0]["verdict"].GetString(), "allowed");
    EXPECT_STREQ(questions[0]["scope"].GetString(), "read:v/q");
    EXPECT_TRUE(questions[0]["reason"].IsNull());
    EXPECT_STREQ(questions[1]["question"].GetString(), "write:v/q/");
    EXPECT_STREQ(questions[1]["verdict"].GetString(), "denied");
    EXPECT_TRUE(questions[1]["reason"].IsString());
    EXPECT_STREQ(questions[2]["question"].GetString(), "mqtt-filter:v/#");
    EXPECT_EQ(json["exit"].GetInt(), 1);
}

TEST_F(Tool, TellsWhatTheSectionTakesAway) {
    const std::string confined = config("vhosts = partner-*\ntags =\noperations = read\n");
    const std::string partner = token("t.read:*/* t.read:sales/q t.write:partner-a/q t.tag:administrator");
    const Outcome outcome = check(partner, {"--read", "sales/q"}, confined);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.out.find("tags:    none"), std::string::npos) << outcome.out;
    const std::string_view notes[] = {
        R"("tag:administrator" grants nothing: the section has tags = "")",
        R"("write:partner-a/q" grants nothing: the section has operations = "read")",
        R"("read:sales/q" grants nothing: the section has vhosts = "partner-*")",
        R"("read:*/*" holds in vhosts = "partner-*" of the section only)"};
    const Outcome inspected = tokenward({"inspect", "--config", confined, "--token-file", "-"}, partner);
    for (const std::string_view note : notes) {
        EXPECT_NE(outcome.out.find("  note:    " + std::string(note)), std::string::npos) << outcome.out;
        EXPECT_NE(inspected.out.find(note), std::string::npos) << inspected.out;
    }
    EXPECT_NE(outcome.out.find(R"(but:     the vhost "sales" isn't one of the section's vhosts, "partner-*")"),
              std::string::npos)
        << outcome.out;
    rapidjson::Document json;
    const std::string text = check(partner, {"--json"}, confined).out;
    json.Parse(text.data(), text.size());
    ASSERT_FALSE(json.HasParseError()) << text;
    EXPECT_EQ(json["notes"].Size(), 4u);
}

TEST_F(Tool, WarnsOfASectionThatIsNotConfined) {
    const std::string two = config(
        "[oauth.partner]\nissuer = https://p.example\naudience = x\nscope_prefix = x.\n"
        "username_prefix = p:\ntags =\n");
    const Outcome outcome = tokenward({"config", "--config", two});
    EXPECT_NE((outcome.out + outcome.err).find("[oauth.partner] vhosts is unset beside another provider"),
              std::string::npos)
        << outcome.out << outcome.err;
    EXPECT_EQ((outcome.out + outcome.err).find("[oauth.partner] tags is unset"), std::string::npos);
}

// The provider answers after 8 s: a check that may wait 5 s has nothing, and says who is silent.
TEST_F(Tool, WaitsOnceForASilentProvider) {
    issuer().set_fault(support::TestIssuer::Endpoint::discovery, support::TestIssuer::Fault::hang, 8);
    const Outcome outcome = check(token("t.read:v/q"), {"--wait", "5"}, config("jwks_timeout = 30\n"));
    EXPECT_EQ(outcome.exit_code, 3) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "NOT DECIDED  KEYS_PENDING"));
    EXPECT_TRUE(has(outcome.out, "has not answered for"));
    EXPECT_TRUE(has(outcome.out, "hint: open the way to localhost:"));
}

TEST_F(Tool, SpeaksJsonAboutRefusals) {
    MintRequest expired;
    expired.lifetime_s = -3600;
    const Outcome outcome = check(token("", expired), {"--json"});
    EXPECT_EQ(outcome.exit_code, 1);
    rapidjson::Document json;
    json.Parse(outcome.out.data(), outcome.out.size());
    ASSERT_FALSE(json.HasParseError()) << outcome.out;
    EXPECT_FALSE(json["accepted"].GetBool());
    EXPECT_STREQ(json["result"].GetString(), "refused");
    EXPECT_STREQ(json["reason"].GetString(), "TOKEN_EXPIRED");
    EXPECT_EQ(json["code"].GetInt(), 402);
    EXPECT_TRUE(json["message"].IsString());
    EXPECT_EQ(json["hint"].GetString(), std::string(find_reason("TOKEN_EXPIRED")->hint));
    EXPECT_EQ(json["questions"].Size(), 0u);
}

}  // namespace
TEST_F(Tool, CheckAnswersForAClientWithACertificate) {
    std::ifstream pem(issuer().ca_file());
    std::string body;
    for (std::string line; std::getline(pem, line);) {
        if (line.starts_with("-----END")) break;
        if (!line.starts_with("-----")) body += line;
    }
    std::string der;
    ASSERT_TRUE(base64_decode(body, der));
    std::string hash(32, '\0');
    ASSERT_EQ(EVP_Q_digest(nullptr, "SHA256", nullptr, der.data(), der.size(),
                           reinterpret_cast<unsigned char *>(hash.data()), nullptr),
              1);
    const auto bound = [](const std::string &to) {
        support::MintRequest request;
        request.claims.object("cnf", support::JsonObject().string("x5t#S256", base64url_encode(to)));
        return token("t.read:v/q", request);
    };
    const std::string ours = bound(hash);
    EXPECT_EQ(check(ours, {"--certificate", issuer().ca_file()}).exit_code, 0);
    Outcome outcome = check(ours);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(has(outcome.out, "SENDER_CONSTRAINED"));
    outcome = check(bound(std::string(32, 'x')), {"--certificate", issuer().ca_file()});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(has(outcome.out, "CERTIFICATE_MISMATCH"));
    EXPECT_TRUE(has(outcome.out, base64url_encode(hash)));
    outcome = check(ours, {"--certificate", "/dev/null"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_TRUE(has(outcome.err, "no certificate in PEM form"));
}

}  // namespace tokenward::cli
