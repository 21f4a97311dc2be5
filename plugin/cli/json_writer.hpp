// JSON for scripts: what --json prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace tokenward::cli {

/// A value as one line of compact JSON.
[[nodiscard]] std::string compact(const rapidjson::Value &value);

/// Builds one JSON object, member by member.
class JsonWriter {
  public:
    JsonWriter() { writer_.StartObject(); }

    JsonWriter &text(std::string_view name, std::string_view value) {
        key(name);
        string(value);
        return *this;
    }
    /// As text, or null if it is empty.
    JsonWriter &text_or_null(std::string_view name, std::string_view value) {
        if (!value.empty()) return text(name, value);
        key(name);
        writer_.Null();
        return *this;
    }
    JsonWriter &boolean(std::string_view name, bool value) {
        key(name);
        writer_.Bool(value);
        return *this;
    }
    JsonWriter &number(std::string_view name, std::int64_t value) {
        key(name);
        writer_.Int64(value);
        return *this;
    }
    JsonWriter &null(std::string_view name) {
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
    rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace tokenward::cli
