// What the configuration refuses, with file, line, key, value and what would be right.
#include "base/reason.hpp"
#include "config/entry.hpp"
#include "temp_files.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tokenward::config {
namespace {

using namespace std::string_view_literals;

constexpr auto syntax = Reason::CONFIG_SYNTAX;
constexpr auto unknown = Reason::CONFIG_UNKNOWN_KEY;
constexpr auto duplicate = Reason::CONFIG_DUPLICATE_KEY;
constexpr auto invalid = Reason::CONFIG_INVALID_VALUE;
constexpr auto missing = Reason::CONFIG_MISSING_KEY;

using Refusals = ConfigTest;

void expect_refused(const Result<Settings> &result, Reason reason, std::string_view words) {
    ASSERT_FALSE(result) << "should have been refused: " << words;
    EXPECT_STREQ(reason_name(result.error().reason), reason_name(reason)) << result.error().detail;
    EXPECT_NE(result.error().detail.find(words), std::string::npos)
        << "got:      " << result.error().detail << "\nexpected: " << words;
}

struct ValueRow {
    std::string_view line;  ///< line 4 of a file. Without it, the file is good.
    Reason reason;
    std::string_view words;
};

TEST_F(Refusals, ValuesInIni) {
    const ValueRow rows[] = {
        {"clock_skew = ten", invalid,
         "tokenward.ini:4: [oauth] clock_skew = \"ten\": must be a whole number from 0 to 3600 (seconds)"},
        {"clock_skew = -1", invalid, "from 0 to 3600"},
        {"clock_skew = 3601", invalid, "from 0 to 3600"},
        {"clock_skew = 1.5", invalid, "whole number"},
        {"clock_skew = 10s", invalid, "whole number"},
        {"clock_skew = +1", invalid, "whole number"},
        {"clock_skew = 0x10", invalid, "whole number"},
        {"clock_skew = 99999999999999999999", invalid, "whole number"},
        {"clock_skew =", invalid, "whole number"},
        {"jwks_cache_ttl = 86401", invalid, "from 0 to 86400"},
        {"jwks_cache_ttl = 1h", invalid, "(seconds)"},
        {"jwks_min_refresh = 0", invalid, "from 1 to 60"},
        {"jwks_min_refresh = 61", invalid, "from 1 to 60"},
        {"jwks_max_stale = 59", invalid, "from 60 to 2592000"},
        {"jwks_timeout = 0", invalid, "from 1 to 30"},
        {"jwks_timeout = 31", invalid, "from 1 to 30"},
        {"jwks_refresh_floor = 0", invalid, "from 1 to 3600"},
        {"jwks_refresh_ceiling = 59", invalid, "from 60 to 86400"},
        {"jwks_refresh_floor = 61\njwks_refresh_ceiling = 60", invalid,
         ":4: [oauth] jwks_refresh_floor = 61: must be at most jwks_refresh_ceiling = 60"},
        {"jwks_refresh_floor = 31\njwks_max_stale = 60", invalid,
         ":4: [oauth] jwks_refresh_floor = 31: must be at most half of jwks_max_stale = 60"},
        {"jwks_token_file = token", invalid, "must be an absolute path"},
        {"kubernetes = perhaps", invalid, "must be true or false"},
        {"max_token_bytes = 255", invalid, "from 256 to 1048576 (bytes)"},
        {"max_token_bytes = 1048577", invalid, "from 256 to 1048576 (bytes)"},
        {"max_session = -1", invalid, "from 0 to 31536000"},
        {"token_cache_size = 1000001", invalid, "from 0 to 1000000"},
        {"verify_aud = maybe", invalid, "verify_aud = \"maybe\": must be true or false"},
        {"verify_aud =", invalid, "must be true or false"},
        {"require_exp = 2", invalid, "must be true or false"},
        {"routing_keys = of", invalid, "must be true or false"},
        {"log_level = loud", invalid, "must be error, warning, info or debug"},
        {"algorithms = none", invalid, "\"none\" is never accepted"},
        {"algorithms = RS256, HS256", invalid, "\"HS256\" is never accepted"},
        {"algorithms = RS1", invalid, "\"RS1\" isn't one of RS256"},
        {"algorithms = rs256", invalid, "\"rs256\" isn't one of RS256"},
        {"algorithms =", invalid, "must name one algorithm"},
        {"preferred_username_claims =", invalid, "must name one claim"},
        {"preferred_username_claims = ,", invalid, "must name one claim"},
        {"vhosts = a,/", invalid,
         "tokenward.ini:4: [oauth] vhosts = \"a,/\": \"/\": a slash in a vhost's name is written %2F"},
        {"vhosts = a%2", invalid, "\"a%2\" has a broken percent escape: % and two hex digits"},
        {"vhosts = *%zz*", invalid, "\"*%zz*\" has a broken percent escape"},
        {"tags = administrator, a b", invalid,
         "tokenward.ini:4: [oauth] tags = \"administrator, a b\": \"a b\" isn't a tag: 1 to 64 of A-Z a-z 0-9 "
         "_ . -"},
        {"tags = tag:administrator", invalid, "\"tag:administrator\" isn't a tag"},
        {"tags = *", invalid, "\"*\" isn't a tag"},
        {"tags = m\xc3\xb6nitoring", invalid, "isn't a tag"},
        {"tags = monitor\xe2\x80\x8bing", invalid, "isn't a tag"},
        {"operations = read,delete", invalid,
         "tokenward.ini:4: [oauth] operations = \"read,delete\": \"delete\" isn't one of configure, read, "
         "write"},
        {"operations = Read", invalid, "\"Read\" isn't one of"},
        {"operations = *", invalid, "\"*\" isn't one of"},
        {"username_prefix = a\xe2\x80\x8b:", invalid, "must be printable ASCII without spaces"},
        {"jwks_uri = http://id.example.com/keys", invalid, "plain http: the keys would come from there"},
        {"discovery_uri = http://id.example.com/d", invalid, "plain http"},
        {"jwks_file_beside = perhaps", invalid, "must be true or false"},
        {"required_claims = x", invalid, "must be required_claims.CLAIM = VALUE,VALUE"},
        {"required_claims. = x", invalid, "a claim's name has 1 to 1024 bytes"},
        {"required_claims.a\x01 = x", invalid, "a claim's name has 1 to 1024 bytes"},
        {"required_claims.a = x\nrequired_claims.a = y", duplicate, "stands already on line 4"},
        {"scope_aliases.CN=X,OU=Y = broker.read:*/*", invalid, "the alias ends at the first ="},
        {"scope_aliases.\"CN=X\" = a\nscope_aliases.\"CN=X\" = b", duplicate, "stands already on line 4"},
        {"scope_aliases.\"\" = x", invalid, "an alias has 1 to 1024 bytes"},
        {"jwks_uri = https://id.example.com/keys#x", invalid, "fragment"},
        {"jwks_uri = https://u:secret@id.example.com/keys", invalid, "https://***@id.example.com"},
        {"jwks_file = keys.json", invalid, "must be an absolute path"},
        {"ca_file = ./ca.pem", invalid, "must be an absolute path"},
        {"bound_tokens = always", invalid, "must be check or require"},
        {"bound_tokens = require\nallow_cnf = true", invalid, "allow_cnf = true takes bound tokens unchecked"},
        {"metrics_file = metrics.prom", invalid, "must be an absolute path"},
        {"jwks_cache_file = cache", invalid, "must be an absolute path"},
        {"proxy = proxy.example.com:3128", invalid, "must begin with http://"},
        {"proxy = http://u:secret@/", invalid, "***@"},
        {"proxy = http://proxy.example.com:99999", invalid, "must be SCHEME://HOST:PORT"},
        {"proxy = http://proxy.example.com:0", invalid, "must be SCHEME://HOST:PORT"},
        {"proxy = http:///proxy.example.com", invalid, "must be SCHEME://HOST:PORT"},
        {"proxy = socks5://proxy.example.com/path", invalid, "must be SCHEME://HOST:PORT"},
        {"default_key = \x01", invalid, "without control characters"},
        {"audience = a\xFFz", invalid, "UTF-8"},
        {"username_prefix = a b", invalid, "printable ASCII without spaces"},
        {"audience = broker ; of the east", invalid, "comments stand on lines of their own"},
        {"audience = broker # of the east", invalid, "comments stand on lines of their own"},
        {"audience = # none", invalid, "comments stand on lines of their own"},
        {"audience = \"broker\"", invalid, "without quotes"},
        {"issuers = x", unknown, "\"issuers\": there is no such option"},
        {"jwks_url = https://a", unknown, "\"jwks_url\": there is no such option"},
        {"additional_scopes_key = x", unknown, "\"additional_scopes_key\": there is no such option"},
        {"Issuer = x", unknown, "\"Issuer\": there is no such option"},
        {"frobnicate = 1", unknown, "\"frobnicate\": there is no such option"},
        {"max_wait_ms = 10", unknown, "is set by the broker's adapter"},
        {"startup_wait = 10", unknown, "is set by the broker's adapter"},
        {"issuer = https://other.example.com", duplicate, ":4: [oauth] \"issuer\": stands already on line 2"},
        {"verify_aud", syntax, ":4: \"verify_aud\" isn't \"key = value\""},
        {"verify_aud: true", syntax, "isn't \"key = value\""},
        {"= true", syntax, "no key in front of ="},
        {"[oauth", syntax, "has no closing ]"},
        {"[oauth] ; comment", syntax, "something follows the section"},
        {"[oauth2]", unknown,
         "the section \"oauth2\" doesn't exist: options stand in [oauth] and [oauth.NAME]"},
        {"[tokenward]", unknown, "options stand in [oauth] and [oauth.NAME]"},
        {"[]", unknown, "the section \"\" doesn't exist"},
        {"[oauth.]", syntax, "NAME in [oauth.NAME]"},
        {"[oauth.a b]", syntax, "NAME in [oauth.NAME]"},
        {"[oauth.oauth]", syntax, "would be taken for [oauth]"},
        {"[oauth.b]\nlog_level = info", unknown,
         "[oauth.b] log_level: is for the whole backend and stands in [oauth] only"},
        {"[oauth.b]\nclient_id = x", unknown, "stands in [oauth] only"},
    };
    for (const ValueRow &row : rows) {
        SCOPED_TRACE(std::string(row.line));
        expect_refused(load_ini(std::string(minimal) + std::string(row.line) + "\n"), row.reason, row.words);
    }
}

TEST_F(Refusals, Issuers) {
    const ValueRow rows[] = {
        {"", missing, "[oauth] has no issuer: set it to the provider's https:// URL"},
        {"http://id.example.com", invalid,
         "issuer = \"http://id.example.com\": plain http: the keys would come from there"},
        {"HTTP://id.example.com", invalid, "plain http"},
        {"HTTPS://id.example.com", invalid, "in lower case"},
        {"id.example.com", invalid, "begins with https://"},
        {"https://", invalid, "must have a host name"},
        {"https:///path", invalid, "must have a host name"},
        {"https://?x", invalid, "must have a host name"},
        {"https://:443", invalid, "must have a host name"},
        {"https://a%41.example", invalid, "must have a host name"},
        {"https://[fe80::1%25eth0]", invalid, "must have a host name"},
        {"https://host:0", invalid, "port from 1 to 65535"},
        {"https://host:65536", invalid, "port from 1 to 65535"},
        {"https://host:1x", invalid, "port from 1 to 65535"},
        {"https://host:", invalid, "port from 1 to 65535"},
        {"https://[::1", invalid, "must have a host name"},
        {"https://[]", invalid, "must have a host name"},
        {"https://ho st", invalid, "can't stand in a URL"},
        {"https://h\xC3\xB6st", invalid, "can't stand in a URL"},
        {"https://host/a?b=c", invalid, "query"},
        {"https://host/a#b", invalid, "fragment"},
        {"https://user:secret@host/", invalid,
         "issuer = \"https://***@host/\": must not have a user or password"},
        {"https://host/.well-known/openid-configuration", invalid,
         "that is the discovery document, not the issuer"},
        {"https://login.microsoftonline.com/common/v2.0", invalid, "names no tenant"},
        {"https://login.microsoftonline.com/Common", invalid, "names no tenant"},
        {"https://LOGIN.microsoftonline.com/organizations/v2.0", invalid, "names no tenant"},
        {"https://login.microsoftonline.com:443/consumers/v2.0", invalid, "names no tenant"},
        {"https://login.microsoftonline.us/common/v2.0", invalid, "names no tenant"},
        {"https://sts.windows.net/common/", invalid, "names no tenant"},
    };
    for (const ValueRow &row : rows) {
        SCOPED_TRACE(std::string(row.line));
        expect_refused(
            load_ini("[oauth]\nissuer = " + std::string(row.line) + "\nresource_server_id = broker\n"),
            row.reason, row.words);
    }
}

TEST_F(Refusals, WholeFiles) {
    const ValueRow rows[] = {
        {"", missing, "there is no section [oauth]"},
        {"# nothing\n", missing, "there is no section [oauth]"},
        {"[main]\nlog_level = info\n", missing, "there is no section [oauth]"},
        {"[oauth]\n", missing, ":1: [oauth] has no issuer"},
        {"[oauth]\nlog_level = info\n", missing, "[oauth] has no issuer"},
        {"[oauth]\nresource_server_id = broker\n", missing, "[oauth] has no issuer"},
        {"issuer = https://a\n", syntax, ":1: \"issuer\" stands in front of the first section"},
        {"[oauth]\nissuer = https://a\n", missing, "neither audience nor resource_server_id"},
        {"[oauth]\nissuer = https://a\naudience = ,\nresource_server_id =\n", missing, "neither audience nor"},
        {"[oauth]\nissuer = https://a\nverify_aud = true\n", missing, "or verify_aud = false"},
        {"[oauth]\nissuer = https://a\naudience = b\njwks_uri = https://a/k\njwks_file = /k\n", invalid,
         ":5: [oauth] jwks_file: jwks_uri is set too"},
        {"[oauth]\nissuer = https://a\naudience = b\njwks_file_beside = true\n", missing,
         ":4: [oauth] jwks_file_beside: set jwks_file too"},
        {"[oauth]\nissuer = https://a\naudience = b\njwks_uri = https://a/k\ndiscovery_uri = https://a/d\n",
         invalid, ":5: [oauth] discovery_uri: jwks_uri is set too"},
        // Keys come from the issuer's address in these.
        {"[oauth]\nissuer = http://a\naudience = b\njwks_file = /k\njwks_file_beside = true\n", invalid,
         ":2: [oauth] issuer = \"http://a\": plain http: the keys would come from there, and anybody"},
        {"[oauth]\nissuer = http://a\naudience = b\ndiscovery_uri = https://a/d\n", invalid,
         ":2: [oauth] issuer = \"http://a\": plain http: the keys would come from there, and anybody"},
        {"[oauth]\nissuer = https://a\n[main]\nx = 1\n[oauth]\nissuer = https://b\n", duplicate,
         ":6: [oauth] \"issuer\": stands already on line 2"},
        {"[oauth]\nissuer = https://a\0\n"sv, syntax, ":2: a NUL byte"},
        {"\xFF\xFE[\0o\0"sv, syntax, ":1: a NUL byte"},
        {"[oauth.b]\n", missing, "[oauth.b] has no issuer"},
    };
    for (const ValueRow &row : rows) {
        SCOPED_TRACE(std::string(row.line));
        expect_refused(load_ini(row.line), row.reason, row.words);
    }
}

TEST_F(Refusals, SeveralIssuers) {
    const auto two = [](std::string_view first, std::string_view second) {
        return "[oauth]\nissuer = https://a/\naudience = x\n" + std::string(first) +
               "\n[oauth.b]\naudience = x\n" + std::string(second) + "\n";
    };
    expect_refused(load_ini(two("", "issuer = https://b")), missing,
                   "need different usernames: set username_prefix");
    expect_refused(load_ini(two("username_prefix = p-", "issuer = https://b\nusername_prefix = p-")), invalid,
                   "must not begin with");
    expect_refused(load_ini(two("username_prefix = p", "issuer = https://b\nusername_prefix = p-")), invalid,
                   "must not begin with");
    expect_refused(load_ini(two("jwks_cache_file = /c",
                                "issuer = https://b\nusername_prefix = b-\n"
                                "jwks_cache_file = /c")),
                   invalid, "[oauth.b] jwks_cache_file = \"/c\": [oauth] has the same file");
    std::string many(minimal);
    for (int i = 0; i < 64; ++i) {
        many += "[oauth.i" + std::to_string(i) + "]\nissuer = https://i" + std::to_string(i) + "\n";
    }
    expect_refused(load_ini(many), invalid, "more than 64 issuers");
}

TEST_F(Refusals, SectionsOfOneProvider) {
    struct Row {
        std::string_view first, second;
        std::string_view words;  ///< empty: accepted
    };
    const Row rows[] = {
        {"", "", ""},
        {"", "issuer = https://a", ""},
        {"issuer_aliases = https://c, https://d", "issuer_aliases = https://d/,https://c", ""},
        {"jwks_cache_file = /c", "jwks_cache_file = /c", ""},
        {"username_prefix = p-", "username_prefix = p-", ""},
        {"clock_skew = 1", "clock_skew = 2\nscope_prefix = z.", ""},
        {"", "issuer_aliases = https://c", "[oauth.b] issuer_aliases: [oauth.b] and [oauth] have the issuer"},
        {"issuer_aliases = https://c", "", ":4: [oauth] issuer_aliases: [oauth.b] and [oauth] have the issuer"},
        {"issuer_aliases = https://c", "issuer = https://c",
         ":6: [oauth.b] issuer: [oauth.b] and [oauth] have the issuer \"https://c\""},
        {"issuer_aliases = https://c", "issuer = https://d\nissuer_aliases = https://c/",
         "[oauth.b] issuer: [oauth.b] and [oauth] have the issuer \"https://c/\""},
        {"", "issuer = https://d\nissuer_aliases = https://a", "[oauth.b] issuer: [oauth.b] and [oauth]"},
        {"", "username_prefix = b-", "[oauth.b] username_prefix: [oauth.b] and [oauth] have the issuer"},
        {"jwks_cache_file = /c", "", ":4: [oauth] jwks_cache_file: [oauth.b] and [oauth] have the issuer"},
        {"", "jwks_timeout = 7", "[oauth.b] jwks_timeout: [oauth.b] and [oauth] have the issuer"},
        {"jwks_uri = https://a/k", "jwks_uri = https://a/l", "[oauth.b] jwks_uri: [oauth.b] and [oauth]"},
        {"", "verify_aud = false", "[oauth.b] verify_aud = false: [oauth.b] and [oauth] have the issuer"},
        {"verify_aud = false", "", "[oauth] verify_aud = false: [oauth.b] and [oauth] have the issuer"},
        {"", "audience = z, x", "[oauth.b] audience: [oauth.b] and [oauth] have the issuer"},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(std::string(row.first) + " | " + std::string(row.second));
        const auto unless_set = [&](std::string_view key, std::string_view line) {
            return row.second.starts_with(key) ? std::string() : std::string(line);
        };
        const auto result =
            load_ini("[oauth]\nissuer = https://a/\naudience = x\n" + std::string(row.first) + "\n[oauth.b]\n" +
                     std::string(row.second) + "\n" + unless_set("issuer =", "issuer = https://a\n") +
                     unless_set("audience", "audience = y\n"));
        if (row.words.empty()) {
            EXPECT_TRUE(result) << result.error().detail;
        } else {
            expect_refused(result, invalid, row.words);
        }
    }
}

/// Who is asked about tokens and for them, as whom.
TEST_F(Refusals, WhatIsAskedOfAProvider) {
    const std::string one = "[oauth]\nissuer = https://a\naudience = b\nscope_prefix =\n";
    const std::string who = "introspection_client_id = c\nintrospection_client_secret_file = /s\n";
    const std::string two = "[oauth.two]\nissuer = https://two\naudience = b\nscope_prefix =\nusername_prefix = two:\n" + who;
    const std::string asks = one + who + "opaque_tokens = true\nopaque_token_prefix = one_\n";
    const std::pair<std::string, std::string_view> rows[] = {
        {one + "opaque_tokens = true\n", "set introspection_client_id and introspection_client_secret_file"},
        {one + "introspect = jwt\nintrospection_client_id = c\n", "introspection_client_secret_file"},
        {one + "introspection_uri = https://a/i\n", "introspection_uri: set opaque_tokens = true or introspect = jwt, too"},
        {one + "introspection_ttl = 5\n", "introspection_ttl: set opaque_tokens"},
        {one + who, "introspection_client_id: set opaque_tokens"},
        {one + who + "introspect = all\n", "must be jwt"},
        {one + who + "introspect = jwt\nintrospect_fail = closed\n", "must be try_again or open"},
        {one + who + "introspect = jwt\nintrospection_auth_method = post\n", "must be client_secret_basic or client_secret_post"},
        {one + who + "opaque_tokens = true\nintrospect_fail = open\n", "an opaque token says nothing by itself"},
        {one + who + "introspect = jwt\nopaque_token_prefix = x_\n", "set opaque_tokens = true, too"},
        {one + who + "opaque_tokens = true\nopaque_token_prefix = ey\n", "a JSON Web Token begins so, too"},
        {one + who + "opaque_tokens = true\nopaque_token_prefix = e\n", "a JSON Web Token begins so, too"},
        {one + who + "opaque_tokens = true\nopaque_token_prefix = a%b\n", "a token has letters, digits and"},
        {one + who + "opaque_tokens = true\nintrospection_uri = http://a/i\n", "plain http"},
        {"[oauth]\nissuer = http://a\njwks_uri = https://a/k\naudience = b\n" + who + "opaque_tokens = true\n",
         "nothing can be discovered at that issuer"},
        {asks + two + "opaque_tokens = true\n", "with several sections each needs an opaque_token_prefix"},
        {asks + two + "opaque_tokens = true\nopaque_token_prefix = one_two\n", "neither may begin with the other"},
        {one + "client_credentials_scope = x\n", "client_credentials_scope: set client_credentials_prefix, too"},
        {one + "client_credentials_session = 60\n", "client_credentials_session: set client_credentials_prefix, too"},
        {one + "client_credentials_prefix = c:\nclient_credentials_session = 5\n", "from 60 to 604800"},
        {one + "client_credentials_prefix = c:\nclient_credentials_auth_method = none\n", "must be client_secret_basic"},
        {"[oauth]\nissuer = http://a\njwks_uri = https://a/k\naudience = b\nclient_credentials_prefix = c:\n",
         "set client_credentials_uri"},
        {one + "client_credentials_prefix = c:\n[oauth.two]\nissuer = https://two\naudience = b\nscope_prefix =\n"
               "username_prefix = two:\nclient_credentials_prefix = c\n",
         "neither may begin with the other"},
    };
    for (const auto &[ini, said] : rows) {
        const auto settings = load_ini(ini);
        ASSERT_FALSE(settings) << ini;
        EXPECT_NE(settings.error().detail.find(said), std::string::npos) << ini << settings.error().detail;
    }
    EXPECT_TRUE(load_ini(asks + two + "opaque_tokens = true\nopaque_token_prefix = two_\n"));
    EXPECT_TRUE(load_ini(one + "client_credentials_prefix = c:\n"));
}

/// A hint is the line to write, or a command; where the case gives none it is empty.
TEST_F(Refusals, Hints) {
    struct Row {
        std::string ini;
        std::string_view line;  ///< how the message ends
        std::string_view hint;
    };
    const auto issuer = [](const std::string &value) {
        return "[oauth]\nissuer = " + value + "\naudience = b\n";
    };
    const std::string one = issuer("https://a");
    const Row rows[] = {
        {issuer("http://fs.example.com/adfs/services/trust"),
         ":2: [oauth] issuer = \"http://fs.example.com/adfs/services/trust\": plain http: the keys would come "
         "from "
         "there, and anybody on the way could forge them",
         "jwks_uri = https://fs.example.com/adfs/discovery/keys"},
        {issuer("http://id.example.com:8080/realms/a"), "anybody on the way could forge them",
         "issuer = https://id.example.com:8080/realms/a"},
        {issuer("http://user:secret@id.example.com/"), "anybody on the way could forge them", ""},
        {issuer("http://id.example.com/.well-known/openid-configuration"), "could forge them",
         "issuer = https://id.example.com"},
        {issuer("https://id.example.com/r/.well-known/openid-configuration"),
         "/openid-configuration\": that is the discovery document, not the issuer",
         "issuer = https://id.example.com/r"},
        {issuer("HTTPS://id.example.com"), "(in lower case)", "issuer = https://id.example.com"},
        {issuer("https://login.microsoftonline.com/common/v2.0"), "names no tenant",
         "issuer = https://login.microsoftonline.com/TENANT-ID/v2.0"},
        {issuer("https://login.microsoftonline.us/organizations"), "names no tenant",
         "issuer = https://login.microsoftonline.us/TENANT-ID/v2.0"},
        {issuer("id.example.com"), "must be a URL that begins with https:// (in lower case)", ""},
        {"[oauth]\n", ":1: [oauth] has no issuer: set it to the provider's https:// URL",
         "issuer = https://..., what iss says in a token"},
        {"[oauth]\nissuer = https://a\n", "Set one of them, or verify_aud = false",
         "audience = NAME, what aud says in a token for this broker"},
        {"[oauth]\nissuer = https://a\n[oauth.b]\nissuer = https://a/\n",
         ":3: [oauth.b] has the issuer of [oauth]: aud must tell them apart",
         "audience = NAME in each, what aud says in its tokens"},
        {"[oauth]\nissuer = https://a\n[oauth.b]\nissuer = https://b\n", "or verify_aud = false",
         "audience = NAME, what aud says in a token for this broker"},
        {one + "audiance = x\n", ":4: [oauth] \"audiance\": there is no such option", "write audience"},
        {one + "scope_alias.a = x\n", "\"scope_alias.a\": there is no such option", "write scope_aliases"},
        {one + "colour = x\n", "\"colour\": there is no such option", ""},
        {one + "startup_wait = 5\n", "\"startup_wait\": is set by the broker's adapter, not here", ""},
        {one + "[oauth2]\n", "the section \"oauth2\" doesn't exist: options stand in [oauth] and [oauth.NAME]",
         "write [oauth]"},
        {one + "[colours]\n",
         "the section \"colours\" doesn't exist: options stand in [oauth] and [oauth.NAME]", ""},
        {one + "jwks_uri = http://a/keys\n",
         "plain http: the keys would come from there, and anybody on the way could "
         "forge them",
         "jwks_uri = https://a/keys"},
        {one + "jwks_uri = http://u:secret@a/keys\n", "could forge them", ""},
        {one + "scope_aliases.CN=X,OU=Y = b.read:*/* b.write:*/*\n",
         ":4: [oauth] scope_aliases.\"CN\" = \"X,OU=Y = b.read:*/* b.write:*/*\": the alias ends at the first "
         "=",
         "scope_aliases.\"CN=X,OU=Y\" = b.read:*/* b.write:*/*"},
        {one + "scope_aliases.CN=X\xc3\xa9,OU=Y = b.read:*/*\n", "the alias ends at the first =", ""},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.ini);
        const auto result = load_ini(row.ini);
        ASSERT_FALSE(result);
        EXPECT_TRUE(result.error().detail.ends_with(row.line)) << result.error().detail;
        EXPECT_EQ(result.error().hint, row.hint);
    }
}

