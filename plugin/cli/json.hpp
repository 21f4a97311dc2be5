// Reads the JSON that the library writes: explain, inspect, status, config_check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rapidjson/document.h>

namespace tokenward::cli {

/// Parses an object that the library wrote. Nothing if the text isn't one.
[[nodiscard]] inline std::optional<rapidjson::Document> parse_object(const std::string &text) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject()) return std::nullopt;
    return document;
}

/// A string's text; empty for what isn't a string.
[[nodiscard]] inline std::string_view string_of(const rapidjson::Value &value) {
    return value.IsString() ? std::string_view(value.GetString(), value.GetStringLength()) : std::string_view();
}

/// A member of an object; JSON's null if there is none.
[[nodiscard]] inline const rapidjson::Value &member(const rapidjson::Value &object, const char *name) {
    static const rapidjson::Value null;
    const auto found = object.FindMember(name);
    return found == object.MemberEnd() ? null : found->value;
}

/// A member that is an integer; 0 if it isn't one.
[[nodiscard]] inline std::int64_t number_of(const rapidjson::Value &object, const char *name) {
    const rapidjson::Value &value = member(object, name);
    return value.IsInt64() ? value.GetInt64() : 0;
}

}  // namespace tokenward::cli
