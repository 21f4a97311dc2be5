#include "keys/fetch_counters.hpp"

#include <algorithm>
#include <cstddef>

namespace tokenward::keys {

void FetchCounters::count(FetchResult result, std::int64_t took_ms) noexcept {
    ++by_result[static_cast<std::size_t>(result)];
    const auto *bucket = std::lower_bound(latency_bounds_s.begin(), latency_bounds_s.end(),
                                          static_cast<double>(took_ms) / 1000.0);
    ++latency_buckets[static_cast<std::size_t>(bucket - latency_bounds_s.begin())];
    latency_sum_ms += static_cast<std::uint64_t>(std::max<std::int64_t>(took_ms, 0));
}

}  // namespace tokenward::keys
