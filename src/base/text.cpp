#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

namespace tokenward {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

/// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none (RFC 3629 section 4).
std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const auto follows = [&](std::size_t i, std::uint8_t low = 0x80, std::uint8_t high = 0xBF) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const std::uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
        const std::uint8_t high = first == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const std::uint8_t low = first == 0xF0 ? 0x90 : 0x80;
        const std::uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

/// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t substitution = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substitution});
        }
    }
    return row.back();
}

}  // namespace

std::string quote(std::string_view value, std::size_t max_bytes) {
    std::string out;
    out.reserve(max_bytes + 8);
    out += '"';
    const std::string_view shown = value.substr(0, max_bytes);
    for (const char c : shown) {
        const auto byte = static_cast<std::uint8_t>(c);
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (byte >= 0x20 && byte < 0x7F) {
                    out += c;
                } else {
                    out += "\\x";
                    out += hex_digits[byte >> 4];
                    out += hex_digits[byte & 15];
                }
        }
    }
    out += '"';
    if (shown.size() < value.size()) out += "...";
    return out;
}

std::string quote_some(std::span<const std::string> values, std::size_t max_bytes) {
    std::string out;
    for (const std::string &value : values.first(std::min(values.size(), max_values_shown))) {
        if (!out.empty()) out += ", ";
        out += quote(value, max_bytes);
    }
    if (values.size() > max_values_shown)
        out += " and " + std::to_string(values.size() - max_values_shown) + " more";
    return out;
}

std::string copyable(std::string_view value) {
    constexpr std::size_t max_copied_bytes = 128;
    const bool good = !value.empty() && value.size() <= max_copied_bytes && value.front() != ' ' &&
                      value.back() != ' ' && std::all_of(value.begin(), value.end(), [](char c) {
                          return c >= ' ' && c < '\x7f' && c != '"' && c != '\\' && c != ',';
                      });
    return good ? std::string(value) : std::string();
}

std::string command_with(std::string_view command, std::string_view path) {
    constexpr std::string_view place = "FILE";
    constexpr std::string_view marks = "/._-+@:";
    const std::string file = copyable(path);
    const bool plain = std::all_of(file.begin(), file.end(), [marks](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
               marks.find(c) != std::string_view::npos;
    });
    if (file.empty() || !plain) return {};
    std::string out;
    for (std::size_t at = command.find(place); at != std::string_view::npos; at = command.find(place)) {
        out.append(command.substr(0, at)).append(file);
        command.remove_prefix(at + place.size());
    }
    return out.append(command);
}

void copy_bounded(char *out, std::size_t capacity, std::string_view text) noexcept {
    if (capacity == 0) return;
    const std::size_t length = text.size() < capacity - 1 ? text.size() : capacity - 1;
    for (std::size_t i = 0; i < length; ++i) {
        const auto byte = static_cast<std::uint8_t>(text[i]);
        out[i] = byte >= 0x20 && byte < 0x7F ? text[i] : '?';
    }
    out[length] = '\0';
}

bool is_utf8(std::string_view text) noexcept {
    while (text.size() >= 8) {  // eight ASCII bytes at a time: nearly all text is
        std::uint64_t word = 0;
        std::memcpy(&word, text.data(), sizeof word);
        if ((word & 0x8080808080808080U) != 0) break;
        text.remove_prefix(8);
    }
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string to_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        out += length != 0 ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD");
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char &c : out) c = to_lower(c);
    return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char one, char other) { return to_lower(one) == to_lower(other); });
}

std::string_view without_byte_order_mark(std::string_view text) noexcept {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    return text;
}

std::string_view trim(std::string_view text, std::string_view blanks) noexcept {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool looks_like_html(std::string_view text) noexcept {
    return trim(without_byte_order_mark(text), " \t\r\n").starts_with('<');
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    if (word.size() > 64) return {};  // nobody misspells that; and the cost stays small
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t d = distance(word, candidate);
        if (d < best_distance && d < candidate.size()) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

}  // namespace tokenward
