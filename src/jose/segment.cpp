#include "jose/segment.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace tokenward::jose {
namespace {

/// Where the first byte stands that is no digit of base64url; the size if there is none.
std::size_t first_foreign_byte(std::string_view encoded) noexcept {
    const auto is_digit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    };
    return static_cast<std::size_t>(std::ranges::find_if_not(encoded, is_digit) - encoded.begin());
}

Failure malformed(std::string detail, std::string_view hint = {}) {
    return {Reason::MALFORMED_TOKEN, std::move(detail), 0, std::string(hint)};
}

Failure not_whole(std::string_view name, std::size_t digits) {
    return malformed(fmt::format("{} isn't whole base64url: it has {} digits", name, digits),
                     "send the whole token");
}

/// Something that is no digit begins at byte `at`.
Failure foreign_byte(std::string_view encoded, std::size_t at, std::string_view name) {
    const char found = encoded[at];
    switch (found) {
        case '\r':
        case '\n':
            return malformed(fmt::format("a line end stands at byte {} of {}", at, name),
                             "take the line ends out: tr -d '\\r\\n'");
        case ' ':
        case '\t':
            return malformed(fmt::format("white space stands at byte {} of {}", at, name),
                             "send the token alone, without white space");
        case '=':
            return malformed(fmt::format("{} has \"=\" at byte {}: base64url has no padding", name, at));
        case '+':
        case '/':
            return malformed(
                fmt::format("{} has \"{}\" at byte {}: it is base64, not base64url", name, found, at));
        case '%':
            return malformed(fmt::format("{} has \"%\" at byte {}: the token is percent-encoded", name, at),
                             "send it decoded");
        case '"':
        case '\'':
            return malformed(fmt::format("a quotation mark stands at byte {} of {}", at, name),
                             "send the token without quotation marks: jq -r");
        default:
            return malformed(fmt::format("{} has a byte that isn't base64url at byte {}", name, at),
                             "send the token as it came");
    }
}

Failure white_space_behind(std::string_view rest) {
    if (rest.front() != '\r' && rest.front() != '\n')
        return malformed("white space stands behind the token", "cut it off");
    const char *found = rest.starts_with("\r\n") ? "\\r\\n" : rest.front() == '\r' ? "\\r" : "\\n";
    return malformed(fmt::format("a line end ({}) stands behind the token", found),
                     "cut it off: tr -d '\\r\\n'");
}

}  // namespace

Failure malformed_segment(std::string_view encoded, Segment segment) {
    const std::string_view name =
        segment == Segment::header ? "the first segment (header)" : "the second segment (payload)";
    const std::size_t at = first_foreign_byte(encoded);
    return at == encoded.size() ? not_whole(name, at) : foreign_byte(encoded, at, name);
}

Failure malformed_signature(std::string_view encoded, std::size_t token_size) {
    constexpr std::string_view name = "the third segment (signature)";
    const std::size_t at = first_foreign_byte(encoded);
    if (at != encoded.size()) {
        const std::string_view rest = encoded.substr(at);
        const bool is_end = rest.find_first_not_of(" \t\r\n") == std::string_view::npos;
        return is_end ? white_space_behind(rest) : foreign_byte(encoded, at, name);
    }
    Failure failure = not_whole(name, at);
    failure.detail += fmt::format(", and the token ends after {} bytes", token_size);
    // Sizes of fields, with and without the NUL at the end.
    for (const std::size_t field : {256, 1024, 2048, 4096}) {
        if (token_size == field || token_size == field - 1)
            failure.hint += fmt::format(": something on the way cuts it at {} bytes", token_size);
    }
    return failure;
}

}  // namespace tokenward::jose
