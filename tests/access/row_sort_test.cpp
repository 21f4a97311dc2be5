#include "access/row_sort.hpp"

#include <algorithm>
#include <cstddef>
#include <memory_resource>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

struct Row {
    std::uint64_t key = 0;
    std::string first;
    std::uint64_t number = 0;
    std::string second;
};

template <bool Backwards>
struct Columns {
    static constexpr std::size_t count = 3;
    static constexpr bool backwards = Backwards;
    static inline std::size_t reads = 0;

    static bool is_text(std::size_t column) { return column != 1; }
    static std::uint64_t number(const Row &row, std::size_t) { return row.number; }
    static std::string_view text(const Row &row, std::size_t column) {
        ++reads;
        return column == 0 ? row.first : row.second;
    }
};

template <bool Backwards>
std::vector<std::tuple<std::string, std::uint64_t, std::string>> in_order_of_reading(const std::vector<Row> &rows) {
    std::vector<std::tuple<std::string, std::uint64_t, std::string>> result;
    for (const Row &row : rows) {
        result.emplace_back(row.first, row.number, row.second);
        if (!Backwards) continue;
        std::ranges::reverse(std::get<0>(result.back()));
        std::ranges::reverse(std::get<2>(result.back()));
    }
    return result;
}

template <bool Backwards>
void expect_sorted(std::vector<Row> rows, const std::string &what) {
    auto expected = in_order_of_reading<Backwards>(rows);
    std::ranges::sort(expected);
    std::pmr::monotonic_buffer_resource arena;
    sort_rows<Columns<Backwards>>(std::span(rows), arena);
    EXPECT_EQ(in_order_of_reading<Backwards>(rows), expected) << what;
}

// Few letters, zero bytes and bytes above 127 among them, and texts that are the beginning of others: nearly everything is
// equal for a while.
TEST(RowSort, SortsAsAComparisonOfAllTextsDoes) {
    std::mt19937 random(1);
    const std::string letters("\0a\xFF", 3);
    const auto text = [&] {
        std::string result(random() % 3 == 0 ? 20 : 0, 'x');
        for (std::size_t size = random() % 20; size > 0; --size) result += letters[random() % letters.size()];
        return result;
    };
    for (int round = 0; round < 2000; ++round) {
        std::vector<Row> rows;
        for (std::size_t count = random() % 30; count > 0; --count)
            rows.push_back({0, text(), random() % 2, random() % 2 == 0 ? "same" : text()});
        expect_sorted<false>(rows, "forwards, round " + std::to_string(round));
        expect_sorted<true>(rows, "backwards, round " + std::to_string(round));
    }
}

TEST(RowSort, TextsOfZeroBytesDifferInTheirSizes) {
    std::vector<Row> rows;
    for (std::size_t size = 40; size > 0; --size) rows.push_back({0, std::string(size - 1, '\0'), 0, ""});
    rows.push_back({0, std::string(20, '\0') + "a", 0, ""});
    expect_sorted<false>(rows, "forwards");
    expect_sorted<true>(rows, "backwards");
}

// One row leaves the others behind at each step, on one side and then on the other.
TEST(RowSort, AFewRowsBesideManyEqualOnes) {
    for (const char *side : {"0", "z", "0z"}) {
        std::vector<Row> rows;
        for (std::size_t i = 0; i < 60; ++i)
            rows.push_back({0, std::string(i % 30 * 8, 'm') + side[i % std::string_view(side).size()], i, ""});
        expect_sorted<false>(rows, side);
    }
}

// Each text is read once, eight bytes at a time: a token's scopes can't make it more, whatever they have in common.
TEST(RowSort, TheWorkIsBoundedByTheBytesOfTheTexts) {
    constexpr std::size_t count = 1000;
    std::mt19937 random(1);
    for (const bool nested : {false, true}) {
        std::vector<Row> rows;
        std::size_t steps = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::string text = std::string(nested ? i * 4 : 4096, 'a') + std::to_string(i);
            steps += text.size() / 8 + 8;
            rows.push_back({0, text, 0, ""});
        }
        std::ranges::shuffle(rows, random);
        Columns<false>::reads = 0;
        std::pmr::monotonic_buffer_resource arena;
        sort_rows<Columns<false>>(std::span(rows), arena);
        EXPECT_LE(Columns<false>::reads, steps) << (nested ? "nested" : "all alike");
    }
}

TEST(RowSort, NoRowsAndOneRow) {
    expect_sorted<false>({}, "none");
    expect_sorted<false>({{0, "a", 1, "b"}}, "one");
}

}  // namespace
}  // namespace tokenward::access