TEST_F(Refusals, WarningsSayWhatToSet) {
    const auto warnings = [&](const std::string &more) {
        const auto settings = load_ini("[oauth]\nscope_prefix = b.\n" + more);
        return settings ? settings->warnings : std::vector<std::string>{settings.error().detail};
    };
    using List = std::vector<std::string>;
    const std::string every =
        "[oauth] verify_aud = false: every token of the issuer is accepted, also those for other services. Set "
        "required_claims.";
    const std::string cognito = "issuer = https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc\n";
    EXPECT_EQ(warnings(cognito + "verify_aud = false\n"), List{every + "client_id = ID"});
    EXPECT_EQ(warnings("issuer = https://a\nverify_aud = false\n"), List{every + "azp = CLIENT"});
    EXPECT_EQ(warnings("issuer = https://a\nverify_aud = false\nrequired_claims.azp = c\n"), List{});
    const List both =
        warnings("issuer = https://a\naudience = b\nallow_id_token = true\nid_token_marks = nonce\n");
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both[1], "[oauth] id_token_marks has no effect beside allow_id_token = true: take one out");
    EXPECT_EQ(warnings("issuer = https://a\naudience = b\njwks_file = /k\nca_file = /c\n"),
              List{"[oauth] ca_file has no effect beside jwks_file"});
}

