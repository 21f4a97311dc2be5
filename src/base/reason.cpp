#include "base/reason.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace tokenward {
namespace {

struct Row {
    Reason reason;
    const char *name;
    const char *hint;
};

constexpr Row rows[] = {
#define TOKENWARD_REASON(code, name, meaning, hint) {Reason::name, #name, hint},
#include "reasons.def"
#undef TOKENWARD_REASON
};

static_assert(std::is_sorted(std::begin(rows), std::end(rows),
                             [](const Row &a, const Row &b) { return a.reason < b.reason; }),
              "reasons.def is kept in ascending order");

const Row *find(Reason reason) noexcept {
    const auto *row = std::lower_bound(std::begin(rows), std::end(rows), reason,
                                       [](const Row &a, Reason wanted) { return a.reason < wanted; });
    return row != std::end(rows) && row->reason == reason ? row : nullptr;
}

}  // namespace

const char *reason_name(Reason reason) noexcept {
    const Row *row = find(reason);
    return row != nullptr ? row->name : "UNKNOWN";
}

const char *reason_hint(Reason reason) noexcept {
    const Row *row = find(reason);
    return row != nullptr ? row->hint : "";
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
