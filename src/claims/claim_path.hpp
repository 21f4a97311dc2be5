// Claims by name or dotted path, as several options name them.
#pragma once

#include "base/json.hpp"

#include <optional>
#include <string_view>

namespace tokenward::claims {

/// Takes the first part off a dotted path. "\." is a dot inside a name: the part keeps it as it is written.
std::string_view take_part(std::string_view &path) noexcept;
/// The member that a part names.
std::optional<JsonValue> find_part(const JsonValue &object, std::string_view part) noexcept;

/// A claim of that very name ("https://example.com/name"), else by a dotted path through objects.
std::optional<JsonValue> find_claim(const JsonValue &payload, std::string_view key) noexcept;

}  // namespace tokenward::claims
