// The other commands, usage, and the library that can't be loaded.
#include "reasons.hpp"
#include "tool_fixture.hpp"

#include <rapidjson/document.h>
#include <unistd.h>

namespace tokenward::cli {
namespace {

TEST_F(Tool, UsageErrorsAre2) {
    const std::string good = token("t.read:v/q");
    const std::vector<std::vector<std::string>> rows = {
        {},
        {"frobnicate"},
        {"check"},
        {"check", "--token-file"},
        {"check", "--token-file", "-", "--unknown"},
        {"check", "--token-file", "-", "extra"},
        {"check", "--config", config(), "--token-file", "-", "--read", "v"},
        {"check", "--config", config(), "--token-file", "-", "--read", "v/a*"},
        {"check", "--config", config(), "--token-file", "-", "--read", "a/b/c/d"},
        {"check", "--config", config(), "--token-file", "-", "--read", "v/%zz"},
        {"check", "--config", config(), "--token-file", "-", "--mqtt-filter", "v"},
        {"check", "--config", config(), "--token-file", "-", "--wait", "61"},
        {"inspect"},
        {"explain", "NO_SUCH_REASON"},
        {"explain", "999"},
    };
    for (const auto &arguments : rows) {
        const Outcome outcome = tokenward(arguments, good);
        EXPECT_EQ(outcome.exit_code, 2) << testing::PrintToString(arguments);
        EXPECT_EQ(outcome.out, "") << testing::PrintToString(arguments);
        EXPECT_TRUE(has(outcome.err, "tokenward: ")) << testing::PrintToString(arguments);
    }
}

TEST_F(Tool, HelpIsOnStandardOutput) {
    for (const auto &arguments :
         std::vector<std::vector<std::string>>{{"--help"}, {"check", "--help"}, {"keys", "-h"}}) {
        const Outcome outcome = tokenward(arguments);
        EXPECT_EQ(outcome.exit_code, 0);
        EXPECT_TRUE(has(outcome.out, "Usage: tokenward"));
        EXPECT_EQ(outcome.err, "");
    }
    EXPECT_TRUE(has(tokenward({"--help"}).out, "Examples:"));
    EXPECT_TRUE(has(tokenward({"--version"}).out, "interface 1.0"));
}

TEST_F(Tool, ConfigurationErrorsAre2) {
    const std::string bad[] = {
        file("unknown.ini", "[oauth]\nissuer = https://a.example\naudience = b\nisuer = x\n"),
        file("http.ini", "[oauth]\nissuer = http://a.example\naudience = b\n"),
        file("no_audience.ini", "[oauth]\nissuer = https://a.example\n"),
        directory_.path() + "/none.ini",
    };
    for (const std::string &path : bad) {
        for (const char *command : {"config", "keys"}) {
            const Outcome outcome = tokenward({command, "--config", path});
            EXPECT_EQ(outcome.exit_code, 2) << command << " " << path;
            EXPECT_TRUE(has(outcome.err, "CONFIG_"));
        }
        EXPECT_EQ(check(token("t.read:v/q"), {}, path).exit_code, 2) << path;
    }
    const Outcome unknown = tokenward({"config", "--config", bad[0]});
    EXPECT_TRUE(has(unknown.err, "CONFIG_UNKNOWN_KEY"));
    EXPECT_TRUE(has(unknown.err, bad[0]));
    EXPECT_TRUE(has(unknown.err, "isuer"));
    const Outcome json = tokenward({"config", "--json", "--config", bad[0]});
    EXPECT_TRUE(has(json.out, R"("reason":"CONFIG_UNKNOWN_KEY")"));
}

/// What `config` approves the broker starts with: the files that the configuration names are read as the broker does it.
TEST_F(Tool, ConfigReadsTheFilesThatTheConfigurationNames) {
    const std::string private_key = support::TestKey::shared("ES256").pem();
    const std::string text = file("text", "nothing");
    const std::string open = file("open.json", issuer().jwks());
    chmod(open.c_str(), 0666);
    const struct {
        std::string option, path;
        const char *reason;
        const char *what;
        std::string hint;  ///< empty: any
    } rows[] = {
        {"ca_file", directory_.path() + "/none.pem", "CONFIG_UNREADABLE", "No such file or directory", ""},
        {"ca_file", directory_.path(), "CONFIG_UNREADABLE", "is a directory", ""},
        {"ca_file", file("empty", ""), "CONFIG_INVALID_VALUE", "is empty", ""},
        {"ca_file", text, "CONFIG_INVALID_VALUE", "it holds no certificate", ""},
        {"jwks_file", file("key.pem", private_key), "CONFIG_INVALID_VALUE",
         "it holds a private key (PEM block 1)", "openssl pkey -in FILE -pubout -out FILE.pub"},
        {"jwks_file", file("oct.json", R"({"keys":[{"kty":"oct","k":"AA"}]})"), "CONFIG_INVALID_VALUE",
         "its 1 key is a shared secret (oct), which isn't accepted", ""},
        {"jwks_file", text, "CONFIG_INVALID_VALUE", "it is neither JSON (a JWKS) nor PEM", ""},
        {"jwks_file", open, "CONFIG_INSECURE_FILE", "has mode 0666: others may write it", "chmod go-w FILE"},
        {"jwks_token_file", file("bearer", "Bearer abc"), "CONFIG_INVALID_VALUE",
         "the token has the word Bearer in front", ""},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.option + " = " + row.path);
        const std::string ini =
            file("files.ini", "[oauth]\nissuer = https://id.example.com\naudience = broker\n" + row.option +
                                  " = " + row.path + "\n");
        const std::string line = std::string("tokenward: ") + row.reason + ": " + ini + ":4: [oauth] " +
                                 row.option + " = \"" + row.path + "\": " + row.what + "\n";
        std::string hint = row.hint;
        for (std::size_t at = 0; (at = hint.find("FILE", at)) != std::string::npos; at += row.path.size())
            hint.replace(at, 4, row.path);
        for (const char *command : {"config", "keys"}) {
            const Outcome outcome = tokenward({command, "--config", ini});
            EXPECT_EQ(outcome.exit_code, 2) << command;
            EXPECT_EQ(outcome.out, "") << command;
            EXPECT_EQ(outcome.err.find(line), 0U) << outcome.err;
            if (!hint.empty()) {
                EXPECT_TRUE(has(outcome.err, "\n  hint: " + hint + "\n"));
            }
        }
    }
}

TEST_F(Tool, RootMayCheckWhatBelongsToTheBrokersUser) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::string path = config();
    ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    const Outcome outcome = tokenward({"config", "--config", path});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(
        outcome.out,
        "; note: \"" + path + "\" belongs to user nobody (uid 65534): good if the broker runs as that user\n"));
    EXPECT_TRUE(has(tokenward({"config", "--json", "--config", path}).out, R"("notes":[")"));
    ASSERT_EQ(chmod(path.c_str(), 0606), 0);
    EXPECT_EQ(tokenward({"config", "--config", path}).exit_code, 2) << "others may write it";
}

