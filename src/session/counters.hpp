// Counting without a cache line that two threads fight for.
#pragma once

#include "base/reason.hpp"
#include "session/decision.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tokenward::session {

/// Shared by a backend and its sessions, which may outlive it. Every function is wait-free.
class Counters {
  public:
    static constexpr std::size_t max_reasons = 128;

    void authenticated(Reason reason) noexcept;
    void authorized(Decision decision) noexcept;
    void token_cache_hit() noexcept;
    void session_began() noexcept;
    void session_ended() noexcept;

    std::uint64_t authentications(Reason reason) const noexcept;
    std::uint64_t authorizations(Decision decision) const noexcept;
    std::uint64_t token_cache_hits() const noexcept;
    std::int64_t live_sessions() const noexcept;

  private:
    static constexpr std::size_t shard_count = 8;
    struct alignas(64) Shard {
        std::array<std::atomic<std::uint64_t>, 3> decisions{};
        std::atomic<std::int64_t> sessions{0};
        std::atomic<std::uint64_t> cache_hits{0};
        std::array<std::atomic<std::uint64_t>, max_reasons> reasons{};
    };
    Shard &mine() noexcept;

    std::array<Shard, shard_count> shards_;
};

}  // namespace tokenward::session
