// Several threads log in, ask, refresh and leave; another one reloads; meanwhile the provider changes its keys. Every
// call must have an answer that the contract allows, and every token must be accepted in the end.
//
// usage: soak [ROUNDS]; a round is 2000 logins in each of four threads, and five changes of the keys.
#include "capi/loaded_library.hpp"
#include "support/test_issuer.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace tokenward::support {
namespace {

constexpr int thread_count = 4;
constexpr int logins_per_round = 2'000;
constexpr int rotations_per_round = 5;
// A key that isn't known yet takes a fetch, and fetches have a budget.
constexpr int most_tries = 600;

void ignore_line(void *, std::int32_t, const char *, std::size_t) {}

struct World {
    LoadedLibrary tw;
    TestIssuer issuer;
    std::string configuration = R"({"issuer": ")" + issuer.issuer() + R"(", "audience": "broker", "scope_prefix": "", )" +
                                R"("jwks_min_refresh": 1, "ca_file": ")" + issuer.ca_file() + R"("})";
    tokenward_options options = cleared<tokenward_options>();
    tokenward_backend *backend = nullptr;
    std::atomic<long> asked{0}, answered{0}, faults{0}, logins{0};

    World() {
        options.config_json = text(configuration);
        options.startup_wait_ms = 5'000;
        options.log = ignore_line;
    }

    void fault(const char *what, std::int32_t result, const tokenward_error &error) {
        ++faults;
        std::fprintf(stderr, "failed: %s: %d %s: %s\n", what, result, tw.reason_name(error.reason), error.message);
    }

    /// Again as long as the library says so.
    template <class Call>
    bool accepted(const char *what, Call call) {
        auto error = cleared<tokenward_error>();
        std::int32_t result = TOKENWARD_TRY_AGAIN;
        for (int tries = 0; tries < most_tries && result == TOKENWARD_TRY_AGAIN; ++tries) {
            ++asked;
            result = call(&error);
            ++answered;
            if (result == TOKENWARD_TRY_AGAIN)
                std::this_thread::sleep_for(std::chrono::milliseconds(error.retry_after_ms));
        }
        if (result != TOKENWARD_OK) fault(what, result, error);
        return result == TOKENWARD_OK;
    }

    void client(int number, int rounds) {
        for (int i = 0; i < rounds * logins_per_round; ++i) {
            MintRequest request;
            request.algorithm = "ES256";
            request.claims.string("sub", "user-" + std::to_string(number)).string("scope", "read:*/* write:a/b");
            const std::string token = issuer.mint(request);
            auto credentials = cleared<tokenward_credentials>();
            credentials.kind = TOKENWARD_BEARER_TOKEN;
            credentials.data = text(token);

            tokenward_session *session = nullptr;
            if (accepted("authenticate", [&](tokenward_error *error) {
                    return tw.authenticate(backend, &credentials, nullptr, &session, error);
                })) {
                ask(session);
                if (i % 4 == 0)
                    accepted("refresh", [&](tokenward_error *error) {
                        return tw.session_refresh(session, &credentials, nullptr, error);
                    });
                ask(session);
            }
            tw.session_release(session);
            ++logins;
        }
    }

    void ask(const tokenward_session *session) {
        auto request = cleared<tokenward_request>();
        request.operation = TOKENWARD_WRITE;
        request.vhost = text("a");
        for (const auto &[resource, right] : {std::pair{"b", TOKENWARD_ALLOWED}, {"c", TOKENWARD_DENIED}}) {
            request.resource = text(resource);
            ++asked;
            const std::int32_t verdict = tw.authorize(session, &request);
            ++answered;
            if (verdict != static_cast<std::int32_t>(right)) fault("authorize", verdict, cleared<tokenward_error>());
        }
    }

    int run(int rounds) {
        auto error = cleared<tokenward_error>();
        const std::int32_t created = tw.create(&options, &backend, &error);
        if (created != TOKENWARD_OK) {
            fault("create", created, error);
            return 1;
        }
        std::vector<std::thread> clients;
        for (int i = 0; i < thread_count; ++i) clients.emplace_back([this, i, rounds] { client(i, rounds); });
        const long all = static_cast<long>(thread_count) * logins_per_round * rounds;
        const int rotations = rotations_per_round * rounds;
        for (int i = 1; i <= rotations; ++i) {
            while (logins < all * i / (rotations + 1)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            issuer.rotate(true);
            accepted("reload", [&](tokenward_error *reload_error) {
                return tw.reload(backend, nullptr, reload_error);
            });
        }
        for (auto &each : clients) each.join();
        tw.destroy(backend);
        std::printf("%ld logins, %d changes of the keys, %ld calls, %ld answers, %ld faults\n", logins.load(), rotations,
                    asked.load(), answered.load(), faults.load());
        return faults == 0 && logins == all && asked == answered ? 0 : 1;
    }
};

}  // namespace
}  // namespace tokenward::support

int main(int argc, char **argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 1;
    tokenward::support::World world;
    return world.run(rounds > 0 ? rounds : 1);
}
