// When two issuers are the same.
#pragma once

#include <span>
#include <string>
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

/// True if the provider is called so: by its issuer or by another of its names.
inline bool is_issuer(std::string_view name, std::string_view issuer,
                      std::span<const std::string> aliases) noexcept {
    if (same_issuer(name, issuer)) return true;
    for (const std::string &alias : aliases) {
        if (same_issuer(name, alias)) return true;
    }
    return false;
}

}  // namespace tokenward
