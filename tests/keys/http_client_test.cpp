// One GET against a real HTTPS server, well and sick.
#include "keys/http_client.hpp"

#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "connect_proxy.hpp"
#include "keys/ca_file.hpp"
#include "keys/http_hints.hpp"
#include "keys/proxy.hpp"
#include "raw_server.hpp"
#include "support/test_issuer.hpp"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

using support::TestIssuer;
using Fault = TestIssuer::Fault;

constexpr std::int64_t patient_ms = 60'000;
constexpr std::int64_t short_ms = 1'500;

class HttpClientTest : public testing::Test {
  protected:
    HttpClientTest() {
        initialise_curl();
        const Result<std::string> pem = read_trusted_file(issuer.ca_file(), 1U << 20U);
        ca_pem = std::make_shared<const std::string>(pem.value());
    }

    HttpRequest request() const {
        HttpRequest request;
        request.url = issuer.jwks_uri();
        request.ca_pem = ca_pem;
        request.timeout_ms = patient_ms;
        return request;
    }
    static HttpRequest request_to(const RawServer &server) {
        HttpRequest request;
        request.url = server.url();
        request.ca_pem = std::make_shared<const std::string>(server.ca_pem());
        request.timeout_ms = patient_ms;
        return request;
    }
    static HttpResponse get(HttpClient &client, const HttpRequest &what) {
        client.start(7, what);
        for (;;) {
            auto done = client.wait(60'000);
            if (done.empty()) continue;
            EXPECT_EQ(done.size(), 1U);
            EXPECT_EQ(done[0].id, 7U);
            return std::move(done[0].response);
        }
    }
    HttpResponse get(const HttpRequest &what) {
        HttpClient client(wakeup);
        return get(client, what);
    }

    TestIssuer issuer;
    std::shared_ptr<const std::string> ca_pem;
    Wakeup wakeup;
};

TEST_F(HttpClientTest, AWellProvidersKeysComeWhole) {
    TestIssuer::Documents documents;
    documents.cache_control = "public, max-age=600";
    issuer.set_documents(documents);
    const HttpResponse response = get(request());
    EXPECT_EQ(response.result, FetchResult::ok) << response.error;
    EXPECT_EQ(response.body, issuer.jwks());
    EXPECT_EQ(response.lifetime_s, 600);
    EXPECT_FALSE(response.etag.empty());
}

// "localhost" stands for any name that leads into the network of the broker.
TEST_F(HttpClientTest, OnlyPublicAddressesIfThatIsAskedFor) {
    HttpRequest other = request();
    other.public_only = true;
    const auto expect_refused = [](const HttpResponse &response) {
        EXPECT_EQ(response.result, FetchResult::network_error);
        EXPECT_NE(response.error.find("leads into a private network"), std::string::npos) << response.error;
        EXPECT_EQ(response.hint, hint_if_internal);
    };
    expect_refused(get(other));
    EXPECT_EQ(issuer.handshakes(), 0U);
    HttpClient client(wakeup);
    HttpRequest own = request();
    own.keep_connection = true;
    EXPECT_EQ(get(client, own).result, FetchResult::ok);
    expect_refused(get(client, other));
    EXPECT_EQ(issuer.requests(TestIssuer::Endpoint::jwks), 1U) << "over the kept connection";
    // The proxy is the operator's, and looks the name up by itself.
    ConnectProxy proxy;
    other.proxy = proxy.url();
    EXPECT_EQ(get(other).result, FetchResult::ok);
}

/// What libcurl can't load is found when the configuration is read, and nothing else is refused there.
TEST_F(HttpClientTest, TheCheckOfCaFileSaysWhatLibcurlSays) {
    const std::string good = *ca_pem;
    std::string damaged = good;
    damaged[damaged.find('\n') + 5] = '!';
    std::string cut = good;
    cut.resize(cut.size() / 2);
    const std::string other_label = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    const struct {
        const char *what;
        std::string content;
        bool loads;
    } rows[] = {
        {"as it is", good, true},
        {"twice", good + good, true},
        {"text around it", "Subject: CN\n" + good + "\nthe end", true},
        {"Windows", "\xEF\xBB\xBF\r\n" + good, true},
        {"beside another block", other_label + good, true},
        {"damaged", damaged, false},
        {"damaged behind a good one", good + damaged, false},
        {"a good one behind a damaged one", damaged + good, false},
        {"cut", cut, false},
        {"a good one and a cut one", good + cut, false},
        {"another block alone", other_label, false},
        {"text", "what is this", false},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.what);
        EXPECT_EQ(check_ca_file(row.content).has_value(), row.loads);
        HttpRequest with = request();
        with.ca_pem = std::make_shared<const std::string>(row.content);
        const HttpResponse response = get(with);
        EXPECT_EQ(response.result, row.loads ? FetchResult::ok : FetchResult::tls_error) << response.error;
    }
}

