// From files and in-memory JSON to Settings.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <span>
#include <string>
#include <string_view>

namespace tokenward::config {

inline constexpr std::string_view default_path = "/etc/tokenward/tokenward.ini";

/// Reads `files` in order, a later one wins key by key; then `json`, which wins over all. With neither: the
/// default path. Failures: CONFIG_*, with file, line, key and what would be right. Network: none.
Result<Settings> load(std::span<const std::string> files, std::string_view json);

/// The effective settings as a JSON object, by section, with the warnings.
std::string to_json(const Settings &settings);

}  // namespace tokenward::config
