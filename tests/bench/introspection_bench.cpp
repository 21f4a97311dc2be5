// Logins about which a provider is asked (RFC 7662, RFC 6749 section 4.4): from the cache beside a JWT's, and a storm of first
// ones.
#include "world.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/stat.h>

namespace {

using namespace tokenward;
using namespace tokenward::bench;
using support::TestIssuer;
using Endpoint = TestIssuer::Endpoint;

/// As oidc-provider makes them.
std::string opaque_token(std::size_t number) {
    return "2YotnFZFEjr1zCsicMWpAA1zCsicMWpAA-" + std::to_string(100000 + number);
}

support::JsonObject answer() {
    const auto now = static_cast<std::int64_t>(std::time(nullptr));
    std::string scope = "openid profile";
    for (const std::string &one : twenty_scopes()) scope += ' ' + one;
    return support::JsonObject()
        .string("sub", "alice")
        .string("aud", "broker")
        .string("client_id", "meter-gateway")
        .string("token_type", "Bearer")
        .number("exp", now + 86400)
        .number("iat", now)
        .string("scope", scope);
}

/// A JSON Web Token that says the same.
support::MintRequest same_as_jwt() {
    support::MintRequest request;
    request.claims.merge(answer());
    return request;
}

TestIssuer &issuer() {
    static TestIssuer issuer;
    return issuer;
}

/// A backend of a provider that is there, and the credentials that it is to be asked about.
class Asking {
  public:
    explicit Asking(const std::string &more) {
        const std::string secret = World::get().write("secret", "s3cr:et");
        chmod(secret.c_str(), 0600);
        const std::string path = World::get().write(
            "asking" + std::to_string(number_++) + ".ini",
            "[oauth]\nissuer = " + issuer().issuer() + "\nca_file = " + issuer().ca_file() +
                "\nresource_server_id = broker\nscope_prefix = mq.\nlog_level = error\nopaque_tokens = true\n"
                "introspection_client_id = broker\nintrospection_client_secret_file = " +
                secret + "\nintrospection_ttl = 3600\nclient_credentials_prefix = client:\n" + more);
        const tokenward_string file = support::text(path);
        auto options = support::options_with_log(file, [](void *, std::int32_t, const char *, std::size_t) {});
        options.startup_wait_ms = 5000;
        auto error = support::cleared<tokenward_error>();
        if (library_.create(&options, &handle_, &error) != TOKENWARD_OK) throw std::runtime_error(error.message);
        context_.protocol = support::text("mqtt");
        context_.peer = support::text("192.0.2.17:51234");
    }
    ~Asking() { library_.destroy(handle_); }
    Asking(const Asking &) = delete;
    Asking &operator=(const Asking &) = delete;

    /// In: 0. Try again: after so many milliseconds. Refused: -1.
    std::int32_t log_in(const tokenward_credentials &credentials) const {
        tokenward_session *session = nullptr;
        auto error = support::cleared<tokenward_error>();
        switch (library_.authenticate(handle_, &credentials, &context_, &session, &error)) {
            case TOKENWARD_OK:
                library_.session_release(session);
                return 0;
            case TOKENWARD_TRY_AGAIN:
                return std::max(error.retry_after_ms, 1);
            default:
                (void)std::fprintf(stderr, "%s\n", error.message);
                return -1;
        }
    }
    void enter(const tokenward_credentials &credentials) const {
        for (int i = 0; i < 1000; ++i) {
            const std::int32_t wait = log_in(credentials);
            if (wait == 0) return;
            if (wait < 0) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(wait));
        }
        throw std::runtime_error("not let in");
    }

  private:
    static inline int number_ = 0;
    const support::LoadedLibrary &library_ = World::get().library();
    tokenward_backend *handle_ = nullptr;
    tokenward_context context_ = support::cleared<tokenward_context>();
};

void measure(benchmark::State &state, const Asking &asking, const tokenward_credentials &credentials) {
    asking.enter(credentials);
    for ([[maybe_unused]] auto _ : state) {
        if (asking.log_in(credentials) != 0) {
            state.SkipWithError("not let in");
            return;
        }
    }
}

const Asking &asking() {
    static const Asking backend("");
    return backend;
}

void cached_jwt(benchmark::State &state) {
    const std::string token = issuer().mint(same_as_jwt());
    measure(state, asking(), support::bearer(token));
}

