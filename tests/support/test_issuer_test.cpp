#include "support/test_issuer.hpp"

#include "support/issuer_admin.hpp"

#include <gtest/gtest.h>
#include <httplib.h>

namespace tokenward::support {
namespace {

using Endpoint = TestIssuer::Endpoint;
using Fault = TestIssuer::Fault;

struct Answer {
    bool arrived = false;
    int status = 0;
    std::string body;
    std::string etag;
    std::string cache_control;
};

class Issuer : public testing::Test {
  protected:
    Answer get(const std::string &path, const std::string &tag = {}) const {
        httplib::SSLClient client("127.0.0.1", issuer.port());
        client.set_address_family(AF_INET);
        client.set_ca_cert_path(issuer.ca_file().c_str());
        client.enable_server_certificate_verification(true);
        client.set_connection_timeout(5);
        client.set_read_timeout(2);
        httplib::Headers headers;
        if (!tag.empty()) headers.emplace("If-None-Match", tag);
        const auto result = client.Get(path.c_str(), headers);
        if (!result) return {};
        return {true, result->status, result->body, result->get_header_value("ETag"),
                result->get_header_value("Cache-Control")};
    }
    Answer discovery() const { return get("/.well-known/openid-configuration"); }

    TestIssuer issuer;
};

TEST_F(Issuer, ServesDiscoveryAndKeysAndCountsThem) {
    EXPECT_NE(discovery().body.find(R"("issuer":")" + issuer.issuer() + '"'), std::string::npos);
    EXPECT_NE(discovery().body.find(issuer.jwks_uri()), std::string::npos);
    EXPECT_EQ(get("/jwks").body, issuer.jwks());
    EXPECT_EQ(get("/elsewhere").status, 404);
    EXPECT_EQ(issuer.requests(Endpoint::discovery), 2U);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 1U);
}

TEST_F(Issuer, AnswersConditionalRequests) {
    const Answer first = get("/jwks");
    EXPECT_EQ(get("/jwks", first.etag).status, 304);
    EXPECT_EQ(issuer.not_modified(), 1U);
    issuer.rotate(true);
    EXPECT_EQ(get("/jwks", first.etag).status, 200);
    TestIssuer::Documents documents;
    documents.cache_control = "max-age=7";
    documents.etag = false;
    issuer.set_documents(documents);
    EXPECT_EQ(get("/jwks").etag, "");
    EXPECT_EQ(get("/jwks").cache_control, "max-age=7");
}

TEST_F(Issuer, FaultsComeAndGo) {
    issuer.set_fault(Endpoint::jwks, Fault::status, 500);
    EXPECT_EQ(get("/jwks").status, 500);
    issuer.set_fault(Endpoint::jwks, Fault::garbage);
    EXPECT_EQ(get("/jwks").body.front(), '<');
    issuer.set_fault(Endpoint::jwks, Fault::huge, 3);
    EXPECT_GT(get("/jwks").body.size(), 3U << 20U);
    issuer.set_fault(Endpoint::jwks, Fault::redirect, 302);
    EXPECT_EQ(get("/jwks").status, 302);
    EXPECT_EQ(get("/moved/jwks").body, issuer.jwks());
    issuer.set_fault(Endpoint::jwks, Fault::truncate);
    EXPECT_FALSE(get("/jwks").arrived);
    issuer.set_fault(Endpoint::discovery, Fault::drip, 1);
    EXPECT_EQ(discovery().status, 200);
    issuer.set_fault(Endpoint::jwks, Fault::hang, 600);
    EXPECT_FALSE(get("/jwks").arrived);  // the client gives up after its two seconds
    issuer.heal();
    EXPECT_EQ(get("/jwks").body, issuer.jwks());
}

TEST_F(Issuer, NetworkAndTlsFail) {
    issuer.set_network(TestIssuer::Network::down);
    EXPECT_FALSE(get("/jwks").arrived);
    issuer.set_network(TestIssuer::Network::blackhole);
    issuer.set_network(TestIssuer::Network::up);
    EXPECT_TRUE(get("/jwks").arrived);
    for (const auto tls : {TestIssuer::Tls::expired, TestIssuer::Tls::wrong_host, TestIssuer::Tls::other_ca,
                           TestIssuer::Tls::old_protocol}) {
        issuer.set_tls(tls);
        EXPECT_FALSE(get("/jwks").arrived) << static_cast<int>(tls);
    }
    issuer.heal();
    EXPECT_TRUE(get("/jwks").arrived);
}

TEST_F(Issuer, KeysRotateAndKidsAreReused) {
    const std::string first = issuer.jwks();
    issuer.rotate(true);
    EXPECT_NE(issuer.jwks().find("rsa-2"), std::string::npos);
    EXPECT_NE(issuer.jwks().find("rsa-1"), std::string::npos);
    issuer.rotate(false);
    EXPECT_EQ(issuer.jwks().find("rsa-2"), std::string::npos);
    const std::string before = issuer.jwks();
    issuer.reuse_kids();
    EXPECT_NE(issuer.jwks(), before);
    EXPECT_NE(issuer.jwks().find("rsa-3"), std::string::npos);
}

TEST_F(Issuer, AdminFlipsAndMints) {
    const IssuerAdmin admin(issuer);
    const std::string address = "127.0.0.1:" + std::to_string(admin.port());
    const std::string token =
        ask_issuer_admin(address, "/mint", "alg=ES256\nkid=x\nclaim.scope=\"read:*/*\"\nclaim.jti=\n");
    EXPECT_EQ(token.find(base64url_encode(R"({"alg":"ES256","typ":"JWT","kid":"x"})") + '.'), 0U);
    ask_issuer_admin(address, "/rotate", "keep_old=false\n");
    EXPECT_EQ(ask_issuer_admin(address, "/jwks", ""), issuer.jwks());
    EXPECT_EQ(ask_issuer_admin(address, "/counts", ""), "discovery=0\njwks=0\nnot_modified=0\n");
    EXPECT_THROW(ask_issuer_admin(address, "/rotate", "keep=false\n"), std::runtime_error);
    EXPECT_THROW(ask_issuer_admin(address, "/nonsense", ""), std::runtime_error);
}

}  // namespace
}  // namespace tokenward::support
