// How many fetches of a section ended how, and how long they took: for metrics.
#pragma once

#include "keys/fetch_result.hpp"

#include <array>
#include <cstdint>

namespace tokenward::keys {

/// Since the section began. A discovery and the key set after it are one fetch.
struct FetchCounters {
    /// Upper bounds of the latency buckets in seconds, as Prometheus' `le`; one more bucket is +Inf.
    static constexpr std::array<double, 8> latency_bounds_s{0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0};

    std::array<std::uint64_t, fetch_result_count> by_result{};                 ///< index: FetchResult
    std::array<std::uint64_t, latency_bounds_s.size() + 1> latency_buckets{};  ///< not cumulative
    std::uint64_t latency_sum_ms = 0;

    void count(FetchResult result, std::int64_t took_ms) noexcept;
};

}  // namespace tokenward::keys
