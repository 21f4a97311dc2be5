#include "access/pattern.hpp"

#include "access/scope.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace tokenward::access {

namespace {

/// -1: no hex digit. A table: what a login may cost is counted, and scopes may be full of escapes.
int hex_value(char c) noexcept {
    static constexpr auto values = [] {
        std::array<signed char, 256> table{};
        table.fill(-1);
        for (int i = 0; i < 10; ++i) table['0' + i] = static_cast<signed char>(i);
        for (int i = 0; i < 6; ++i) table['a' + i] = table['A' + i] = static_cast<signed char>(10 + i);
        return table;
    }();
    return values[static_cast<unsigned char>(c)];
}

/// The decoded bytes of all literals in a row, and where each begins.
class Literals {
  public:
    Literals(std::size_t raw_size, std::size_t wildcards, std::pmr::memory_resource &arena)
        : bytes_(allocate<char>(raw_size, arena)), begins_(allocate<std::size_t>(wildcards + 1, arena)) {
        begins_[0] = 0;
    }

    void append(char byte) noexcept { bytes_[size_++] = byte; }
    void end_literal() noexcept { begins_[++last_] = size_; }

    std::size_t last() const noexcept { return last_; }
    std::string_view all() const noexcept { return {bytes_, size_}; }
    std::string_view at(std::size_t index) const noexcept {
        const std::size_t end = index < last_ ? begins_[index + 1] : size_;
        return {bytes_ + begins_[index], end - begins_[index]};
    }

  private:
    char *bytes_;
    std::size_t size_ = 0;
    std::size_t *begins_;
    std::size_t last_ = 0;
};

/// Decodes the byte that begins at raw[at], which is no wildcard, and moves `at` to its last character. False
/// for a broken escape.
bool decode_byte(std::string_view raw, std::size_t &at, char &out) noexcept {
    out = raw[at] == '+' ? ' ' : raw[at];
    if (out != '%') return true;
    if (raw.size() - at < 3) return false;
    // A wildcard is never part of an escape: '*' is no hex digit.
    const int value = hex_value(raw[at + 1]) * 16 | hex_value(raw[at + 2]);
    if (value < 0) return false;
    out = static_cast<char>(value);
    at += 2;
    return true;
}

/// False for a broken escape.
bool decode_literals(std::string_view raw, Literals &out) noexcept {
    for (std::size_t i = 0; i < raw.size(); ++i) {
        char byte = 0;
        if (raw[i] == '*') {
            out.end_literal();
        } else if (decode_byte(raw, i, byte)) {
            out.append(byte);
        } else {
            return false;
        }
    }
    return true;
}

std::string_view keep(std::string_view text, std::pmr::memory_resource &arena) {
    if (text.empty()) return {};
    char *copy = allocate<char>(text.size(), arena);
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

Pattern never(std::string_view raw, std::pmr::memory_resource &arena) {
    std::string printable;
    append_raw(printable, raw);
    return {PatternKind::never, keep(printable, arena)};
}

/// The first place of the literal, which isn't empty; null if there is none or the budget is spent. Not memmem:
/// its work depends on both texts, and nobody can count it.
const char *find_literal(std::string_view text, std::string_view literal, ScanBudget &budget) noexcept {
    // The byte to look for. Names are full of these separators, so the next one is the better choice.
    const bool separated = literal.front() == '/' || literal.front() == '.';
    const std::size_t anchor = separated && literal.size() > 1 ? 1 : 0;
    const char *cursor = text.data();
    const char *const end = cursor + text.size();
    while (static_cast<std::size_t>(end - cursor) >= literal.size()) {
        const std::size_t places = static_cast<std::size_t>(end - cursor) - literal.size() + 1;
        const void *const byte = std::memchr(cursor + anchor, static_cast<unsigned char>(literal[anchor]),
                                             std::min(places, budget.left()));
        if (byte == nullptr) {
            budget.spend(places);
            return nullptr;
        }
        const char *const place = static_cast<const char *>(byte) - anchor;
        if (!budget.spend(static_cast<std::size_t>(place - cursor) + ScanBudget::of_a_place)) return nullptr;
        if (literal.size() == 1) return place;
        if (place[1 - anchor] == literal[1 - anchor]) {
            if (!budget.spend(ScanBudget::of_a_compare + literal.size() / 8)) return nullptr;
            if (std::memcmp(place, literal.data(), literal.size()) == 0) return place;
        }
        cursor = place + 1;
    }
    return nullptr;
}

constexpr std::size_t short_pattern = 128;  ///< below this the size of a literal is written in one byte

/// For less than short_pattern bytes. Nearly all patterns are such, so this is the fast way: it decodes straight
/// into the memory where the text stays. Prefix and suffix of one with a single wildcard stand side by side, as
/// Glob reads them.
Pattern compile_short(std::string_view raw, std::pmr::memory_resource &arena) {
    char *const room = allocate<char>(raw.size() + 2, arena);
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
    const auto wildcards = static_cast<std::size_t>(
        std::count(raw.begin() + static_cast<std::ptrdiff_t>(special), raw.end(), '*'));
    if (raw.size() < short_pattern && wildcards <= 1) return compile_short(raw, arena);

    Literals literals(raw.size(), wildcards, arena);
    if (!decode_literals(raw, literals)) return never(raw, arena);
    const std::size_t last = literals.last();
    if (last == 0) return {PatternKind::exact, literals.all()};
    if (literals.at(0).size() == literals.all().size()) return {PatternKind::prefix, literals.all()};

    char *const text = allocate<char>(raw.size() + most_size_bytes * (last + 1), arena);
    char *end = write_size(text, literals.at(0).size());
    end = write_size(end, literals.at(last).size());
    end = write_bytes(write_bytes(end, literals.at(0)), literals.at(last));
    for (std::size_t i = 1; i < last; ++i) {
        if (literals.at(i).empty()) continue;
        end = write_bytes(write_size(end, literals.at(i).size()), literals.at(i));
    }
    return {PatternKind::glob, {text, static_cast<std::size_t>(end - text)}};
}

bool inner_literals_match(Glob glob, std::string_view between, ScanBudget &budget) noexcept {
    if (budget.exceeded()) return false;
    // The leftmost place is the best one: it leaves the most bytes for the next literals.
    for (std::string_view inner; glob.next(inner);) {
        const char *const found = find_literal(between, inner, budget);
        if (found == nullptr) return false;
        between.remove_prefix(static_cast<std::size_t>(found - between.data()) + inner.size());
    }
    return true;
}

bool literals_hold_wildcard(const Pattern &pattern) noexcept {
    const auto holds = [](std::string_view literal) {
        // Not find_any(): a literal may be long.
        return literal.find('+') != std::string_view::npos || literal.find('#') != std::string_view::npos;
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
