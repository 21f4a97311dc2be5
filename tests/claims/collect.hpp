// From a payload to its scopes: sorted, each once.
#pragma once

#include "claims/scope_sources.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::claims {

using Scopes = std::set<std::string>;

struct Collected {
    Scopes scopes;
    std::vector<std::string> notes;
};

inline Collected collect(const std::string &json, const config::Section &section, bool routing_keys = true,
                         const Connection &connection = {}) {
    JsonDocument document;
    const auto payload = document.parse(json, Reason::MALFORMED_PAYLOAD);
    EXPECT_TRUE(payload.has_value()) << json;
    ScopeList list;
    EXPECT_TRUE(collect_scopes(*payload, section.scopes, routing_keys, list, connection).has_value()) << json;
    return {{list.scopes.begin(), list.scopes.end()}, list.notes};
}

/// A section as the configuration would complete it.
inline config::Section broker(const std::string &id) {
    config::Section section;
    section.scopes.resource_server_id = id;
    section.scopes.scope_prefix = id + ".";
    return section;
}

/// All notes in one text.
inline std::string joined(const std::vector<std::string> &notes) {
    std::string all;
    for (const std::string &note : notes) all += note + "\n";
    return all;
}

}  // namespace tokenward::claims
