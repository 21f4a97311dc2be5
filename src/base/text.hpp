// Text from outside, made fit for a log line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenward {

/// At most this many bytes of a foreign value stand in a message.
inline constexpr std::size_t max_quoted_bytes = 64;

/// `value` in double quotes, escaped to printable ASCII (\n, \t, \", \\, \xNN), cut at max_quoted_bytes with
/// "..." behind the closing quote.
std::string quote(std::string_view value, std::size_t max_bytes = max_quoted_bytes);

/// Appends a JSON string literal (RFC 8259 section 7); bytes that aren't UTF-8 become U+FFFD.
void append_json_string(std::string &out, std::string_view value);

/// Copies at most capacity-1 bytes and a NUL; what isn't printable ASCII becomes '?'.
void copy_bounded(char *out, std::size_t capacity, std::string_view text) noexcept;

/// True if the bytes are UTF-8 without surrogates, overlong forms or code points past U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

}  // namespace tokenward
