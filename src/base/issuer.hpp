// When two issuers are the same.
#pragma once

#include <string_view>

namespace tokenward {

/// The text without the slash at its end, if it has one. Only one is taken away.
constexpr std::string_view without_trailing_slash(std::string_view text) noexcept {
    if (!text.empty() && text.back() == '/') text.remove_suffix(1);
    return text;
}

/// True if both are the same but for one slash at the end: providers write it in one place and not in another.
constexpr bool same_issuer(std::string_view a, std::string_view b) noexcept {
    return without_trailing_slash(a) == without_trailing_slash(b);
}

}  // namespace tokenward