TEST_F(HttpClientTest, WithItsEtagTheAnswerIs304) {
    HttpRequest conditional = request();
    conditional.etag = get(conditional).etag;
    const HttpResponse response = get(conditional);
    EXPECT_EQ(response.result, FetchResult::not_modified);
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(issuer.not_modified(), 1U);
}

struct SickRow {
    const char *name;
    std::function<void(TestIssuer &)> make_sick;
    FetchResult result;
    const char *said;  ///< part of the error
    const char *hint;  ///< part of it
};

class SickServerTest : public HttpClientTest, public testing::WithParamInterface<SickRow> {};

TEST_P(SickServerTest, IsNamed) {
    GetParam().make_sick(issuer);
    // Only what must run out of time gets little of it.
    HttpRequest sick = request();
    if (GetParam().result == FetchResult::timeout) sick.timeout_ms = short_ms;
    const HttpResponse response = get(sick);
    EXPECT_EQ(response.result, GetParam().result) << response.error;
    EXPECT_NE(response.error.find(GetParam().said), std::string::npos) << response.error;
    EXPECT_NE(response.hint.find(GetParam().hint), std::string::npos) << response.hint;
    EXPECT_EQ(response.body, "");
}

std::function<void(TestIssuer &)> fault(Fault which, int number = 0) {
    return [which, number](TestIssuer &issuer) { issuer.set_fault(TestIssuer::Endpoint::jwks, which, number); };
}
std::function<void(TestIssuer &)> tls(TestIssuer::Tls kind) {
    return [kind](TestIssuer &issuer) { issuer.set_tls(kind); };
}
std::function<void(TestIssuer &)> network(TestIssuer::Network state) {
    return [state](TestIssuer &issuer) { issuer.set_network(state); };
}

INSTANTIATE_TEST_SUITE_P(
    Rows, SickServerTest,
    testing::Values(
        SickRow{"status_500", fault(Fault::status, 500), FetchResult::http_status, "HTTP status 500",
                "a fault of its own"},
        SickRow{"status_429", fault(Fault::status, 429), FetchResult::http_status, "HTTP status 429",
                "jwks_refresh_floor"},
        SickRow{"status_404", fault(Fault::status, 404), FetchResult::http_status, "HTTP status 404",
                "set issuer to what tokens say in iss; if the document"},
        SickRow{"status_401", fault(Fault::status, 401), FetchResult::http_status, "HTTP status 401",
                "these keys aren't public: jwks_token_file = /PATH/TO/TOKEN, which goes to localhost:"},
        SickRow{"status_403", fault(Fault::status, 403), FetchResult::http_status, "HTTP status 403",
                "these keys aren't public: jwks_token_file = /PATH/TO/TOKEN, which goes to localhost:"},
        SickRow{"status_406", fault(Fault::status, 406), FetchResult::http_status, "HTTP status 406",
                "no JSON"},
        SickRow{"status_204", fault(Fault::status, 204), FetchResult::http_status, "HTTP status 204",
                "set issuer or jwks_uri to"},
        SickRow{"redirect", fault(Fault::redirect, 302), FetchResult::http_status,
                "HTTP status 302 to \"/moved", "to the final address"},
        SickRow{"redirect_307", fault(Fault::redirect, 307), FetchResult::http_status,
                "redirects aren't followed", "to the final address"},
        SickRow{"body_of_50_MB", fault(Fault::huge, 50), FetchResult::too_large, "larger than 1048576 bytes",
                "no key set is so large"},
        SickRow{"half_a_body", fault(Fault::truncate), FetchResult::network_error, "no answer from \"localhost",
                "what stands between"},
        SickRow{"hangs_30_s", fault(Fault::hang, 30), FetchResult::timeout, "timed out", "jwks_timeout"},
        SickRow{"drips", fault(Fault::drip, 100), FetchResult::timeout, "timed out", "jwks_timeout"},
        SickRow{"connects_and_says_nothing", network(TestIssuer::Network::blackhole), FetchResult::timeout,
                "timed out", "firewall"},
        SickRow{"down", network(TestIssuer::Network::down), FetchResult::network_error, "connect",
                "start the provider"},
        SickRow{"certificate_expired", tls(TestIssuer::Tls::expired), FetchResult::tls_error, "expired",
                "renew the certificate of localhost:"},
        SickRow{"certificate_of_another_host", tls(TestIssuer::Tls::wrong_host), FetchResult::tls_error,
                "name 'localhost'", "give the provider a certificate that names localhost"},
        SickRow{"certificate_of_another_CA", tls(TestIssuer::Tls::other_ca), FetchResult::tls_error,
                "TLS with \"localhost:", "ca_file = /PATH/TO/CA.pem"},
        SickRow{"tls_1_1", tls(TestIssuer::Tls::old_protocol), FetchResult::tls_error,
                "TLS with \"localhost:", "TLS 1.2"}),
    [](const auto &info) { return info.param.name; });

