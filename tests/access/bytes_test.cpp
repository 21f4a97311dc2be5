#include "access/bytes.hpp"

#include "access/pattern.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace tokenward::access {

TEST(Bytes, WritesNothingBesideItsPlace) {
    for (std::size_t size = 0; size <= 40; ++size) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i);
        std::string room(60, '-');
        EXPECT_EQ(write_bytes(room.data() + 10, text), room.data() + 10 + size);
        EXPECT_EQ(room, std::string(10, '-') + text + std::string(50 - size, '-'));
    }
}

// What other machines do instead of SSE2 is tried here, too.
TEST(Bytes, FindsAByteInABlockOnAnyMachine) {
    for (int other = 0; other < 256; ++other) {
        for (const int byte : {other, other ^ 1, other ^ 0x80, 0, 0xFF}) {
            for (unsigned places : {0U, 1U, 0x8000U, 0x0180U, 0xFFFFU, 0xA5C3U}) {
                std::string block(block_bytes, static_cast<char>(other));
                for (std::size_t i = 0; i < block_bytes; ++i) {
                    if ((places >> i & 1U) != 0) block[i] = static_cast<char>(byte);
                }
                const unsigned expected = byte == other ? 0xFFFFU : places;
                ASSERT_EQ(equal_in_words(block.data(), static_cast<char>(byte)), expected)
                    << other << ' ' << byte;
                ASSERT_EQ(equal_in_block(block.data(), static_cast<char>(byte)), expected)
                    << other << ' ' << byte;
            }
        }
    }
}

TEST(Bytes, FindsTheFirstOfSeveralBytes) {
    for (std::size_t size = 0; size <= 50; ++size) {
        for (std::size_t from = 0; from <= size; ++from) {
            EXPECT_EQ((find_any<'*', '%'>(std::string(size, 'a'), from)), std::string::npos)
                << size << ' ' << from;
            for (std::size_t at = from; at < size; ++at) {
                std::string text(size, 'a');
                text[at] = '%';
                if (at > 0) text[from > 0 ? from - 1 : 0] = from > 0 ? '*' : 'a';
                text.back() = at + 1 == size ? '%' : '*';
                ASSERT_EQ((find_any<'*', '%'>(text, from)), at) << text << ' ' << from;
            }
        }
    }
}

// Every word of two letters in every word of two letters: what std::string finds.
TEST(Bytes, FindsALiteralWhereItStandsFirst) {
    const auto word = [](std::uint64_t bits, std::size_t size) {
        std::string text(size, 'a');
        for (std::size_t i = 0; i < size; ++i) {
            if ((bits >> i & 1U) != 0) text[i] = i % 3 == 0 ? '/' : 'b';
        }
        return text;
    };
    for (const std::size_t size : {3U, 9U, 15U, 16U, 17U, 31U, 40U}) {
        for (unsigned bits = 1; bits < 4000; bits += 37) {
            const std::string text = word(std::uint64_t{bits} * 2654435761U, size);
            for (std::size_t literal_size = 1; literal_size <= 6; ++literal_size) {
                for (unsigned literal = 0; literal < 64; literal += 5) {
                    const std::string inner = word(literal, literal_size);
                    const std::string pattern = std::string("*") + inner + "*" + inner + "*";
                    std::size_t found = text.find(inner);
                    if (found != std::string::npos) found = text.find(inner, found + inner.size());
                    Arena arena;
                    ScanBudget budget;
                    std::string raw;
                    for (const char c : pattern) raw += c == '/' ? std::string("%2F") : std::string(1, c);
                    ASSERT_EQ(matches(compile_pattern(raw, arena), text, budget), found != std::string::npos)
                        << pattern << ' ' << text;
                }
            }
        }
    }
}

}  // namespace tokenward::access
