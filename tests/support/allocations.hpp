// How much memory a piece of code holds at most. It replaces operator new: include it in one file of a program.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <new>

#include <malloc.h>

namespace tokenward::support {

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): operator new has no other
inline thread_local std::size_t live_bytes = 0;
inline thread_local std::size_t most_live_bytes = 0;
inline thread_local std::size_t allocations = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

inline void *count_in(void *memory) {
    if (memory == nullptr) throw std::bad_alloc();
    ++allocations;
    live_bytes += ::malloc_usable_size(memory);
    most_live_bytes = std::max(most_live_bytes, live_bytes);
    return memory;
}
inline void free_counted(void *memory) noexcept {
    if (memory != nullptr) live_bytes -= ::malloc_usable_size(memory);
    std::free(memory);
}

/// The most bytes that were live at a time while `body` ran, beyond those of before.
inline std::size_t most_bytes(const std::function<void()> &body) {
    const std::size_t before = live_bytes;
    most_live_bytes = before;
    body();
    return most_live_bytes - before;
}

/// How often `body` allocated.
inline std::size_t count_allocations(const std::function<void()> &body) {
    const std::size_t before = allocations;
    body();
    return allocations - before;
}

}  // namespace tokenward::support

[[gnu::noinline]] void *operator new(std::size_t size) {
    return tokenward::support::count_in(std::malloc(std::max(size, std::size_t{1})));
}
[[gnu::noinline]] void *operator new(std::size_t size, const std::nothrow_t & /*tag*/) noexcept {
    void *const memory = std::malloc(std::max(size, std::size_t{1}));
    return memory == nullptr ? nullptr : tokenward::support::count_in(memory);
}
[[gnu::noinline]] void *operator new(std::size_t size, std::align_val_t alignment) {
    const std::size_t to = std::max(static_cast<std::size_t>(alignment), sizeof(void *));
    return tokenward::support::count_in(std::aligned_alloc(to, (size + to - 1) / to * to));
}
[[gnu::noinline]] void operator delete(void *memory) noexcept {
    tokenward::support::free_counted(memory);
}
[[gnu::noinline]] void operator delete(void *memory, std::size_t /*size*/) noexcept {
    tokenward::support::free_counted(memory);
}
[[gnu::noinline]] void operator delete(void *memory, std::align_val_t /*alignment*/) noexcept {
    tokenward::support::free_counted(memory);
}
[[gnu::noinline]] void operator delete(void *memory, std::size_t /*size*/,
                                       std::align_val_t /*alignment*/) noexcept {
    tokenward::support::free_counted(memory);
}
