// Clients in the order in which their tokens end. Asking whether one is due costs one comparison.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace tokenward::mosquitto_plugin {

/// Not thread-safe: one broker thread.
class ExpiryQueue {
  public:
    using Key = const void *;

    /// Sets when a client's token ends, in seconds since 1970. INT64_MAX: never.
    void set(Key client, std::int64_t expires_at) {
        remove(client);
        if (expires_at == std::numeric_limits<std::int64_t>::max()) return;
        ends_.emplace(client, expires_at);
        order_.emplace(expires_at, client);
    }

    void remove(Key client) {
        const auto found = ends_.find(client);
        if (found == ends_.end()) return;
        order_.erase({found->second, client});
        ends_.erase(found);
    }

    /// Takes out the client whose token ended first, if that is not after `now`.
    std::optional<Key> take_due(std::int64_t now) {
        if (order_.empty() || order_.begin()->first > now) return std::nullopt;
        const Key client = order_.begin()->second;
        remove(client);
        return client;
    }

    [[nodiscard]] std::size_t size() const { return order_.size(); }
    void clear() {
        order_.clear();
        ends_.clear();
    }

  private:
    std::set<std::pair<std::int64_t, Key>> order_;
    std::unordered_map<Key, std::int64_t> ends_;
};

}  // namespace tokenward::mosquitto_plugin
