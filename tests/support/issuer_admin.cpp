#include "support/issuer_admin.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <httplib.h>

namespace tokenward::support {
namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

Fields parse_lines(std::string_view body) {
    Fields out;
    while (!body.empty()) {
        const std::string_view line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(line.size() + 1, body.size()));
        if (line.empty()) continue;
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) throw std::invalid_argument("a line without =");
        out[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    }
    return out;
}

/// Takes a field out; what is left at the end is a mistake of the caller.
std::optional<std::string> take(Fields &fields, std::string_view name) {
    const auto at = fields.find(name);
    if (at == fields.end()) return std::nullopt;
    std::string value = std::move(at->second);
    fields.erase(at);
    return value;
}

bool flag(const std::string &value) {
    if (value != "true" && value != "false") throw std::invalid_argument("neither true nor false: " + value);
    return value == "true";
}

template <class Value>
Value one_of(const std::string &name, std::initializer_list<std::pair<const char *, Value>> choices) {
    for (const auto &[text, value] : choices) {
        if (name == text) return value;
    }
    throw std::invalid_argument("not a choice: " + name);
}

using Issuer = TestIssuer;

std::string mint(TestIssuer &issuer, Fields &fields) {
    using Signer = MintRequest::Signer;
    MintRequest request;
    request.algorithm = take(fields, "alg").value_or("RS256");
    request.signer = one_of<Signer>(
        take(fields, "signer").value_or("current"),
        {{"current", Signer::current}, {"previous", Signer::previous}, {"stranger", Signer::stranger}});
    request.kid = take(fields, "kid");
    request.lifetime_s = std::stoll(take(fields, "lifetime").value_or("300"));
    for (auto at = fields.begin(); at != fields.end();) {
        const std::string &name = at->first;
        if (name.starts_with("header.")) {
            request.header.raw(name.substr(7), at->second);
        } else if (name.starts_with("claim.")) {
            request.claims.raw(name.substr(6), at->second);
        } else {
            ++at;
            continue;
        }
        at = fields.erase(at);
    }
    return issuer.mint(request);
}

/// Without a claim: not active.
void active(TestIssuer &issuer, Fields &fields) {
    const std::string token = take(fields, "token").value_or("");
    if (fields.empty()) return issuer.set_inactive(token);
    JsonObject claims;
    for (auto at = fields.begin(); at != fields.end() && at->first.starts_with("claim."); at = fields.erase(at))
        claims.raw(at->first.substr(6), at->second);
    issuer.set_active(token, claims);
}

void fault(TestIssuer &issuer, Fields &fields) {
    using Fault = Issuer::Fault;
    const auto endpoint = one_of<Issuer::Endpoint>(
        take(fields, "endpoint").value_or("jwks"),
        {{"discovery", Issuer::Endpoint::discovery},
         {"jwks", Issuer::Endpoint::jwks},
         {"introspection", Issuer::Endpoint::introspection},
         {"token", Issuer::Endpoint::token}});
    const auto kind = one_of<Fault>(take(fields, "fault").value_or("none"),
                                    {{"none", Fault::none},
                                     {"hang", Fault::hang},
                                     {"delay", Fault::delay},
                                     {"status", Fault::status},
                                     {"garbage", Fault::garbage},
                                     {"huge", Fault::huge},
                                     {"drip", Fault::drip},
                                     {"truncate", Fault::truncate},
                                     {"redirect", Fault::redirect},
                                     {"outdated", Fault::outdated},
                                     {"stall_before_header", Fault::stall_before_header},
                                     {"stall_in_header", Fault::stall_in_header},
                                     {"stall_in_body", Fault::stall_in_body},
                                     {"reset_in_body", Fault::reset_in_body}});
    issuer.set_fault(endpoint, kind, std::stoi(take(fields, "number").value_or("0")));
}

void documents(TestIssuer &issuer, Fields &fields) {
    TestIssuer::Documents next;
    next.issuer = take(fields, "issuer").value_or("");
    next.jwks_uri = take(fields, "jwks_uri").value_or("");
    next.discovery = take(fields, "discovery");
    next.jwks = take(fields, "jwks");
    if (next.jwks == "unusable") next.jwks = TestIssuer::unusable_jwks();
    if (next.jwks == "empty") next.jwks = R"({"keys":[]})";
    next.introspection = take(fields, "introspection");
    next.cache_control = take(fields, "cache_control").value_or("");
    next.retry_after = take(fields, "retry_after").value_or("");
    next.etag = flag(take(fields, "etag").value_or("true"));
    issuer.set_documents(next);
}

