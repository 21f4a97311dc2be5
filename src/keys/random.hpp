// Random numbers for jitter, not for secrets.
#pragma once

#include <cstdint>

namespace tokenward::keys {

/// splitmix64 (Steele, Lea, Flood 2014), seeded by the system. Not thread-safe.
class Random {
  public:
    Random() noexcept;
    /// Uniform in [0, 1).
    double operator()() noexcept;

  private:
    std::uint64_t state_;
};

}  // namespace tokenward::keys
