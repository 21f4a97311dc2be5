#include "base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace tokenward {
using namespace std::string_literals;

/// The text written anew, or "refused: " and why.
std::string round_trip(const std::string &text) {
    JsonDocument document;
    const auto value = document.parse(text, Reason::MALFORMED_PAYLOAD);
    if (!value) {
        EXPECT_EQ(value.error().reason, Reason::MALFORMED_PAYLOAD);
        return "refused: " + value.error().detail;
    }
    std::string out;
    value->append_to(out);
    return out;
}

std::string nested(std::size_t depth, const std::string &open, const std::string &close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += "1";
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
}

TEST(Json, Accepts) {
    struct Row {
        const char *what;
        std::string text;
        std::string rewritten;
    };
    const Row rows[] = {
        {"empty object", "{}", "{}"},
        {"empty array", "[]", "[]"},
        {"nested empties", R"([[],{},[[]],{"":{}}])", R"([[],{},[[]],{"":{}}])"},
        {"a scalar at the top", "\"a\"", "\"a\""},
        {"a number at the top", "0", "0"},
        {"literals", "[null,true,false]", "[null,true,false]"},
        {"white space of all four kinds", " \t\r\n{ \"a\" : [ 1 , 2 ] }\n ", R"({"a":[1,2]})"},
        {"numbers stay as written", "[0,-0,1.50,1e3,1E+3,-1.0e-7,12345678901234567890123]",
         "[0,-0,1.50,1e3,1E+3,-1.0e-7,12345678901234567890123]"},
        {"all short escapes", R"("\"\\\/\b\f\n\r\t")", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"an escaped NUL", R"("a\u0000b")", R"("a\u0000b")"},
        {"a surrogate pair", R"("\uD83D\ude00")", "\"\xf0\x9f\x98\x80\""},
        {"raw UTF-8", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"DEL and U+2028", "\"\x7f\xe2\x80\xa8\"", "\"\x7f\xe2\x80\xa8\""},
        {"same name in different objects", R"({"a":{"a":1},"b":{"a":2}})", R"({"a":{"a":1},"b":{"a":2}})"},
        {"names that differ in case", R"({"a":1,"A":2})", R"({"a":1,"A":2})"},
        {"an empty name beside others", R"({"":1," ":2})", R"({"":1," ":2})"},
        {"names that differ behind a NUL", R"({"a\u0000":1,"a":2,"a\u0000b":3})",
         R"({"a\u0000":1,"a":2,"a\u0000b":3})"},
        {"arrays as deep as allowed", nested(32, "[", "]"), nested(32, "[", "]")},
        {"objects as deep as allowed", nested(32, R"({"a":)", "}"), nested(32, R"({"a":)", "}")},
        {"a string across SIMD blocks", '"' + std::string(100, 'x') + '"', '"' + std::string(100, 'x') + '"'},
    };
    for (const Row &row : rows) EXPECT_EQ(round_trip(row.text), row.rewritten) << row.what;
}

