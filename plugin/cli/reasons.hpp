// The rows of abi/reasons.def.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tokenward::cli {

struct ReasonRow {
    std::int32_t code;
    std::string_view name;
    std::string_view meaning;
    std::string_view hint;
};

[[nodiscard]] std::span<const ReasonRow> reasons();

/// Finds a row by its name, in upper or lower case, or by its number. NULL if there is none.
[[nodiscard]] const ReasonRow *find_reason(std::string_view name_or_code);

/// The row whose name is most like this one; null if none is like it.
[[nodiscard]] const ReasonRow *similar_reason(std::string_view name);

}  // namespace tokenward::cli
