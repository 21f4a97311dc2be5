// A pattern matches whole names, byte by byte. '*' stands for any run of bytes, also an empty
// one.
#pragma once

#include "access/arena.hpp"
#include "access/bytes.hpp"
#include "access/scan_budget.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tokenward::access {

enum class PatternKind : std::uint8_t {
    exact,   ///< no wildcard; text is the name
    prefix,  ///< one wildcard, at the end; text is what comes before it
    glob,    ///< anything else; text is written as Glob reads it
    never,   ///< has a broken escape and matches nothing; text is its spelling, made printable
};

/// The text is a view; its owner is somebody else.
struct Pattern {
    PatternKind kind = PatternKind::never;
    std::string_view text;

    friend bool operator==(const Pattern &a, const Pattern &b) noexcept {
        return a.kind == b.kind && same_bytes(a.text, b.text);
    }
};

/// How sizes are written: seven bits in each byte, the lowest first. The top bit is set in all bytes but the
/// last.
inline std::uint32_t read_size(const char *&cursor) noexcept {
    std::uint32_t value = static_cast<unsigned char>(*cursor++);
    if (value < 0x80U) return value;
    value &= 0x7FU;
    for (unsigned shift = 7;; shift += 7) {
        const std::uint32_t byte = static_cast<unsigned char>(*cursor++);
        value |= (byte & 0x7FU) << shift;
        if (byte < 0x80U) return value;
    }
}

/// Sizes of compiled forms fit 32 bits: they have five bytes at most.
inline constexpr std::size_t most_size_bytes = 5;

/// Returns where the next byte goes.
inline char *write_size(char *to, std::size_t value) noexcept {
    for (; value >= 0x80U; value >>= 7U) *to++ = static_cast<char>((value & 0x7FU) | 0x80U);
    *to++ = static_cast<char>(value);
    return to;
}
inline std::size_t size_bytes(std::size_t value) noexcept {
    std::size_t bytes = 1;
    for (; value >= 0x80U; value >>= 7U) ++bytes;
    return bytes;
}

/// The literals of a glob: the name begins with `prefix`, ends with `suffix`, and has the inner ones between
/// them in that order.
class Glob {
  public:
    explicit Glob(std::string_view text) noexcept : cursor_(text.data()), end_(text.data() + text.size()) {
        const std::uint32_t prefix_size = read_size(cursor_);
        const std::uint32_t suffix_size = read_size(cursor_);
        prefix = {cursor_, prefix_size};
        suffix = {cursor_ + prefix_size, suffix_size};
        cursor_ += prefix_size + suffix_size;
    }

    /// The next inner literal, never empty; false at the end.
    bool next(std::string_view &inner) noexcept {
        if (cursor_ == end_) return false;
        const std::uint32_t size = read_size(cursor_);
        inner = {cursor_, size};
        cursor_ += size;
        return true;
    }
    /// What next() has not read yet, as it stands in the text.
    std::string_view rest() const noexcept { return {cursor_, static_cast<std::size_t>(end_ - cursor_)}; }

    std::string_view prefix;
    std::string_view suffix;

  private:
    const char *cursor_;
    const char *end_;
};

/// As below, for a raw text of which raw[special] is the first '*', '%' or '+', and not a '*' at the end.
Pattern compile_special(std::string_view raw, std::size_t special, Arena &arena);

/// Splits at '*'; only then decodes percent and '+'. The pattern's text is a view into `raw` or into `arena`. `special`:
/// the place of the first '*', '%' or '+', or npos.
inline Pattern compile_pattern(std::string_view raw, std::size_t special, Arena &arena) {
    if (special == std::string_view::npos) return {PatternKind::exact, raw};
    if (special + 1 == raw.size() && raw[special] == '*') return {PatternKind::prefix, raw.substr(0, special)};
    return compile_special(raw, special, arena);
}
inline Pattern compile_pattern(std::string_view raw, Arena &arena) {
    return compile_pattern(raw, find_any<'*', '%', '+'>(raw), arena);
}

/// `inner`: Glob::rest(), not empty. `between`: the name without the glob's prefix and suffix. True if the inner literals
/// stand in it, in their order, and the budget was enough to find that out.
bool inner_literals_match(std::string_view inner, std::string_view between, ScanBudget &budget) noexcept;

/// For a glob with a prefix, a suffix or both.
bool edges_and_inner_match(std::string_view text, std::string_view name, ScanBudget &budget) noexcept;

inline bool glob_matches(std::string_view text, std::string_view name, ScanBudget &budget) noexcept {
    // Both sizes are zero: "*x*", of which nothing is ruled out before.
    if ((text[0] | text[1]) == 0) {
        const std::string_view inner(text.data() + 2, text.size() - 2);
        return inner.empty() || inner_literals_match(inner, name, budget);
    }
    return edges_and_inner_match(text, name, budget);
}

/// False if the name's first byte shows that the pattern can't match. It rules out most patterns of a list.
inline bool may_begin(const Pattern &pattern, std::string_view name) noexcept {
    if (name.empty() || pattern.text.empty()) return true;
    const char *first = pattern.text.data();
    if (pattern.kind == PatternKind::glob) {
        // Only where both sizes have one byte: then the first literal begins behind them.
        const auto prefix_size = static_cast<unsigned char>(first[0]);
        if (prefix_size == 0 || prefix_size >= 0x80U || static_cast<unsigned char>(first[1]) >= 0x80U)
            return true;
        first += 2;
    }
    return *first == name.front();
}

inline bool matches(const Pattern &pattern, std::string_view name, ScanBudget &budget) noexcept {
    switch (pattern.kind) {
        case PatternKind::exact:
            return same_bytes(name, pattern.text);
        case PatternKind::prefix:
            return begins_with(name, pattern.text);
        case PatternKind::glob:
            return glob_matches(pattern.text, name, budget);
        case PatternKind::never:
            break;
    }
    return false;
}

/// With a budget of its own.
inline bool matches(const Pattern &pattern, std::string_view name) noexcept {
    ScanBudget budget;
    return matches(pattern, name, budget);
}

/// Every name that matches begins with this.
inline std::string_view first_literal(const Pattern &pattern) noexcept {
    return pattern.kind == PatternKind::glob ? Glob(pattern.text).prefix : pattern.text;
}

/// True if a literal holds '+' or '#', which no MQTT topic does.
bool literals_hold_wildcard(const Pattern &pattern) noexcept;

/// Appends the canonical spelling; `common` stands before the pattern's first literal.
void append_spelling(std::string &out, std::string_view common, const Pattern &pattern);

}  // namespace tokenward::access
