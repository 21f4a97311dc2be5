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
    Literals(std::size_t raw_size, std::size_t wildcards, Arena &arena)
        : bytes_(allocate<char>(raw_size, arena)), begins_(allocate<std::size_t>(wildcards + 1, arena)) {
        begins_[0] = 0;
    }

    void append(std::string_view bytes) noexcept {
        size_ = static_cast<std::size_t>(write_bytes(bytes_ + size_, bytes) - bytes_);
    }
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

/// Decodes the escape, '+' or "%XX", that begins at raw[at], and moves `at` behind it. False for a broken one.
bool decode_escape(std::string_view raw, std::size_t &at, char &out) noexcept {
    out = ' ';
    if (raw[at++] == '+') return true;
    if (raw.size() - at < 2) return false;
    // A wildcard is never part of an escape: '*' is no hex digit.
    const int value = hex_value(raw[at]) * 16 | hex_value(raw[at + 1]);
    if (value < 0) return false;
    out = static_cast<char>(value);
    at += 2;
    return true;
}

/// Calls literal(bytes) for each run of literal bytes, decoded, and wildcard() for each '*', until that is false. `special`:
/// where the first byte is that is none of its own. False for a broken escape.
template <class OnLiteral, class OnWildcard>
[[gnu::always_inline]] inline bool read_raw(std::string_view raw, std::size_t special, OnLiteral literal,
                                            OnWildcard wildcard) noexcept {
    const auto is_special = [](char c) { return c == '%' || c == '*' || c == '+'; };
    for (std::size_t at = 0;; special = find_any<'*', '%', '+'>(raw, at)) {
        if (special == std::string_view::npos) {
            literal(std::string_view(raw.data() + at, raw.size() - at));
            return true;
        }
        literal(std::string_view(raw.data() + at, special - at));
        at = special;
        do {  // a run of them needs no search
            if (raw[at] == '*') {
                if (!wildcard()) return true;
                ++at;
            } else if (char byte = 0; decode_escape(raw, at, byte)) {
                literal(std::string_view(&byte, 1));
            } else {
                return false;
            }
        } while (at < raw.size() && is_special(raw[at]));
    }
}

