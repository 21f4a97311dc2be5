// Where a token comes from: a file or standard input, never the command line.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace tokenward::cli {

struct Token {
    std::string text;
};

/// Reads the file, or standard input for "-". One newline at the end is cut, nothing else. At most 1 MiB.
/// The string is what went wrong.
[[nodiscard]] std::variant<Token, std::string> read_token(const std::string &path);

/// True for an argument that may be a token put in the wrong place: it must not be repeated in a message.
[[nodiscard]] bool may_be_token(std::string_view argument);

}  // namespace tokenward::cli