TEST(Json, Refuses) {
    struct Row {
        std::string text;
        const char *why;
    };
    const Row rows[] = {
        {"", "no JSON value"},
        {"  ", "no JSON value"},
        {"{", "a member name is missing"},
        {"[", "not a JSON value"},
        {"[1", "a comma or ] is missing"},
        {"[1 2]", "a comma or ] is missing"},
        {"[1,]", "not a JSON value"},
        {"[,1]", "not a JSON value"},
        {"[1}", "a comma or ] is missing"},
        {R"({"a":1,})", "a member name is missing"},
        {R"({,"a":1})", "a member name is missing"},
        {R"({"a"})", "a colon is missing"},
        {R"({"a":})", "not a JSON value"},
        {R"({"a":1 "b":2})", "a comma or } is missing"},
        {R"({"a":1])", "a comma or } is missing"},
        {"{a:1}", "a member name is missing"},
        {"{'a':1}", "a member name is missing"},
        {"{1:1}", "a member name is missing"},
        {"{} {}", "something after the end"},
        {"{}x", "something after the end"},
        {"{},", "something after the end"},
        {"1 2", "something after the end"},
        {"{}\0"s, "a control character at byte 2"},
        {"{}\0{}"s, "a control character at byte 2"},
        {"\xef\xbb\xbf{}", "not a JSON value"},
        {"[1]//x", "something after the end"},
        {"[1/*x*/]", "a comma or ] is missing"},
        {"\f{}", "a control character at byte 0"},
        {"\v{}", "a control character at byte 0"},
        {"\xc2\xa0{}", "not a JSON value"},
        {"nul", "not a JSON value"},
        {"True", "not a JSON value"},
        {"truefalse", "something after the end"},
        {"NaN", "not a JSON value"},
        {"Infinity", "not a JSON value"},
        {"-Infinity", "not a JSON value"},
        {"Inf", "not a JSON value"},
        {"+1", "not a JSON value"},
        {"01", "something after the end"},
        {"-01", "something after the end"},
        {"-", "not a JSON value"},
        {"1.", "a number without digits after the point"},
        {".5", "not a JSON value"},
        {"1e", "a number without digits in the exponent"},
        {"1e+", "a number without digits in the exponent"},
        {"0x10", "something after the end"},
        {"0e999999999999", "a number past the range of a double"},
        {"1e400", "a number past the range of a double"},
        {"1" + std::string(400, '0'), "a number past the range of a double"},
        {R"("a)", "a string without end"},
        {R"("a\")", "a string without end"},
        {R"("\x41")", "a broken escape"},
        {R"("\)", "a broken escape"},
        {R"("\u12g4")", "a broken \\u escape"},
        {R"("\u12)", "a broken \\u escape"},
        {R"("\ud800")", "a lone surrogate"},
        {R"("\ud800x")", "a lone surrogate"},
        {R"("\ud800\n")", "a lone surrogate"},
        {R"("\ud800\ud800")", "a lone surrogate"},
        {R"("\udc00")", "a lone surrogate"},
        {R"("\udfff and more")", "a lone surrogate"},
        {R"({"\udc00":1})", "a lone surrogate"},
        {"\"\xff\"", "not UTF-8"},
        {"\"\xc3\"", "not UTF-8"},
        {"\"\xed\xa0\x80\"", "not UTF-8"},
        {"\"\xc0\xaf\"", "not UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "not UTF-8"},
        {"\"a\nb\"", "a broken escape or a control character"},
        {"\"a\tb\"", "a broken escape or a control character"},
        {"\"" + std::string(40, 'x') + "\r\"", "a broken escape or a control character"},
        {"\"\0\""s, "a control character at byte 1"},
        {R"({"a":1,"a":1})", "duplicate member \"a\""},
        {R"({"a":1,"b":2,"\u0061":1})", "duplicate member \"a\""},
        {R"({"":1,"":2})", "duplicate member \"\""},
        {R"({"a\u0000":1,"a\u0000":2})", "duplicate member \"a\\x00\""},
        {R"([{"x":{"a":[],"a":{}}}])", "duplicate member \"a\""},
        {nested(33, "[", "]"), "nested deeper than 32"},
        {nested(33, R"({"a":)", "}"), "nested deeper than 32"},
        {std::string(100000, '['), "nested deeper than 32"},
    };
    for (const Row &row : rows) {
        const std::string result = round_trip(row.text);
        EXPECT_EQ(result.substr(0, 9 + std::string(row.why).size()), "refused: " + std::string(row.why))
            << row.text.substr(0, 60);
    }
}

TEST(Json, RefusesEveryControlCharacterAtEveryPlaceInAString) {
    // RapidJSON's SSE2 path lets 0x1A to 0x1F pass, and blocks of 16 begin anywhere.
    for (int control = 0; control < 0x20; ++control) {
        for (std::size_t place = 0; place < 40; ++place) {
            std::string text = '"' + std::string(40, 'x') + '"';
            text[1 + place] = static_cast<char>(control);
            EXPECT_EQ(round_trip(text).substr(0, 8), "refused:") << control << " at " << place;
        }
    }
}

// AddressSanitizer sees a read behind the buffer. A new document's buffer is no larger than this text needs.
TEST(Json, ReadsNothingBehindItsBuffer) {
    for (std::size_t size = 0; size < 80; ++size) {
        EXPECT_EQ(round_trip('"' + std::string(size, 'x')).substr(0, 33), "refused: a string without end at ") << size;
        EXPECT_EQ(round_trip(std::string(size, ' ')).substr(0, 23), "refused: no JSON value ") << size;
        EXPECT_EQ(round_trip("[]" + std::string(size, ' ')), "[]") << size;
    }
}

TEST(Json, FindsDuplicatesInObjectsOfEverySize) {
    for (const int members : {2, 3, 31, 32, 33, 34, 100, 3000}) {
        std::string text = "{";
        for (int i = 0; i < members; ++i) {
            if (i != 0) text += ',';
            text.append("\"m").append(std::to_string(i)).append("\":[0]");
        }
        EXPECT_EQ(round_trip(text + "}"), text + "}") << members;
        for (const int twin : {0, members / 2, members - 1}) {
            std::string doubled = text;
            doubled.append(",\"m").append(std::to_string(twin)).append("\":0}");
            const std::string expected = "refused: duplicate member \"m" + std::to_string(twin) + "\" at byte ";
            EXPECT_EQ(round_trip(doubled).substr(0, expected.size()), expected) << members;
        }
    }
}

TEST(Json, FloorsNumbers) {
    struct Row {
        const char *text;
        std::optional<std::int64_t> floor;
    };
    constexpr std::int64_t max = INT64_MAX;
    constexpr std::int64_t min = INT64_MIN;
    const Row rows[] = {
        {"0", 0},
        {"-0", 0},
        {"-0.0", 0},
        {"0e300", 0},
        {"0e-999999999999999999999", 0},
        {"1", 1},
        {"1e3", 1000},
        {"1.9e1", 19},
        {"1.99e1", 19},
        {"1.9", 1},
        {"-1.5", -2},
        {"-0.5", -1},
        {"-2.000", -2},
        {"0.999999999999999999999999", 0},
        {"1e-999999999999", 0},
        {"-1e-999999999999", -1},
        {"1700000000.999", 1700000000},
        {"17000000000e-1", 1700000000},
        {"0.0000000017e18", 1700000000},
        {"9223372036854775807", max},
        {"9223372036854775807.9", max},
        {"9223372036854775808", {}},
        {"922337203685477580.8e1", {}},
        {"922337203685477580.7e1", max},
        {"-9223372036854775808", min},
        {"-9223372036854775807.5", min},
        {"-9223372036854775808.5", {}},
        {"-9223372036854775809", {}},
        {"10000000000000000000", {}},
        {"18446744073709551616", {}},
        {"1e19", {}},
        {"1e18", 1000000000000000000},
        {"1e300", {}},
        {"-1e300", {}},
        {"\"1\"", {}},
        {"null", {}},
        {"true", {}},
        {"[1]", {}},
        {"{}", {}},
    };
    JsonDocument document;
    for (const Row &row : rows) {
        const auto value = document.parse(row.text, Reason::MALFORMED_PAYLOAD);
        ASSERT_TRUE(value) << row.text;
        EXPECT_EQ(value->floor_int64(), row.floor) << row.text;
    }
}

TEST(Json, NavigatesTheTape) {
    JsonDocument document;
    const auto root =
        document.parse(R"({"a":[1,[2,{"deep":3}],{}],"":"empty","b":{"c":false,"d":null},"e":true})",
                       Reason::MALFORMED_PAYLOAD);
    ASSERT_TRUE(root);
    EXPECT_EQ(root->find("")->text(), "empty");
    EXPECT_EQ(root->find("b")->find("c")->text(), "false");
    EXPECT_FALSE(root->find("b")->find("c")->boolean());
    EXPECT_TRUE(root->find("b")->find("d")->is_null());
    EXPECT_TRUE(root->find("e")->boolean());
    EXPECT_FALSE(root->find("deep"));
    EXPECT_FALSE(root->find("A"));
    EXPECT_FALSE(root->find("a")->find("deep"));
    EXPECT_FALSE(root->find("")->find("x"));

    std::string types;
    const JsonValue array = *root->find("a");
    for (const JsonValue element : array) {
        EXPECT_EQ(element.name(), "");
        types += element.is_number() ? 'n' : element.is_array() ? 'a' : element.is_object() ? 'o' : '?';
    }
    EXPECT_EQ(types, "nao");
    const JsonValue scalar = *root->find("e");
    for (const JsonValue nothing : scalar) ADD_FAILURE() << nothing.text();
    std::string names;
    for (const JsonValue member : *root) names += std::string(member.name()) + ';';
    EXPECT_EQ(names, "a;;b;e;");
}

TEST(Json, IsUsableAgainAfterAFailure) {
    JsonDocument document;
    EXPECT_FALSE(document.parse(R"([[[{"a":1,"a":2)", Reason::MALFORMED_PAYLOAD));
    EXPECT_FALSE(document.parse(std::string(5000, '['), Reason::MALFORMED_PAYLOAD));
    const auto value = document.parse("[1]", Reason::MALFORMED_PAYLOAD);
    ASSERT_TRUE(value);
    EXPECT_EQ((*value->begin()).text(), "1");
}

}  // namespace tokenward
