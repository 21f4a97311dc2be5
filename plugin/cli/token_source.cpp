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
        return "--token-file takes the name of a file that holds the token, and this looks like the token "
               "itself, "
               "which everybody on this machine can now read (ps): let it expire or revoke it";
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

bool may_be_token(std::string_view argument) {
    if (argument.starts_with("Bearer ") || argument.starts_with("bearer ")) return true;
    // An encoded header begins with "ey"; short names of files may too.
    return argument.size() > 40 && argument.starts_with("ey") && argument.find('/') == std::string_view::npos;
}

}  // namespace tokenward::cli
