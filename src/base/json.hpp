// Strict JSON (RFC 8259, I-JSON's demands of RFC 7493 section 2): UTF-8 without lone surrogates, no duplicate
// member at any depth (compared after unescaping), bounded depth, nothing but white space after the end. A
// number past the range of a double (1e400) is refused, as RapidJSON does it and RFC 7493 section 2.2 lets it.
//
// One parser for tokens, key sets, discovery documents and configuration: RapidJSON's SAX reader, iterative and
// in situ, fills a flat tape; nothing else in the project reads JSON.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward {

class JsonWriter;

enum class JsonType : std::uint8_t { null, boolean, number, string, array, object };

/// For a message: "a number", "null".
std::string_view describe(JsonType type) noexcept;

/// One value on the tape. A container is followed by its members; `next` is the index behind its last one.
struct JsonNode {
    std::string_view name;  ///< unescaped, of a member of an object; else empty
    std::string_view text;  ///< string: unescaped value; number: as written; boolean: "true" or "false"
    std::uint32_t next = 0;
    JsonType type = JsonType::null;
};

class JsonDocument;

/// A value inside a JsonDocument; valid until the document parses again or ends. Cheap to copy.
class JsonValue {
  public:
    JsonValue(const JsonNode *tape, std::uint32_t index) noexcept : tape_(tape), index_(index) {}

    JsonType type() const noexcept { return node().type; }
    bool is_null() const noexcept { return type() == JsonType::null; }
    bool is_boolean() const noexcept { return type() == JsonType::boolean; }
    bool is_number() const noexcept { return type() == JsonType::number; }
    bool is_string() const noexcept { return type() == JsonType::string; }
    bool is_array() const noexcept { return type() == JsonType::array; }
    bool is_object() const noexcept { return type() == JsonType::object; }

    std::string_view name() const noexcept { return node().name; }
    std::string_view text() const noexcept { return node().text; }
    bool boolean() const noexcept { return is_boolean() && node().text == "true"; }

    /// The number floored to a whole one; empty if it isn't a number or doesn't fit (RFC 7519 section 2,
    /// NumericDate allows fractions). 1e3 is 1000, -1.5 is -2, 1e300 is empty.
    std::optional<std::int64_t> floor_int64() const noexcept;

    /// The member of that name (exact bytes); empty if there is none or this is no object. Give the result a
    /// name before a range-for over it: C++20 ends the optional before the loop begins.
    std::optional<JsonValue> find(std::string_view name) const noexcept;

    /// The members of an object or elements of an array, in order; nothing for other types.
    class Iterator {
      public:
        Iterator(const JsonNode *tape, std::uint32_t index) noexcept : tape_(tape), index_(index) {}
        JsonValue operator*() const noexcept { return {tape_, index_}; }
        Iterator &operator++() noexcept {
            index_ = tape_[index_].next;
            return *this;
        }
        bool operator!=(const Iterator &other) const noexcept { return index_ != other.index_; }

      private:
        const JsonNode *tape_;
        std::uint32_t index_;
    };
    Iterator begin() const noexcept { return {tape_, is_array() || is_object() ? index_ + 1 : node().next}; }
    Iterator end() const noexcept { return {tape_, node().next}; }

    /// The value as compact JSON (names and strings escaped anew, numbers as written).
    void write_to(JsonWriter &json) const;
    void append_to(std::string &out) const;

  private:
    const JsonNode &node() const noexcept { return tape_[index_]; }

    const JsonNode *tape_;
    std::uint32_t index_;
};

/// Owns the text and the tape. Keep one and parse again: it allocates only when a larger text comes.
/// Not thread-safe.
class JsonDocument {
  public:
    static constexpr std::size_t max_depth = 32;

    /// Room for `size` bytes (and a NUL) to write the text into; then call parse_in_place(size).
    char *buffer(std::size_t size);
    /// Parses the bytes in buffer(). On failure detail says what and at which byte; the reason is `reason`.
    /// Only a duplicate member has a hint.
    Result<JsonValue> parse_in_place(std::size_t size, Reason reason);
    /// Copies `text` into the buffer and parses it.
    Result<JsonValue> parse(std::string_view text, Reason reason);
    /// Writes zeros over the text that buffer() had room for last, and gives the memory back if it is more than
    /// `most_kept_bytes`. Values of the document end.
    void wipe(std::size_t most_kept_bytes) noexcept;

  private:
    std::vector<char> buffer_;
    std::size_t used_ = 0;  ///< bytes of buffer_ since the last wipe()
    std::vector<JsonNode> tape_;
    std::vector<std::uint32_t> open_;      ///< containers that are not yet closed
    std::vector<std::uint32_t> slots_;     ///< room for the table of a large object's names
};

}  // namespace tokenward
