// What a decision costs through the C header, beside regular expressions that hold the same patterns.
#include "world.hpp"

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#ifdef WITH_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif
#ifdef WITH_RE2
#include <re2/re2.h>
#endif

namespace {

using namespace tokenward;
using namespace tokenward::bench;

constexpr std::size_t names_asked = 64;

/// Names that one of many_scopes(count) grants, or that none does.
std::vector<std::string> names(std::size_t count, bool allowed) {
    static constexpr const char *ends[] = {"", ".created", ".eu.done"};
    std::vector<std::string> out;
    for (std::size_t i = 0; i < names_asked; ++i) {
        const std::size_t at = (i * 7919) % count;
        out.push_back("tenant." + std::to_string(100000 + at + (allowed ? 0 : count)) + ends[at % 3]);
    }
    return out;
}

/// Asks until the time is up. `session` is read behind the loop's start, which waits for all threads.
void ask(benchmark::State &state, tokenward_session *const &session, std::size_t count, bool allowed) {
    const std::vector<std::string> asked = names(count, allowed);
    std::vector<tokenward_request> requests;
    for (const std::string &name : asked) requests.push_back(support::request(TOKENWARD_READ, "/", name));
    const std::int32_t expected = allowed ? TOKENWARD_ALLOWED : TOKENWARD_DENIED;
    const auto authorize = World::get().library().authorize;
    std::size_t i = 0;
    for ([[maybe_unused]] auto _ : state) {
        i = (i + 1) % names_asked;
        if (authorize(session, &requests[i]) != expected) {
            state.SkipWithError("wrong answer");
            return;
        }
    }
}

std::string token_of(std::size_t count) {
    return mint("ES256", claims("alice", many_scopes(count)), "key-ES256");
}

const Backend &roomy_backend() {
    static const Backend backend("max_token_bytes = 1048576\n");
    return backend;
}

/// One session for all threads.
void authorize(benchmark::State &state, const Backend &(*backend)(), bool allowed) {
    static tokenward_session *session = nullptr;
    const auto count = static_cast<std::size_t>(state.range(0));
    if (state.thread_index() == 0) session = backend().session(token_of(count));
    ask(state, session, count, allowed);
    if (state.thread_index() == 0) backend().library().session_release(session);
}

/// Each thread has a backend and a session of its own.
void authorize_own(benchmark::State &state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    const Backend backend("max_token_bytes = 1048576\n");
    tokenward_session *session = backend.session(token_of(count));
    ask(state, session, count, true);
    backend.library().session_release(session);
}

#if defined(WITH_PCRE2) || defined(WITH_RE2)
/// The resource patterns of many_scopes(count) as one alternation.
std::string alternation(std::size_t count) {
    static constexpr const char *kinds[] = {"", "\\..*", ".*\\.done"};
    std::string out = "(?s:";
    for (std::size_t i = 0; i < count; ++i) {
        if (i != 0) out += '|';
        out += "tenant\\." + std::to_string(100000 + i) + kinds[i % 3];
    }
    return out + ")";
}
#endif

#ifdef WITH_PCRE2
void pcre2(benchmark::State &state, bool allowed) {
    const auto count = static_cast<std::size_t>(state.range(0));
    const std::string pattern = "^" + alternation(count) + "\\z";
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *code =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), 0, &error, &at, nullptr);
    if (code == nullptr || pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) != 0) {
        state.SkipWithError("no JIT");
        return;
    }
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, nullptr);
    const std::vector<std::string> asked = names(count, allowed);
    std::size_t i = 0;
    for ([[maybe_unused]] auto _ : state) {
        i = (i + 1) % names_asked;
        const int found = pcre2_jit_match(code, reinterpret_cast<PCRE2_SPTR>(asked[i].data()), asked[i].size(),
                                          0, 0, match, nullptr);
        if ((found > 0) != allowed) state.SkipWithError("wrong answer");
    }
    pcre2_match_data_free(match);
    pcre2_code_free(code);
}
#endif

#ifdef WITH_RE2
void re2(benchmark::State &state, bool allowed) {
    const auto count = static_cast<std::size_t>(state.range(0));
    RE2::Options options(RE2::Latin1);
    options.set_max_mem(std::int64_t{256} << 20);
    const RE2 pattern(alternation(count), options);
    const std::vector<std::string> asked = names(count, allowed);
    std::size_t i = 0;
    for ([[maybe_unused]] auto _ : state) {
        i = (i + 1) % names_asked;
        if (RE2::FullMatch(asked[i], pattern) != allowed) state.SkipWithError("wrong answer");
    }
}
#endif

void sizes(benchmark::internal::Benchmark *bench) {
    for (const std::int64_t count : {1, 10, 100, 1000}) bench->Arg(count);
}

void register_all() {
    using benchmark::RegisterBenchmark;
    for (const bool allowed : {true, false}) {
        const std::string verdict = allowed ? " allowed" : " denied";
        for (const int threads : {1, 2}) {
            RegisterBenchmark(("authorize/tokenward" + verdict).c_str(), authorize, roomy_backend, allowed)
                ->Apply(sizes)
                ->Threads(threads);
        }
#ifdef WITH_PCRE2
        RegisterBenchmark(("authorize/PCRE2 JIT" + verdict).c_str(), pcre2, allowed)->Apply(sizes)->Threads(1);
#endif
#ifdef WITH_RE2
        RegisterBenchmark(("authorize/RE2" + verdict).c_str(), re2, allowed)->Apply(sizes)->Threads(1);
#endif
    }
    RegisterBenchmark("authorize/tokenward 10000 denials", authorize, denying_backend, true)
        ->Arg(10)
        ->Arg(1000)
        ->Threads(1);
    for (const int threads : {1, 2}) {
        RegisterBenchmark("authorize/tokenward own copies", authorize_own)
            ->Arg(10)
            ->Arg(1000)
            ->Threads(threads);
    }
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