void cached_opaque(benchmark::State &state) {
    const std::string token = opaque_token(0);
    issuer().set_active(token, answer());
    measure(state, asking(), support::bearer(token));
}

void cached_client(benchmark::State &state) {
    issuer().set_client("meter-0042", "xJ3k-secret-of-a-device", same_as_jwt());
    auto credentials = support::cleared<tokenward_credentials>();
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.username = support::text("client:meter-0042");
    credentials.password = support::text("xJ3k-secret-of-a-device");
    measure(state, asking(), credentials);
}

// ---- a storm --------------------------------------------------------------------------------------------

std::int64_t now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

struct Calls {
    std::vector<std::int64_t> ns;
    void add(std::int64_t took) { ns.push_back(took); }
    double us(double share) {
        if (ns.empty()) return 0;
        std::sort(ns.begin(), ns.end());
        return static_cast<double>(ns[static_cast<std::size_t>(share * static_cast<double>(ns.size() - 1))]) / 1e3;
    }
};

/// One thread, as of a broker with an event loop: `count` clients come at once with a new token each, and again when they are
/// told to. Between two of them another client logs in with a token that is known: is it held up?
void storm(std::size_t count, int rate, int delay_ms) {
    const Asking backend("introspection_rate = " + std::to_string(rate) + "\n");
    static std::size_t first = 1;
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i < count; ++i) {
        tokens.push_back(opaque_token(first++));
        issuer().set_active(tokens.back(), answer());
    }
    const std::string known = issuer().mint(same_as_jwt());
    backend.enter(support::bearer(known));
    Calls quiet;
    for (int i = 0; i < 20000; ++i) {
        const std::int64_t begin = now_ns();
        if (backend.log_in(support::bearer(known)) != 0) throw std::runtime_error("the known token isn't let in");
        quiet.add(now_ns() - begin);
    }
    issuer().set_fault(Endpoint::introspection, TestIssuer::Fault::delay, delay_ms);
    const std::size_t requests = issuer().requests(Endpoint::introspection);
    struct Client {
        std::size_t token;
        std::int64_t at;
    };
    std::vector<Client> waiting;
    for (std::size_t i = 0; i < count; ++i) waiting.push_back({i, 0});
    Calls first_calls;
    Calls others;
    const std::int64_t start = now_ns();
    while (!waiting.empty()) {
        std::vector<Client> next;
        for (const Client &client : waiting) {
            if (client.at > now_ns()) {
                next.push_back(client);
                continue;
            }
            const std::int64_t begin = now_ns();
            const std::int32_t wait = backend.log_in(support::bearer(tokens[client.token]));
            const std::int64_t end = now_ns();
            first_calls.add(end - begin);
            if (wait < 0) throw std::runtime_error("a client is refused");
            if (wait > 0) next.push_back({client.token, end + static_cast<std::int64_t>(wait) * 1'000'000});
            const std::int64_t other = now_ns();
            if (backend.log_in(support::bearer(known)) != 0) throw std::runtime_error("the known token isn't let in");
            others.add(now_ns() - other);
        }
        waiting.swap(next);
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    const double seconds = static_cast<double>(now_ns() - start) / 1e9;
    std::printf("{\"clients\": %zu, \"rate\": %d, \"delay_ms\": %d, \"seconds\": %.2f, \"requests\": %zu, \"calls\": %zu, "
                "\"call_us\": [%.1f, %.1f, %.1f], \"other_us\": [%.1f, %.1f, %.1f], \"quiet_us\": [%.1f, %.1f, %.1f]}\n",
                count, rate, delay_ms, seconds, issuer().requests(Endpoint::introspection) - requests, first_calls.ns.size(),
                first_calls.us(0.5), first_calls.us(0.99), first_calls.us(1), others.us(0.5), others.us(0.99), others.us(1),
                quiet.us(0.5), quiet.us(0.99), quiet.us(1));
    issuer().heal();
}

}  // namespace

int main(int argc, char **argv) {
    if (argc == 2 && std::strcmp(argv[1], "storm") == 0) {
        storm(1000, 50, 20);
        storm(1000, 1000, 20);
        return 0;
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RegisterBenchmark("asked/JWT", cached_jwt);
    benchmark::RegisterBenchmark("asked/opaque token", cached_opaque);
    benchmark::RegisterBenchmark("asked/client credentials", cached_client);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
