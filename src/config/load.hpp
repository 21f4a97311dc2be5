// From files and in-memory JSON to Settings.
#pragma once

#include "base/result.hpp"
#include "config/kubernetes.hpp"
#include "config/settings.hpp"

#include <span>
#include <string>
#include <string_view>

namespace tokenward::config {

inline constexpr std::string_view default_path = "/etc/tokenward/tokenward.ini";

/// Reads `files` in their order, then `json`. If a key is set twice, the later value wins. Without files and
/// json, the default path is read. Fails with CONFIG_*, and says file, line, key and what would be right. Uses
/// no network. `pod_folder` is another one in tests. Files are judged as
/// read_trusted_file() does; `for_root`: root checks them for the broker's user, and Settings::notes say whose they are.
Result<Settings> load(std::span<const std::string> files, std::string_view json,
                      const std::string &pod_folder = std::string(service_account_folder),
                      bool for_root = false);

/// The effective settings as a JSON object, by section, with the warnings.
std::string to_json(const Settings &settings);

}  // namespace tokenward::config
