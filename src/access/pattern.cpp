#include "access/pattern.hpp"

#include "access/scope.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace tokenward::access {

namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The decoded bytes of all literals in a row, and where each begins.
struct Literals {
    explicit Literals(std::pmr::memory_resource &arena) : bytes(&arena), begins(&arena) {}

    std::string_view at(std::size_t index) const noexcept {
        const std::size_t end = index + 1 < begins.size() ? begins[index + 1] : bytes.size();
        return std::string_view(bytes).substr(begins[index], end - begins[index]);
    }

    std::pmr::string bytes;
    std::pmr::vector<std::size_t> begins;
};

/// Decodes the byte that begins at raw[at], which is no wildcard, and moves `at` to its last character. False
/// for a broken escape.
bool decode_byte(std::string_view raw, std::size_t &at, char &out) noexcept {
    out = raw[at] == '+' ? ' ' : raw[at];
    if (out != '%') return true;
    const int high = at + 1 < raw.size() ? hex_value(raw[at + 1]) : -1;
    const int low = at + 2 < raw.size() ? hex_value(raw[at + 2]) : -1;
    // A wildcard is never part of an escape: '*' is no hex digit.
    if (high < 0 || low < 0) return false;
    out = static_cast<char>(high * 16 + low);
    at += 2;
    return true;
}

/// False for a broken escape.
bool decode_literals(std::string_view raw, Literals &out) {
    out.bytes.reserve(raw.size());
    out.begins.push_back(0);
    for (std::size_t i = 0; i < raw.size(); ++i) {
        char byte = 0;
        if (raw[i] == '*') {
            out.begins.push_back(out.bytes.size());
        } else if (decode_byte(raw, i, byte)) {
            out.bytes += byte;
        } else {
            return false;
        }
    }
    return true;
}

std::string_view keep(std::string_view text, std::pmr::memory_resource &arena) {
    if (text.empty()) return {};
    char *copy = static_cast<char *>(arena.allocate(text.size(), 1));
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

Pattern never(std::string_view raw, std::pmr::memory_resource &arena) {
    std::string printable;
    append_raw(printable, raw);
    return {PatternKind::never, keep(printable, arena)};
}

constexpr std::size_t short_pattern = 128;  ///< below this the size of a literal is written in one byte

/// For less than short_pattern bytes with at most one wildcard. Nearly all patterns are such, so this is the
/// fast way: it decodes straight into the memory where the text stays. Prefix and suffix stand side by side, as
/// Glob reads them.
Pattern compile_short(std::string_view raw, std::pmr::memory_resource &arena) {
    char *const room = static_cast<char *>(arena.allocate(raw.size() + 2, 1));
    char *const bytes = room + 2;
    std::size_t size = 0;
    std::size_t wildcard = std::string_view::npos;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] == '*') {
            wildcard = size;
        } else if (decode_byte(raw, i, bytes[size])) {
            ++size;
        } else {
            return never(raw, arena);
        }
    }
    if (wildcard == std::string_view::npos) return {PatternKind::exact, {bytes, size}};
    if (wildcard == size) return {PatternKind::prefix, {bytes, size}};
    room[0] = static_cast<char>(wildcard);
    room[1] = static_cast<char>(size - wildcard);
    return {PatternKind::glob, {room, size + 2}};
}

}  // namespace

Pattern compile_pattern(std::string_view raw, std::pmr::memory_resource &arena) {
    const std::size_t special = find_any<'*', '%', '+'>(raw);
    if (special == std::string_view::npos) return {PatternKind::exact, raw};
    if (special + 1 == raw.size() && raw[special] == '*') return {PatternKind::prefix, raw.substr(0, special)};
    if (raw.size() < short_pattern &&
        std::count(raw.begin() + static_cast<std::ptrdiff_t>(special), raw.end(), '*') <= 1) {
        return compile_short(raw, arena);
    }

    Literals literals(arena);
    if (!decode_literals(raw, literals)) return never(raw, arena);
    const std::size_t last = literals.begins.size() - 1;
    if (last == 0) return {PatternKind::exact, keep(literals.bytes, arena)};
    if (literals.at(0).size() == literals.bytes.size())
        return {PatternKind::prefix, keep(literals.bytes, arena)};

    std::pmr::string text(&arena);
    text.reserve(raw.size() + 4);
    append_size(text, literals.at(0).size());
    append_size(text, literals.at(last).size());
    text += literals.at(0);
    text += literals.at(last);
    for (std::size_t i = 1; i < last; ++i) {
        if (literals.at(i).empty()) continue;
        append_size(text, literals.at(i).size());
        text += literals.at(i);
    }
    return {PatternKind::glob, keep(text, arena)};
}

bool inner_literals_match(Glob glob, std::string_view between) noexcept {
    // The leftmost place is the best one: it leaves the most bytes for the next literals. memmem takes linear
    // time, and so does the whole loop.
    for (std::string_view inner; glob.next(inner);) {
        const void *found = memmem(between.data(), between.size(), inner.data(), inner.size());
        if (found == nullptr) return false;
        const auto at = static_cast<std::size_t>(static_cast<const char *>(found) - between.data());
        between.remove_prefix(at + inner.size());
    }
    return true;
}

bool literals_hold_wildcard(const Pattern &pattern) noexcept {
    const auto holds = [](std::string_view literal) {
        return find_any<'+', '#'>(literal) != std::string_view::npos;
    };
    if (pattern.kind != PatternKind::glob) return holds(pattern.text);
    Glob glob(pattern.text);
    if (holds(glob.prefix) || holds(glob.suffix)) return true;
    for (std::string_view inner; glob.next(inner);) {
        if (holds(inner)) return true;
    }
    return false;
}

void append_spelling(std::string &out, std::string_view common, const Pattern &pattern) {
    if (pattern.kind == PatternKind::never) {
        out += pattern.text;
        return;
    }
    append_encoded(out, common);
    append_encoded(out, first_literal(pattern));
    if (pattern.kind == PatternKind::exact) return;
    out += '*';
    if (pattern.kind == PatternKind::prefix) return;
    Glob glob(pattern.text);
    for (std::string_view inner; glob.next(inner);) {
        append_encoded(out, inner);
        out += '*';
    }
    append_encoded(out, glob.suffix);
}

}  // namespace tokenward::access