TEST_F(Tool, ConfigShowsWhatIsInForce) {
    const std::string second = file("more.ini", "[oauth]\nclock_skew = 77\n");
    const Outcome outcome =
        tokenward({"config", "--config", config("verify_aud = false\n"), "--config", second});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(outcome.out, "issuer = " + issuer().issuer()));
    EXPECT_TRUE(has(outcome.out, "clock_skew = 77"));
    EXPECT_TRUE(has(outcome.out, "warning"));
    const Outcome json = tokenward({"config", "--json", "--config", config()});
    rapidjson::Document document;
    document.Parse(json.out.data(), json.out.size());
    ASSERT_FALSE(document.HasParseError()) << json.out;
    EXPECT_EQ(document["oauth"]["issuer"].GetString(), issuer().issuer());
}

TEST_F(Tool, ConfigShowsAPrefixThatComesFromAnotherOption) {
    const std::string derived = "[oauth]\nissuer = https://id.example.com\nresource_server_id = broker\n";
    EXPECT_TRUE(has(tokenward({"config", "--config", file("derived.ini", derived)}).out,
                    "\nscope_prefix = broker. (from resource_server_id)\n"));
    EXPECT_TRUE(has(tokenward({"config", "--config", file("own.ini", derived + "scope_prefix = x:\n")}).out,
                    "\nscope_prefix = x:\n"));
}

TEST_F(Tool, InspectNeedsNothingAndBelievesNothing) {
    support::MintRequest forged;
    forged.signer = support::MintRequest::Signer::stranger;
    forged.claims.string("name", "\x1b[31m\n");
    const Outcome outcome = tokenward({"inspect", "--token-file", "-"}, token("t.read:v/q", forged));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(outcome.out, "UNVERIFIED"));
    EXPECT_TRUE(has(outcome.out, "alg: \"RS256\""));
    EXPECT_TRUE(has(outcome.out, "sub: \"alice\""));
    EXPECT_TRUE(has(outcome.out, " UTC, "));
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);

    const Outcome broken = tokenward({"inspect", "--token-file", "-"}, "eyJ.token");
    EXPECT_EQ(broken.exit_code, 1);
    EXPECT_TRUE(has(broken.err, "MALFORMED_TOKEN"));
    const Outcome pasted = tokenward({"inspect", "--token-file", "-"}, R"({"access_token":"eyJ.x.y"})");
    EXPECT_EQ(pasted.exit_code, 1);
    EXPECT_TRUE(has(pasted.err, "OPAQUE_TOKEN"));
    EXPECT_TRUE(has(pasted.err, "jq -r .access_token"));
}

