// What it costs to let a client in, beside OpenSSL alone and beside other libraries, on the same tokens.
#include "openssl_rows.hpp"
#include "peers.hpp"
#include "world.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

using namespace tokenward;
using namespace tokenward::bench;

/// Runs `call` until the time is up; it must answer true every time.
template <class Call>
void measure(benchmark::State &state, Call call) {
    for ([[maybe_unused]] auto _ : state) {
        if (!call()) {
            state.SkipWithError("wrong answer");
            return;
        }
    }
}

bool let_in(const Backend &backend, const tokenward_credentials &credentials) {
    tokenward_session *session = nullptr;
    if (backend.authenticate(credentials, &session) != TOKENWARD_OK) return false;
    backend.library().session_release(session);
    return true;
}

// ---- cold: every token for the first time ---------------------------------------------------------------

void cold_new_context(benchmark::State &state, std::size_t algorithm) {
    const Sample &sample = World::get().sample(algorithm);
    measure(state, [&] { return verify_with_new_context(sample); });
}

void cold_kept_contexts(benchmark::State &state, std::size_t algorithm) {
    KeptContexts contexts(World::get().sample(algorithm));
    measure(state, [&] { return contexts.verify(); });
}

void cold_tokenward(benchmark::State &state, std::size_t algorithm) {
    const auto credentials = support::bearer(World::get().sample(algorithm).token);
    const Backend &backend = cold_backend();
    measure(state, [&] { return let_in(backend, credentials); });
}

/// More tokens, each with scopes of its own, than the library remembers sets of: all scopes are compiled anew.
class Strangers {
  public:
    template <class ScopesOf>
    Strangers(const std::string &algorithm, std::size_t count, ScopesOf scopes_of) {
        tokens_.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            tokens_.push_back(
                mint(algorithm, claims("alice", scopes_of(std::to_string(i))), "key-" + algorithm));
        }
    }
    tokenward_credentials next() {
        at_ = (at_ + 1) % tokens_.size();
        return support::bearer(tokens_[at_]);
    }

  private:
    std::vector<std::string> tokens_;
    std::size_t at_ = 0;
};

void cold_strangers(benchmark::State &state, std::size_t algorithm) {
    Strangers strangers(algorithms[algorithm], 512,
                        [](const std::string &salt) { return twenty_scopes(salt); });
    const Backend &backend = cold_backend();
    measure(state, [&] { return let_in(backend, strangers.next()); });
}

void cold_peer(benchmark::State &state, const Peer &peer, std::size_t algorithm) {
    const auto verifier = peer.make(World::get().sample(algorithm));
    measure(state, [&] { return verifier->verify(); });
}

// ---- warm: a token that was verified before -------------------------------------------------------------

void warm_sha256(benchmark::State &state) {
    const std::string &token = World::get().sample(0).token;
    const DigestContext context(EVP_MD_CTX_new());
    EVP_MD *sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    measure(state, [&] {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        return EVP_DigestInit_ex2(context.get(), sha256, nullptr) == 1 &&
               EVP_DigestUpdate(context.get(), token.data(), token.size()) == 1 &&
               EVP_DigestFinal_ex(context.get(), digest, &size) == 1;
    });
    EVP_MD_free(sha256);
}

void warm_tokenward(benchmark::State &state) {
    const auto credentials = support::bearer(World::get().sample(0).token);
    const Backend &backend = warm_backend();
    measure(state, [&] { return let_in(backend, credentials); });
}

/// A token for each thread: what two clients of different rights share.
void warm_tokenward_two_tokens(benchmark::State &state) {
    const auto thread = static_cast<std::size_t>(state.thread_index());
    const auto credentials = support::bearer(World::get().sample(thread).token);
    const Backend &backend = warm_backend();
    measure(state, [&] { return let_in(backend, credentials); });
}

// ---- two threads ----------------------------------------------------------------------------------------

