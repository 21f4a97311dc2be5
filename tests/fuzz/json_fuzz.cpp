// Strict JSON: whatever is accepted is UTF-8, has sound indices, and written anew means the same.
#include "base/json.hpp"
#include "base/text.hpp"
#include "bounded.hpp"
#include "fuzz_check.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using tokenward::JsonDocument;
using tokenward::JsonValue;
using tokenward::Reason;

constexpr tokenward::fuzz::Limit limit{65536, 64, 4000, 200};

std::size_t visit(const JsonValue &value) {
    FUZZ_CHECK(tokenward::is_utf8(value.name()));
    FUZZ_CHECK(tokenward::is_utf8(value.text()));
    if (const auto number = value.floor_int64()) FUZZ_CHECK(value.is_number());
    std::size_t count = 1;
    for (const JsonValue member : value) {
        if (value.is_object()) {
            const auto found = value.find(member.name());
            FUZZ_CHECK(found && found->text().data() == member.text().data());  // so the name stands there once
        }
        count += visit(member);
    }
    return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static JsonDocument document;  // used again and again, as in the library
    tokenward::Result<JsonValue> value = tokenward::fail(Reason::MALFORMED_PAYLOAD, "not read");
    std::string text;
    tokenward::fuzz::bounded("json", limit, size, [&] {
        value = document.parse({reinterpret_cast<const char *>(data), size}, Reason::MALFORMED_PAYLOAD);
        if (value) value->append_to(text);
    });
    if (!value) {
        FUZZ_CHECK(!value.error().detail.empty());
        return 0;
    }
    const std::size_t count = visit(*value);

    JsonDocument other;
    const auto again = other.parse(text, Reason::MALFORMED_PAYLOAD);
    FUZZ_CHECK(again);
    FUZZ_CHECK(visit(*again) == count);
    std::string second;
    again->append_to(second);
    FUZZ_CHECK(second == text);
    return 0;
}
