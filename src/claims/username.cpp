#include "base/text.hpp"
#include "claims/claims.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

/// Characters with which a name looks like another one in a log, a console or an access list (Unicode Technical
/// Report 36, section 2). What each is called in a message.
struct Range {
    char32_t first;
    char32_t last;
    const char *what;
};

constexpr const char *control = "a control character";
constexpr const char *direction = "a character that changes the direction of text";
constexpr const char *invisible = "an invisible character";
constexpr const char *blank = "white space other than U+0020";

/// Sorted. Invisible are Unicode's Default_Ignorable_Code_Points, annotation marks and the empty Braille pattern.
constexpr Range refused[] = {
    {0x0000, 0x001F, control},     {0x007F, 0x009F, control},     {0x00A0, 0x00A0, blank},
    {0x00AD, 0x00AD, invisible},   {0x034F, 0x034F, invisible},   {0x061C, 0x061C, direction},
    {0x115F, 0x1160, invisible},   {0x1680, 0x1680, blank},       {0x17B4, 0x17B5, invisible},
    {0x180B, 0x180F, invisible},   {0x2000, 0x200A, blank},       {0x200B, 0x200D, invisible},
    {0x200E, 0x200F, direction},   {0x2028, 0x2029, blank},       {0x202A, 0x202E, direction},
    {0x202F, 0x202F, blank},       {0x205F, 0x205F, blank},       {0x2060, 0x2065, invisible},
    {0x2066, 0x2069, direction},   {0x206A, 0x206F, invisible},   {0x2800, 0x2800, invisible},
    {0x3000, 0x3000, blank},       {0x3164, 0x3164, invisible},   {0xFE00, 0xFE0F, invisible},
    {0xFEFF, 0xFEFF, invisible},   {0xFFA0, 0xFFA0, invisible},   {0xFFF0, 0xFFFB, invisible},
    {0x1BCA0, 0x1BCA3, invisible}, {0x1D173, 0x1D17A, invisible}, {0xE0000, 0xE0FFF, invisible},
};

/// What the character is called if no name may have it; else NULL.
const char *refusal_of(char32_t c) noexcept {
    if (c >= 0x20 && c < 0x7F) return nullptr;
    const auto *const range = std::ranges::lower_bound(refused, c, {}, &Range::last);
    return range != std::end(refused) && range->first <= c ? range->what : nullptr;
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

std::string username_problem(std::string_view text) {
    if (text.empty()) return "it is empty";
    if (text.size() > max_username_bytes)
        return fmt::format("it has {} bytes, at most {} are allowed", text.size(), max_username_bytes);
    if (!is_utf8(text)) return "it isn't UTF-8";
    if (text.front() == ' ') return "it begins with a space";
    if (text.back() == ' ') return "it ends with a space";
    for (std::size_t number = 1; !text.empty(); ++number) {
        const char32_t c = take_code_point(text);
        if (const char *const what = refusal_of(c))
            return fmt::format("its character {} is U+{:04X}, {}", number, static_cast<std::uint32_t>(c), what);
    }
    return {};
}

}  // namespace tokenward::claims