struct UrlRow {
    const char *name;
    std::string url;
};

class BadUrlTest : public HttpClientTest, public testing::WithParamInterface<UrlRow> {};

TEST_P(BadUrlTest, IsNotAsked) {
    HttpRequest bad = request();
    bad.url = GetParam().url;
    const HttpResponse response = get(bad);
    EXPECT_NE(response.result, FetchResult::ok);
    EXPECT_FALSE(response.error.empty());
    EXPECT_EQ(response.hint, "set issuer or jwks_uri to an https address without a user");
}

INSTANTIATE_TEST_SUITE_P(Rows, BadUrlTest,
                         testing::Values(UrlRow{"http", "http://127.0.0.1:1/"},
                                         UrlRow{"file", "file:///etc/passwd"},
                                         UrlRow{"ftp", "ftp://127.0.0.1:1/"},
                                         UrlRow{"gopher", "gopher://127.0.0.1:1/"},
                                         UrlRow{"no_scheme", "127.0.0.1:1"},
                                         UrlRow{"user", "https://u:p@127.0.0.1:1/"}, UrlRow{"empty", ""}),
                         [](const auto &info) { return info.param.name; });

TEST_F(HttpClientTest, AUserInTheUrlIsNotSent) {
    HttpRequest with_user = request();
    with_user.url.insert(with_user.url.find("//") + 2, "user:password@");
    const HttpResponse response = get(with_user);
    EXPECT_NE(response.result, FetchResult::ok);
    EXPECT_EQ(issuer.requests(TestIssuer::Endpoint::jwks), 0U);
    EXPECT_EQ(response.error.find("password@"), std::string::npos) << response.error;
}

// ---- what stands on the wire ------------------------------------------------------------------------------

/// The values of the request's fields with that name, one to a line; the name in lower case.
std::string fields(const std::string &request, const std::string &name) {
    std::string values;
    for (std::size_t begin = 0, end = 0; (end = request.find("\r\n", begin)) != std::string::npos;
         begin = end + 2) {
        const std::string line = request.substr(begin, end - begin);
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || !equals_ignoring_case(line.substr(0, colon), name)) continue;
        values += std::string(trim(std::string_view(line).substr(colon + 1))) + "\n";
    }
    return values;
}

