#include "base/json_writer.hpp"

#include "base/json.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace tokenward {
using namespace std::string_literals;

namespace {

std::string written(std::string_view text) {
    std::string out;
    JsonWriter(out).value(text);
    return out;
}

}  // namespace

TEST(JsonWriter, WritesObjectsArraysAndEveryKindOfValue) {
    std::string out = "kept ";
    JsonWriter json(out);
    json.begin_object();
    json.member("text", "a");
    json.member("string", std::string("b"));
    json.member("yes", true);
    json.member("int", -3);
    json.member("least", std::numeric_limits<std::int64_t>::min());
    json.member("most", std::numeric_limits<std::uint64_t>::max());
    json.name("raw");
    json.raw(R"({"x":[1,2]})");
    json.name("list");
    json.begin_array();
    json.null();
    json.value("c");
    json.begin_object();
    json.end_object();
    json.end_array();
    json.end_object();
    EXPECT_EQ(out, R"(kept {"text":"a","string":"b","yes":true,"int":-3,"least":-9223372036854775808,)"
                   R"("most":18446744073709551615,"raw":{"x":[1,2]},"list":[null,"c",{}]})");
}

TEST(JsonWriter, EscapesStrings) {
    EXPECT_EQ(written("a\"\\\n\x01/caf\xc3\xa9"), "\"a\\\"\\\\\\n\\u0001/caf\xc3\xa9\"");
    EXPECT_EQ(written("\0"s), "\"\\u0000\"");
    EXPECT_EQ(written(""), "\"\"");
    EXPECT_EQ(written(std::string_view()), "\"\"");
}

TEST(JsonWriter, ReplacesBytesThatAreNoUtf8) {
    EXPECT_EQ(written("a\xff\xed\xa0\x80z"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"");
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("\xc0", 1);
    json.end_object();
    EXPECT_EQ(out, "{\"\xEF\xBF\xBD\":1}");
}

/// What is written is read again as it was, whatever the bytes are.
TEST(JsonWriter, StrictParserTakesEveryByte) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        JsonDocument document;
        const auto value = document.parse(written(text), Reason::MALFORMED_TOKEN);
        ASSERT_TRUE(value) << byte;
        EXPECT_EQ(value->text(), byte < 0x80 ? text : "\xEF\xBF\xBD") << byte;
    }
}

}  // namespace tokenward
