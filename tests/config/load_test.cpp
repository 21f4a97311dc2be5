// What a configuration means once it is accepted.
#include "base/json.hpp"
#include "config/options.hpp"
#include "temp_files.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tokenward::config {
namespace {

using Load = ConfigTest;
using List = std::vector<std::string>;

TEST_F(Load, Defaults) {
    const auto settings = load_ini(minimal);
    ASSERT_TRUE(settings) << settings.error().detail;
    ASSERT_EQ(settings->sections.size(), 1U);
    const Section &section = settings->sections.front();
    EXPECT_EQ(section.name, "oauth");
    EXPECT_EQ(section.issuer, "https://id.example.com");
    EXPECT_EQ(section.tokens.audience, List{"broker"});
    EXPECT_EQ(section.scopes.scope_prefix, "broker.");
    EXPECT_FALSE(section.scopes.scope_prefix_explicit);
    EXPECT_EQ(section.tokens.preferred_username_claims, (List{"sub", "client_id"}));
    EXPECT_EQ(section.tokens.algorithms, jose::AlgorithmSet::all());
    EXPECT_EQ(section.tokens.max_session_s, 0);
    EXPECT_EQ(section.keys.proxy, std::nullopt);
    EXPECT_TRUE(settings->routing_keys);
    EXPECT_EQ(settings->log_level, LogLevel::info);
    EXPECT_EQ(settings->token_cache_size, 10000U);
    EXPECT_TRUE(settings->warnings.empty()) << settings->warnings.front();
}

TEST_F(Load, EveryDefaultOfTheTableIsTheDefaultOfTheStruct) {
    const auto plain = load_ini(minimal);
    ASSERT_TRUE(plain);
    for (const Option &option : options()) {
        if (option.fallback.empty() || option.scope() == Scope::none) continue;
        const auto written = load_ini(std::string(minimal) + std::string(option.name) + " = " +
                                      std::string(option.fallback) + "\n");
        ASSERT_TRUE(written) << written.error().detail;
        EXPECT_EQ(to_json(*written), to_json(*plain)) << option.name;
    }
}

TEST_F(Load, EveryOption) {
    const auto settings = load_ini(
        "[oauth]\nissuer = https://id.example.com:8443/realms/a\nresource_server_id = r\naudience = a, b ,c\n"
        "verify_aud = Yes\npreferred_username_claims = preferred_username , sub\nadditional_scopes_keys = "
        "roles,a.b\n"
        "scope_prefix = p\nscope_aliases.a = p.b p.c\nresource_server_type = mq\nexpand_variables = "
        "true\nexpand_connection = "
        "yes\nresource_access = no\n"
        "jwks_cache_ttl = 0\nalgorithms = RS256, EdDSA\ndefault_key = k1\nmax_token_bytes = "
        "4096\n"
        "clock_skew = 0\nrequire_exp = off\nrequire_at_jwt = on\nallow_id_token = 1\nallow_cnf = "
        "y\nmax_session = 60\n"
        "require_username_match = TRUE\ntoken_in_username = true\nusername_prefix = kc:\n"
        "issuer_aliases = http://id.internal, x\nrequired_claims.azp = one, two\nrequired_claims.k\\.io.ns = "
        "n\n"
        "id_token_marks = c_hash\njwks_file = /etc/k.pem\njwks_file_beside = true\n"
        "jwks_uri = https://id.example.com/keys?p=b2c\njwks_min_refresh = 1\njwks_max_stale = 60\n"
        "jwks_timeout = 1\njwks_refresh_floor = 30\njwks_refresh_ceiling = 60\njwks_token_file = /run/token\n"
        "jwks_cache_file = /var/cache/k\nca_file = /etc/ca.pem\nproxy = http://u:p@proxy:3128\nrouting_keys = "
        "no\n"
        "token_cache_size = 0\nlog_level = DEBUG\nmetrics_file = /run/m.prom\nclient_id = c\n"
        "mgmt_base_url = http://localhost\nmgmt_scopes = openid profile\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    const Section &s = settings->sections.front();
    EXPECT_EQ(s.issuer, "https://id.example.com:8443/realms/a");
    EXPECT_EQ(s.scopes.resource_server_id, "r");
    EXPECT_EQ(s.tokens.audience, (List{"a", "b", "c"}));
    EXPECT_TRUE(s.tokens.verify_aud);
    EXPECT_EQ(s.tokens.preferred_username_claims, (List{"preferred_username", "sub"}));
    EXPECT_EQ(s.scopes.additional_scopes_keys, (List{"roles", "a.b"}));
    EXPECT_FALSE(s.scopes.resource_access);
    EXPECT_EQ(s.scopes.scope_prefix, "p");
    EXPECT_TRUE(s.scopes.scope_prefix_explicit);
    EXPECT_EQ(s.scopes.scope_aliases, (ScopeAliases{{"a", {"p.b", "p.c"}}}));
    EXPECT_EQ(s.scopes.resource_server_type, "mq");
    EXPECT_TRUE(s.scopes.expand_variables);
    EXPECT_TRUE(s.scopes.expand_connection);
    EXPECT_EQ(s.keys.jwks_cache_ttl_s, 0);
    EXPECT_TRUE(s.tokens.algorithms.contains(jose::Algorithm::RS256));
    EXPECT_TRUE(s.tokens.algorithms.contains(jose::Algorithm::EdDSA));
    EXPECT_FALSE(s.tokens.algorithms.contains(jose::Algorithm::PS256));
    EXPECT_EQ(s.tokens.default_key, "k1");
    EXPECT_EQ(s.tokens.max_token_bytes, 4096U);
    EXPECT_EQ(s.tokens.clock_skew_s, 0);
    EXPECT_FALSE(s.tokens.require_exp);
    EXPECT_TRUE(s.tokens.require_at_jwt);
    EXPECT_TRUE(s.tokens.allow_id_token);
    EXPECT_TRUE(s.tokens.allow_cnf);
    EXPECT_EQ(s.tokens.max_session_s, 60);
    EXPECT_TRUE(s.tokens.require_username_match);
    EXPECT_TRUE(s.tokens.token_in_username);
    EXPECT_EQ(s.tokens.username_prefix, "kc:");
    EXPECT_EQ(s.tokens.issuer_aliases, (List{"http://id.internal", "x"}));
    EXPECT_EQ(s.tokens.required_claims, (RequiredClaims{{"azp", {"one", "two"}}, {"k\\.io.ns", {"n"}}}));
    EXPECT_EQ(s.tokens.id_token_marks, List{"c_hash"});
    EXPECT_EQ(s.keys.jwks_file, "/etc/k.pem");
    EXPECT_TRUE(s.keys.jwks_file_beside);
    EXPECT_FALSE(s.keys.only_file());
    EXPECT_EQ(s.keys.jwks_uri, "https://id.example.com/keys?p=b2c");
    EXPECT_EQ(s.keys.jwks_min_refresh_s, 1);
    EXPECT_EQ(s.keys.jwks_max_stale_s, 60);
    EXPECT_EQ(s.keys.jwks_timeout_s, 1);
    EXPECT_EQ(s.keys.jwks_refresh_floor_s, 30);
    EXPECT_EQ(s.keys.jwks_refresh_ceiling_s, 60);
    EXPECT_EQ(s.keys.jwks_token_file, "/run/token");
    EXPECT_EQ(s.keys.jwks_cache_file, "/var/cache/k");
    EXPECT_EQ(s.keys.ca_file, "/etc/ca.pem");
    EXPECT_EQ(s.keys.proxy, "http://u:p@proxy:3128");
    EXPECT_FALSE(settings->routing_keys);
    EXPECT_EQ(settings->token_cache_size, 0U);
    EXPECT_EQ(settings->log_level, LogLevel::debug);
    EXPECT_EQ(settings->metrics_file, "/run/m.prom");
}

TEST_F(Load, AnIssuerIsAnyTextWhereNoKeyComesFromThere) {
    for (const std::string issuer :
         {"http://fs.example.com/adfs/services/trust", "factory-signer", "urn:x:y", "https://host/a?b=c#d"}) {
        for (const std::string source : {"jwks_uri = https://fs.example.com/keys", "jwks_file = /k.pem"}) {
            const auto settings =
                load_ini("[oauth]\nissuer = " + issuer + "\naudience = b\nscope_prefix = b.\n" + source + "\n");
            ASSERT_TRUE(settings) << settings.error().detail;
            EXPECT_EQ(settings->sections.front().issuer, issuer);
            EXPECT_TRUE(settings->warnings.empty());
        }
    }
}

TEST_F(Load, DiscoveryUriMayHaveAQuery) {
    const auto settings = load_ini(std::string(minimal) + "discovery_uri = https://id.example.com/d?appid=x\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections.front().keys.discovery_uri, "https://id.example.com/d?appid=x");
}

TEST_F(Load, IdTokenMarks) {
    const auto marks = [&](std::string_view lines) {
        return load_ini(std::string(minimal) + std::string(lines))->sections.front().tokens.id_token_marks;
    };
    EXPECT_EQ(marks(""), (List{"at_hash", "c_hash", "nonce"}));
    EXPECT_EQ(marks("id_token_marks = c_hash , nonce\n"), (List{"c_hash", "nonce"}));
    EXPECT_EQ(marks("id_token_marks =\n"), List{}) << "present and empty: none";
}

TEST_F(Load, RequiredClaimsTakeThePlaceOfAud) {
    const auto settings =
        load_ini(std::string(minimal) + "verify_aud = false\nrequired_claims.client_id = x\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_TRUE(settings->warnings.empty()) << settings->warnings.front();
}

TEST_F(Load, RequiredClaims) {
    const auto required = [&](const Result<Settings> &settings) {
        EXPECT_TRUE(settings) << settings.error().detail;
        return settings ? settings->sections.front().tokens.required_claims : RequiredClaims{};
    };
    const std::string two = std::string(minimal) + "required_claims.a = x,y\nrequired_claims.\"b=c\" = z\n";
    const RequiredClaims both{{"a", {"x", "y"}}, {"b=c", {"z"}}};
    EXPECT_EQ(required(load_ini(two)), both);
    EXPECT_EQ(required(load_ini(minimal, R"({"required_claims":{"a":["x","y"],"b=c":"z"}})")), both);
    EXPECT_EQ(required(load_ini(two, R"({"required_claims":{"a":"","b=c":["w"]}})")),
              (RequiredClaims{{"b=c", {"w"}}}));
    const auto settings = load_ini(two);
    EXPECT_NE(to_json(*settings).find(R"("required_claims":{"a":["x","y"],"b=c":["z"]})"), std::string::npos)
        << to_json(*settings);
}

TEST_F(Load, BooleansAsLavinMQReadsThem) {
    for (const std::string word : {"1", "true", "yes", "on", "y", "TRUE", "On"}) {
        const auto settings = load_ini(std::string(minimal) + "require_at_jwt = " + word + "\n");
        ASSERT_TRUE(settings) << word;
        EXPECT_TRUE(settings->sections.front().tokens.require_at_jwt) << word;
    }
    for (const std::string word : {"0", "false", "no", "off", "n", "FALSE", "Off"}) {
        const auto settings = load_ini(std::string(minimal) + "require_exp = " + word + "\n");
        ASSERT_TRUE(settings) << word;
        EXPECT_FALSE(settings->sections.front().tokens.require_exp) << word;
    }
}

TEST_F(Load, ALavinmqIniReadsAsItIs) {
    const auto settings = load_ini(
        "\xEF\xBB\xBF; LavinMQ\r\n[main]\r\nauth_backends = local,oauth\r\ndata_dir = /var/lib/lavinmq\r\n"
        "this line isn't for us\r\n[sni:mq.example.com]\r\ntls_cert = /c ; x\r\n\r\n  [oauth]\r\n"
        "  issuer=https://id.example.com/  \r\n\t# indented comment\r\n   \r\naudience = broker=1\r\n"
        "mgmt_scopes = openid profile\r\n[mqtt]\r\nissuer = x\r\nissuer = y\r\n[http]\r\nport = 1");
    ASSERT_TRUE(settings) << settings.error().detail;
    EXPECT_EQ(settings->sections.front().issuer, "https://id.example.com/");
    EXPECT_EQ(settings->sections.front().tokens.audience, List{"broker=1"});
}

TEST_F(Load, ScopePrefix) {
    struct Row {
        std::string_view lines;
        std::optional<std::string> prefix;
        bool is_explicit;
    };
    const Row rows[] = {
        {"resource_server_id = r\n", "r.", false},
        {"resource_server_id = r\nscope_prefix = p.\n", "p.", true},
        {"resource_server_id = r\nscope_prefix =\n", "", true},
        {"audience = a\nscope_prefix = p\n", "p", true},
        {"audience = a\n", std::nullopt, false},
        {"audience = a\nresource_server_id =\n", std::nullopt, false},
    };
    for (const Row &row : rows) {
        const auto settings = load_ini("[oauth]\nissuer = https://a\n" + std::string(row.lines));
        ASSERT_TRUE(settings) << settings.error().detail;
        EXPECT_EQ(settings->sections.front().scopes.scope_prefix, row.prefix) << row.lines;
        EXPECT_EQ(settings->sections.front().scopes.scope_prefix_explicit, row.is_explicit) << row.lines;
    }
}

TEST_F(Load, MaxSessionWhereTokensMayNotExpire) {
    const auto limit = [&](std::string_view lines) {
        const auto settings = load_ini(std::string(minimal) + std::string(lines));
        return settings ? settings->sections.front().tokens.max_session_s : -1;
    };
    EXPECT_EQ(limit(""), 0);
    EXPECT_EQ(limit("require_exp = false\n"), 86400);
    EXPECT_EQ(limit("require_exp = false\nmax_session = 60\n"), 60);
    EXPECT_EQ(limit("require_exp = false\nmax_session = 0\n"), 0);
}

TEST_F(Load, LaterOnesWinKeyByKey) {
    const List files{write("one.ini",
                           "[oauth]\nissuer = https://a\nresource_server_id = r\nclock_skew = 1\n"
                           "jwks_uri = https://a/k\nrouting_keys = on\n"),
                     write("two.ini", "[oauth]\nclock_skew = 2\njwks_uri =\njwks_file = /keys.json\n")};
    const auto settings = load(files, R"({"resource_server_id":"j","routing_keys":false,"audience":null})");
    ASSERT_TRUE(settings) << settings.error().detail;
    const Section &section = settings->sections.front();
    EXPECT_EQ(section.issuer, "https://a");
    EXPECT_EQ(section.scopes.resource_server_id, "j");
    EXPECT_EQ(section.tokens.audience, List{"j"});
    EXPECT_EQ(section.tokens.clock_skew_s, 2);
    EXPECT_EQ(section.keys.jwks_uri, "");
    EXPECT_EQ(section.keys.jwks_file, "/keys.json");
    EXPECT_FALSE(settings->routing_keys);
}

TEST_F(Load, SeveralIssuers) {
    const auto settings = load_ini(
        "[oauth]\nlog_level = warning\n[oauth.kc]\nissuer = https://kc\naudience = a\n[oauth.entra-1]\n"
        "issuer = https://e\naudience = a\nusername_prefix = e:\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    ASSERT_EQ(settings->sections.size(), 2U);
    EXPECT_EQ(settings->sections[0].name, "kc");
    EXPECT_EQ(settings->sections[1].name, "entra-1");
    EXPECT_EQ(settings->log_level, LogLevel::warning);
    EXPECT_NE(to_json(*settings).find(R"("oauth.entra-1":{"issuer":"https://e")"), std::string::npos);
}

TEST_F(Load, JsonForms) {
    for (
        const std::string_view json : {
            R"({"issuer":"https://a","audience":["x","y"],"verify_aud":true,"clock_skew":7,"jwks_uri":null})",
            R"({"oauth.issuer":"https://a","oauth.audience":["x","y"],"oauth.verify_aud":true,"oauth.clock_skew":7})",
            R"({"oauth":{"issuer":"https://a","audience":["x","y"],"verify_aud":true,"clock_skew":7}})",
            R"({"main":{"any":{"thing":1}},"oauth":{"issuer":"https://a","audience":"x, y","verify_aud":"yes","clock_skew":"7"}})",
        }) {
        const auto settings = load({}, json);
        ASSERT_TRUE(settings) << json << settings.error().detail;
        const Section &section = settings->sections.front();
        EXPECT_EQ(section.issuer, "https://a");
        EXPECT_EQ(section.tokens.audience, (List{"x", "y"}));
        EXPECT_EQ(section.tokens.clock_skew_s, 7);
    }
}

TEST_F(Load, ToJsonCanBeLoadedAgain) {
    for (const std::string_view lines :
         {"", "scope_prefix =\nproxy =\nalgorithms = ES256\n",
          "verify_aud = off\nrequire_exp = no\nlog_level = error\n",
          "audience = a,b\nadditional_scopes_keys = x\ntoken_cache_size = 5\n",
          "scope_aliases.a = broker.b c\nscope_aliases.d.e = x\nresource_server_type = t\n",
          "vhosts = a*,%2F\ntags =\noperations = read\n"}) {
        const auto settings = load_ini(std::string(minimal) + std::string(lines));
        ASSERT_TRUE(settings) << settings.error().detail;
        const std::string json = to_json(*settings);
        const std::string without_warnings = json.substr(0, json.find(",\"warnings\":")) + "}";
        const auto again = load({}, without_warnings);
        ASSERT_TRUE(again) << again.error().detail << "\n" << without_warnings;
        EXPECT_EQ(to_json(*again), json);
    }
}

TEST_F(Load, ToJsonHasEveryOptionAndIsJson) {
    const auto settings =
        load_ini(std::string(minimal) + "proxy = http://user:hidden@proxy:1\nverify_aud = no\n");
    ASSERT_TRUE(settings);
    const std::string json = to_json(*settings);
    EXPECT_EQ(json.find("hidden"), std::string::npos);
    JsonDocument document;
    const auto root = document.parse(json, Reason::INTERNAL);
    ASSERT_TRUE(root) << root.error().detail;
    const auto section = root->find("oauth");
    ASSERT_TRUE(section);
    for (const Option &option : options()) {
        EXPECT_EQ(section->find(option.name).has_value(), option.scope() != Scope::none) << option.name;
    }
    ASSERT_TRUE(root->find("warnings"));
    EXPECT_TRUE((*root->find("warnings")->begin()).is_string());
}

TEST_F(Load, Warnings) {
    struct Row {
        std::string_view lines;
        std::string_view warning;
    };
    const Row rows[] = {
        {"verify_aud = false\n", "[oauth] verify_aud = false"},
        {"scope_prefix =\n", "[oauth] scope_prefix is empty"},
        {"require_exp = false\n", "[oauth] require_exp = false"},
        {"require_exp = false\nmax_session = 0\n", "sessions may last for ever"},
        {"clock_skew = 301\n", "[oauth] clock_skew = 301"},
        {"allow_id_token = true\n", "[oauth] allow_id_token = true"},
        {"allow_id_token = true\nid_token_marks = c_hash\n", "id_token_marks has no effect"},
        {"allow_cnf = true\n", "[oauth] allow_cnf = true"},
        {"introspect = jwt\nintrospect_fail = open\nintrospection_client_id = c\nintrospection_client_secret_file = /s\n",
         "introspect_fail = open: a revoked token counts"},
        {"token_in_username = true\n", "[oauth] token_in_username = true"},
        {"jwks_max_stale = 60\n", "jwks_max_stale = 60 is less than jwks_cache_ttl = 3600"},
        {"jwks_file = /k\njwks_cache_file = /c\n", "jwks_cache_file has no effect"},
        {"jwks_file = /k\njwks_token_file = /t\n", "jwks_token_file has no effect"},
        {"jwks_file = /k\ndiscovery_uri = https://a/d\n", "discovery_uri has no effect"},
        {"resource_server_id =\naudience = a\n", "neither scope_prefix nor resource_server_id"},
    };
    for (const Row &row : rows) {
        const List files{write("a.ini", minimal), write("b.ini", "[oauth]\n" + std::string(row.lines))};
        const auto settings = load(files, {});
        ASSERT_TRUE(settings) << settings.error().detail;
        bool found = false;
        for (const std::string &warning : settings->warnings) {
            found = found || warning.find(row.warning) != std::string::npos;
        }
        EXPECT_TRUE(found) << row.warning;
    }
}

}  // namespace
}  // namespace tokenward::config
