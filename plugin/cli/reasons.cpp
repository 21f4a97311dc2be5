#include "reasons.hpp"

#include "commands.hpp"
#include "json_writer.hpp"
#include "names.hpp"
#include "output.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace tokenward::cli {
namespace {

#define TOKENWARD_REASON(code, name, meaning, hint) {code, #name, meaning, hint},
constexpr ReasonRow rows[] = {
#include "reasons.def"
};
#undef TOKENWARD_REASON

std::string upper_case(std::string_view text) {
    std::string upper(text);
    for (char &c : upper) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        if (c == '-' || c == ' ') c = '_';
    }
    return upper;
}

/// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row.back();
}

void say_row(const ReasonRow &row) {
    say(std::string(row.name) + " (" + std::to_string(row.code) + ")");
    say("  meaning: " + std::string(row.meaning));
    if (!row.hint.empty()) say("  hint:    " + std::string(row.hint));
}

std::string json_of(const ReasonRow &row) {
    JsonWriter json;
    json.number("code", row.code)
        .text("name", row.name)
        .text("meaning", row.meaning)
        .text_or_null("hint", row.hint);
    return json.finish();
}

}  // namespace

std::span<const ReasonRow> reasons() {
    return rows;
}

const ReasonRow *find_reason(std::string_view name_or_code) {
    std::int32_t code = -1;
    const auto [end, error] =
        std::from_chars(name_or_code.data(), name_or_code.data() + name_or_code.size(), code);
    const bool is_code = error == std::errc() && end == name_or_code.data() + name_or_code.size();
    const std::string name = upper_case(name_or_code);
    for (const ReasonRow &row : rows) {
        if (is_code ? row.code == code : row.name == name) return &row;
    }
    return nullptr;
}

const ReasonRow *similar_reason(std::string_view name) {
    const std::string wanted = upper_case(name.substr(0, 64));
    if (wanted.empty()) return nullptr;
    // A name that contains the text, as TOKEN_EXPIRED contains EXPIRED, comes before a short name of small
    // distance.
    const auto rank = [&](const ReasonRow &row) {
        return std::pair(row.name.find(wanted) == std::string_view::npos, distance(wanted, row.name));
    };
    const ReasonRow *nearest =
        std::min_element(std::begin(rows), std::end(rows),
                         [&](const ReasonRow &a, const ReasonRow &b) { return rank(a) < rank(b); });
    const auto [other, letters] = rank(*nearest);
    return other && letters > wanted.size() / 2 ? nullptr : nearest;
}

ExitCode explain_reason(const CommonOptions &common, const std::string &reason) {
    if (reason.empty()) {
        for (const ReasonRow &row : rows) {
            if (common.json) {
                say(json_of(row));
            } else {
                say(std::to_string(row.code) + "  " + std::string(row.name) + ": " + std::string(row.meaning));
            }
        }
        return exit_yes;
    }
    const ReasonRow *row = find_reason(reason);
    if (row == nullptr) {
        const std::string name = common::quoted(reason);
        if (const ReasonRow *near = similar_reason(reason); near != nullptr) {
            (void)std::fprintf(stderr, "tokenward: there is no reason %s; did you mean %s?\n", name.c_str(),
                               std::string(near->name).c_str());
        } else {
            (void)std::fprintf(stderr,
                               "tokenward: there is no reason %s\n  hint: tokenward explain lists them all\n",
                               name.c_str());
        }
        return exit_usage;
    }
    if (common.json) {
        say(json_of(*row));
    } else {
        say_row(*row);
    }
    return exit_yes;
}

}  // namespace tokenward::cli
