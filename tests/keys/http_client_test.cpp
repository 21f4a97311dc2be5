// One GET against a real HTTPS server, well and sick.
#include "keys/http_client.hpp"

#include "base/secure_file.hpp"
#include "connect_proxy.hpp"
#include "keys/proxy.hpp"
#include "support/test_issuer.hpp"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

using support::TestIssuer;
using Fault = TestIssuer::Fault;

constexpr HttpBounds patient_bounds{60'000, 60'000, std::size_t{1} << 20U};
constexpr HttpBounds short_bounds{1'500, 1'500, std::size_t{1} << 20U};

class HttpClientTest : public testing::Test {
  protected:
    HttpClientTest() {
        std::signal(SIGPIPE, SIG_IGN);  // the fetcher's thread blocks it
        initialise_curl();
        const Result<std::string> pem = read_trusted_file(issuer.ca_file(), 1U << 20U);
        ca_pem = std::make_shared<const std::string>(pem.value());
    }

    HttpRequest request() const {
        HttpRequest request;
        request.url = issuer.jwks_uri();
        request.ca_pem = ca_pem;
        return request;
    }
    HttpResponse get(const HttpRequest &what, HttpBounds bounds = {}) {
        HttpClient client(wakeup, bounds);
        client.start(7, what);
        for (;;) {
            auto done = client.wait(60'000);
            if (done.empty()) continue;
            EXPECT_EQ(done.size(), 1U);
            EXPECT_EQ(done[0].id, 7U);
            return std::move(done[0].response);
        }
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
    EXPECT_TRUE(response.reached);
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
    bool reached;
    const char *said;  ///< part of the error
};

class SickServerTest : public HttpClientTest, public testing::WithParamInterface<SickRow> {};

TEST_P(SickServerTest, IsNamed) {
    GetParam().make_sick(issuer);
    // Only what must run out of time gets little of it.
    const HttpResponse response =
        get(request(), GetParam().result == FetchResult::timeout ? short_bounds : patient_bounds);
    EXPECT_EQ(response.result, GetParam().result) << response.error;
    EXPECT_EQ(response.reached, GetParam().reached) << response.error;
    EXPECT_NE(response.error.find(GetParam().said), std::string::npos) << response.error;
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
        SickRow{"status_500", fault(Fault::status, 500), FetchResult::http_status, true, "HTTP status 500"},
        SickRow{"status_404", fault(Fault::status, 404), FetchResult::http_status, true, "HTTP status 404"},
        SickRow{"status_204", fault(Fault::status, 204), FetchResult::http_status, true, "HTTP status 204"},
        SickRow{"redirect", fault(Fault::redirect, 302), FetchResult::http_status, true,
                "HTTP status 302 to \"/moved"},
        SickRow{"redirect_307", fault(Fault::redirect, 307), FetchResult::http_status, true,
                "redirects aren't followed"},
        SickRow{"body_of_50_MB", fault(Fault::huge, 50), FetchResult::too_large, true,
                "larger than 1048576 bytes"},
        SickRow{"half_a_body", fault(Fault::truncate), FetchResult::network_error, true,
                "no answer from \"localhost"},
        SickRow{"hangs_30_s", fault(Fault::hang, 30), FetchResult::timeout, true, "timed out"},
        SickRow{"drips", fault(Fault::drip, 100), FetchResult::timeout, true, "timed out"},
        SickRow{"connects_and_says_nothing", network(TestIssuer::Network::blackhole), FetchResult::timeout,
                true, "timed out"},
        SickRow{"down", network(TestIssuer::Network::down), FetchResult::network_error, false, "connect"},
        SickRow{"certificate_expired", tls(TestIssuer::Tls::expired), FetchResult::tls_error, true, "expired"},
        SickRow{"certificate_of_another_host", tls(TestIssuer::Tls::wrong_host), FetchResult::tls_error, true,
                "host name 'localhost'"},
        SickRow{"certificate_of_another_CA", tls(TestIssuer::Tls::other_ca), FetchResult::tls_error, true,
                "TLS with \"localhost:"},
        SickRow{"tls_1_1", tls(TestIssuer::Tls::old_protocol), FetchResult::tls_error, true,
                "TLS with \"localhost:"}),
    [](const auto &info) { return info.param.name; });

struct UrlRow {
    const char *name;
    std::string url;
};

class BadUrlTest : public HttpClientTest, public testing::WithParamInterface<UrlRow> {};

TEST_P(BadUrlTest, IsNotAsked) {
    HttpRequest bad = request();
    bad.url = GetParam().url;
    const HttpResponse response = get(bad, patient_bounds);
    EXPECT_NE(response.result, FetchResult::ok);
    EXPECT_FALSE(response.reached);
    EXPECT_FALSE(response.error.empty());
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
    const HttpResponse response = get(with_user, patient_bounds);
    EXPECT_NE(response.result, FetchResult::ok);
    EXPECT_FALSE(response.reached);
    EXPECT_EQ(issuer.requests(TestIssuer::Endpoint::jwks), 0U);
    EXPECT_EQ(response.error.find("password@"), std::string::npos) << response.error;
}

// A small body could decode to a huge one.
TEST_F(HttpClientTest, ACompressedBodyIsNotDecoded) {
    // {} in gzip (RFC 1952)
    const std::string compressed(
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00", 22);
    TestIssuer::Documents documents;
    documents.jwks = compressed;
    documents.content_encoding = "gzip";
    issuer.set_documents(documents);
    const HttpResponse response = get(request());
    EXPECT_EQ(response.result, FetchResult::ok) << response.error;
    EXPECT_EQ(response.body, compressed);
}

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
