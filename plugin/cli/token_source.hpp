// Reads the token from a file or standard input. Never from the command line, which every user can read.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace tokenward::cli {

struct Token {
    std::string text;
};

/// Reads the file, or standard input for "-". Cuts one newline at the end, nothing else. At most 1 MiB.
/// The string says what went wrong.
[[nodiscard]] std::variant<Token, std::string> read_token(const std::string &path);

/// The advice after a token was given as an argument.
extern const char *const token_was_visible;

/// True for an argument that may be a token. It must not be repeated in a message.
[[nodiscard]] bool may_be_token(std::string_view argument);

}  // namespace tokenward::cli
