// The reasons of abi/reasons.def as a C++ type.
#pragma once

#include <cstdint>
#include <string_view>

namespace tokenward {

enum class Reason : std::int32_t {
#define TOKENWARD_REASON(code, name, meaning, hint) name = (code),
#include "reasons.def"
#undef TOKENWARD_REASON
};

/// "EXPIRED"; "UNKNOWN" for a number that isn't a reason. NUL-terminated, static.
const char *reason_name(Reason reason) noexcept;
/// What is wrong, in general. NUL-terminated, static.
const char *reason_meaning(Reason reason) noexcept;
/// What would be right, in general; may be empty. NUL-terminated, static.
const char *reason_hint(Reason reason) noexcept;
/// The same, for a refusal that has no hint of its own: empty where the general one is a choice among cases.
const char *hint_for_each_case(Reason reason) noexcept;

/// A dense index over all reasons (0 <= index < reason_count), for counters by reason.
std::size_t reason_index(Reason reason) noexcept;
std::size_t reason_count() noexcept;
Reason reason_at(std::size_t index) noexcept;

}  // namespace tokenward
