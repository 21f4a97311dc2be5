// Several threads log in, ask, refresh and leave while the provider changes its keys and the configuration is
// read again. What must hold:
//   - no token gets a final no as long as its key is published;
//   - no token of a withdrawn key gets a yes once the library has the set without that key;
//   - each call is counted once, no session stays, and the memory in use doesn't grow with the logins.
//
// usage: soak [ROUNDS]; a round is 2000 logins in each of four threads, and six changes of the keys.
#include "capi/loaded_library.hpp"
#include "support/test_issuer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <malloc.h>
#include <unistd.h>

namespace tokenward::support {
namespace {

constexpr int thread_count = 4;
constexpr int logins_per_round = 2'000;
constexpr int changes_per_round = 6;
constexpr int warm_up_logins = 500;
constexpr long cache_entries = 1'000;  // full after the warm-up
/// A fraction of what one forgotten session for each login would take: there are 8000 in a round.
constexpr long most_growth_bytes = 1'000'000;
constexpr unsigned hang_guard_s = 600;  // only ends a round that hangs
constexpr long most_fault_lines = 20;

void ignore_line(void *, std::int32_t, const char *, std::size_t) {}

struct World {
    LoadedLibrary tw;
    TestIssuer issuer;
    std::string configuration = R"({"issuer": ")" + issuer.issuer() + R"(", "ca_file": ")" + issuer.ca_file() +
                                R"(", "audience": "broker", "scope_prefix": "", "jwks_min_refresh": 1, )" +
                                R"("token_cache_size": )" + std::to_string(cache_entries) + "}";
    tokenward_options options = cleared<tokenward_options>();
    tokenward_backend *backend = nullptr;
    std::atomic<long> logins{0}, faults{0}, authentications{0}, authorizations{0}, tried_again{0};
    /// The newest generation of keys that tokens are signed with, and the oldest that is published.
    std::atomic<long> newest{1}, oldest{1};

    World() {
        options.config_json = text(configuration);
        options.startup_wait_ms = 5'000;
        options.log_mode = TOKENWARD_LOG_TO_CALLBACK;
        options.log = ignore_line;
    }

    void fault(const char *what, std::int32_t result, const tokenward_error &error) {
        if (++faults > most_fault_lines) return;
        std::fprintf(stderr, "failed: %s: %d %s: %s\n", what, result, tw.reason_name(error.reason),
                     error.message);
    }
    void expect(bool good, const char *what, long is, long should_be) {
        if (good) return;
        ++faults;
        std::fprintf(stderr, "failed: %s: %ld, should be %ld\n", what, is, should_be);
    }

    std::string mint(int number, MintRequest::Signer signer = MintRequest::Signer::current) const {
        MintRequest request;
        request.algorithm = "ES256";
        request.signer = signer;
        request.claims.string("sub", "user-" + std::to_string(number)).string("scope", "read:*/* write:a/b");
        return issuer.mint(request);
    }

    // ---- calls ----
    std::int32_t authenticate(const std::string &token, tokenward_session **session, tokenward_error *error) {
        const auto credentials = bearer(token);
        ++authentications;
        return tw.authenticate(backend, &credentials, nullptr, session, error);
    }
    std::int32_t refresh(tokenward_session *session, const std::string &token, tokenward_error *error) {
        const auto credentials = bearer(token);
        ++authentications;
        return tw.session_refresh(session, &credentials, nullptr, error);
    }
    /// Again as long as the library says so: the hang guard ends what never does.
    template <class Call>
    std::int32_t until_decided(tokenward_error *error, Call call) {
        for (;;) {
            const std::int32_t result = call(error);
            if (result != TOKENWARD_TRY_AGAIN) return result;
            ++tried_again;
            std::this_thread::sleep_for(std::chrono::milliseconds(error->retry_after_ms));
        }
    }
    /// True if the answer is yes. A token of that generation may get a no only if its key was withdrawn
    /// meanwhile.
    template <class Call>
    bool accepted(const char *what, long generation, Call call) {
        auto error = cleared<tokenward_error>();
        const std::int32_t result = until_decided(&error, call);
        if (result != TOKENWARD_OK && oldest <= generation) fault(what, result, error);
        return result == TOKENWARD_OK;
    }

    void client(int number, int count) {
        for (int i = 0; i < count; ++i) {
            const long generation = newest;
            const std::string token = mint(number);
            tokenward_session *session = nullptr;
            if (accepted("authenticate", generation,
                         [&](tokenward_error *error) { return authenticate(token, &session, error); })) {
                ask(session);
                if (i % 4 == 0) {
                    accepted("refresh", generation,
                             [&](tokenward_error *error) { return refresh(session, token, error); });
                }
                ask(session);
            }
            tw.session_release(session);
            ++logins;
        }
    }

