#include "session/counters.hpp"

#include "base/thread_shard.hpp"

namespace tokenward::session {

namespace {

/// The numbers of the decisions are those of the C interface, with a gap.
std::size_t index_of(Decision decision) noexcept {
    return decision == Decision::allowed ? 0 : decision == Decision::denied ? 1 : 2;
}

}  // namespace

Counters::Shard &Counters::mine() noexcept {
    return shards_[thread_shard<3>()];
}

void Counters::authenticated(Reason reason) noexcept {
    mine().reasons[reason_index(reason) % max_reasons].fetch_add(1, std::memory_order_relaxed);
}

void Counters::authorized(Decision decision) noexcept {
    mine().decisions[index_of(decision)].fetch_add(1, std::memory_order_relaxed);
}

void Counters::session_began() noexcept {
    mine().sessions.fetch_add(1, std::memory_order_relaxed);
}
void Counters::session_ended() noexcept {
    mine().sessions.fetch_sub(1, std::memory_order_relaxed);
}

void Counters::token_cache_hit() noexcept {
    mine().cache_hits.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Counters::token_cache_hits() const noexcept {
    std::uint64_t sum = 0;
    for (const Shard &shard : shards_) sum += shard.cache_hits.load(std::memory_order_relaxed);
    return sum;
}

std::uint64_t Counters::authentications(Reason reason) const noexcept {
    std::uint64_t sum = 0;
    for (const Shard &shard : shards_) {
        sum += shard.reasons[reason_index(reason) % max_reasons].load(std::memory_order_relaxed);
    }
    return sum;
}

std::uint64_t Counters::authorizations(Decision decision) const noexcept {
    std::uint64_t sum = 0;
    for (const Shard &shard : shards_) {
        sum += shard.decisions[index_of(decision)].load(std::memory_order_relaxed);
    }
    return sum;
}

std::int64_t Counters::live_sessions() const noexcept {
    std::int64_t sum = 0;
    for (const Shard &shard : shards_) sum += shard.sessions.load(std::memory_order_relaxed);
    return sum;
}

}  // namespace tokenward::session
