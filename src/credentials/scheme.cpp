#include "credentials/scheme.hpp"

#include <cstddef>

namespace tokenward::credentials {
namespace {

/// ASCII only, whatever the process's locale says.
constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::optional<std::string_view> after_scheme(std::string_view value,
                                             std::string_view lowercase_scheme) noexcept {
    if (value.size() < lowercase_scheme.size()) return std::nullopt;
    for (std::size_t i = 0; i < lowercase_scheme.size(); ++i) {
        if (lower(value[i]) != lowercase_scheme[i]) return std::nullopt;
    }
    value.remove_prefix(lowercase_scheme.size());
    if (value.empty()) return value;
    const std::size_t spaces = value.find_first_not_of(' ');
    if (spaces == 0) return std::nullopt;
    return spaces == std::string_view::npos ? std::string_view{} : value.substr(spaces);
}

}  // namespace tokenward::credentials
