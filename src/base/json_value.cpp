#include "base/json.hpp"
#include "base/json_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

namespace tokenward {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// A JSON number's parts; the reader has checked its form.
struct NumberParts {
    bool negative = false;
    std::string_view whole;     ///< digits before the point
    std::string_view fraction;  ///< digits behind it
    std::int64_t exponent = 0;  ///< held within +-max_exponent

    static constexpr std::int64_t max_exponent = std::int64_t{1} << 40;  // far past any text's length

    explicit NumberParts(std::string_view text) noexcept {
        negative = !text.empty() && text.front() == '-';
        if (negative) text.remove_prefix(1);
        whole = take_digits(text);
        if (!text.empty() && text.front() == '.') {
            text.remove_prefix(1);
            fraction = take_digits(text);
        }
        if (text.empty()) return;
        text.remove_prefix(1);  // e
        const bool minus = !text.empty() && text.front() == '-';
        if (!text.empty() && !is_digit(text.front())) text.remove_prefix(1);
        for (const char c : text) exponent = std::min(exponent * 10 + (c - '0'), max_exponent);
        if (minus) exponent = -exponent;
    }

    std::size_t digits() const noexcept { return whole.size() + fraction.size(); }
    char digit(std::size_t i) const noexcept {
        return i < whole.size() ? whole[i] : fraction[i - whole.size()];
    }

  private:
    static std::string_view take_digits(std::string_view &text) noexcept {
        std::size_t n = 0;
        while (n < text.size() && is_digit(text[n])) ++n;
        const std::string_view digits = text.substr(0, n);
        text.remove_prefix(n);
        return digits;
    }
};

}  // namespace

std::string_view describe(JsonType type) noexcept {
    switch (type) {
        case JsonType::null:
            return "null";
        case JsonType::boolean:
            return "a boolean";
        case JsonType::number:
            return "a number";
        case JsonType::string:
            return "a string";
        case JsonType::array:
            return "an array";
        case JsonType::object:
            break;
    }
    return "an object";
}

std::optional<std::int64_t> JsonValue::floor_int64() const noexcept {
    if (!is_number()) return std::nullopt;
    const NumberParts number(text());
    std::size_t first = 0;
    while (first < number.digits() && number.digit(first) == '0') ++first;
    if (first == number.digits()) return 0;

    // How many digits from `first` on stand before the point once the exponent has moved it.
    const std::int64_t before_point =
        static_cast<std::int64_t>(number.whole.size()) + number.exponent - static_cast<std::int64_t>(first);
    if (before_point <= 0) return number.negative ? -1 : 0;
    constexpr std::int64_t max_digits = 19;  // of an int64; that many nines fit a uint64
    if (before_point > max_digits) return std::nullopt;

    std::uint64_t magnitude = 0;
    std::size_t i = first;
    for (std::int64_t n = 0; n < before_point; ++n, ++i) {
        magnitude =
            magnitude * 10 + (i < number.digits() ? static_cast<std::uint64_t>(number.digit(i) - '0') : 0);
    }
    bool has_fraction = false;
    for (; i < number.digits(); ++i) has_fraction = has_fraction || number.digit(i) != '0';

    constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!number.negative) {
        if (magnitude > max) return std::nullopt;
        return static_cast<std::int64_t>(magnitude);
    }
    if (has_fraction) ++magnitude;
    if (magnitude > max + 1) return std::nullopt;
    return static_cast<std::int64_t>(std::uint64_t{0} - magnitude);
}

std::optional<JsonValue> JsonValue::find(std::string_view name) const noexcept {
    if (!is_object()) return std::nullopt;
    // Names of the same length nearly always differ in the last byte: no call for those.
    const char last = name.empty() ? '\0' : name.back();
    for (const JsonValue member : *this) {
        const std::string_view other = member.name();
        if (other.size() != name.size() || (!other.empty() && other.back() != last)) continue;
        if (other == name) return member;
    }
    return std::nullopt;
}

void JsonValue::write_to(JsonWriter &json) const {
    switch (type()) {
        case JsonType::null:
            json.null();
            return;
        case JsonType::boolean:
            json.value(boolean());
            return;
        case JsonType::number:
            json.raw(text());
            return;
        case JsonType::string:
            json.value(text());
            return;
        case JsonType::array:
            json.begin_array();
            for (const JsonValue element : *this) element.write_to(json);
            json.end_array();
            return;
        case JsonType::object:
            json.begin_object();
            for (const JsonValue member : *this) {
                json.name(member.name());
                member.write_to(json);  // no deeper than JsonDocument::max_depth
            }
            json.end_object();
            return;
    }
}

void JsonValue::append_to(std::string &out) const {
    JsonWriter json(out);
    write_to(json);
}

}  // namespace tokenward
