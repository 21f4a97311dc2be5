// Which of a few cache lines a thread uses, so that two threads seldom meet on one.
#pragma once

#include <cstddef>
#include <cstdint>

#include <pthread.h>

namespace tokenward {

/// 0 <= shard < 2^Bits, the same for a thread as long as it lives. A thread's descriptor is its own and far
/// from others'; thread_local would cost a call in a library that was loaded with dlopen.
template <unsigned Bits>
std::size_t thread_shard() noexcept {
    const auto self = static_cast<std::uint64_t>(pthread_self());
    return (self * 0x9E3779B97F4A7C15U) >> (64 - Bits);
}

}  // namespace tokenward
