#include "support/test_issuer.hpp"

#include "support/issuer_admin.hpp"

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>

#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

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
    std::string retry_after;
};

/// Sees how far the server gets, and how it ends.
class RawClient {
  public:
    explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval patience{0, 300'000};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        (void)::connect(fd_, reinterpret_cast<const sockaddr *>(&address), sizeof address);
        SSL_set_fd(ssl_.get(), fd_);
    }
    ~RawClient() { ::close(fd_); }
    RawClient(const RawClient &) = delete;
    RawClient &operator=(const RawClient &) = delete;

    /// True if the handshake succeeds. Else `error` says how it ended; with `answered` not before the server
    /// has sent something.
    bool shake_hands(bool answered) {
        do {
            errno = 0;
            if (SSL_connect(ssl_.get()) == 1) return true;
        } while (errno == EAGAIN && answered && BIO_number_read(SSL_get_rbio(ssl_.get())) == 0);
        error = errno;
        return false;
    }

    void get(const std::string &path, const std::string &enough) {
        ASSERT_TRUE(shake_hands(true));
        const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
        ASSERT_GT(SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())), 0);
        read(enough);
    }

    /// Until `enough` comes, then until nothing more does.
    void read(const std::string &enough) {
        for (;;) {
            char bytes[4096];
            errno = 0;
            const int got = SSL_read(ssl_.get(), bytes, sizeof bytes);
            error = errno;
            if (got > 0) {
                received.append(bytes, static_cast<std::size_t>(got));
            } else if (error != EAGAIN || received.find(enough) != std::string::npos) {
                return;
            }
        }
    }

    std::string received;
    int error = 0;  ///< EAGAIN: nothing more came

  private:
    int fd_;
    std::shared_ptr<SSL_CTX> context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
    std::shared_ptr<SSL> ssl_{SSL_new(context_.get()), SSL_free};
};

class Issuer : public testing::Test {
  protected:
    /// Else a client that writes into a connection which the issuer ended would end the process.
    Issuer() { std::signal(SIGPIPE, SIG_IGN); }

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
        return {true,
                result->status,
                result->body,
                result->get_header_value("ETag"),
                result->get_header_value("Cache-Control"),
                result->get_header_value("Retry-After")};
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

TEST_F(Issuer, AnswersStopAtEachStage) {
    const struct {
        Fault fault;
        const char *come;       ///< is there
        const char *not_there;  ///< isn't
        int error;
    } rows[] = {{Fault::stall_before_header, "", "HTTP", EAGAIN},
                {Fault::stall_in_header, "HTTP/1.1 200", "\r\n\r\n", EAGAIN},
                {Fault::stall_in_body, "\r\n\r\n{\"keys\"", "]}", EAGAIN},
                {Fault::reset_in_body, "", "]}", ECONNRESET}};
    for (const auto &row : rows) {
        SCOPED_TRACE(static_cast<int>(row.fault));
        issuer.set_fault(Endpoint::jwks, row.fault);
        RawClient client(issuer.port());
        client.get("/jwks", row.come);
        EXPECT_NE(client.received.find(row.come), std::string::npos) << client.received;
        EXPECT_EQ(client.received.find(row.not_there), std::string::npos) << client.received;
        EXPECT_EQ(client.error, row.error);
    }
}

TEST_F(Issuer, HandshakesStopAtEachStage) {
    const struct {
        TestIssuer::Network network;
        TestIssuer::Tls tls;
        bool answered;
        int error;
    } rows[] = {{TestIssuer::Network::blackhole, TestIssuer::Tls::good, false, EAGAIN},
                {TestIssuer::Network::reset, TestIssuer::Tls::good, false, ECONNRESET},
                {TestIssuer::Network::up, TestIssuer::Tls::stall, true, EAGAIN},
                {TestIssuer::Network::up, TestIssuer::Tls::reset, true, ECONNRESET}};
    for (const auto &row : rows) {
        SCOPED_TRACE(&row - rows);
        issuer.set_network(row.network);
        issuer.set_tls(row.tls);
        RawClient client(issuer.port());
        EXPECT_FALSE(client.shake_hands(row.answered));
        EXPECT_EQ(client.error, row.error);
    }
    EXPECT_EQ(issuer.handshakes(), 0U);
}

TEST_F(Issuer, AStalledAnswerDoesNotComeAfterTheFaultsEnd) {
    issuer.set_fault(Endpoint::jwks, Fault::stall_in_header);
    RawClient client(issuer.port());
    client.get("/jwks", "HTTP/1.1 200");
    issuer.heal();
    EXPECT_EQ(get("/jwks").status, 200);
    client.read("");
    EXPECT_EQ(client.error, EAGAIN);
    EXPECT_EQ(client.received.find("\r\n\r\n"), std::string::npos);
}

TEST_F(Issuer, AConnectionIsKeptUntilTlsOrTheNetworkChanges) {
    httplib::SSLClient client("127.0.0.1", issuer.port());
    client.set_address_family(AF_INET);
    client.set_ca_cert_path(issuer.ca_file().c_str());
    client.set_keep_alive(true);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.Get("/jwks"));
    EXPECT_EQ(issuer.handshakes(), 1U);
    issuer.set_tls(TestIssuer::Tls::reset);
    EXPECT_FALSE(client.Get("/jwks"));
    issuer.set_tls(TestIssuer::Tls::good);
    EXPECT_TRUE(client.Get("/jwks"));
    issuer.set_network(TestIssuer::Network::down);
    EXPECT_FALSE(client.Get("/jwks"));
    issuer.set_network(TestIssuer::Network::up);
    EXPECT_TRUE(client.Get("/jwks"));
    EXPECT_EQ(issuer.handshakes(), 3U);
}

TEST_F(Issuer, TheKeysMoveAndTheOldAddressIsOutdatedOrGone) {
    const std::string old = issuer.jwks();
    issuer.rotate(false);
    issuer.set_fault(Endpoint::jwks, Fault::outdated);
    const Answer outdated = get("/jwks");
    EXPECT_EQ(outdated.body, old);
    EXPECT_EQ(get("/moved/jwks", outdated.etag).body, issuer.jwks()) << "each set has its own ETag";
    EXPECT_TRUE(issuer.moved_jwks_uri().ends_with("/moved/jwks"));
    issuer.set_fault(Endpoint::jwks, Fault::status, 404);
    EXPECT_EQ(get("/jwks").status, 404);
    EXPECT_EQ(get("/moved/jwks").body, issuer.jwks());
}

TEST_F(Issuer, RetryAfterStandsBesideAFaultsStatus) {
    TestIssuer::Documents documents;
    documents.retry_after = "120";
    issuer.set_documents(documents);
    EXPECT_EQ(get("/jwks").retry_after, "");
    issuer.set_fault(Endpoint::jwks, Fault::status, 503);
    EXPECT_EQ(get("/jwks").retry_after, "120");
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
    EXPECT_EQ(ask_issuer_admin(address, "/counts", ""), "discovery=0\njwks=0\nintrospection=0\ntoken=0\nnot_modified=0\n");
    EXPECT_THROW(ask_issuer_admin(address, "/rotate", "keep=false\n"), std::runtime_error);
    EXPECT_THROW(ask_issuer_admin(address, "/nonsense", ""), std::runtime_error);
}

}  // namespace
}  // namespace tokenward::support
