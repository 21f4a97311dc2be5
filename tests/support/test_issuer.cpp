#include "support/test_issuer.hpp"

#include "support/issuer_keys.hpp"
#include "support/tls_server.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <openssl/evp.h>
#include <unistd.h>

namespace tokenward::support {
namespace {

std::int64_t monotonic_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::int64_t unix_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// In front of a path: the address without faults.
constexpr std::string_view moved = "/moved";

struct FaultState {
    TestIssuer::Fault fault = TestIssuer::Fault::none;
    int number = 0;
};

std::string base64_of(const std::string &text) {
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char *>(out.data()),
                                     reinterpret_cast<const unsigned char *>(text.data()), static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string entity_tag(const std::string &body) {
    return '"' + std::to_string(std::hash<std::string>()(body)) + '"';
}

}  // namespace

struct TestIssuer::Impl {
    explicit Impl(Options given)
        : options(std::move(given)), keys(options.algorithm_in_jwk, options.key_family) {
        if (options.directory.empty()) {
            temporary.emplace();
            options.directory = temporary->path();
        }
        std::filesystem::create_directories(options.directory);
        ca.write(options.directory);
        issuer = "https://" + options.host + ':' + std::to_string(port_holder.port()) + options.path;
        start();
    }

    ~Impl() { stop(); }

    void start() {
        {
            const std::lock_guard lock(mutex);
            stopping = false;
        }
        server =
            std::make_unique<TlsServer>(port_holder.port(), conditions(),
                                        [this](const TlsServer::Request &request,
                                               TlsServer::Response &response) { answer(request, response); });
    }

    /// Ends sleeping handlers, then the server.
    void stop() {
        {
            const std::lock_guard lock(mutex);
            stopping = true;
        }
        wake.notify_all();
        if (server) handshakes += server->handshakes();
        server.reset();
    }

    /// To what network and TLS say.
    void change_server() {
        if (network == Network::down) {
            stop();
        } else if (server) {
            server->set_conditions(conditions());
        } else {
            start();
        }
    }

    TlsServer::Conditions conditions() const {
        using Handshake = TlsServer::Conditions::Handshake;
        TlsServer::Conditions out;
        out.certificate = certificate();
        out.old_protocol = tls == Tls::old_protocol;
        if (tls == Tls::stall) out.handshake = Handshake::half_stalls;
        if (tls == Tls::reset) out.handshake = Handshake::half_resets;
        if (network == Network::blackhole) out.handshake = Handshake::none;
        if (network == Network::reset) out.handshake = Handshake::reset_at_once;
        return out;
    }

    ServerCertificate certificate() const {
        switch (tls) {
            case Tls::expired:
                return ca.issue(TestCa::Kind::expired);
            case Tls::wrong_host:
                return ca.issue(TestCa::Kind::wrong_host);
            case Tls::other_ca:
                return TestCa().issue();
            case Tls::good:
            case Tls::old_protocol:
            case Tls::stall:
            case Tls::reset:
                break;
        }
        return ca.issue();
    }

    std::string discovery_body() const {
        if (documents.discovery) return *documents.discovery;
        JsonObject out;
        out.string("issuer", documents.issuer.empty() ? issuer : documents.issuer)
            .string("authorization_endpoint", issuer + "/authorize")
            .string("token_endpoint", issuer + "/token")
            .string("jwks_uri", documents.jwks_uri.empty() ? issuer + "/jwks" : documents.jwks_uri)
            .string("introspection_endpoint", documents.introspection_endpoint.empty()
                                                  ? issuer + "/introspect"
                                                  : documents.introspection_endpoint)
            .strings("introspection_endpoint_auth_methods_supported", documents.auth_methods)
            .strings("token_endpoint_auth_methods_supported", documents.auth_methods)
            .strings("response_types_supported", {"code"})
            .strings("subject_types_supported", {"public"})
            .strings("id_token_signing_alg_values_supported", {"RS256", "ES256", "EdDSA"});
        return out.json();
    }

    std::string jwks_body(Fault fault) const {
        if (documents.jwks) return *documents.jwks;
        return fault == Fault::outdated ? outdated_jwks : keys.jwks();
    }

