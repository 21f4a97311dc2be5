#include "base/base64.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tokenward {
using namespace std::string_literals;

/// On the heap and of the exact size both ways, so that AddressSanitizer sees a byte too many.
std::optional<std::string> decode(std::string_view text) {
    const auto in = std::make_unique<char[]>(text.size());
    if (!text.empty()) std::memcpy(in.get(), text.data(), text.size());
    const std::size_t room = base64url_decoded_size(text.size());
    const auto out = std::make_unique<char[]>(room);
    const auto size = base64url_decode({in.get(), text.size()}, out.get());
    if (!size) return std::nullopt;
    EXPECT_LE(*size, room);
    return std::string(out.get(), *size);
}

TEST(Base64url, Table) {
    struct Row {
        const char *what;
        std::string text;
        std::optional<std::string> bytes;
    };
    const Row rows[] = {
        {"empty", "", ""},
        {"RFC 4648 section 10: f", "Zg", "f"},
        {"fo", "Zm8", "fo"},
        {"foo", "Zm9v", "foo"},
        {"foob", "Zm9vYg", "foob"},
        {"fooba", "Zm9vYmE", "fooba"},
        {"foobar", "Zm9vYmFy", "foobar"},
        {"RFC 7515 appendix C", "A-z_4ME", "\x03\xec\xff\xe0\xc1"},
        {"zeros", "AAAA", "\0\0\0"s},
        {"all ones", "____", "\xff\xff\xff"},
        {"padding", "Zg==", {}},
        {"padding of one", "Zm8=", {}},
        {"padding alone", "=", {}},
        {"padding of a whole group", "Zm9v====", {}},
        {"length 4n+1", "Z", {}},
        {"length 4n+1 behind a group", "Zm9vZ", {}},
        {"the standard alphabet's +", "ab+/", {}},
        {"mixed alphabets", "a-b/", {}},
        {"a space", "Zm9 ", {}},
        {"a newline at the end", "Zm9v\n", {}},
        {"a newline within", "Zm\n9", {}},
        {"a NUL", "Zm9\0"s, {}},
        {"a dot", "Zm9.", {}},
        {"a byte from 0x80 on", "Zm9\x80", {}},
        {"stray bits of a byte", "Zh", {}},
        {"stray bits of two bytes", "Zm9", {}},
        {"UTF-8", "Z\xc3\xa9g", {}},
    };
    for (const Row &row : rows) EXPECT_EQ(decode(row.text), row.bytes) << row.what;
}

/// Every text has at most one meaning and every meaning exactly one text.
void expect_canonical(std::string_view text) {
    const auto bytes = decode(text);
    if (!bytes) return;
    EXPECT_EQ(base64url_encode(*bytes), text);
}

TEST(Base64url, EveryTextOfOneToThreeBytesThatDecodesIsCanonical) {
    std::size_t decodable = 0;
    for (unsigned a = 0; a < 256; ++a) {
        EXPECT_FALSE(decode(std::string(1, static_cast<char>(a))));
        for (unsigned b = 0; b < 256; ++b) {
            const std::string text = {static_cast<char>(a), static_cast<char>(b)};
            expect_canonical(text);
            decodable += decode(text) ? 1 : 0;
        }
    }
    EXPECT_EQ(decodable, 256U);

    const std::string some = "AQgwBCDEFz0189-_+/=. ";
    for (const char a : some) {
        for (const char b : some) {
            for (const char c : some) expect_canonical(std::string{a, b, c});
        }
    }
}

TEST(Base64url, EveryForeignByteIsRefusedAtEveryPlace) {
    const std::string good = "Zm9vYmFyZm9vYmE";
    for (unsigned byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool in_alphabet =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        for (std::size_t place = 0; place + 1 < good.size(); ++place) {
            std::string text = good;
            text[place] = c;
            EXPECT_EQ(decode(text).has_value(), in_alphabet) << byte << " at " << place;
        }
    }
}

TEST(Base64url, RandomBytesComeBack) {
    std::mt19937 random(20240607);
    for (std::size_t size = 0; size < 200; ++size) {
        std::string bytes(size, '\0');
        for (char &c : bytes) c = static_cast<char>(random());
        EXPECT_EQ(decode(base64url_encode(bytes)), bytes);
    }
}

TEST(Base64, Table) {
    struct Row {
        const char *what;
        std::string text;
        std::optional<std::string> bytes;
    };
    const Row rows[] = {
        {"empty", "", ""},
        {"one byte", "Zg==", "f"},
        {"two bytes", "Zm8=", "fo"},
        {"three bytes", "Zm9v", "foo"},
        {"several groups", "Zm9vYmFyZm9vYg==", "foobarfoob"},
        {"the two last digits", "++//", "\xfb\xef\xff"},
        {"the alphabet of base64url", "--__", {}},
        {"no padding", "Zg", {}},
        {"half of the padding", "Zg=", {}},
        {"three of padding", "Z===", {}},
        {"padding alone", "====", {}},
        {"padding of a whole group", "Zm9v====", {}},
        {"padding within", "Zg==Zm9v", {}},
        {"padding in front of a digit", "Zg=v", {}},
        {"a trailing bit of a byte", "Zh==", {}},
        {"a trailing bit of two bytes", "Zm9=", {}},
        {"a space", "Zm9 ", {}},
        {"a newline", "Zm8\n", {}},
        {"a NUL", "Zm8\0"s, {}},
    };
    for (const Row &row : rows) {
        std::string out = "left over";
        EXPECT_EQ(base64_decode(row.text, out), row.bytes.has_value()) << row.what;
        EXPECT_EQ(out, row.bytes.value_or("")) << row.what;
    }
}

}  // namespace tokenward
