// Scopes with {vhost} behind a vhost part that has wildcards: their patterns are known when the request's vhost is. They are
// rare, so they stand beside the compiled form, as texts, and are tried one after the other.
#pragma once

#include "access/request.hpp"
#include "access/scan_budget.hpp"
#include "access/scope.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tokenward::access {

/// Whether one of them grants the request; a routing key as everywhere. What it costs comes out of the budget; what doesn't
/// fit doesn't match. In a request with an MQTT filter or topic only a whole topic without a `$` in front is granted, and
/// no routing key.
bool vhost_scopes_grant(std::string_view list, const Request &request, bool routing_keys,
                        ScanBudget &budget) noexcept;
/// The text of the one that does; empty: none.
std::string_view granting_vhost_scope(std::string_view list, const Request &request, bool routing_keys,
                                      ScanBudget &budget) noexcept;
/// Whether the vhost part of one of them matches.
bool vhost_scopes_open(std::string_view list, std::string_view vhost, ScanBudget &budget) noexcept;
/// Whether one of three parts grants the request's operation for some routing key.
bool vhost_scopes_grant_some_key(std::string_view list, const Request &request, ScanBudget &budget) noexcept;

/// A list is each text behind its length.
inline void append_vhost_scope(std::string &list, std::string_view scope) {
    const auto size = static_cast<std::uint16_t>(scope.size());
    list.append(reinterpret_cast<const char *>(&size), sizeof(size)).append(scope.substr(0, size));
}

/// Calls visit(text) until it returns true. Returns true if it did.
template <class Visit>
bool visit_vhost_scopes(std::string_view list, Visit &&visit) {
    while (!list.empty()) {
        std::uint16_t size = 0;
        std::memcpy(&size, list.data(), sizeof(size));
        if (visit(list.substr(sizeof(size), size))) return true;
        list.remove_prefix(sizeof(size) + size);
    }
    return false;
}

}  // namespace tokenward::access
