// What INI and JSON are read into: a list of keys, with their values and their places.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::config {

inline constexpr std::size_t max_config_bytes = 1048576;

/// A value as written. A JSON array of strings is in `list`. Everything else is in `text`.
struct Value {
    enum class Form : std::uint8_t { ini, string, number, boolean, list };
    Form form = Form::ini;
    std::string text;
    std::vector<std::string> list;
};

struct Entry {
    std::string section;  ///< "oauth" or "oauth.NAME"
    std::string key;      ///< empty: the section begins here
    Value value;
    std::string
        where;  ///< "/etc/tokenward/tokenward.ini:12: [oauth] " or "config_json: oauth.": the key follows
};

/// A path for a message. It is quoted if it has spaces, quotes or unprintable characters.
std::string show_path(std::string_view path);

/// Reads one INI file: `[section]`, `key = value`, and comments that have a line of their own and begin with #
/// or ;. Lines end with LF or CRLF. A byte order mark may be there. Sections that aren't ours are skipped.
/// Fails: CONFIG_SYNTAX, CONFIG_DUPLICATE_KEY, CONFIG_UNKNOWN_KEY (a section), CONFIG_INVALID_VALUE (a comment
/// behind a value, quotes around it).
Result<std::vector<Entry>> parse_ini(std::string_view content, std::string_view path);

/// The JSON forms of load(). Fails: CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY (a section), CONFIG_INVALID_VALUE.
Result<std::vector<Entry>> parse_json(std::string_view json);

/// A section is "oauth" or "oauth.NAME" with a good NAME; else it is refused. The message begins with `where`.
Result<void> check_section_name(std::string_view section, std::string_view where);

}  // namespace tokenward::config
