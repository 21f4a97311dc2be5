// Names as operators write and read them: scope spelling, MQTT filters, printable text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tokenward::host {

enum class Plus { space, literal };

/// Percent-decodes; nothing if an escape is broken. In a scope '+' is a space, in an MQTT filter a wildcard.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, Plus plus);

/// Spells a name as a scope would, so that '/', '*', '%', '+' and what isn't printable ASCII can't be mistaken.
[[nodiscard]] std::string percent_encode(std::string_view name);

/// As percent_encode, but '/' and '+' stand as they are: they are structure in an MQTT filter.
[[nodiscard]] std::string percent_encode_filter(std::string_view filter);

/// The filter of a subscription: "$share/GROUP/FILTER" without its first two parts, anything else as it is.
/// Nothing if it begins as a shared subscription and has no group or no filter (MQTT 5 section 4.8.2).
[[nodiscard]] std::optional<std::string_view> without_share(std::string_view subscription);

/// For log lines: what isn't printable ASCII as \xHH, a backslash doubled, cut at max_bytes of input.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 64);

/// The same in single quotes, with quotes inside escaped.
[[nodiscard]] std::string quoted(std::string_view text, std::size_t max_bytes = 64);

}  // namespace tokenward::host
