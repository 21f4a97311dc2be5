// The lines of denied_file as text: src/config/README.md, "Denials", describes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tokenward::cli {

/// What a line denies, as words: {"username", "alice"}, {"issued_before", TIME, "username", "alice"}.
using Denial = std::vector<std::string>;

/// The words of a command line, checked; "now" is `now_rfc3339`. Or what is wrong with them.
[[nodiscard]] std::variant<Denial, std::string> read_denial(const std::vector<std::string> &words,
                                                            const std::string &now_rfc3339);

/// The line, without its end: names percent-encoded.
[[nodiscard]] std::string line_of(const Denial &denial);

/// The content with the line, at the end of the lines of that section ("" for those above any header); nothing if it is
/// there. Everything else stays as it is.
[[nodiscard]] std::optional<std::string> with_line(std::string_view content, const std::string &section,
                                                   const Denial &denial);

/// The content without it, however it was written; nothing if it isn't there.
[[nodiscard]] std::optional<std::string> without_line(std::string_view content, const std::string &section,
                                                      const Denial &denial);

}  // namespace tokenward::cli
