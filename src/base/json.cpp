#include "base/json.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <string>

#include <rapidjson/reader.h>

namespace tokenward {
namespace {

// RapidJSON's SSE2 loops (RAPIDJSON_SSE2 in meson.build) read whole aligned blocks, up to 15 bytes past the NUL.
constexpr std::size_t padding = 16;

// Nothing we read comes near; and it keeps every index and length within 32 bits.
constexpr std::size_t max_text = std::size_t{1} << 28;

/// Up to this many members are compared in pairs, more are hashed: never quadratic in the text.
constexpr std::size_t max_pairwise = 32;

/// What one pass over the raw text finds out.
struct Scan {
    bool ascii = true;
    bool escapes = false;
    std::size_t control = std::string_view::npos;  ///< the first byte that may stand nowhere in JSON
};

bool is_forbidden_control(char c) noexcept {
    return static_cast<std::uint8_t>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

/// RapidJSON stops at a NUL as if the text ended there, and its SSE2 path lets 0x1A to 0x1F into strings.
/// Tab and newlines inside strings it does refuse.
Scan scan(std::string_view text) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t tops = ones << 7;
    // Whether any byte of an ASCII word is zero, or below 0x20; bytes from 0x80 on never count.
    const auto has_zero = [](std::uint64_t w) { return (w - ones) & ~w & tops; };
    const auto has_control = [](std::uint64_t w) { return (w - ones * 0x20) & ~w & tops; };

    Scan found;
    std::uint64_t high = 0;
    std::uint64_t backslash = 0;
    std::uint64_t control = 0;
    std::size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + i, sizeof word);
        high |= word;
        backslash |= has_zero(word ^ (ones * '\\'));
        control |= has_control(word);
    }
    for (; i < text.size(); ++i) {
        high |= static_cast<std::uint8_t>(text[i]);
        backslash |= static_cast<std::uint64_t>(text[i] == '\\');
        control |= static_cast<std::uint64_t>(is_forbidden_control(text[i]));
    }
    found.ascii = (high & tops) == 0;
    found.escapes = backslash != 0;
    if (control != 0) {
        const auto *at = std::find_if(text.begin(), text.end(), is_forbidden_control);
        if (at != text.end()) found.control = static_cast<std::size_t>(at - text.begin());
    }
    return found;
}

std::string at_byte(std::string what, std::size_t offset) {
    return std::move(what) + " at byte " + std::to_string(offset);
}

const char *describe(rapidjson::ParseErrorCode code) noexcept {
    switch (code) {
        case rapidjson::kParseErrorDocumentEmpty:
            return "no JSON value";
        case rapidjson::kParseErrorDocumentRootNotSingular:
            return "something after the end of the JSON value";
        case rapidjson::kParseErrorObjectMissName:
            return "a member name is missing";
        case rapidjson::kParseErrorObjectMissColon:
            return "a colon is missing";
        case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
            return "a comma or } is missing";
        case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
            return "a comma or ] is missing";
        case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
            return "a broken \\u escape";
        case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
            return "a lone surrogate";
        case rapidjson::kParseErrorStringEscapeInvalid:
            return "a broken escape or a control character";
        case rapidjson::kParseErrorStringMissQuotationMark:
            return "a string without end";
        case rapidjson::kParseErrorNumberTooBig:
            return "a number past the range of a double";
        case rapidjson::kParseErrorNumberMissFraction:
            return "a number without digits after the point";
        case rapidjson::kParseErrorNumberMissExponent:
            return "a number without digits in the exponent";
        default:
            return "not a JSON value";
    }
}

/// The reader's own stack, on ours: two 32-bit words for each open container, so that nothing is allocated.
class FixedStack {
  public:
    void *Malloc(std::size_t size) {
        if (size > sizeof space_) throw std::bad_alloc();
        return space_;
    }
    void *Realloc(void * /*old*/, std::size_t /*old_size*/, std::size_t new_size) { return Malloc(new_size); }
    static void Free(void * /*unused*/) noexcept {}

    static constexpr std::size_t size = (JsonDocument::max_depth + 2) * 2 * sizeof(rapidjson::SizeType);

  private:
    alignas(8) unsigned char space_[size];
};

/// Receives the reader's events and writes the tape.
class TapeWriter {
  public:
    TapeWriter(std::vector<JsonNode> &tape, std::vector<std::uint32_t> &open, std::vector<std::uint32_t> &slots,
               bool check_strings)
        : tape_(tape), open_(open), slots_(slots), check_strings_(check_strings) {}

    /// Why an event returned false.
    const std::string &problem() const noexcept { return problem_; }
    const char *hint() const noexcept { return hint_; }

    bool Null() { return add(JsonType::null, {}); }
    bool Bool(bool value) { return add(JsonType::boolean, value ? "true" : "false"); }
    bool RawNumber(const char *text, rapidjson::SizeType size, bool /*copy*/) {
        return add(JsonType::number, {text, size});
    }
    bool String(const char *text, rapidjson::SizeType size, bool /*copy*/) {
        return is_sound({text, size}) && add(JsonType::string, {text, size});
    }
    bool Key(const char *text, rapidjson::SizeType size, bool /*copy*/) {
        name_ = {text, size};
        return is_sound(name_);
    }
    bool StartObject() { return start(JsonType::object); }
    bool StartArray() { return start(JsonType::array); }
    bool EndObject(rapidjson::SizeType members) {
        const std::uint32_t index = finish();
        return members < 2 || names_are_distinct(index, members);
    }
    bool EndArray(rapidjson::SizeType /*elements*/) {
        finish();
        return true;
    }
    // All numbers come as text (kParseNumbersAsStringsFlag); the reader's templates name these all the same.
    bool Int(int /*unused*/) { return false; }
    bool Uint(unsigned /*unused*/) { return false; }
    bool Int64(std::int64_t /*unused*/) { return false; }
    bool Uint64(std::uint64_t /*unused*/) { return false; }
    bool Double(double /*unused*/) { return false; }