    void answer(const TlsServer::Request &request, TlsServer::Response &response) {
        std::string path = request.path;
        const bool redirected = path.starts_with(moved);
        if (redirected) path.erase(0, moved.size());
        Endpoint endpoint{};
        if (path == options.path + "/.well-known/openid-configuration") {
            endpoint = Endpoint::discovery;
        } else if (path == options.path + "/jwks") {
            endpoint = Endpoint::jwks;
        } else if (path == options.path + "/introspect") {
            endpoint = Endpoint::introspection;
        } else if (path == options.path + "/token") {
            endpoint = Endpoint::token;
        } else {
            response.status = 404;
            return;
        }
        std::unique_lock lock(mutex);
        const auto index = static_cast<std::size_t>(endpoint);
        times[index].push_back(monotonic_ms());
        const FaultState state = redirected ? FaultState{} : faults[index];
        if (state.fault == Fault::hang) {
            sleep(lock, std::chrono::seconds(state.number));
        } else if (state.fault == Fault::delay) {
            sleep(lock, std::chrono::milliseconds(state.number));
        }
        switch (endpoint) {
            case Endpoint::discovery:
                response.body = discovery_body();
                break;
            case Endpoint::jwks:
                response.body = jwks_body(state.fault);
                break;
            case Endpoint::introspection:
                if (!introspect(request, response)) return;
                break;
            case Endpoint::token:
                if (!give_token(request, response)) return;
                break;
        }
        response.content_type =
            endpoint == Endpoint::jwks ? "application/jwk-set+json" : "application/json";
        if (!documents.cache_control.empty())
            response.headers.emplace_back("Cache-Control", documents.cache_control);
        if (!documents.content_encoding.empty())
            response.headers.emplace_back("Content-Encoding", documents.content_encoding);
        if (endpoint == Endpoint::jwks && documents.etag) {
            const std::string tag = entity_tag(response.body);
            response.headers.emplace_back("ETag", tag);
            const auto asked = request.headers.find("if-none-match");
            const bool well = state.fault == Fault::none || state.fault == Fault::outdated;
            if (well && asked != request.headers.end() && asked->second == tag) {
                ++not_modified;
                response.status = 304;
                response.body.clear();
            }
        }
        apply(state, request, response);
    }

    /// RFC 7662 section 2. False: who asks isn't known.
    bool introspect(const TlsServer::Request &request, TlsServer::Response &response) {
        const auto sent = request.headers.find("authorization");
        const auto takes = [this](const char *method) {
            return std::find(documents.auth_methods.begin(), documents.auth_methods.end(), method) !=
                   documents.auth_methods.end();
        };
        const bool is_known =
            (takes("client_secret_basic") && sent != request.headers.end() &&
             sent->second == "Basic YnJva2VyOnMzY3IlM0FldA==") ||
            (takes("client_secret_post") && ('&' + request.body + '&').find("&client_id=broker&client_secret=s3cr%3Aet&") !=
                                                std::string::npos);
        if (!is_known) {
            response.status = 401;
            response.body = R"({"error":"invalid_client"})";
            return false;
        }
        std::string token = request.body.substr(0, request.body.find('&'));
        token.erase(0, std::string_view("token=").size());
        const auto at = active.find(token);
        response.body = at == active.end() ? R"({"active":false})" : at->second;
        if (documents.introspection) response.body = *documents.introspection;
        return true;
    }

    struct Client {
        std::string secret;
        MintRequest token;
    };