TEST_F(HttpClientTest, AsksSoThatEveryProviderAnswers) {
    RawServer server(response_200("{}"));
    HttpRequest what = request_to(server);
    what.etag = "\"e\"";
    ASSERT_EQ(get(what).result, FetchResult::ok);
    const std::string request = server.requests().at(0);
    EXPECT_EQ(request.substr(0, request.find('\r')), "GET / HTTP/1.1");
    // Kubernetes: the set's own type. Others: whatever they have.
    EXPECT_EQ(fields(request, "accept"), "application/json, application/jwk-set+json, */*;q=0.1\n");
    EXPECT_EQ(fields(request, "accept-encoding"), "gzip\n");
    EXPECT_EQ(fields(request, "if-none-match"), "\"e\"\n");
    // PingFederate refuses an empty one.
    EXPECT_EQ(fields(request, "te"), "") << request;
    EXPECT_EQ(fields(request, "authorization"), "");
    EXPECT_EQ(fields(request, "cookie"), "");
    EXPECT_EQ(server.offered_protocols(), "\x08http/1.1");
}

TEST_F(HttpClientTest, TheBearerTokenIsSentAndNeverSaid) {
    RawServer server("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    HttpRequest what = request_to(server);
    what.bearer_token = "secret-token";
    const HttpResponse response = get(what);
    EXPECT_EQ(fields(server.requests().at(0), "authorization"), "Bearer secret-token\n");
    EXPECT_EQ(response.error.find("secret"), std::string::npos) << response.error;
    EXPECT_NE(response.hint.find("refuses the token"), std::string::npos) << response.hint;
}

TEST_F(HttpClientTest, TheBearerTokenIsNotForTheProxy) {
    ConnectProxy proxy;
    HttpRequest through = request();
    through.proxy = proxy.url();
    through.bearer_token = "secret-token";
    EXPECT_EQ(get(through).result, FetchResult::ok);
    EXPECT_NE(proxy.last_request().find("CONNECT localhost"), std::string::npos);
    EXPECT_EQ(proxy.last_request().find("secret"), std::string::npos) << proxy.last_request();
}

TEST_F(HttpClientTest, RetryAfterIsReadOfAnyStatus) {
    for (const std::string status : {"200 OK", "304 Not Modified", "429 Too Many Requests", "503 Busy"}) {
        RawServer server("HTTP/1.1 " + status + "\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n");
        EXPECT_EQ(get(request_to(server)).retry_after_s, 120) << status;
    }
    RawServer server(response_200("{}"));
    EXPECT_EQ(get(request_to(server)).retry_after_s, std::nullopt);
}

TEST(HttpHints, RareErrors) {
    struct Row {
        FailedRequest failed;
        const char *hint;  ///< its beginning
    };
    constexpr const char *url = "https://id.example:8443/realms/a/jwks";
    const Row rows[] = {
        {{url, CURLE_RECV_ERROR, 0, 407}, "the proxy must let id.example:8443 through"},
        {{url, CURLE_RECV_ERROR, 0, 200}, "look at id.example:8443, and at what stands between"},
        {{url, CURLE_COULDNT_RESOLVE_PROXY},
         "correct the host name in proxy, or in the environment's https_proxy"},
        {{url, CURLE_COULDNT_RESOLVE_HOST}, "correct the host name id.example in issuer or jwks_uri"},
        {{url, CURLE_SSL_CACERT_BADFILE}, "install the system's CA certificates"},
        {{url, CURLE_SSL_CONNECT_ERROR, 0, 0, true},
         "id.example:8443 must speak TLS, since keys are fetched by https alone (Keycloak: "
         "--https-certificate-file"},
        {{"https://id.example/keys", CURLE_SSL_CONNECT_ERROR, 0, 0, true},
         "id.example must speak TLS, since keys are fetched by https alone"},
    };
    for (const Row &row : rows)
        EXPECT_TRUE(hint_for_error(row.failed).starts_with(row.hint)) << hint_for_error(row.failed);
}

TEST(HttpHints, Statuses) {
    struct Row {
        long status;
        const char *url;
        const char *location;
        const char *hint;
    };
    const Row rows[] = {
        {404, "https://id.example/realms/a/.well-known/openid-configuration", "",
         "if Keycloak is under /auth: issuer = https://id.example/auth/realms/a"},
        {404, "https://id.example/auth/realms/a/.well-known/openid-configuration", "",
         "set issuer to what tokens say in iss; if the document or the keys are elsewhere: discovery_uri or jwks_uri"},
        {404, "https://fs.example/adfs/.well-known/openid-configuration", "",
         "jwks_uri = https://fs.example/adfs/discovery/keys"},
        {301, "https://id.example/.well-known/openid-configuration",
         "https://login.example/t/.well-known/openid-configuration",
         "issuer = https://login.example/t, if tokens say so in iss"},
        {308, "https://id.example/keys", "https://login.example/keys",
         "if the keys are there: jwks_uri = https://login.example/keys"},
        {302, "https://id.example/keys", "/login",
         "redirects aren't followed: set issuer or jwks_uri to the final address"},
        {302, "https://id.example/keys", "https://x.example/a\nlog_level = debug",
         "redirects aren't followed: set issuer or jwks_uri to the final address"},
        {401, "https://kubernetes.default.svc/openid/v1/jwks", "",
         "in a pod: kubernetes = true; elsewhere: jwks_token_file = /PATH/TO/TOKEN of a service account"},
    };
    for (const Row &row : rows)
        EXPECT_EQ(hint_for_status(row.status, row.url, row.location, false), row.hint) << row.url;
}

TEST_F(HttpClientTest, PlainHttpIsNamed) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr *>(&address), size), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size), 0);
    // What a server without TLS says to a ClientHello.
    std::thread server([listener] {
        const int client = ::accept(listener, nullptr, nullptr);
        char bytes[4096];
        if (::recv(client, bytes, sizeof bytes, 0) > 0)
            ::send(client, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
        ::close(client);
    });
    HttpRequest what = request();
    what.url = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    const HttpResponse response = get(what);
    EXPECT_NE(response.error.find("it answers without TLS"), std::string::npos) << response.error;
    EXPECT_NE(response.hint.find("must speak TLS, since keys are fetched by https alone"), std::string::npos)
        << response.hint;
    server.join();
    ::close(listener);
}

