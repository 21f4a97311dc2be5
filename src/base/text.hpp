// Text: what comes from outside made fit for a log line, and small helpers. All of them know ASCII alone,
// whatever the process's locale says.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tokenward {

/// At most this many bytes of a foreign value stand in a message.
inline constexpr std::size_t max_quoted_bytes = 64;

/// `value` in double quotes, escaped to printable ASCII (\n, \t, \", \\, \xNN), cut at max_quoted_bytes with
/// "..." behind the closing quote.
std::string quote(std::string_view value, std::size_t max_bytes = max_quoted_bytes);

/// The first four of `values`, each quoted, and how many more there are: "a", "b" and 3 more.
std::string quote_some(std::span<const std::string> values, std::size_t max_bytes = max_quoted_bytes);
inline constexpr std::size_t max_values_shown = 4;

/// A value from outside for a line of the configuration, to be copied as it stands: printable ASCII, at most 128
/// bytes, no blank at its ends, no quotation mark, backslash or comma. Else empty: then a hint can't show it.
std::string copyable(std::string_view value);

/// The command with `path` in the place of each FILE, for a hint. Empty if a shell would read more into the path than a
/// name.
std::string command_with(std::string_view command, std::string_view path);

/// Copies at most capacity-1 bytes and a NUL; what isn't printable ASCII becomes '?'.
void copy_bounded(char *out, std::size_t capacity, std::string_view text) noexcept;

/// True if the bytes are UTF-8 without surrogates, overlong forms or code points past U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

/// The text with U+FFFD in place of each byte that isn't UTF-8.
std::string to_utf8(std::string_view text);

constexpr bool is_alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/// What a bearer token consists of, but for the = at its end (RFC 6750 section 2.1, b64token).
constexpr bool is_bearer_character(char c) noexcept {
    return is_alphanumeric(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
}
constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string to_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// The text without the UTF-8 byte order mark (U+FEFF) that editors of some systems put in front.
std::string_view without_byte_order_mark(std::string_view text) noexcept;

/// The text without the blanks at its two ends; spaces and tabs, if nothing else is said.
std::string_view trim(std::string_view text, std::string_view blanks = " \t") noexcept;

/// A page for people, where a program asked for a document: its first character but white space is '<'.
bool looks_like_html(std::string_view text) noexcept;

/// The word of `candidates` that was probably meant by a misspelt one; empty if none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace tokenward
