#include "base/reason.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace tokenward {
namespace {

struct Row {
    Reason reason;
    const char *name;
    const char *meaning;
    const char *hint;
};

constexpr Row rows[] = {
#define TOKENWARD_REASON(code, name, meaning, hint) {Reason::name, #name, meaning, hint},
#include "reasons.def"
#undef TOKENWARD_REASON
};

static_assert(std::is_sorted(std::begin(rows), std::end(rows),
                             [](const Row &a, const Row &b) { return a.reason < b.reason; }),
              "reasons.def is kept in ascending order");

constexpr std::size_t code_count = static_cast<std::size_t>(std::end(rows)[-1].reason) + 1;
static_assert(rows[0].reason == Reason::NONE && std::size(rows) < 256);

/// The row of each code; no_row where there is none. Every refusal is counted by it, floods included.
constexpr std::uint8_t no_row = 255;
constexpr std::array<std::uint8_t, code_count> row_of_code = [] {
    std::array<std::uint8_t, code_count> table{};
    table.fill(no_row);
    for (std::size_t i = 0; i < std::size(rows); ++i)
        table[static_cast<std::size_t>(rows[i].reason)] = static_cast<std::uint8_t>(i);
    return table;
}();

const Row *find(Reason reason) noexcept {
    const auto code = static_cast<std::size_t>(reason);  // a negative one is past the end too
    if (code >= code_count || row_of_code[code] == no_row) return nullptr;
    return &rows[row_of_code[code]];
}

}  // namespace

const char *reason_name(Reason reason) noexcept {
    const Row *row = find(reason);
    return row != nullptr ? row->name : "UNKNOWN";
}

const char *reason_meaning(Reason reason) noexcept {
    const Row *row = find(reason);
    return row != nullptr ? row->meaning : "";
}

const char *reason_hint(Reason reason) noexcept {
    const Row *row = find(reason);
    return row != nullptr ? row->hint : "";
}

const char *hint_for_each_case(Reason reason) noexcept {
    switch (reason) {
        case Reason::CONFIG_UNREADABLE:
        case Reason::OPAQUE_TOKEN:
        case Reason::MALFORMED_TOKEN:
        case Reason::MALFORMED_PAYLOAD:
        case Reason::WRONG_TYPE:
        case Reason::ALGORITHM_MISMATCH:
        case Reason::UNKNOWN_KEY:
        case Reason::KEYS_UNAVAILABLE:  // which says what failed
        case Reason::WRONG_ISSUER:
        case Reason::WRONG_AUDIENCE:
        case Reason::NO_AUDIENCE:
        case Reason::CLAIM_NOT_ALLOWED:
        case Reason::NO_MATCHING_SCOPE:
        case Reason::ROUTING_KEY_SCOPE_NEEDED:
        case Reason::NO_VHOST_ACCESS:
            return "";
        default:
            return reason_hint(reason);
    }
}

std::size_t reason_index(Reason reason) noexcept {
    const Row *row = find(reason);
    return row != nullptr ? static_cast<std::size_t>(row - std::begin(rows)) : 0;
}

std::size_t reason_count() noexcept {
    return std::size(rows);
}

Reason reason_at(std::size_t index) noexcept {
    return index < std::size(rows) ? rows[index].reason : Reason::NONE;
}

}  // namespace tokenward
