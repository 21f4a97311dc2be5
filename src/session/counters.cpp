#include "session/counters.hpp"

#include <pthread.h>

namespace tokenward::session {

Counters::Shard &Counters::mine() noexcept {
    const auto self = static_cast<std::uint64_t>(pthread_self());
    return shards_[(self * 0x9E3779B97F4A7C15U) >> 61];
}

void Counters::authenticated(Reason reason) noexcept {
    reasons_[reason_index(reason) % max_reasons].fetch_add(1, std::memory_order_relaxed);
}

void Counters::authorized(Verdict verdict) noexcept {
    mine().verdicts[static_cast<std::size_t>(verdict)].fetch_add(1, std::memory_order_relaxed);
}

void Counters::session_began() noexcept {
    mine().sessions.fetch_add(1, std::memory_order_relaxed);
}
void Counters::session_ended() noexcept {
    mine().sessions.fetch_sub(1, std::memory_order_relaxed);
}

std::uint64_t Counters::authentications(Reason reason) const noexcept {
    return reasons_[reason_index(reason) % max_reasons].load(std::memory_order_relaxed);
}

std::uint64_t Counters::authorizations(Verdict verdict) const noexcept {
    std::uint64_t sum = 0;
    for (const Shard &shard : shards_) {
        sum += shard.verdicts[static_cast<std::size_t>(verdict)].load(std::memory_order_relaxed);
    }
    return sum;
}

std::int64_t Counters::live_sessions() const noexcept {
    std::int64_t sum = 0;
    for (const Shard &shard : shards_) sum += shard.sessions.load(std::memory_order_relaxed);
    return sum;
}

}  // namespace tokenward::session
