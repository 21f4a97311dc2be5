// Names as operators write and read them: in scopes, in MQTT filters, in log lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tokenward::common {

enum class Plus { space, literal };

/// Decodes %XX. Nothing if an escape is broken. '+' is a space in a scope and a wildcard in an MQTT filter.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, Plus plus);

/// A name as it is written in a scope: '/', '*', '%', '+' and what isn't printable ASCII become %XX.
[[nodiscard]] std::string percent_encode(std::string_view name);

/// An MQTT filter as it is written in a question: '/', '+', '#' and '*' stay as they are.
[[nodiscard]] std::string percent_encode_filter(std::string_view filter);

/// The filter of a subscription: FILTER for "$share/GROUP/FILTER", else the whole text.
/// Nothing if a shared subscription has no group or no filter (MQTT 5 section 4.8.2).
[[nodiscard]] std::optional<std::string_view> without_share(std::string_view subscription);

/// For log lines: what isn't printable ASCII becomes \xHH, a backslash is doubled, and the input is cut at
/// max_bytes.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 64);

/// The same in single quotes; a quote inside gets a backslash.
[[nodiscard]] std::string quoted(std::string_view text, std::size_t max_bytes = 64);

}  // namespace tokenward::common
