#include "output.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <utility>

namespace tokenward::cli {
namespace {

std::string format_time(std::int64_t seconds, const char *format) {
    if (seconds == std::numeric_limits<std::int64_t>::max()) return "never";
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    std::array<char, 64> text{};
    if (gmtime_r(&time, &parts) == nullptr || std::strftime(text.data(), text.size(), format, &parts) == 0)
        return std::to_string(seconds) + " s after 1970-01-01";
    return text.data();
}

/// The length of the well-formed UTF-8 sequence at the front (RFC 3629), or 0.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) > 0x9f) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return length;
}

/// True for characters that can change how a terminal shows a line: C0, DEL, C1, line and paragraph separators,
/// bidi marks and overrides.
bool rearranges(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return first < 0x20 || first == 0x7f;
    const auto second = static_cast<unsigned char>(character[1]);
    if (first == 0xc2) return second < 0xa0;
    if (first == 0xd8) return second == 0x9c;
    if (character.size() != 3 || first != 0xe2) return false;
    const auto third = static_cast<unsigned char>(character[2]);
    if (second == 0x80) return third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae);
    return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

}  // namespace

std::string utc_time(std::int64_t seconds) {
    return format_time(seconds, "%Y-%m-%d %H:%M:%S UTC");
}

std::string rfc3339(std::int64_t seconds) {
    return format_time(seconds, "%Y-%m-%dT%H:%M:%SZ");
}

std::string duration(std::int64_t seconds) {
    constexpr std::pair<std::int64_t, const char *> units[] = {
        {86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    std::string text;
    int parts = 0;
    for (const auto &[size, name] : units) {
        const std::int64_t count = seconds / size;
        seconds %= size;
        if (count == 0 && parts == 0) continue;
        if (parts++ == 2) break;
        if (count == 0) continue;
        if (!text.empty()) text += ' ';
        text += std::to_string(count) + ' ' + name;
    }
    return text.empty() ? "0 s" : text;
}

std::string for_terminal(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view character = text.substr(0, length == 0 ? 1 : length);
        text.remove_prefix(character.size());
        if (length != 0 && !rearranges(character)) {
            out += character;
            continue;
        }
        for (const char c : character) {
            std::array<char, 5> escape{};
            (void)std::snprintf(escape.data(), escape.size(), "\\x%02X",
                                static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += escape.data();
        }
    }
    return out;
}

void say(std::string_view line) {
    (void)std::fwrite(line.data(), 1, line.size(), stdout);
    (void)std::fputc('\n', stdout);
}

}  // namespace tokenward::cli