  private:
    bool add(JsonType type, std::string_view text) {
        tape_.push_back({name_, text, static_cast<std::uint32_t>(tape_.size() + 1), type});
        name_ = {};
        return true;
    }
    bool start(JsonType type) {
        if (open_.size() >= JsonDocument::max_depth) {
            problem_ = "nested deeper than " + std::to_string(JsonDocument::max_depth);
            return false;
        }
        open_.push_back(static_cast<std::uint32_t>(tape_.size()));
        return add(type, {});
    }
    std::uint32_t finish() {
        const std::uint32_t index = open_.back();
        open_.pop_back();
        tape_[index].next = static_cast<std::uint32_t>(tape_.size());
        return index;
    }

    /// The raw text is UTF-8 by now; only an escaped low surrogate without its high one can spoil it.
    bool is_sound(std::string_view text) {
        if (!check_strings_ || is_utf8(text)) return true;
        problem_ = "a lone surrogate";
        return false;
    }

    bool names_are_distinct(std::uint32_t object, std::size_t members) {
        return members <= max_pairwise ? compare_pairs(object) : compare_hashed(object, members);
    }
    bool compare_pairs(std::uint32_t object) {
        const std::uint32_t end = tape_[object].next;
        std::uint64_t seen = 0;  // one bit per bucket of length and ends: most names need no comparison
        for (std::uint32_t i = object + 1; i != end; i = tape_[i].next) {
            const std::string_view name = tape_[i].name;
            const std::uint64_t bit = std::uint64_t{1} << bucket(name);
            if ((seen & bit) != 0) {
                for (std::uint32_t j = object + 1; j != i; j = tape_[j].next) {
                    if (tape_[j].name == name) return duplicate(name);
                }
            }
            seen |= bit;
        }
        return true;
    }
    /// A table of the names seen. Whoever writes the text doesn't know the hash's key, so that none makes it slow.
    bool compare_hashed(std::uint32_t object, std::size_t members) {
        const std::uint32_t end = tape_[object].next;
        const std::size_t mask = std::bit_ceil(2 * members) - 1;
        slots_.assign(mask + 1, 0);  // 0 is the document itself, which is nobody's member
        for (std::uint32_t i = object + 1; i != end; i = tape_[i].next) {
            const std::string_view name = tape_[i].name;
            std::size_t at = hash_bytes(0, name) & mask;
            for (; slots_[at] != 0; at = (at + 1) & mask) {
                if (tape_[slots_[at]].name == name) return duplicate(name);
            }
            slots_[at] = i;
        }
        return true;
    }
    static unsigned bucket(std::string_view name) noexcept {
        if (name.empty()) return 0;
        const auto first = static_cast<std::uint8_t>(name.front());
        const auto last = static_cast<std::uint8_t>(name.back());
        return (first * 7U + last * 31U + static_cast<unsigned>(name.size()) * 3U) & 63U;
    }
    bool duplicate(std::string_view name) {
        problem_ = "duplicate member " + quote(name);
        hint_ = "keep one of the two";
        return false;
    }

    std::vector<JsonNode> &tape_;
    std::vector<std::uint32_t> &open_;
    std::vector<std::uint32_t> &slots_;
    bool check_strings_;
    std::string_view name_;
    std::string problem_;
    const char *hint_ = "";
};

}  // namespace

char *JsonDocument::buffer(std::size_t size) {
    if (size > max_text) throw std::bad_alloc();
    if (buffer_.size() < size + padding) buffer_.resize(size + padding);
    used_ = std::max(used_, size);
    return buffer_.data();
}

Result<JsonValue> JsonDocument::parse_in_place(std::size_t size, Reason reason) {
    char *text = buffer(size);
    text[size] = '\0';
    const std::string_view raw(text, size);
    const Scan found = scan(raw);
    if (found.control != std::string_view::npos) {
        return fail(reason, at_byte("a control character", found.control));
    }
    if (!found.ascii && !is_utf8(raw)) return fail(reason, "not UTF-8");

    tape_.clear();
    open_.clear();
    TapeWriter writer(tape_, open_, slots_, found.escapes);
    FixedStack stack;
    rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, FixedStack> reader(&stack, FixedStack::size);
    rapidjson::InsituStringStream stream(text);
    constexpr unsigned flags =
        rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
    const rapidjson::ParseResult result = reader.Parse<flags>(stream, writer);
    if (result.IsError()) {
        return fail(
            reason,
            at_byte(writer.problem().empty() ? describe(result.Code()) : writer.problem(), result.Offset()),
            writer.hint());
    }
    return JsonValue(tape_.data(), 0);
}

void JsonDocument::wipe(std::size_t most_kept_bytes) noexcept {
    tokenward::wipe(buffer_.data(), used_);
    used_ = 0;
    const std::size_t held = buffer_.capacity() + tape_.capacity() * sizeof(tape_[0]) +
                             open_.capacity() * sizeof(open_[0]) + slots_.capacity() * sizeof(slots_[0]);
    if (held > most_kept_bytes) *this = JsonDocument();
}

Result<JsonValue> JsonDocument::parse(std::string_view text, Reason reason) {
    if (text.size() > max_text) return fail(reason, "larger than " + std::to_string(max_text) + " bytes");
    char *copy = buffer(text.size());
    if (!text.empty()) std::memcpy(copy, text.data(), text.size());
    return parse_in_place(text.size(), reason);
}

}  // namespace tokenward