TEST_F(Tool, InspectShowsTheRightsUnderAConfiguration) {
    const Outcome outcome = tokenward({"inspect", "--config", config(), "--token-file", "-"},
                                      token("t.read:v/q openid t.write:%2F/x*"));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(outcome.out, "read:v/q"));
    EXPECT_TRUE(has(outcome.out, "write:%2F/x*"));
    EXPECT_TRUE(has(outcome.out, "UNVERIFIED"));
    const Outcome none = tokenward({"inspect", "--config", config(), "--token-file", "-"}, token("openid"));
    EXPECT_TRUE(has(none.out, "rights it would give: none"));
}

TEST_F(Tool, KeysListsThem) {
    const Outcome outcome = tokenward({"keys", "--config", config()});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(outcome.out, "[oauth]  " + issuer().issuer() + "  healthy"));
    EXPECT_TRUE(has(outcome.out, "thumbprint"));
    EXPECT_TRUE(has(outcome.out, "RSA"));
    const Outcome json = tokenward({"keys", "--json", "--config", config()});
    rapidjson::Document document;
    document.Parse(json.out.data(), json.out.size());
    ASSERT_FALSE(document.HasParseError()) << json.out;
    EXPECT_FALSE(document["sections"][0]["keys"].Empty());
}

TEST_F(Tool, KeysHealth) {
    EXPECT_EQ(tokenward({"keys", "--health", "--config", config()}).exit_code, 0);
    issuer().set_network(support::TestIssuer::Network::down);
    const Outcome sick = tokenward({"keys", "--health", "--wait", "1", "--config", config()});
    EXPECT_EQ(sick.exit_code, 3);
    EXPECT_TRUE(has(sick.out, "NOT HEALTHY"));
    EXPECT_TRUE(has(sick.out, "last error:"));
    EXPECT_EQ(tokenward({"keys", "--wait", "1", "--config", config()}).exit_code, 0);
}

TEST_F(Tool, ExplainKnowsEveryReason) {
    for (const ReasonRow &row : reasons()) {
        const Outcome outcome = tokenward({"explain", std::string(row.name)});
        EXPECT_EQ(outcome.exit_code, 0);
        EXPECT_TRUE(has(outcome.out, std::string(row.meaning)));
    }
    EXPECT_TRUE(has(tokenward({"explain", "wrong-audience"}).out, "WRONG_AUDIENCE (401)"));
    EXPECT_TRUE(has(tokenward({"explain", "401", "--json"}).out, R"("name":"WRONG_AUDIENCE")"));
    EXPECT_TRUE(has(tokenward({"explain", "WRONG_AUDIENC"}).err, "did you mean WRONG_AUDIENCE"));
    const Outcome unlike = tokenward({"explain", "FOO"});
    EXPECT_EQ(unlike.exit_code, 2);
    EXPECT_FALSE(has(unlike.err, "did you mean"));
    EXPECT_TRUE(has(unlike.err, "tokenward explain lists them all"));
    EXPECT_TRUE(has(tokenward({"explain"}).out, "KEYS_PENDING"));
}

TEST_F(Tool, FindsTheLibraryOfItsBuildFolder) {
    // meson sets LD_LIBRARY_PATH, which would find the library too.
    const Outcome outcome =
        run({"/usr/bin/env", "-u", "LD_LIBRARY_PATH", environment("TOKENWARD_CLI"), "--version"}, {});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(Tool, SaysWhyALibraryDoesNotLoad) {
    struct Row {
        std::string library;
        const char *part_of_message;
    };
    const Row rows[] = {
        {directory_.path() + "/none.so.1", "can't load"},
        {file("text.so", "not a library"), "can't load"},
        {environment("TOKENWARD_STUB_OTHER"), "lacks tokenward_abi_version"},
        {environment("TOKENWARD_STUB_MAJOR"), "interface version 2.0, this program needs 1.0"},
        {environment("TOKENWARD_STUB_PARTIAL"), "lacks the function tokenward_create"},
    };
    for (const Row &row : rows) {
        const Outcome outcome = tokenward({"--library", row.library, "config", "--config", config()});
        EXPECT_EQ(outcome.exit_code, 2) << row.library;
        EXPECT_TRUE(has(outcome.err, row.part_of_message));
    }
}

}  // namespace
}  // namespace tokenward::cli
