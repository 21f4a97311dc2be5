// What the checks of single files have in common.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace tokenward::keys {

inline constexpr std::string_view begin_mark = "-----BEGIN ";  ///< of a PEM block (RFC 7468)

/// In `hint` FILE stands for the file's name (command_with()).
inline tl::unexpected<Failure> bad_file(std::string what, std::string_view hint = {}) {
    return fail(Reason::CONFIG_INVALID_VALUE, std::move(what), std::string(hint));
}

/// Fails if there is nothing in it, or UTF-16, as some editors write it.
Result<void> check_text(std::string_view content);

/// No `thing` is in it; names what its first PEM block is instead.
tl::unexpected<Failure> holds_none(std::string_view thing, std::string_view content);

}  // namespace tokenward::keys
