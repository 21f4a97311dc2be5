// Other requests than those for keys, which the fetcher's thread drives beside its own.
#pragma once

#include "keys/transport.hpp"

#include <cstdint>

namespace tokenward::keys {

/// Its requests have numbers from `first_id` on; a fetcher's own never come so far.
class Errands {
  public:
    virtual ~Errands() = default;
    static constexpr Transport::Id first_id = Transport::Id{1} << 63U;

    // ---- on the fetcher's thread ----
    /// Starts what waits. Returns when to come again at the latest, on the monotonic clock; Schedule::never: when it calls
    /// wake(). What it throws leaves what waits as it was.
    virtual std::int64_t begin(Transport &transport) = 0;
    /// Of a request of its own.
    virtual void take_in(Transport::Id id, HttpResponse response) noexcept = 0;

    // ---- on any thread ----
    /// Nothing is begun any more, and nobody waits.
    virtual void stop() noexcept = 0;
};

}  // namespace tokenward::keys
