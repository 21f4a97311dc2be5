// JSON from the library, and JSON for scripts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace tokenward::cli {

/// The object that the library wrote; nothing if it isn't one.
[[nodiscard]] inline std::optional<rapidjson::Document> parse_object(const std::string &text) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject()) return std::nullopt;
    return document;
}

[[nodiscard]] inline std::string_view string_of(const rapidjson::Value &value) {
    return value.IsString() ? std::string_view(value.GetString(), value.GetStringLength()) : std::string_view();
}

/// A member of an object, or null.
[[nodiscard]] inline const rapidjson::Value &member(const rapidjson::Value &object, const char *name) {
    static const rapidjson::Value null;
    const auto found = object.FindMember(name);
    return found == object.MemberEnd() ? null : found->value;
}

[[nodiscard]] inline std::int64_t number_of(const rapidjson::Value &object, const char *name) {
    const rapidjson::Value &value = member(object, name);
    return value.IsInt64() ? value.GetInt64() : 0;
}

/// A value as one line of compact JSON.
[[nodiscard]] std::string compact(const rapidjson::Value &value);

/// Builds one JSON object, member by member.
class JsonLine {
  public:
    JsonLine() { writer_.StartObject(); }
    using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

    JsonLine &text(std::string_view name, std::string_view value) {
        key(name);
        string(value);
        return *this;
    }
    /// As text, or null if it is empty.
    JsonLine &text_or_null(std::string_view name, std::string_view value) {
        if (!value.empty()) return text(name, value);
        key(name);
        writer_.Null();
        return *this;
    }
    JsonLine &boolean(std::string_view name, bool value) {
        key(name);
        writer_.Bool(value);
        return *this;
    }
    JsonLine &number(std::string_view name, std::int64_t value) {
        key(name);
        writer_.Int64(value);
        return *this;
    }
    JsonLine &null(std::string_view name) {
        key(name);
        writer_.Null();
        return *this;
    }
    void begin_array(std::string_view name) {
        key(name);
        writer_.StartArray();
    }
    void end_array() { writer_.EndArray(); }
    void begin_object() { writer_.StartObject(); }
    void begin_object(std::string_view name) {
        key(name);
        writer_.StartObject();
    }
    void end_object() { writer_.EndObject(); }
    void string(std::string_view value) {
        writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    }

    /// Ends the object.
    [[nodiscard]] std::string finish() {
        writer_.EndObject();
        return {buffer_.GetString(), buffer_.GetSize()};
    }

  private:
    void key(std::string_view name) { writer_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size())); }
    rapidjson::StringBuffer buffer_;
    Writer writer_{buffer_};
};

}  // namespace tokenward::cli