std::string_view keep(std::string_view text, Arena &arena) {
    if (text.empty()) return {};
    char *copy = allocate<char>(text.size(), arena);
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

Pattern never(std::string_view raw, Arena &arena) {
    std::string printable;
    append_raw(printable, raw);
    return {PatternKind::never, keep(printable, arena)};
}

bool separates(char c) noexcept {
    return c == '/' || c == '.';
}

/// A bit for each of the block's places that has the byte `offset` behind it. `text` has a block at least: one that would
/// end behind it is read from further in front.
[[gnu::always_inline]] inline unsigned places_with(std::string_view text, std::size_t place, std::size_t offset,
                                                   char byte) noexcept {
    const std::size_t at = place + offset;
    const std::size_t from = std::min(at, text.size() - block_bytes);
    return equal_in_block(text.data() + from, byte) >> (at - from);
}

/// The first place of the literal, which isn't empty; null if there is none or the budget is spent. Not memmem:
/// its work depends on both texts, and nobody can count it.
const char *find_literal(std::string_view text, std::string_view literal, ScanBudget &budget) noexcept {
    if (text.size() < literal.size() || budget.exceeded()) return nullptr;
    const std::size_t places = text.size() - literal.size() + 1;
    if (text.size() < block_bytes) {
        if (!budget.spend(ScanBudget::of_a_short_text)) return nullptr;
        for (std::size_t place = 0; place < places; ++place) {
            if (text[place] == literal.front() &&
                same_bytes(text.data() + place, literal.data(), literal.size()))
                return text.data() + place;
        }
        return nullptr;
    }
    // Two of its bytes, by which its places are found: the last one first, since names of one application begin alike. They
    // are full of separators, so the byte beside is the better choice.
    std::size_t last = literal.size() - 1;
    if (last > 0 && separates(literal[last])) --last;
    const std::size_t first = last > 1 && separates(literal.front()) ? 1 : 0;
    for (std::size_t block = 0; block < places; block += block_bytes) {
        if (!budget.spend(ScanBudget::of_a_block)) return nullptr;
        unsigned found = places_with(text, block, last, literal[last]);
        if (found == 0) continue;
        found &= places_with(text, block, first, literal[first]);
        if (places - block < block_bytes) found &= (1U << (places - block)) - 1;
        for (; found != 0; found &= found - 1) {
            const char *const place = text.data() + block + std::countr_zero(found);
            if (!budget.spend(ScanBudget::of_a_compare + literal.size() / 8)) return nullptr;
            if (literal.size() <= block_bytes ? same_bytes(place, literal.data(), literal.size())
                                              : std::memcmp(place, literal.data(), literal.size()) == 0)
                return place;
        }
    }
    return nullptr;
}

constexpr std::size_t short_pattern = 128;  ///< below this the size of a literal is written in one byte

/// For one of less than short_pattern bytes with one wildcard at most. Nearly all patterns are such, so this is the fast way:
/// it decodes straight into the memory where the text stays. Prefix and suffix of one with a single wildcard stand side by
/// side, as Glob reads them. Unset: it has more wildcards.
std::optional<Pattern> compile_short(std::string_view raw, std::size_t special, Arena &arena) {
    char *const room = allocate<char>(raw.size() + 2, arena);
    char *const bytes = room + 2;
    char *end = bytes;
    const char *wildcard = nullptr;
    bool has_more = false;
    const auto literal = [&](std::string_view text) { end = write_bytes(end, text); };
    const auto note_wildcard = [&] {
        has_more = wildcard != nullptr;
        wildcard = end;
        return !has_more;
    };
    if (!read_raw(raw, special, literal, note_wildcard)) return never(raw, arena);
    if (has_more) return std::nullopt;
    const auto size = static_cast<std::size_t>(end - bytes);
    if (wildcard == nullptr) return Pattern{PatternKind::exact, {bytes, size}};
    if (wildcard == end) return Pattern{PatternKind::prefix, {bytes, size}};
    room[0] = static_cast<char>(wildcard - bytes);
    room[1] = static_cast<char>(end - wildcard);
    return Pattern{PatternKind::glob, {room, size + 2}};
}

}  // namespace

Pattern compile_special(std::string_view raw, std::size_t special, Arena &arena) {
    if (raw.size() < short_pattern) {
        if (const std::optional<Pattern> pattern = compile_short(raw, special, arena)) return *pattern;
    }
    const auto wildcards = static_cast<std::size_t>(
        std::count(raw.begin() + static_cast<std::ptrdiff_t>(special), raw.end(), '*'));
    Literals literals(raw.size(), wildcards, arena);
    const auto literal = [&](std::string_view text) { literals.append(text); };
    const auto note_wildcard = [&] {
        literals.end_literal();
        return true;
    };
    if (!read_raw(raw, special, literal, note_wildcard)) return never(raw, arena);
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

bool inner_literals_match(std::string_view inner, std::string_view between, ScanBudget &budget) noexcept {
    const char *cursor = inner.data();
    const char *const end = cursor + inner.size();
    // The leftmost place is the best one: it leaves the most bytes for the next literals.
    do {
        const std::uint32_t size = read_size(cursor);
        const char *const found = find_literal(between, {cursor, size}, budget);
        if (found == nullptr) return false;
        cursor += size;
        between = {found + size, static_cast<std::size_t>(between.data() + between.size() - (found + size))};
    } while (cursor != end);
    return true;
}

bool edges_and_inner_match(std::string_view text, std::string_view name, ScanBudget &budget) noexcept {
    const Glob glob(text);
    if (name.size() < glob.prefix.size() + glob.suffix.size()) return false;
    if (!begins_with(name, glob.prefix) || !ends_with(name, glob.suffix)) return false;
    const std::string_view inner = glob.rest();
    if (inner.empty()) return true;
    name.remove_prefix(glob.prefix.size());
    name.remove_suffix(glob.suffix.size());
    return inner_literals_match(inner, name, budget);
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