    /// RFC 6749 section 4.4. False: the client isn't known.
    bool give_token(const TlsServer::Request &request, TlsServer::Response &response) {
        const auto sent = request.headers.find("authorization");
        last_token_request = {request.body, sent == request.headers.end() ? "" : sent->second};
        for (const auto &[id, client] : clients) {
            const bool in_header = last_token_request.second == "Basic " + base64_of(id + ':' + client.secret);
            const bool in_form =
                request.body.find("&client_id=" + id + "&client_secret=" + client.secret) != std::string::npos;
            if (!in_header && !in_form) continue;
            JsonObject claims;
            claims.string("iss", issuer).string("sub", id).string("aud", "broker");
            const std::int64_t now = unix_seconds();
            claims.number("iat", now).number("exp", now + client.token.lifetime_s);
            response.body = JsonObject()
                                .string("access_token", keys.sign(client.token, claims))
                                .string("token_type", "Bearer")
                                .number("expires_in", client.token.lifetime_s)
                                .json();
            if (documents.token) response.body = *documents.token;
            return true;
        }
        response.status = 401;
        response.content_type = "application/json";
        response.body = R"({"error":"invalid_client","error_description":"no such client, or another secret"})";
        return false;
    }

    void apply(const FaultState &state, const TlsServer::Request &request, TlsServer::Response &response) {
        switch (state.fault) {
            case Fault::none:
            case Fault::hang:
            case Fault::delay:
            case Fault::outdated:
                return;
            case Fault::status:
                response.status = state.number;
                if (!documents.retry_after.empty())
                    response.headers.emplace_back("Retry-After", documents.retry_after);
                response.body = R"({"error":"server_error"})";
                return;
            case Fault::garbage:
                response.body = "<html><body>Service temporarily unavailable</body></html>";
                return;
            case Fault::huge:
                response.body.append(static_cast<std::size_t>(state.number) << 20U, ' ');
                return;
            case Fault::drip:
                response.drip_ms = state.number;
                return;
            case Fault::truncate:
                response.reach = TlsServer::Reach::half_of_body;
                return;
            case Fault::redirect:
                response.status = state.number;
                response.headers.emplace_back("Location", std::string(moved) + request.path);
                return;
            case Fault::stall_before_header:
                return cut(response, TlsServer::Reach::nothing, TlsServer::Then::stall);
            case Fault::stall_in_header:
                return cut(response, TlsServer::Reach::half_of_header, TlsServer::Then::stall);
            case Fault::stall_in_body:
                return cut(response, TlsServer::Reach::half_of_body, TlsServer::Then::stall);
            case Fault::reset_in_body:
                return cut(response, TlsServer::Reach::half_of_body, TlsServer::Then::reset);
        }
    }

    static void cut(TlsServer::Response &response, TlsServer::Reach reach, TlsServer::Then then) {
        response.reach = reach;
        response.then = then;
    }

    /// Until stop() or a change of faults.
    void sleep(std::unique_lock<std::mutex> &lock, std::chrono::milliseconds time) {
        const std::uint64_t before = changes;
        wake.wait_for(lock, time, [&] { return stopping || changes != before; });
    }

    Options options;
    std::optional<TemporaryDirectory> temporary;
    TestCa ca;
    std::string issuer;

    mutable std::mutex mutex;
    std::condition_variable wake;
    bool stopping = false;
    std::uint64_t changes = 0;  ///< of faults
    IssuerKeys keys;
    std::string outdated_jwks;
    Documents documents;
    std::map<std::string, std::string> active;  ///< by the token as a form has it
    std::map<std::string, Client> clients;
    std::pair<std::string, std::string> last_token_request;
    std::array<FaultState, 4> faults;
    std::array<std::vector<std::int64_t>, 4> times;
    std::size_t not_modified = 0;

