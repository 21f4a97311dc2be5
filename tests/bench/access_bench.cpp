// What a decision costs, by kind and number of scopes; what compiling costs, in time and bytes.
#include "access/pair_filter.hpp"
#include "access/pattern.hpp"
#include "access/permission_set.hpp"

#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>

namespace {

std::size_t allocations = 0;

}  // namespace

// Counts what the benchmarked code allocates.
[[gnu::noinline]] void *operator new(std::size_t size) {
    ++allocations;
    if (void *memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void *memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void *memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

using namespace tokenward::access;

enum Kind : std::int64_t { exact, prefix, suffix, middle, mixed, vhosts, inner };

std::string number(std::size_t i) {
    std::string digits = std::to_string(i);
    return std::string(6 - digits.size(), '0') + digits;
}

std::string scope_of(std::int64_t kind, std::size_t i, std::size_t salt) {
    const std::string tenant = "tenant" + std::to_string(salt) + ".";
    switch (kind) {
        case exact:
            return "read:%2F/" + tenant + "orders." + number(i);
        case prefix:
            return "read:%2F/" + tenant + "orders." + number(i) + ".*";
        case suffix:
            return "read:%2F/*." + number(i) + ".orders";
        case middle:
            return "read:%2F/" + tenant + "*." + number(i) + ".*.orders";
        case vhosts:
            return "read:vhost-" + number(i) + "/*";
        case inner:
            return "read:%2F/*.orders." + number(i) + ".*";
        default:
            return scope_of(static_cast<std::int64_t>(i % 3), i, salt);
    }
}

std::string name_of(std::int64_t kind, std::size_t i) {
    switch (kind) {
        case exact:
            return "tenant0.orders." + number(i);
        case prefix:
            return "tenant0.orders." + number(i) + ".created";
        case suffix:
            return "some.queue." + number(i) + ".orders";
        case middle:
            return "tenant0.x." + number(i) + ".y.orders";
        case vhosts:
            return "queue";
        case inner:
            return "tenant0.orders." + number(i) + ".created";
        default:
            return name_of(static_cast<std::int64_t>(i % 3), i);
    }
}

struct Setup {
    Setup(std::int64_t kind, std::size_t count, std::size_t salt = 0) {
        for (std::size_t i = 0; i < count; ++i) texts.push_back(scope_of(kind, i, salt));
        views.assign(texts.begin(), texts.end());
    }
    std::shared_ptr<const PermissionSet> compile() const {
        Notes notes;
        return PermissionSet::compile(views, true, notes);
    }
    std::vector<std::string> texts;
    std::vector<std::string_view> views;
};

void allows(benchmark::State &state, bool hit) {
    const std::int64_t kind = state.range(0);
    const auto count = static_cast<std::size_t>(state.range(1));
    const auto set = Setup(kind, count).compile();
    std::vector<std::string> names;
    std::vector<std::string> vhosts_asked;
    for (std::size_t i = 0; i < 64; ++i) {
        const std::size_t at = (i * 7919) % count;
        names.push_back(name_of(kind, hit ? at : count + at));
        vhosts_asked.push_back(kind == vhosts ? "vhost-" + number(hit ? at : count + at) : "/");
    }
    const std::size_t before = allocations;
    std::size_t i = 0;
    for ([[maybe_unused]] auto _ : state) {
        i = (i + 1) % names.size();
        const bool allowed = set->allows({Operation::read, vhosts_asked[i], names[i], std::nullopt});
        if (allowed != hit) state.SkipWithError("wrong answer");
    }
    state.counters["allocs"] =
        static_cast<double>(allocations - before) / static_cast<double>(state.iterations());
}

void allowed(benchmark::State &state) {
    allows(state, true);
}
void denied(benchmark::State &state) {
    allows(state, false);
}

/// 40 stars against 5000 bytes: no worse than linear.
void hostile_pattern(benchmark::State &state) {
    std::string scope = "read:%2F/";
    for (int i = 0; i < 40; ++i)
        scope += "*" + std::string(static_cast<std::size_t>(state.range(1)), 'a') + "b";
    scope += "*c";
    const std::vector<std::string_view> scopes{scope};
    Notes notes;
    const auto set = PermissionSet::compile(scopes, true, notes);
    const std::string name = std::string(static_cast<std::size_t>(state.range(0)), 'a') + "c";
    for ([[maybe_unused]] auto _ : state)
        benchmark::DoNotOptimize(set->allows({Operation::read, "/", name, std::nullopt}));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void mqtt_filter(benchmark::State &state) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 10; ++i) texts.push_back("read:%2F/devices%2F" + number(i) + "%2F*");
    const std::vector<std::string_view> scopes(texts.begin(), texts.end());
    Notes notes;
    const auto set = PermissionSet::compile(scopes, true, notes);
    Request request{Operation::read, "/", "devices/000007/+/state/#", std::nullopt, true};
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(set->allows(request));
}

void compile(benchmark::State &state) {
    const Setup setup(state.range(0), static_cast<std::size_t>(state.range(1)));
    const std::size_t before = allocations;
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(setup.compile());
    state.counters["allocs"] =
        static_cast<double>(allocations - before) / static_cast<double>(state.iterations());
}

/// The same when an equal set lives already.
void compile_shared(benchmark::State &state) {
    const Setup setup(state.range(0), static_cast<std::size_t>(state.range(1)));
    const auto alive = setup.compile();
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(setup.compile());
}

/// One name against globs that begin and end with '*', one after the other; none of them matches. What
/// PairFilter buys is the difference between its row and the row of the plain loop.
template <bool with_filter>
void inner_globs(benchmark::State &state) {
    Arena arena;
    std::vector<std::string> texts;
    std::vector<Pattern> patterns;
    for (std::int64_t i = 0; i < state.range(0); ++i)
        texts.push_back("*.orders." + number(static_cast<std::size_t>(i)) + ".*");
    for (const std::string &text : texts) patterns.push_back(compile_pattern(text, arena));
    const std::string name = "tenant0.orders.999999.created";
    for ([[maybe_unused]] auto _ : state) {
        ScanBudget budget;
        PairFilter filter(name, budget);
        std::size_t found = 0;
        for (const Pattern &pattern : patterns) {
            if (with_filter && !filter.may_match(pattern.text)) continue;
            found += matches(pattern, name) ? 1 : 0;
        }
        benchmark::DoNotOptimize(found);
    }
}
void inner_globs_plain(benchmark::State &state) {
    inner_globs<false>(state);
}
void inner_globs_pair_filter(benchmark::State &state) {
    inner_globs<true>(state);
}

/// Heap bytes per set, when all differ.
void memory(benchmark::State &state) {
    constexpr std::size_t sets = 1000;
    const auto count = static_cast<std::size_t>(state.range(1));
    double text_bytes = 0;
    for (const std::string &text : Setup(state.range(0), count).texts)
        text_bytes += static_cast<double>(text.size());
    for ([[maybe_unused]] auto _ : state) {
        std::vector<std::shared_ptr<const PermissionSet>> alive(sets);
        const std::size_t before = mallinfo2().uordblks;
        for (std::size_t i = 0; i < sets; ++i) alive[i] = Setup(state.range(0), count, 100000 + i).compile();
        state.counters["bytes_per_set"] = static_cast<double>(mallinfo2().uordblks - before) / sets;
        state.counters["scope_text"] = text_bytes;
    }
}

void all_kinds(benchmark::internal::Benchmark *bench) {
    for (const std::int64_t kind : {exact, prefix, suffix, middle, mixed, vhosts, inner}) {
        for (const std::int64_t count : {1, 10, 20, 100, 1000, 2000}) bench->Args({kind, count});
    }
    bench->ArgNames({"kind", "scopes"});
}

BENCHMARK(allowed)->Apply(all_kinds);
BENCHMARK(denied)->Apply(all_kinds);
BENCHMARK(hostile_pattern)->Args({5000, 1})->Args({5000, 50})->Args({50000, 50})->Args({50000, 300});
BENCHMARK(mqtt_filter);
BENCHMARK(compile)
    ->ArgsProduct({{exact, prefix, mixed, vhosts}, {1, 10, 20, 2000}})
    ->ArgNames({"kind", "scopes"});
BENCHMARK(compile_shared)->Args({exact, 20})->ArgNames({"kind", "scopes"});
BENCHMARK(inner_globs_plain)->Arg(10)->Arg(100)->Arg(1000);
BENCHMARK(inner_globs_pair_filter)->Arg(10)->Arg(100)->Arg(1000);
BENCHMARK(memory)->Args({exact, 20})->Args({mixed, 20})->ArgNames({"kind", "scopes"})->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
