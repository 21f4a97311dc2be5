#include "credentials/scheme.hpp"

#include "base/text.hpp"

#include <cstddef>

namespace tokenward::credentials {

std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) noexcept {
    if (value.size() < scheme.size()) return std::nullopt;
    if (!equals_ignoring_case(value.substr(0, scheme.size()), scheme)) return std::nullopt;
    value.remove_prefix(scheme.size());
    if (value.empty()) return value;
    const std::size_t spaces = value.find_first_not_of(' ');
    if (spaces == 0) return std::nullopt;
    return spaces == std::string_view::npos ? std::string_view{} : value.substr(spaces);
}

}  // namespace tokenward::credentials
