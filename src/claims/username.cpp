#include "base/text.hpp"
#include "claims/claims.hpp"

#include <cstdint>

namespace tokenward::claims {
namespace {

/// Characters that make a name look like another one in a log or a console: C0, DEL, C1, line and paragraph
/// separators, and the bidirectional formatting characters (Unicode Technical Report 36, section 2.5).
bool is_deceptive(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/// The code point at the start of valid UTF-8; takes it off.
char32_t take_code_point(std::string_view &text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    std::size_t length = 1;
    char32_t c = first;
    if (first >= 0xF0) {
        length = 4;
        c = first & 0x07U;
    } else if (first >= 0xE0) {
        length = 3;
        c = first & 0x0FU;
    } else if (first >= 0xC0) {
        length = 2;
        c = first & 0x1FU;
    }
    for (std::size_t i = 1; i < length; ++i) c = c << 6 | (byte(i) & 0x3FU);
    text.remove_prefix(length);
    return c;
}

}  // namespace

bool is_username(std::string_view text) noexcept {
    if (text.empty() || text.size() > max_username_bytes || !is_utf8(text)) return false;
    while (!text.empty()) {
        if (is_deceptive(take_code_point(text))) return false;
    }
    return true;
}

}  // namespace tokenward::claims