// ---- encodings --------------------------------------------------------------------------------------------

/// {} in gzip (RFC 1952)
const std::string compressed(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00", 22);

TEST_F(HttpClientTest, AGzipBodyIsDecoded) {
    RawServer server(response_200(compressed, "Content-Encoding: gzip\r\n"));
    const HttpResponse response = get(request_to(server));
    EXPECT_EQ(response.result, FetchResult::ok) << response.error;
    EXPECT_EQ(response.body, "{}");
}

TEST_F(HttpClientTest, ADamagedGzipBodyIsNamed) {
    std::string damaged = compressed;
    damaged[10] = '\xff';  // no kind of block
    RawServer server(response_200(damaged, "Content-Encoding: gzip\r\n"));
    const HttpResponse response = get(request_to(server));
    EXPECT_EQ(response.result, FetchResult::bad_document) << response.error;
    EXPECT_NE(response.error.find("isn't encoded as was asked for"), std::string::npos) << response.error;
    EXPECT_NE(response.hint.find("gzip"), std::string::npos) << response.hint;
}

/// `count` times 258 spaces in gzip: a literal, then copies of what stands one byte before (RFC 1951 section 3.2.6).
std::string gzip_of_spaces(std::size_t count) {
    std::string bytes("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03", 10);
    unsigned pending = 0;
    int bits = 0;
    const auto put = [&](unsigned code, int length, bool most_significant_first) {
        for (int i = 0; i < length; ++i) {
            const unsigned bit = code >> (most_significant_first ? length - 1 - i : i) & 1U;
            pending |= bit << static_cast<unsigned>(bits);
            if (++bits == 8) {
                bytes += static_cast<char>(pending);
                pending = 0;
                bits = 0;
            }
        }
    };
    put(0b011, 3, false);      // the last block, fixed codes
    put(0x30 + ' ', 8, true);  // the literal
    for (std::size_t i = 0; i < count; ++i) {
        put(0b11000101, 8, true);  // length 258
        put(0, 5, true);           // distance 1
    }
    put(0, 7 + 7, true);  // the end of the block, and to the byte's end
    return bytes;
}

TEST_F(HttpClientTest, ASmallBodyThatDecodesToAHugeOneIsTooLarge) {
    const std::string bomb = gzip_of_spaces(200'000);  // 50 MB
    ASSERT_LT(bomb.size(), std::size_t{400'000});
    RawServer server(response_200(bomb, "Content-Encoding: gzip\r\n"));
    const HttpResponse response = get(request_to(server));
    EXPECT_EQ(response.result, FetchResult::too_large) << response.error;
    EXPECT_EQ(response.body, "");
}

TEST_F(HttpClientTest, OtherEncodingsAreNotDecoded) {
    for (const std::string header :
         {"Content-Encoding: br", "content-encoding: zstd", "Content-Encoding: gzip, br",
          "Transfer-Encoding: br", "Content-Encoding:deflate"}) {
        RawServer server(response_200("{}", header + "\r\n"));
        const HttpResponse response = get(request_to(server));
        EXPECT_EQ(response.result, FetchResult::bad_document) << header << ": " << response.error;
        EXPECT_NE(response.error.find("isn't encoded as was asked for"), std::string::npos) << response.error;
        EXPECT_NE(response.hint.find("gzip"), std::string::npos) << response.hint;
    }
}

// ---- bounds -----------------------------------------------------------------------------------------------

/// The most memory that the process had since the last call, in KiB; 0 if Linux doesn't say.
std::size_t peak_memory_kib() {
    std::ifstream status("/proc/self/status");
    std::string word;
    std::size_t peak = 0;
    while (status >> word) {
        if (word == "VmHWM:") status >> peak;
    }
    std::ofstream("/proc/self/clear_refs") << 5;
    return peak;
}

struct EndlessRow {
    const char *name;
    const char *head;
    const char *line;
};

class EndlessHeadersTest : public HttpClientTest, public testing::WithParamInterface<EndlessRow> {};

TEST_P(EndlessHeadersTest, AreTooLarge) {
    RawServer server([](const RawServer::Send &send) {
        std::string block;
        while (block.size() < 60'000) block += GetParam().line;
        // 500 MB, if the client takes them.
        bool sent = send(GetParam().head);
        for (int i = 0; i < 8'000 && sent; ++i) sent = send(block);
        return false;
    });
    peak_memory_kib();
    const std::size_t before = peak_memory_kib();
    const HttpResponse response = get(request_to(server));
    const std::size_t after = peak_memory_kib();
    EXPECT_EQ(response.result, FetchResult::too_large) << response.error;
    EXPECT_NE(response.error.find("headers and trailers"), std::string::npos) << response.error;
    EXPECT_LT(after, before + 16'000) << "KiB";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, EndlessHeadersTest,
    testing::Values(EndlessRow{"headers", "HTTP/1.1 200 OK\r\n", "X-Header: 1234567890\r\n"},
                    EndlessRow{"short_headers", "HTTP/1.1 200 OK\r\n", "a:\r\n"},
                    EndlessRow{"interim_responses", "", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"},
                    EndlessRow{"trailers",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
                               "X-Trailer: 1234567890\r\n"},
                    EndlessRow{"short_trailers",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
                               "a:b\r\n"}),
    [](const auto &info) { return info.param.name; });

TEST_F(HttpClientTest, OrdinaryHeadersAndTrailersFit) {
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += "X-Header-" + std::to_string(i) + ": " + std::string(300, 'v') + "\r\n";
    RawServer server("HTTP/1.1 200 OK\r\n" + many +
                     "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: v\r\n\r\n");
    const HttpResponse response = get(request_to(server));
    EXPECT_EQ(response.result, FetchResult::ok) << response.error;
    EXPECT_EQ(response.body, "{}");
}

TEST_F(HttpClientTest, WithoutDescriptorsTheLimitIsNamed) {
    HttpClient client(wakeup);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const int lowest_free = ::fcntl(wakeup.fd(), F_DUPFD_CLOEXEC, 0);
    ::close(lowest_free);
    const rlimit none_left{static_cast<rlim_t>(lowest_free), limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
    const HttpResponse response = get(client, request());
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(response.result, FetchResult::network_error);
    EXPECT_NE(response.error.find("Too many open files"), std::string::npos) << response.error;
    EXPECT_NE(response.hint.find("LimitNOFILE"), std::string::npos) << response.hint;
}

// ---- kept connections -------------------------------------------------------------------------------------

TEST_F(HttpClientTest, AKeptConnectionServesTheNextFetch) {
    RawServer server(response_200("{}"));
    HttpRequest kept = request_to(server);
    kept.keep_connection = true;
    HttpClient client(wakeup);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(get(client, kept).result, FetchResult::ok);
    EXPECT_EQ(server.handshakes(), 1);
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(HttpClientTest, WithoutKeepingEachFetchHasItsOwnConnection) {
    RawServer server(response_200("{}"));
    HttpClient client(wakeup);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(get(client, request_to(server)).result, FetchResult::ok);
    EXPECT_EQ(server.handshakes(), 3);
}

TEST_F(HttpClientTest, AKeptConnectionThatEndedIsReplaced) {
    RawServer server(response_200("{}"));
    HttpRequest kept = request_to(server);
    kept.keep_connection = true;
    HttpClient client(wakeup);
    EXPECT_EQ(get(client, kept).result, FetchResult::ok);
    server.hang_up();
    const HttpResponse response = get(client, kept);
    EXPECT_EQ(response.result, FetchResult::ok) << response.error;
    EXPECT_EQ(server.handshakes(), 2);
}

TEST_F(HttpClientTest, AKeptConnectionIsNotForARequestThatTrustsOtherCas) {
    RawServer server(response_200("{}"));
    HttpRequest kept = request_to(server);
    kept.keep_connection = true;
    HttpClient client(wakeup);
    EXPECT_EQ(get(client, kept).result, FetchResult::ok);
    kept.ca_pem = ca_pem;
    kept.timeout_ms = short_ms;  // the server has no time for a second connection
    EXPECT_NE(get(client, kept).result, FetchResult::ok);
}

// ---- CAs and proxies --------------------------------------------------------------------------------------

TEST_F(HttpClientTest, WithoutCaFileOnlyTheSystemsCasCount) {
    HttpRequest system = request();
    system.ca_pem = nullptr;
    const HttpResponse response = get(system);
    EXPECT_EQ(response.result, FetchResult::tls_error) << response.error;
}

TEST_F(HttpClientTest, AProxyIsAskedToConnect) {
    ConnectProxy proxy;
    HttpRequest through = request();
    through.proxy = proxy.url();
    EXPECT_EQ(get(through).result, FetchResult::ok);
    EXPECT_EQ(proxy.connections(), 1);
}

TEST_F(HttpClientTest, NoProxyNamesHostsThatAreAskedDirectly) {
    ConnectProxy proxy;
    HttpRequest through = request();
    through.proxy = proxy.url();
    through.no_proxy = "other.example,localhost";
    EXPECT_EQ(get(through).result, FetchResult::ok);
    EXPECT_EQ(proxy.connections(), 0);
}

TEST_F(HttpClientTest, TheEnvironmentIsReadOnceAndNotByLibcurl) {
    // NOLINTBEGIN(concurrency-mt-unsafe): the issuer's threads read no environment
    ASSERT_EQ(::setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1), 0);
    ASSERT_EQ(::setenv("NO_PROXY", "a.example", 1), 0);
    const Proxy read = proxy_from_environment();
    const HttpResponse response = get(request());
    ASSERT_EQ(::unsetenv("HTTPS_PROXY"), 0);
    ASSERT_EQ(::unsetenv("NO_PROXY"), 0);
    // NOLINTEND(concurrency-mt-unsafe)
    EXPECT_EQ(read.url, "http://127.0.0.1:1");
    EXPECT_EQ(read.except, "a.example");
    EXPECT_EQ(response.result, FetchResult::ok) << "the request named no proxy: " << response.error;
}

TEST_F(HttpClientTest, ACancelledFetchIsGone) {
    issuer.set_fault(TestIssuer::Endpoint::jwks, Fault::hang, 30);
    HttpClient client(wakeup);
    client.start(1, request());
    EXPECT_TRUE(client.wait(200).empty());
    client.cancel(1);
    client.cancel(1);
    EXPECT_TRUE(client.wait(0).empty());
}

TEST_F(HttpClientTest, AnotherThreadEndsTheWait) {
    HttpClient client(wakeup);
    wakeup.signal();
    EXPECT_TRUE(client.wait(3'600'000).empty());
}

}  // namespace
}  // namespace tokenward::keys
