// Which of a few cache lines a thread uses, so that two threads seldom meet on one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tokenward {

/// 0 <= shard < 2^Bits, the same for a thread as long as it lives. A thread's block is its own and far from
/// others'; thread_local would cost a call in a library that was loaded with dlopen.
template <unsigned Bits>
std::size_t thread_shard() noexcept {
    const std::uint64_t self = reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
    return (self * 0x9E3779B97F4A7C15U) >> (64 - Bits);
}

}  // namespace tokenward