    mutable std::mutex server_mutex;  ///< one change of network or TLS at a time
    Tls tls = Tls::good;
    Network network = Network::up;
    std::size_t handshakes = 0;  ///< of the servers before this one
    PortHolder port_holder;
    std::unique_ptr<TlsServer> server;  ///< last: its handlers use all of the above
};

TestIssuer::TestIssuer(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
TestIssuer::~TestIssuer() = default;

const std::string &TestIssuer::issuer() const noexcept {
    return impl_->issuer;
}
std::string TestIssuer::jwks_uri() const {
    return impl_->issuer + "/jwks";
}
std::string TestIssuer::moved_jwks_uri() const {
    const std::string origin = impl_->issuer.substr(0, impl_->issuer.size() - impl_->options.path.size());
    return origin + std::string(moved) + impl_->options.path + "/jwks";
}
std::string TestIssuer::ca_file() const {
    return impl_->options.directory + "/ca.pem";
}
std::string TestIssuer::directory() const {
    return impl_->options.directory;
}
int TestIssuer::port() const noexcept {
    return impl_->port_holder.port();
}

void TestIssuer::set_fault(Endpoint endpoint, Fault fault, int number) {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->faults[static_cast<std::size_t>(endpoint)] = {fault, number};
        ++impl_->changes;
    }
    impl_->wake.notify_all();
}

void TestIssuer::set_network(Network network) {
    const std::lock_guard lock(impl_->server_mutex);
    if (network == impl_->network) return;
    impl_->network = network;
    impl_->change_server();
}

void TestIssuer::set_tls(Tls tls) {
    const std::lock_guard lock(impl_->server_mutex);
    if (tls == impl_->tls) return;
    impl_->tls = tls;
    impl_->change_server();
}

void TestIssuer::set_documents(Documents documents) {
    const std::lock_guard lock(impl_->mutex);
    impl_->documents = std::move(documents);
}

TestIssuer::Documents TestIssuer::documents() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->documents;
}

void TestIssuer::heal() {
    set_fault(Endpoint::discovery, Fault::none);
    set_fault(Endpoint::jwks, Fault::none);
    set_fault(Endpoint::introspection, Fault::none);
    set_fault(Endpoint::token, Fault::none);
    set_documents({});
    set_tls(Tls::good);
    set_network(Network::up);
}

void TestIssuer::set_active(const std::string &token, const JsonObject &claims) {
    const std::lock_guard lock(impl_->mutex);
    JsonObject answer = claims;
    impl_->active[token] = answer.boolean("active", true).json();
}

void TestIssuer::set_inactive(const std::string &token) {
    const std::lock_guard lock(impl_->mutex);
    impl_->active.erase(token);
}

void TestIssuer::set_client(const std::string &id, const std::string &secret, const MintRequest &token) {
    const std::lock_guard lock(impl_->mutex);
    impl_->clients[id] = {secret, token};
}

void TestIssuer::remove_client(const std::string &id) {
    const std::lock_guard lock(impl_->mutex);
    impl_->clients.erase(id);
}

std::pair<std::string, std::string> TestIssuer::last_token_request() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->last_token_request;
}

void TestIssuer::rotate(bool keep_old) {
    const std::lock_guard lock(impl_->mutex);
    impl_->outdated_jwks = impl_->keys.jwks();
    impl_->keys.rotate(keep_old);
}

void TestIssuer::reuse_kids() {
    const std::lock_guard lock(impl_->mutex);
    impl_->keys.reuse_kids();
}

std::string TestIssuer::jwks() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->keys.jwks();
}

std::string TestIssuer::unusable_jwks() {
    return R"({"keys":[{"kty":"oct","kid":"secret","k":"c2VjcmV0"},)"
           R"({"kty":"OKP","crv":"X25519","kid":"agreement","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},)"
           R"({"kty":"FUTURE","kid":"unknown"}]})";
}

std::string TestIssuer::mint(const MintRequest &request) const {
    static std::atomic<unsigned> serial{0};
    const std::int64_t now = unix_seconds();
    JsonObject claims;
    claims.string("iss", impl_->issuer)
        .string("sub", "alice")
        .string("aud", "broker")
        .number("iat", now)
        .number("exp", now + request.lifetime_s)
        .string("jti", "test-" + std::to_string(++serial));
    const std::lock_guard lock(impl_->mutex);
    return impl_->keys.sign(request, claims);
}

std::size_t TestIssuer::requests(Endpoint endpoint) const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->times[static_cast<std::size_t>(endpoint)].size();
}

std::size_t TestIssuer::not_modified() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->not_modified;
}

std::size_t TestIssuer::handshakes() const {
    const std::lock_guard lock(impl_->server_mutex);
    return impl_->handshakes + (impl_->server ? impl_->server->handshakes() : 0);
}

std::vector<std::int64_t> TestIssuer::request_times(Endpoint endpoint) const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->times[static_cast<std::size_t>(endpoint)];
}

TemporaryDirectory::TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "tokenward-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("can't make a temporary directory");
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace tokenward::support
