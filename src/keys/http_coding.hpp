// Which encodings of a response are taken.
#pragma once

#include <string_view>

namespace tokenward::keys {

/// True for a header or trailer line that makes libcurl decode by a method that we didn't ask for and that may need
/// much memory.
bool names_another_coding(std::string_view line) noexcept;

}  // namespace tokenward::keys