    void ask(const tokenward_session *session) {
        for (const auto &[resource, right] :
             {std::pair{"b", TOKENWARD_ALLOWED}, std::pair{"c", TOKENWARD_DENIED}}) {
            const auto asked = request(TOKENWARD_WRITE, "a", resource);
            ++authorizations;
            const std::int32_t verdict = tw.authorize(session, &asked);
            if (verdict != static_cast<std::int32_t>(right))
                fault(resource, verdict, cleared<tokenward_error>());
        }
    }

    // ---- changes of the keys ----
    void change_keys(bool keep_old) {
        const std::string remembered = mint(thread_count);
        tokenward_session *session = nullptr;
        if (!accepted("authenticate before the change", newest,
                      [&](tokenward_error *error) { return authenticate(remembered, &session, error); })) {
            return;
        }
        oldest = newest + (keep_old ? 0 : 1);  // before anybody could meet it
        issuer.rotate(keep_old);
        ++newest;
        auto error = cleared<tokenward_error>();
        const std::int32_t reloaded = tw.reload(backend, nullptr, &error);
        if (reloaded != TOKENWARD_OK) fault("reload", reloaded, error);

        // A yes to a token of the new key: the library has the set without the old one.
        tokenward_session *next = nullptr;
        const std::string token = mint(thread_count);
        if (accepted("authenticate after the change", newest,
                     [&](tokenward_error *e) { return authenticate(token, &next, e); }) &&
            !keep_old) {
            refuse_old("a remembered token of a withdrawn key", remembered, session);
            refuse_old("a token of a withdrawn key", mint(thread_count, MintRequest::Signer::previous),
                       session);
        }
        tw.session_release(next);
        tw.session_release(session);
    }

    void refuse_old(const char *what, const std::string &token, tokenward_session *session) {
        auto error = cleared<tokenward_error>();
        tokenward_session *other = nullptr;
        std::int32_t result = authenticate(token, &other, &error);
        if (result == TOKENWARD_OK) fault(what, result, error);
        tw.session_release(other);
        result = refresh(session, token, &error);
        if (result == TOKENWARD_OK) fault(what, result, error);
    }

    // ---- what is left ----
    /// The sum of that metric's samples.
    long metric(const std::string &name) {
        std::size_t length = 0;
        tw.metrics(backend, nullptr, 0, &length, nullptr);
        std::string all(length + 1, '\0');
        tw.metrics(backend, all.data(), all.size(), &length, nullptr);
        long sum = 0;
        for (std::size_t at = all.find('\n' + name); at != std::string::npos;
             at = all.find('\n' + name, at + 1)) {
            const char after = all[at + 1 + name.size()];
            if (after == ' ' || after == '{') sum += std::atol(all.c_str() + all.find(' ', at) + 1);
        }
        return sum;
    }

    void check_what_is_left() {
        expect(metric("tokenward_authentications_total") == authentications, "authentications counted",
               metric("tokenward_authentications_total"), authentications);
        expect(metric("tokenward_authorizations_total") == authorizations, "authorizations counted",
               metric("tokenward_authorizations_total"), authorizations);
        expect(metric("tokenward_sessions") == 0, "sessions left", metric("tokenward_sessions"), 0);
        const long entries = metric("tokenward_token_cache_entries");
        expect(entries <= cache_entries, "remembered tokens", entries, cache_entries);
    }

    /// `count` logins in each thread, and so many changes of the keys spread over them.
    void round(int count, int changes) {
        ::alarm(hang_guard_s);
        const long before = logins;
        const long all = static_cast<long>(thread_count) * count;
        std::vector<std::thread> clients;
        for (int i = 0; i < thread_count; ++i) clients.emplace_back([this, i, count] { client(i, count); });
        for (int i = 1; i <= changes; ++i) {
            while (logins - before < all * i / (changes + 1)) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            change_keys(i % 2 == 1);
        }
        for (auto &each : clients) each.join();
        ::alarm(0);
        check_what_is_left();
    }

    int run(int rounds) {
        auto error = cleared<tokenward_error>();
        const std::int32_t created = tw.create(&options, &backend, &error);
        if (created != TOKENWARD_OK) {
            fault("create", created, error);
            return 1;
        }
        round(warm_up_logins, 2);
        const auto in_use = static_cast<long>(::mallinfo2().uordblks);
        for (int i = 0; i < rounds; ++i) round(logins_per_round, changes_per_round);
        const long growth = static_cast<long>(::mallinfo2().uordblks) - in_use;
        expect(growth <= most_growth_bytes, "growth in bytes", growth, most_growth_bytes);
        tw.destroy(backend);
        std::printf(
            "%ld logins, %ld changes of the keys, %ld authentications (%ld told to try again), "
            "%ld authorizations, %ld bytes more in use, %ld faults\n",
            logins.load(), newest - 1, authentications.load(), tried_again.load(), authorizations.load(),
            growth, faults.load());
        return faults == 0 ? 0 : 1;
    }
};

}  // namespace
}  // namespace tokenward::support

int main(int argc, char **argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 1;
    tokenward::support::World world;
    return world.run(std::max(rounds, 1));
}
