#include "base/json_writer.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace tokenward {

namespace {

/// True if it stands in JSON as it is (RFC 8259 section 7), being UTF-8.
bool needs_no_escape(std::string_view text) noexcept {
    static constexpr auto plain = [] {
        std::array<bool, 256> table{};
        for (std::size_t byte = 0x20; byte < table.size(); ++byte) table[byte] = byte != '"' && byte != '\\';
        return table;
    }();
    return std::ranges::all_of(text, [](char c) { return plain[static_cast<unsigned char>(c)]; });
}

}  // namespace

void JsonWriter::value(std::string_view text) {
    if (is_utf8(text) && needs_no_escape(text)) {
        begin_value();
        ((stream_.out += '"') += text) += '"';
        return;
    }
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
