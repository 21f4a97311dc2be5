#include "base/json_writer.hpp"

#include "base/text.hpp"

namespace tokenward {

void JsonWriter::value(std::string_view text) {
    const auto write = [this](std::string_view utf8) {
        writer_.String(utf8.data(), static_cast<rapidjson::SizeType>(utf8.size()));
    };
    if (is_utf8(text)) {
        // RapidJSON takes a NULL for a broken call, also where the length is 0.
        write(text.data() == nullptr ? std::string_view("") : text);
    } else {
        write(to_utf8(text));
    }
}

}  // namespace tokenward
