// What INI and JSON have in common: a list of keys with their values and where they stand.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::config {

inline constexpr std::size_t max_config_bytes = 1048576;

/// A value as written. INI knows text only; a JSON array of strings comes as `list`, everything else as text
/// too.
struct Value {
    enum class Form : std::uint8_t { ini, string, number, boolean, list };
    Form form = Form::ini;
    std::string text;
    std::vector<std::string> list;
};

struct Entry {
    std::string section;  ///< "oauth" or "oauth.NAME"
    std::string key;      ///< empty: just the section's beginning
    Value value;
    std::string
        where;  ///< "/etc/tokenward/tokenward.ini:12: [oauth] " or "config_json: oauth.": the key follows
};

/// A path as it stands in a message: plain where it can be, else quoted.
std::string show_path(std::string_view path);

/// INI of one file. `[section]`, `key = value`, comments on lines of their own with # or ; in front, LF or
/// CRLF, a byte order mark. Sections that aren't ours are skipped. Fails: CONFIG_SYNTAX, CONFIG_DUPLICATE_KEY,
/// CONFIG_UNKNOWN_KEY (a section), CONFIG_INVALID_VALUE (a comment behind a value, quotes around it).
Result<std::vector<Entry>> parse_ini(std::string_view content, std::string_view path);

/// The JSON forms of load(). Fails: CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY (a section), CONFIG_INVALID_VALUE.
Result<std::vector<Entry>> parse_json(std::string_view json);

/// Refuses what is neither "oauth" nor "oauth.NAME" with a good NAME; `where` stands in front of the message.
Result<void> check_section_name(std::string_view section, std::string_view where);

}  // namespace tokenward::config
