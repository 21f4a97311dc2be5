// Writes JSON: RapidJSON's Writer over a std::string.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include <rapidjson/writer.h>

namespace tokenward {

/// Appends one JSON value to a string, compact. Bytes that aren't UTF-8 become U+FFFD. The caller keeps the
/// order: in an object a name stands in front of every value. All functions may throw std::bad_alloc.
class JsonWriter {
  public:
    explicit JsonWriter(std::string &out) : stream_{out}, writer_(stream_, &allocator_) {}
    JsonWriter(const JsonWriter &) = delete;
    JsonWriter &operator=(const JsonWriter &) = delete;

    void begin_object() { writer_.StartObject(); }
    void end_object() { writer_.EndObject(); }
    void begin_array() { writer_.StartArray(); }
    void end_array() { writer_.EndArray(); }

    /// A member's name.
    void name(std::string_view text) { value(text); }

    void value(std::string_view text);
    void value(const char *text) { value(std::string_view(text)); }
    void value(std::same_as<bool> auto flag) { writer_.Bool(flag); }
    void value(std::signed_integral auto number) { writer_.Int64(number); }
    void value(std::unsigned_integral auto number) requires(!std::same_as<decltype(number), bool>) {
        writer_.Uint64(number);
    }
    void null() { writer_.Null(); }
    /// A value that is JSON already.
    void raw(std::string_view json) {
        begin_value();
        stream_.out += json;
    }

    /// A name and its value.
    template <class T>
    void member(std::string_view member_name, const T &member_value) {
        name(member_name);
        value(member_value);
    }

  private:
    /// RapidJSON's part of a value that is appended as a whole: the comma or colon before it.
    void begin_value() { writer_.RawValue("", 0, rapidjson::kStringType); }

    struct Stream {
        using Ch = char;
        void Put(char c) { out.push_back(c); }
        static void Flush() noexcept {}
        std::string &out;
    };

    /// RapidJSON's own allocator answers NULL when memory runs out, and its stack writes there.
    struct ThrowingAllocator {
        static void *Malloc(std::size_t size) { return Realloc(nullptr, 0, size); }
        static void *Realloc(void *old, std::size_t /*old_size*/, std::size_t size) {
            void *const memory = std::realloc(old, size);
            if (memory == nullptr) throw std::bad_alloc();
            return memory;
        }
        static void Free(void *memory) noexcept { std::free(memory); }
    };

    Stream stream_;
    ThrowingAllocator allocator_;
    rapidjson::Writer<Stream, rapidjson::UTF8<>, rapidjson::UTF8<>, ThrowingAllocator> writer_;
};

}  // namespace tokenward
