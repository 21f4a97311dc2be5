#include "token_source.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace tokenward::cli {
namespace {

constexpr std::size_t max_size = std::size_t{1} << 20;

std::string last_error() {
    return std::generic_category().message(errno);
}

}  // namespace

std::variant<Token, std::string> read_token(const std::string &path) {
    if (may_be_token(path)) {
        return "--token-file takes the name of a file, and this looks like a token. A token is not taken from "
               "the command line" +
               std::string(token_was_visible);
    }
    const bool standard_input = path == "-";
    struct Close {
        void operator()(std::FILE *file) const {
            if (file != stdin) (void)std::fclose(file);
        }
    };
    const std::unique_ptr<std::FILE, Close> file(standard_input ? stdin : std::fopen(path.c_str(), "rbe"));
    if (!file) return "can't open the token file " + path + ": " + last_error();
    Token token;
    token.text.resize(max_size + 1);
    const std::size_t size = std::fread(token.text.data(), 1, token.text.size(), file.get());
    if (std::ferror(file.get()) != 0) return "can't read the token file " + path + ": " + last_error();
    if (size > max_size) return "the token file " + path + " is larger than 1 MiB: is it the right one?";
    token.text.resize(size);
    if (!token.text.empty() && token.text.back() == '\n') token.text.pop_back();
    return token;
}

const char *const token_was_visible =
    ", where every user of this machine can read it (ps). Use --token-file FILE, or --token-file - for "
    "standard "
    "input. If this was a real token, revoke it or let it expire";

bool may_be_token(std::string_view argument) {
    if (argument.starts_with("Bearer ") || argument.starts_with("bearer ")) return true;
    // An encoded header begins with "ey". The name of a file may too, but is shorter.
    return argument.size() > 40 && argument.starts_with("ey") && argument.find('/') == std::string_view::npos;
}

}  // namespace tokenward::cli