TEST_F(Refusals, Lines) {
    const std::string fits = "audience = " + std::string(1024, 'x');
    EXPECT_TRUE(load_ini(std::string(minimal) + fits + "\n"));
    expect_refused(load_ini(std::string(minimal) + fits + "x\n"), invalid, "1 to 1024 bytes");
    EXPECT_TRUE(load_ini(std::string(minimal) + "#" + std::string(4095, 'x') + "\n"));
    expect_refused(load_ini(std::string(minimal) + "#" + std::string(4096, 'x') + "\n"), syntax,
                   ":4: the line has 4097 bytes, more than 4096");
    expect_refused(load_ini(std::string(minimal) + std::string(1048576, '\n')), Reason::CONFIG_UNREADABLE,
                   "larger than 1048576 bytes");
}

TEST_F(Refusals, Files) {
    expect_refused(load(std::vector<std::string>{path("missing.ini")}, {}), Reason::CONFIG_UNREADABLE,
                   "missing.ini");
    const std::string open_to_all = write("open.ini", minimal);
    ASSERT_EQ(::chmod(open_to_all.c_str(), 0666), 0);
    expect_refused(load(std::vector<std::string>{open_to_all}, {}), Reason::CONFIG_INSECURE_FILE, "0666");
    // The second file is named, not the first.
    const std::vector<std::string> files{write("one.ini", minimal),
                                         write("two.ini", "[oauth]\nclock_skew = x\n")};
    expect_refused(load(files, {}), invalid, "two.ini:2: [oauth] clock_skew");
}

