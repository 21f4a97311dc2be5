#include "recovery_world.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace tokenward::recovery {
namespace {

using support::cleared;
using support::text;

/// jwks_refresh_floor by default.
constexpr int refresh_floor_s = 10;
constexpr long requests_in_a_fetch = 3;

const support::LoadedLibrary &library() {
    static const support::LoadedLibrary loaded;
    return loaded;
}

void ignore_line(void *, std::int32_t, const char *, std::size_t) {}

tokenward_options options_of(const std::string &configuration) {
    auto options = cleared<tokenward_options>();
    options.config_json = text(configuration);
    options.log_mode = TOKENWARD_LOG_TO_CALLBACK;
    options.log = ignore_line;
    return options;
}

/// Lets the tests run with a library from before that option, to compare.
bool knows(const std::string &member) {
    const std::string configuration = R"({"issuer": "https://localhost", "audience": "broker")" + member + "}";
    const tokenward_options options = options_of(configuration);
    std::size_t length = 0;
    return library().config_check(&options, nullptr, 0, &length, nullptr) == TOKENWARD_OK;
}

}  // namespace

bool at_defaults() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
    static const bool set = std::getenv("TOKENWARD_AT_DEFAULTS") != nullptr;
    return set;
}

bool wait_until(const std::function<bool()> &condition, double seconds) {
    const Moment begin = now();
    while (!condition()) {
        if (seconds_since(begin) > seconds) return false;
        std::this_thread::sleep_for(Milliseconds(10));
    }
    return true;
}

Broker::Broker(const TestIssuer &issuer, const std::string &ca_file, std::uint32_t startup_wait_ms,
               const std::string &more) {
    const std::string configuration = R"({"issuer": ")" + issuer.issuer() + R"(", "ca_file": ")" + ca_file +
                                      R"(", "audience": "broker", "scope_prefix": "")" + more + "}";
    tokenward_options options = options_of(configuration);
    options.startup_wait_ms = startup_wait_ms;
    auto error = cleared<tokenward_error>();
    if (library().create(&options, &backend_, &error) != TOKENWARD_OK) throw std::runtime_error(error.message);
}

Broker::~Broker() {
    library().destroy(backend_);
}

Answer Broker::ask(const std::string &token) const {
    const auto credentials = support::bearer(token);
    auto error = cleared<tokenward_error>();
    tokenward_session *session = nullptr;
    Answer answer;
    answer.result = library().authenticate(backend_, &credentials, nullptr, &session, &error);
    library().session_release(session);
    if (answer.yes()) return answer;
    answer.retry_after_ms = error.retry_after_ms;
    answer.reason = std::string(library().reason_name(error.reason)) + ": " + error.message;
    return answer;
}

Answer Broker::ask_until_decided(const std::string &token) const {
    for (;;) {
        Answer answer = ask(token);
        if (!answer.try_again()) return answer;
        std::this_thread::sleep_for(Milliseconds(answer.retry_after_ms));
    }
}

std::string Broker::short_timeout() {
    static const std::string member = R"(, "jwks_timeout": 1)";
    static const bool known = knows(member);
    return known && !at_defaults() ? member : "";
}

std::string Broker::short_min_refresh() {
    return at_defaults() ? "" : R"(, "jwks_min_refresh": 1)";
}

void make_keys(int generations) {
    TestIssuer issuer;
    for (int i = 1; i < generations; ++i) issuer.rotate(false);
}

std::string mint(const TestIssuer &issuer, MintRequest::Signer signer) {
    MintRequest request;
    request.algorithm = "ES256";
    request.signer = signer;
    request.lifetime_s = 3'600;
    return issuer.mint(request);
}

std::size_t all_requests(const TestIssuer &issuer) {
    return issuer.requests(Endpoint::discovery) + issuer.requests(Endpoint::jwks);
}

long requests_over_budget(const TestIssuer &issuer, int min_refresh_s) {
    std::vector<std::int64_t> times = issuer.request_times(Endpoint::discovery);
    const auto more = issuer.request_times(Endpoint::jwks);
    times.insert(times.end(), more.begin(), more.end());
    std::sort(times.begin(), times.end());
    long worst = -requests_in_a_fetch;
    for (std::size_t first = 0; first < times.size(); ++first) {
        for (std::size_t last = first; last < times.size(); ++last) {
            const double span_s = static_cast<double>(times[last] - times[first]) / 1000;
            // Each rate may bring one more than fits into the span.
            const long on_demand = 3 + 1 + static_cast<long>(span_s / min_refresh_s);
            const long scheduled = 1 + static_cast<long>(span_s / refresh_floor_s);
            const auto requests = static_cast<long>(last - first + 1);
            worst = std::max(worst, requests - requests_in_a_fetch * (on_demand + scheduled));
        }
    }
    return worst;
}

}  // namespace tokenward::recovery
