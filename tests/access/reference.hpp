// Decides the same as src/access, slowly and in an obvious way. The two share no code.
#pragma once

#include "access/permission_set.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::access::reference {

/// A pattern as bytes and wildcards (-1); nullopt for a broken escape.
using Glob = std::optional<std::vector<int>>;
Glob read_glob(std::string_view raw);
bool glob_matches(const Glob &glob, std::string_view name);

/// MQTT 5 section 4.7, level by level.
bool filter_is_valid(std::string_view filter);
bool filter_matches(std::string_view filter, std::string_view topic);

struct Scope {
    Operation operation = Operation::read;
    Glob vhost;
    Glob resource;
    bool has_key = false;
    Glob key;
};

/// All permissions among the texts.
std::vector<Scope> read_scopes(const std::vector<std::string> &texts);

/// Not for MQTT filters with wildcards.
bool allows(const std::vector<Scope> &scopes, bool routing_keys, const Request &request);
bool opens_vhost(const std::vector<Scope> &scopes, std::string_view vhost);

}  // namespace tokenward::access::reference
