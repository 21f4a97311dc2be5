// What an input may cost a parser: memory, and steps in the fuzz build. Include it in one file of a program.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>

// AddressSanitizer has an operator new of its own. Its hooks count what malloc() gives too.
#if defined(__SANITIZE_ADDRESS__)
#define TOKENWARD_FUZZ_HOOKS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TOKENWARD_FUZZ_HOOKS
#endif
#endif
#ifdef TOKENWARD_FUZZ_HOOKS
#include <algorithm>

#include <sanitizer/allocator_interface.h>
#else
#include "support/allocations.hpp"
#endif

namespace tokenward::fuzz {

#ifdef TOKENWARD_FUZZ_HOOKS
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): the hooks have no other
// Not from 0: memory that is older than the hooks may be freed.
inline thread_local std::size_t live_bytes = std::size_t{1} << 40U;
inline thread_local std::size_t most_live_bytes = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

template <typename Body>
std::size_t most_bytes(const Body &body) {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void * /*memory*/, std::size_t size) {
            live_bytes += size;
            most_live_bytes = std::max(most_live_bytes, live_bytes);
        },
        [](const volatile void *memory) {
            live_bytes -= __sanitizer_get_allocated_size(const_cast<const void *>(memory));
        });
    if (installed == 0) std::abort();
    const std::size_t before = live_bytes;
    most_live_bytes = before;
    body();
    return most_live_bytes - before;
}
#else
template <typename Body>
std::size_t most_bytes(const Body &body) {
    return support::most_bytes([&] { body(); });
}
#endif

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the compiler's hook has no other
inline std::size_t steps = 0;

/// So much for an input of no byte, and so much more for each byte.
struct Limit {
    std::size_t bytes;
    std::size_t bytes_of_a_byte;
    std::size_t steps;
    std::size_t steps_of_a_byte;
};

/// Runs `body`, which reads an input of `size` bytes, and holds it to the limit.
template <typename Body>
void bounded(const char *what, const Limit &limit, std::size_t size, const Body &body) {
    const std::size_t steps_before = steps;
    const std::size_t bytes = most_bytes(body);
    const std::size_t taken = steps - steps_before;
    const std::size_t max_bytes = limit.bytes + limit.bytes_of_a_byte * size;
    const std::size_t max_steps = limit.steps + limit.steps_of_a_byte * size;
    bool good = bytes <= max_bytes && taken <= max_steps;
#ifdef TOKENWARD_FUZZ_STEPS
    good = good && taken != 0;  // nothing costs nothing: the hook would be missing
#endif
    if (good) return;
    std::fprintf(stderr, "%s, an input of %zu bytes: %zu bytes of %zu, %zu steps of %zu\n", what, size, bytes,
                 max_bytes, taken, max_steps);
    std::abort();
}

}  // namespace tokenward::fuzz

#ifdef TOKENWARD_FUZZ_STEPS
// A step is a basic block that is entered: -fsanitize-coverage=trace-pc calls this. libFuzzer has one of that name that
// ends the program, so the linker is told to take ours (--wrap).
extern "C" __attribute__((no_sanitize("coverage"))) void __wrap___sanitizer_cov_trace_pc() {
    ++tokenward::fuzz::steps;
}
#endif