TEST_F(Refusals, Json) {
    struct Row {
        std::string_view json;
        Reason reason;
        std::string_view words;
    };
    const Row rows[] = {
        {"", Reason::CONFIG_UNREADABLE, "/etc/tokenward/tokenward.ini"},
        {"{", syntax, "config_json: "},
        {"[]", syntax, "config_json: isn't an object"},
        {"null", syntax, "config_json: isn't an object"},
        {"{} x", syntax, "config_json: "},
        {R"({"issuer":"https://a","issuer":"https://b"})", syntax, "config_json: "},
        {"{}", missing, "[oauth] has no issuer"},
        {R"({"issuer":"http://a"})", invalid, R"(config_json: issuer = "http://a": plain http)"},
        {R"({"oauth":{"issuer":1}})", invalid, R"(config_json: oauth.issuer = "1": must be a URL)"},
        {R"({"oauth":{"issuer":["https://a"]}})", invalid, "oauth.issuer = \"https://a\": must be a URL"},
        {R"({"oauth":{"issuer":{}}})", invalid, R"(config_json: oauth."issuer": an object can't stand here)"},
        {R"({"clock_skew":true})", invalid, "whole number"},
        {R"({"clock_skew":1.5})", invalid, "whole number"},
        {R"({"clock_skew":1e1})", invalid, "whole number"},
        {R"({"clock_skew":[1]})", invalid, R"("clock_skew": a list holds strings only)"},
        {R"({"verify_aud":1})", invalid, "must be true or false"},
        {R"({"verify_aud":["true"]})", invalid, "must be true or false"},
        {R"({"audience":1})", invalid, "must be a list"},
        {R"({"audience":[""]})", invalid, "1 to 1024 bytes"},
        {R"({"audience":["a",null]})", invalid, "a list holds strings only"},
        {R"({"jwks_file":"/a\u0000b"})", invalid, "without control characters"},
        {R"({"nope":1})", unknown, R"(config_json: "nope": there is no such option)"},
        {R"({"oauth":{"isuer":"x"}})", unknown, R"(config_json: oauth."isuer": there is no such option)"},
        {R"({"oauth2":{}})", unknown, "the section \"oauth2\" doesn't exist"},
        {R"({"issuer":"https://a","oauth":{}})", syntax, R"("issuer" stands beside sections)"},
        {R"({"oauth.issuer":"https://a","issuer":"https://b"})", duplicate, "with and without oauth."},
        {R"({"oauth.b":{"log_level":"info"}})", unknown, "stands in [oauth] only"},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(std::string(row.json));
        expect_refused(load({}, row.json), row.reason, row.words);
    }
}

TEST_F(Refusals, NothingOfAPasswordStandsInAMessage) {
    for (const std::string_view line : {"jwks_uri = https://u:secret@host/", "jwks_uri = ftp://u:secret@host/",
                                        "proxy = ftp://u:secret@host", "proxy = u:secret@host:1"}) {
        const auto result = load_ini(std::string(minimal) + std::string(line) + "\n");
        ASSERT_FALSE(result) << line;
        EXPECT_EQ(result.error().detail.find("secret"), std::string::npos) << result.error().detail;
    }
}

TEST_F(Refusals, NothingOfAPasswordStandsInAMessageWhateverIsWrongWithItsLine) {
    for (const std::string_view line : {
             R"(proxy = "http://user:hidden@proxy:3128")",
             "proxy = http://user:hidden@proxy:3128 # ours",
             "proxy http://user:hidden@proxy:3128",
         }) {
        const auto refused = load_ini(std::string(minimal) + std::string(line) + "\n");
        ASSERT_FALSE(refused) << line;
        EXPECT_EQ(refused.error().detail.find("hidden"), std::string::npos) << refused.error().detail;
    }
    const auto refused = load_ini(minimal, R"({"proxy":["http://user:hidden@proxy:3128"]})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().detail.find("hidden"), std::string::npos) << refused.error().detail;
}

TEST_F(Refusals, EveryByteOfAMessageIsPrintable) {
    const auto check = [](const auto &result) {
        ASSERT_FALSE(result);
        for (const char c : result.error().detail) ASSERT_TRUE(c >= ' ' && c < 0x7F) << result.error().detail;
    };
    for (int byte = 1; byte < 256; ++byte) {
        if (byte == '\n' || byte == '#' || byte == ';') continue;
        const std::string text(3, static_cast<char>(byte));
        check(parse_ini("[" + text + "]\n", "a.ini"));
        check(parse_ini("[oauth]\n" + text + "x\n", "a.ini"));
        check(parse_ini(text + "x = 1\n", text));
    }
    for (const std::string_view bytes : {"\x1b[31m", "\xff\xfe", "\x7f", "\xc3\xa4", "\""}) {
        const std::string text(bytes);
        check(load_ini("[oauth]\nissuer = " + text + "x\n"));
        check(load_ini("[oauth]\n" + text + " = x\n"));
    }
}

}  // namespace
}  // namespace tokenward::config
