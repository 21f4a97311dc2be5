// Sorts rows by several texts and numbers, column after column. Names of one application mostly begin alike, and a
// sort that compares whole texts reads that beginning again for each comparison. This one reads each text once: it
// sorts by the next eight bytes, then each run of equal ones by the bytes behind those. So its work is bounded by the
// bytes of all texts, whoever wrote them.
#pragma once

#include "access/reading_order.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

namespace tokenward::access {

/// `Row` has a member `std::uint64_t key`, which is the sorter's. `Columns` has static members:
///     count                 how many columns there are
///     backwards             true: texts are read from their last byte
///     is_text(column)       else it is a number
///     text(row, column), number(row, column)
/// Rows that are equal in all columns come in any order.
template <class Columns, class Row>
class RowSort {
  public:
    explicit RowSort(std::pmr::memory_resource &arena) : runs_(&arena) {}

    void sort(std::span<Row> rows) {
        push(rows, 0, 0);
        while (!runs_.empty()) {
            const Run run = runs_.back();
            runs_.pop_back();
            sort_run(run.rows, run.column, run.depth);
        }
    }

  private:
    static constexpr std::size_t key_bytes = sizeof(std::uint64_t);

    /// Rows that are equal in the columns before, and in the first `depth` bytes of this one.
    struct Run {
        std::span<Row> rows;
        std::size_t column;
        std::size_t depth;
    };

    void push(std::span<Row> rows, std::size_t column, std::size_t depth) {
        if (rows.size() > 1 && column < Columns::count) runs_.push_back({rows, column, depth});
    }

    /// Goes on in place as long as the rows don't differ.
    void sort_run(std::span<Row> rows, std::size_t column, std::size_t depth) {
        while (column < Columns::count) {
            bool at_end = true;
            bool differ = Columns::is_text(column) ? read_texts(rows, column, depth, at_end)
                                                   : read_numbers(rows, column);
            depth += key_bytes;
            if (!differ && at_end && Columns::is_text(column)) differ = read_sizes(rows, column);
            if (differ) {
                sort_by_key(rows);
                split(rows, at_end ? column + 1 : column, at_end ? 0 : depth);
                return;
            }
            if (!at_end) continue;
            ++column;
            depth = 0;
        }
    }

    /// True if the keys differ, here and in the next three.
    template <class KeyOfRow>
    static bool make_keys(std::span<Row> rows, KeyOfRow key_of_row) noexcept {
        std::uint64_t differences = 0;
        const std::uint64_t first = key_of_row(rows.front());
        for (Row &row : rows) {
            row.key = key_of_row(row);
            differences |= row.key ^ first;
        }
        return differences != 0;
    }
    /// `at_end`: they don't, and no text goes on behind them.
    static bool read_texts(std::span<Row> rows, std::size_t column, std::size_t depth, bool &at_end) noexcept {
        std::size_t longest = 0;
        const bool differ = make_keys(rows, [&](const Row &row) {
            const std::string_view text = Columns::text(row, column);
            longest = std::max(longest, text.size());
            return key_of<std::uint64_t, Columns::backwards>(
                text.size() > depth ? cut<Columns::backwards>(text, depth) : std::string_view());
        });
        at_end = !differ && longest <= depth + key_bytes;
        return differ;
    }
    static bool read_numbers(std::span<Row> rows, std::size_t column) noexcept {
        return make_keys(rows, [&](const Row &row) { return Columns::number(row, column); });
    }
    /// Of texts that differ in nothing but zero bytes at their ends.
    static bool read_sizes(std::span<Row> rows, std::size_t column) noexcept {
        return make_keys(rows, [&](const Row &row) { return Columns::text(row, column).size(); });
    }

    /// Often all but a few rows have the same key: those needn't be compared with each other.
    static void sort_by_key(std::span<Row> rows) {
        if (std::ranges::is_sorted(rows, {}, &Row::key)) return;
        const std::uint64_t usual = rows[rows.size() / 2].key;
        const auto has_usual = [&](const Row &row) { return row.key == usual; };
        if (2 * static_cast<std::size_t>(std::ranges::count_if(rows, has_usual)) < rows.size()) {
            std::ranges::sort(rows, {}, &Row::key);
            return;
        }
        // Not std::ranges: its subranges don't compile with clang 14 and libstdc++ 12.
        const auto others = std::partition(rows.begin(), rows.end(), has_usual);
        // First the smaller ones, then the usual ones, then the larger ones.
        std::ranges::sort(others, rows.end(), {}, &Row::key);
        const auto larger = std::partition_point(others, rows.end(), [&](const Row &row) { return row.key < usual; });
        std::rotate(rows.begin(), others, larger);
    }

    void split(std::span<Row> rows, std::size_t column, std::size_t depth) {
        for (std::size_t begin = 0; begin < rows.size();) {
            std::size_t end = begin + 1;
            while (end < rows.size() && rows[end].key == rows[begin].key) ++end;
            push(rows.subspan(begin, end - begin), column, depth);
            begin = end;
        }
    }

    std::pmr::vector<Run> runs_;
};

template <class Columns, class Row>
void sort_rows(std::span<Row> rows, std::pmr::memory_resource &arena) {
    RowSort<Columns, Row>(arena).sort(rows);
}

}  // namespace tokenward::access