/// Each thread has a library's data of its own; what they share is the machine.
void warm_tokenward_own_backend(benchmark::State &state) {
    const Backend backend("");
    const auto credentials = support::bearer(World::get().sample(0).token);
    measure(state, [&] { return let_in(backend, credentials); });
}

// ---- many scopes ----------------------------------------------------------------------------------------

void scopes_tokenward(benchmark::State &state) {
    static const Backend backend("token_cache_size = 0\nmax_token_bytes = 1048576\n");
    const std::string token =
        mint("RS256", claims("alice", many_scopes(static_cast<std::size_t>(state.range(0)))), "key-RS256");
    const auto credentials = support::bearer(token);
    measure(state, [&] { return let_in(backend, credentials); });
}

void scopes_strangers(benchmark::State &state) {
    static const Backend backend("token_cache_size = 0\nmax_token_bytes = 1048576\n");
    const auto count = static_cast<std::size_t>(state.range(0));
    Strangers strangers("RS256", count < 1000 ? 512 : 64,
                        [count](const std::string &salt) { return many_scopes(count, salt); });
    measure(state, [&] { return let_in(backend, strangers.next()); });
}

/// The signature of the same token alone.
void scopes_new_context(benchmark::State &state) {
    const Sample &rs256 = World::get().sample(0);
    const std::string token =
        mint("RS256", claims("alice", many_scopes(static_cast<std::size_t>(state.range(0)))), "key-RS256");
    Sample sample;
    sample.algorithm = "RS256";
    sample.signing_input = token.substr(0, token.rfind('.'));
    sample.signature = support::TestKey::shared("RS256").signature("RS256", sample.signing_input);
    EVP_PKEY_up_ref(rs256.key.get());
    sample.key.reset(rs256.key.get());
    measure(state, [&] { return verify_with_new_context(sample); });
}

// ---- hostile tokens -------------------------------------------------------------------------------------

struct Hostile {
    const char *name;
    std::int32_t kind;
    std::int32_t answer;
    std::string secret;
};

std::vector<Hostile> hostile_tokens() {
    const Sample &rs256 = World::get().sample(0);
    std::string forged = rs256.token;
    forged[forged.rfind('.') + 20] = forged[forged.rfind('.') + 20] == 'A' ? 'B' : 'A';
    std::string no_base64 = rs256.token;
    no_base64[no_base64.find('.') + 300] = '!';
    return {
        {"an ordinary password", TOKENWARD_USERNAME_PASSWORD, TOKENWARD_NOT_A_TOKEN,
         "correct horse battery staple"},
        {"no base64url in the payload", TOKENWARD_BEARER_TOKEN, TOKENWARD_REFUSED, no_base64},
        {"unknown kid", TOKENWARD_BEARER_TOKEN, TOKENWARD_REFUSED,
         mint("RS256", claims("alice", twenty_scopes()), "no-such-key")},
        {"bad signature", TOKENWARD_BEARER_TOKEN, TOKENWARD_REFUSED, forged},
        {"16 MB", TOKENWARD_BEARER_TOKEN, TOKENWARD_REFUSED,
         rs256.token.substr(0, 40) + std::string(16U << 20U, 'a') + ".x.y"},
        {"16 KB of dots", TOKENWARD_BEARER_TOKEN, TOKENWARD_REFUSED, "eyJh" + std::string(16000, '.')},
        {"16 KB of [", TOKENWARD_BEARER_TOKEN, TOKENWARD_REFUSED,
         rs256.token.substr(0, rs256.token.find('.') + 1) +
             support::base64url_encode("{\"a\":" + std::string(12000, '[')) + ".AAAA"},
    };
}

void hostile(benchmark::State &state, const Hostile &hostile) {
    const Backend &backend = cold_backend();
    auto credentials = support::cleared<tokenward_credentials>();
    credentials.kind = hostile.kind;
    const bool pair = hostile.kind == TOKENWARD_USERNAME_PASSWORD;
    (pair ? credentials.password : credentials.data) = support::text(hostile.secret);
    if (pair) credentials.username = support::text("alice");
    measure(state, [&] {
        tokenward_session *session = nullptr;
        return backend.authenticate(credentials, &session) == hostile.answer;
    });
}

