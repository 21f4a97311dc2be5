// The denials in force, as all sessions of a backend see them.
#pragma once

#include "base/epoch.hpp"
#include "denials/denied_list.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace tokenward::denials {

/// One list, from the reload that brought it.
struct DenialsInForce {
    std::shared_ptr<const DeniedList> list = std::make_shared<const DeniedList>();
    std::int64_t generation = 0;  ///< of the configuration
    std::int64_t since = 1;       ///< seconds since 1970
};

/// Outlives its backend as long as a session does.
class Denials {
  public:
    /// Rises with each reload. Whoever compared with that of a session needs no Reader.
    std::int64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

    /// At least as new as the generation that was read before. Valid as long as the caller's Reader lives.
    const DenialsInForce &current() const noexcept { return *current_.get(); }

    /// One thread at a time. Waits for the readers of the old ones.
    void publish(std::unique_ptr<const DenialsInForce> next, EpochDomain &readers) noexcept {
        const std::int64_t generation = next->generation;
        current_.replace(std::move(next), readers);
        generation_.store(generation, std::memory_order_release);
    }

  private:
    Snapshot<DenialsInForce> current_{std::make_unique<const DenialsInForce>()};
    std::atomic<std::int64_t> generation_{0};
};

}  // namespace tokenward::denials
