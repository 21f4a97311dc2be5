#include "base/hash.hpp"

#include <ctime>

#include <sys/random.h>

namespace tokenward {

namespace {

HashKey make_hash_key() noexcept {
    HashKey key{};
    if (::getrandom(&key, sizeof key, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof key)) {
        // Early at boot. It is a matter of speed only: something that nobody knows in advance is enough.
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        key.start = static_cast<std::uint64_t>(now.tv_nsec) * 0x9E3779B97F4A7C15ULL;
        key.factor = key.start ^ reinterpret_cast<std::uintptr_t>(&key);
    }
    // Both halves of the factor have bits: a small one would mix badly.
    key.factor |= 0x8000000100000001ULL;
    return key;
}

}  // namespace

const HashKey hash_key = make_hash_key();

}  // namespace tokenward