// ---- refresh and reload ---------------------------------------------------------------------------------

void refresh(benchmark::State &state) {
    const Backend &backend = state.range(0) != 0 ? warm_backend() : cold_backend();
    const std::string &token = World::get().sample(0).token;
    tokenward_session *session = backend.session(token);
    const auto credentials = support::bearer(token);
    measure(state, [&] {
        return backend.library().session_refresh(session, &credentials, nullptr, nullptr) == TOKENWARD_OK;
    });
    backend.library().session_release(session);
}

void reload(benchmark::State &state) {
    const Backend backend("");
    measure(state, [&] { return backend.reload(); });
}

void reload_denials(benchmark::State &state) {
    measure(state, [] { return denying_backend().reload(); });
}

/// Authenticate, cold, while another thread reloads every ten milliseconds.
void cold_under_reload(benchmark::State &state) {
    const Backend backend("token_cache_size = 0\n");
    std::atomic<bool> stop{false};
    std::atomic<int> failures{0};
    std::thread reloader([&] {
        while (!stop.load()) {
            if (!backend.reload()) ++failures;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    });
    const auto credentials = support::bearer(World::get().sample(0).token);
    measure(state, [&] { return let_in(backend, credentials); });
    stop.store(true);
    reloader.join();
    if (failures.load() != 0) state.SkipWithError("a reload failed");
}

void register_all() {
    using benchmark::RegisterBenchmark;
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
        const std::string suffix = std::string("/") + algorithms[i];
        for (const int threads : {1, 2}) {
            RegisterBenchmark(("cold/new context" + suffix).c_str(), cold_new_context, i)->Threads(threads);
            RegisterBenchmark(("cold/kept contexts" + suffix).c_str(), cold_kept_contexts, i)->Threads(threads);
            RegisterBenchmark(("cold/tokenward" + suffix).c_str(), cold_tokenward, i)->Threads(threads);
        }
        RegisterBenchmark(("cold/tokenward strangers" + suffix).c_str(), cold_strangers, i)->Threads(1);
        for (const Peer &peer : peers()) {
            if (!peer.knows(algorithms[i])) continue;
            RegisterBenchmark(("cold/" + peer.name + suffix).c_str(), [&peer, i](benchmark::State &state) {
                cold_peer(state, peer, i);
            })->Threads(1);
        }
    }
    for (const int threads : {1, 2}) {
        RegisterBenchmark("warm/SHA-256", warm_sha256)->Threads(threads);
        RegisterBenchmark("warm/tokenward", warm_tokenward)->Threads(threads);
        RegisterBenchmark("warm/tokenward, a token for each thread", warm_tokenward_two_tokens)
            ->Threads(threads);
        RegisterBenchmark("warm/tokenward own copies", warm_tokenward_own_backend)->Threads(threads);
    }
    for (const std::int64_t count : {1, 20, 200, 2000}) {
        RegisterBenchmark("scopes/new context", scopes_new_context)->Arg(count);
        RegisterBenchmark("scopes/tokenward", scopes_tokenward)->Arg(count);
        RegisterBenchmark("scopes/tokenward strangers", scopes_strangers)->Arg(count);
    }
    static const std::vector<Hostile> tokens = hostile_tokens();
    for (const Hostile &token : tokens) {
        RegisterBenchmark((std::string("hostile/") + token.name).c_str(),
                          [&token](benchmark::State &state) { hostile(state, token); });
    }
    RegisterBenchmark("refresh/cold", refresh)->Arg(0);
    RegisterBenchmark("refresh/warm", refresh)->Arg(1);
    RegisterBenchmark("reload", reload);
    RegisterBenchmark("reload/10000 denials", reload_denials);
    RegisterBenchmark("cold under reload/RS256", cold_under_reload);
}

}  // namespace

int main(int argc, char **argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    register_all();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
