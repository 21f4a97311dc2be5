// The names that hosts write and read: plugin/common and the questions of the command line.
#include "names.hpp"

#include "question.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::cli {
namespace {

using common::percent_decode;
using common::percent_encode;
using common::Plus;
using common::without_share;

TEST(Names, PercentDecode) {
    EXPECT_EQ(percent_decode("a%2Fb%2fc", Plus::space), "a/b/c");
    EXPECT_EQ(percent_decode("a+b", Plus::space), "a b");
    EXPECT_EQ(percent_decode("a+b", Plus::literal), "a+b");
    EXPECT_EQ(percent_decode("%00", Plus::space), std::string(1, '\0'));
    EXPECT_EQ(percent_decode("", Plus::space), "");
    for (const char *broken : {"%", "%2", "a%2", "%zz", "%2z", "%%41"})
        EXPECT_FALSE(percent_decode(broken, Plus::space)) << broken;
}

TEST(Names, EncodingComesBackAsItWas) {
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    EXPECT_EQ(percent_decode(percent_encode(every_byte), Plus::space), every_byte);
    EXPECT_EQ(percent_encode("a/b*c d+e%"), "a%2Fb%2Ac%20d%2Be%25");
}

TEST(Names, SharedSubscriptions) {
    EXPECT_EQ(without_share("a/b"), "a/b");
    EXPECT_EQ(without_share("$share/g/a/+"), "a/+");
    EXPECT_EQ(without_share("$share/g/$SYS/#"), "$SYS/#");
    EXPECT_EQ(without_share("$share/g//a"), "/a");
    EXPECT_EQ(without_share("$shared/g/a"), "$shared/g/a");
    EXPECT_EQ(without_share("x/$share/g/a"), "x/$share/g/a");
    // Taken off twice it would be another filter than the one that the broker matches.
    EXPECT_EQ(without_share("$share/g/$share/h/a"), "$share/h/a");
    for (const char *broken : {"$share/", "$share/g", "$share/g/", "$share//a"})
        EXPECT_FALSE(without_share(broken)) << broken;
}

TEST(Names, Printable) {
    EXPECT_EQ(common::printable("a'b\\c\n\x1b\xc3\xa9"), "a'b\\\\c\\x0A\\x1B\\xC3\\xA9");
    EXPECT_EQ(common::quoted("a'b\\"), "'a\\'b\\\\'");
    EXPECT_EQ(common::quoted("abcdef", 3), "'abc...'");
    EXPECT_EQ(common::printable("abcdef", 3), "abc...");
}

TEST(Question, Parts) {
    struct Row {
        const char *text;
        const char *vhost;
        const char *resource;
        std::optional<std::string> key;
        const char *spelling;
    };
    const Row rows[] = {
        {"%2F/orders", "/", "orders", std::nullopt, "write:%2F/orders"},
        {"v/q/k", "v", "q", "k", "write:v/q/k"},
        {"v/q/", "v", "q", "", "write:v/q/"},
        {"/q", "", "q", std::nullopt, "write:/q"},
        {"v/", "v", "", std::nullopt, "write:v/"},
        {"v/a+b%20c", "v", "a b c", std::nullopt, "write:v/a%20b%20c"},
        {"v/a%2Ab", "v", "a*b", std::nullopt, "write:v/a%2Ab"},
        {"v/a#b", "v", "a#b", std::nullopt, "write:v/a#b"},
    };
    for (const Row &row : rows) {
        const auto parsed = parse_question(TOKENWARD_WRITE, row.text);
        const auto *question = std::get_if<Question>(&parsed);
        ASSERT_NE(question, nullptr) << row.text;
        EXPECT_EQ(question->vhost, row.vhost) << row.text;
        EXPECT_EQ(question->resource, row.resource) << row.text;
        EXPECT_EQ(question->routing_key, row.key) << row.text;
        EXPECT_EQ(question->spelling(), row.spelling) << row.text;
    }
}

TEST(Question, NoRoutingKeyIsNotAnEmptyOne) {
    const auto without = std::get<Question>(parse_question(TOKENWARD_READ, "v/q"));
    EXPECT_EQ(without.request().flags, 0u);
    const auto empty = std::get<Question>(parse_question(TOKENWARD_READ, "v/q/"));
    EXPECT_EQ(empty.request().flags, TOKENWARD_ROUTING_KEY);
    EXPECT_EQ(empty.request().routing_key.size, 0u);
}

TEST(Question, ThatIsNone) {
    for (const char *text : {"", "v", "a/b/c/d", "v/a*", "*/q", "v/q/*", "v/%", "%2/q"}) {
        const auto parsed = parse_question(TOKENWARD_READ, text);
        EXPECT_TRUE(std::holds_alternative<std::string>(parsed)) << text;
    }
}

TEST(Question, MqttFilters) {
    struct Row {
        const char *text;
        const char *vhost;
        const char *filter;
    };
    const Row rows[] = {
        {"%2F/sensors/+/t", "/", "sensors/+/t"},
        {"%2F/#", "/", "#"},
        {"v//a", "v", "/a"},
        {"v/a%20b/%23", "v", "a b/#"},
        {"v/a*b", "v", "a*b"},
        {"v/$share/g/a/#", "v", "a/#"},
        {"a+b/c+d", "a b", "c+d"},
        {"%2A/a", "*", "a"},
    };
    for (const Row &row : rows) {
        const auto parsed = parse_mqtt_filter(row.text);
        const auto *question = std::get_if<Question>(&parsed);
        ASSERT_NE(question, nullptr) << row.text;
        EXPECT_EQ(question->vhost, row.vhost);
        EXPECT_EQ(question->resource, row.filter);
        EXPECT_EQ(question->request().flags, TOKENWARD_MQTT_FILTER);
        EXPECT_EQ(question->operation, TOKENWARD_READ);
        EXPECT_FALSE(question->routing_key);
    }
    for (const char *text : {"", "v", "v/", "v/%", "*/a", "v/$share/g"})
        EXPECT_TRUE(std::holds_alternative<std::string>(parse_mqtt_filter(text))) << text;
}

}  // namespace
}  // namespace tokenward::cli
