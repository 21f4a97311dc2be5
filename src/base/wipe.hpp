// Takes a secret out of memory.
#pragma once

#include <cstddef>

#include <string.h>

namespace tokenward {

/// Writes zeros. The compiler doesn't leave it out, also if the memory is freed next.
inline void wipe(void *bytes, std::size_t size) noexcept {
    if (size != 0) ::explicit_bzero(bytes, size);
}

}  // namespace tokenward