std::string counts(const TestIssuer &issuer) {
    return "discovery=" + std::to_string(issuer.requests(Issuer::Endpoint::discovery)) +
           "\njwks=" + std::to_string(issuer.requests(Issuer::Endpoint::jwks)) +
           "\nintrospection=" + std::to_string(issuer.requests(Issuer::Endpoint::introspection)) +
           "\ntoken=" + std::to_string(issuer.requests(Issuer::Endpoint::token)) +
           "\nnot_modified=" + std::to_string(issuer.not_modified()) + "\n";
}

}  // namespace

struct IssuerAdmin::Impl {
    explicit Impl(TestIssuer &to) : issuer(to) {}

    /// The answer to a POST; throws std::exception for a bad request.
    std::string post(const std::string &path, const std::string &body) {
        Fields fields = parse_lines(body);
        std::string answer;
        if (path == "/mint") {
            answer = mint(issuer, fields);
        } else if (path == "/active") {
            active(issuer, fields);
        } else if (path == "/rotate") {
            issuer.rotate(flag(take(fields, "keep_old").value_or("true")));
        } else if (path == "/reuse-kids") {
            issuer.reuse_kids();
        } else if (path == "/fault") {
            fault(issuer, fields);
        } else if (path == "/network") {
            issuer.set_network(one_of<Issuer::Network>(take(fields, "state").value_or("up"),
                                                       {{"up", Issuer::Network::up},
                                                        {"down", Issuer::Network::down},
                                                        {"blackhole", Issuer::Network::blackhole},
                                                        {"reset", Issuer::Network::reset}}));
        } else if (path == "/tls") {
            issuer.set_tls(one_of<Issuer::Tls>(take(fields, "kind").value_or("good"),
                                               {{"good", Issuer::Tls::good},
                                                {"expired", Issuer::Tls::expired},
                                                {"wrong_host", Issuer::Tls::wrong_host},
                                                {"other_ca", Issuer::Tls::other_ca},
                                                {"old_protocol", Issuer::Tls::old_protocol},
                                                {"stall", Issuer::Tls::stall},
                                                {"reset", Issuer::Tls::reset}}));
        } else if (path == "/documents") {
            documents(issuer, fields);
        } else if (path == "/heal") {
            issuer.heal();
        } else if (path == "/stop") {
            stop();
        } else {
            throw std::invalid_argument("no such switch: " + path);
        }
        if (!fields.empty()) throw std::invalid_argument("not known here: " + fields.begin()->first);
        return answer;
    }

    void stop() {
        {
            const std::lock_guard lock(mutex);
            stopped = true;
        }
        wake.notify_all();
    }

    TestIssuer &issuer;
    httplib::Server server;
    int port = 0;
    std::mutex mutex;
    std::condition_variable wake;
    bool stopped = false;
    std::thread thread;
};

IssuerAdmin::IssuerAdmin(TestIssuer &issuer) : impl_(std::make_unique<Impl>(issuer)) {
    auto *impl = impl_.get();
    impl->server.set_keep_alive_max_count(1);
    impl->server.Post(".*", [impl](const httplib::Request &request, httplib::Response &response) {
        try {
            response.set_content(impl->post(request.path, request.body), "text/plain");
        } catch (const std::exception &error) {
            response.status = 400;
            response.set_content(std::string(error.what()) + '\n', "text/plain");
        }
    });
    impl->server.Get("/counts", [impl](const httplib::Request &, httplib::Response &response) {
        response.set_content(counts(impl->issuer), "text/plain");
    });
    impl->server.Get("/jwks", [impl](const httplib::Request &, httplib::Response &response) {
        response.set_content(impl->issuer.jwks(), "application/json");
    });
    impl->port = impl->server.bind_to_any_port("127.0.0.1");
    if (impl->port <= 0) throw std::runtime_error("can't listen on a loopback port");
    impl->thread = std::thread([impl] { impl->server.listen_after_bind(); });
    while (!impl->server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

IssuerAdmin::~IssuerAdmin() {
    impl_->server.stop();
    impl_->thread.join();
}

int IssuerAdmin::port() const noexcept {
    return impl_->port;
}

void IssuerAdmin::wait_for_stop() {
    std::unique_lock lock(impl_->mutex);
    impl_->wake.wait(lock, [this] { return impl_->stopped; });
}

void IssuerAdmin::stop() {
    impl_->stop();
}

std::string ask_issuer_admin(const std::string &address, const std::string &path, const std::string &body) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) throw std::runtime_error("not an address: " + address);
    httplib::Client client(address.substr(0, colon), std::stoi(address.substr(colon + 1)));
    const bool get = path == "/counts" || path == "/jwks";
    const auto result = get ? client.Get(path) : client.Post(path, body, "text/plain");
    if (!result) throw std::runtime_error("the test issuer doesn't answer");
    if (result->status != 200) throw std::runtime_error("the test issuer refuses: " + result->body);
    return result->body;
}

}  // namespace tokenward::support
