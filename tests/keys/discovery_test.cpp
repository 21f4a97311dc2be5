// Discovery documents: what is taken, and what an operator is told where one isn't.
#include "keys/discovery.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

constexpr const char *issuer = "https://id.example";

std::string document(const std::string &said, const std::string &uri = "https://id.example/keys") {
    return R"({"issuer":")" + said + R"(","jwks_uri":")" + uri + R"("})";
}

TEST(Discovery, AByteOrderMarkIsSkipped) {
    EXPECT_EQ(read_discovery_document("\xEF\xBB\xBF" + document(issuer), {issuer}).value(),
              "https://id.example/keys");
    EXPECT_FALSE(read_discovery_document("\xEF\xBB\xBF\xEF\xBB\xBF" + document(issuer), {issuer}));
}

TEST(Discovery, ItsIssuerMayBeAnAlias) {
    const std::vector<std::string> aliases{"https://other.example/", "http://fs.example/trust"};
    for (const char *said : {issuer, "https://other.example", "http://fs.example/trust/"}) {
        EXPECT_TRUE(read_discovery_document(document(said), {issuer, aliases})) << said;
    }
    EXPECT_FALSE(read_discovery_document(document("https://third.example"), {issuer, aliases}));
    EXPECT_FALSE(read_discovery_document(document("https://other.example"), {issuer}));
}

TEST(Discovery, EachRefusalNamesWhatToChange) {
    struct Row {
        std::string document;
        const char *detail;
        const char *hint;
    };
    const Row rows[] = {
        {"\n<!DOCTYPE html>", "is HTML, not JSON", "or jwks_uri to the address of the keys"},
        {"{,", "isn't strict JSON", "or jwks_uri to the address of the keys"},
        {"[]", "isn't a JSON object", "or jwks_uri to the address of the keys"},
        {"{}", "has no issuer", "or jwks_uri to the address of the keys"},
        {document("https://id.example/realms/a"), "is of issuer \"https://id.example/realms/a\"",
         "write: issuer = https://id.example/realms/a"},
        // Lines that the configuration would refuse aren't proposed.
        {document("http://id.example"), "is of issuer \"http://id.example\"",
         "set issuer to what tokens say in iss; if the document is wrong"},
        {document("https://id.example/a\\nlog_level = debug"), "is of issuer",
         "set issuer to what tokens say in iss; if the document is wrong"},
        {document("https://id.example/" + std::string(300, 'a')), "is of issuer",
         "set issuer to what tokens say in iss; if the document is wrong"},
        {R"({"issuer":"https://id.example"})", "has no jwks_uri", "set jwks_uri"},
        {document(issuer, "http://id.example/keys"), "isn't an https address",
         "its public https address (behind a proxy it may believe in http), or set jwks_uri = "
         "https://id.example/keys"},
        {document(issuer, "https://127.0.0.1/keys"), "leads into a private network", "set jwks_uri"},
        {document(issuer, "https://169.254.169.254:8443/keys"), "leads into a private network", "set jwks_uri"},
        {document(issuer, "https://0x7f.1/keys"), "leads into a private network", "set jwks_uri"},
        {document(issuer, "https://[::1]/keys"), "leads into a private network", "set jwks_uri"},
        {document(issuer, "https://LOCALHOST./keys"), "leads into a private network", "set jwks_uri"},
    };
    for (const Row &row : rows) {
        const Result<std::string> uri = read_discovery_document(row.document, {issuer});
        ASSERT_FALSE(uri) << row.document;
        EXPECT_NE(uri.error().detail.find(row.detail), std::string::npos) << uri.error().detail;
        EXPECT_NE(uri.error().hint.find(row.hint), std::string::npos)
            << row.document << ": " << uri.error().hint;
    }
}

TEST(Discovery, AnotherHostIsTakenIfItMayBeOutside) {
    for (const char *uri : {"https://keys.example/k", "https://8.8.8.8/k", "https://[2001:db8::1]:8443/k"}) {
        EXPECT_EQ(read_discovery_document(document(issuer, uri), {issuer}).value_or("refused"), uri);
    }
}

TEST(Discovery, AnIssuerInsideMayNameItsOwnHost) {
    for (const std::string host : {"127.0.0.1", "10.1.2.3", "localhost", "[::1]"}) {
        const std::string own = "https://" + host + ":1/realm";
        const std::string uri = "https://" + host + ":2/keys";
        EXPECT_EQ(read_discovery_document(document(own, uri), {own}).value_or("refused"), uri);
        EXPECT_FALSE(read_discovery_document(document(own, "https://10.9.9.9/keys"), {own}));
        // The operator's other names for it are as good.
        const std::vector<std::string> aliases{own};
        EXPECT_TRUE(read_discovery_document(document(issuer, uri), {issuer, aliases}));
        EXPECT_TRUE(read_discovery_document(document(issuer, uri), {issuer, {}, own}));
        EXPECT_FALSE(read_discovery_document(document(issuer, uri), {issuer}));
    }
}

}  // namespace
}  // namespace tokenward::keys
