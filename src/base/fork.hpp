// Notices that the process is a forked child of the one that made a thing.
#pragma once

#include <cstdint>

namespace tokenward {

/// Grows in every forked child. Compare with the value kept at creation. Registers its handler at the first
/// call; the handler goes when the library is unloaded.
std::uint32_t fork_generation() noexcept;

}  // namespace tokenward
