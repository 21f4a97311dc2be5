// How often each client's id may be tried: whoever guesses secrets gets no further, and holds up nobody but that client.
#pragma once

#include "introspection/rate.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace tokenward::introspection {

/// Not thread-safe. An id that hasn't been tried for a while isn't remembered.
class ClientRates {
  public:
    static constexpr std::size_t most_clients = 10'000;
    static constexpr std::int64_t a_second = 2;

    /// False: too many.
    bool take(std::string_view client_id, std::int64_t now_ms) {
        auto at = by_id_.find(client_id);
        if (at == by_id_.end()) {
            if (by_id_.size() >= most_clients)
                std::erase_if(by_id_, [now_ms](const auto &one) { return one.second.is_whole(now_ms); });
            if (by_id_.size() >= most_clients) return false;
            at = by_id_.emplace(client_id, Rate(a_second)).first;
        }
        return at->second.take(now_ms);
    }

  private:
    std::map<std::string, Rate, std::less<>> by_id_;
};

}  // namespace tokenward::introspection
