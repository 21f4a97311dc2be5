// Text for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tokenward::cli {

/// "2026-11-24 06:45:10 UTC"; "never" for INT64_MAX.
[[nodiscard]] std::string utc_time(std::int64_t seconds);

/// "2026-11-24T06:45:10Z" (RFC 3339).
[[nodiscard]] std::string rfc3339(std::int64_t seconds);

/// The largest two units: "29 min 50 s", "3 h 2 min", "0 s".
[[nodiscard]] std::string duration(std::int64_t seconds);

/// Text from a token or the network, made safe for a terminal: control characters (also C1 and bidi) and broken
/// UTF-8 become \xHH.
[[nodiscard]] std::string for_terminal(std::string_view text);

/// One line to standard output.
void say(std::string_view line);

}  // namespace tokenward::cli
