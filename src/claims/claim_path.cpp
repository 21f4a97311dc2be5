#include "claims/claim_path.hpp"

#include <cstddef>

namespace tokenward::claims {
namespace {

/// The part with "." in place of each "\." is the name.
bool names(std::string_view part, std::string_view name) noexcept {
    while (!part.empty()) {
        if (part.starts_with("\\.")) part.remove_prefix(1);
        if (name.empty() || name.front() != part.front()) return false;
        part.remove_prefix(1);
        name.remove_prefix(1);
    }
    return name.empty();
}

}  // namespace

std::string_view take_part(std::string_view &path) noexcept {
    std::size_t dot = path.find('.');
    while (dot != std::string_view::npos && dot != 0 && path[dot - 1] == '\\') dot = path.find('.', dot + 1);
    const std::string_view part = path.substr(0, dot);
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    return part;
}

std::optional<JsonValue> find_part(const JsonValue &object, std::string_view part) noexcept {
    if (part.find('\\') == std::string_view::npos) return object.find(part);
    if (!object.is_object()) return std::nullopt;
    for (const JsonValue member : object) {
        if (names(part, member.name())) return member;
    }
    return std::nullopt;
}

std::optional<JsonValue> find_claim(const JsonValue &payload, std::string_view key) noexcept {
    if (const auto claim = payload.find(key)) return claim;
    if (key.find('.') == std::string_view::npos) return std::nullopt;
    std::optional<JsonValue> value = payload;
    while (value && !key.empty()) value = find_part(*value, take_part(key));
    return value;
}

}  // namespace tokenward::claims
