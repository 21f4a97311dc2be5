#include "denied_lines.hpp"

#include "names.hpp"
#include "output.hpp"

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace tokenward::cli {
namespace {

constexpr std::string_view kinds[] = {"username", "jti", "client_id", "kid"};

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// A line of the file.
struct Line {
    std::string_view text;  ///< with its end
    std::string section;    ///< in which it stands
    bool is_header = false;
    Denial denial;  ///< empty: a header or a comment
};

/// A word with a broken escape stays as it is: the library refuses the line.
std::string decoded(std::string_view word) {
    return common::percent_decode(word, common::Plus::literal).value_or(std::string(word));
}

/// So that a person can read it: other bytes than ASCII stand as they are, which common::percent_encode escapes.
std::string encoded(std::string_view name) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > ' ' && byte != 0x7f && c != '%' && c != '#') {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        }
    }
    return out;
}

Denial words_of(std::string_view line) {
    constexpr std::string_view blanks = " \t\r\n";
    Denial words;
    for (;;) {
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (line.empty() || line.front() == '#') return words;
        const std::size_t end = std::min(line.find_first_of(blanks), line.size());
        words.push_back(decoded(line.substr(0, end)));
        line.remove_prefix(end);
    }
}

std::vector<Line> lines_of(std::string_view content) {
    std::vector<Line> lines;
    std::string section;
    if (content.starts_with(byte_order_mark)) {  // the library skips it
        lines.push_back({content.substr(0, byte_order_mark.size()), {}, false, {}});
        content.remove_prefix(byte_order_mark.size());
    }
    while (!content.empty()) {
        const std::size_t end = std::min(content.find('\n'), content.size() - 1) + 1;
        Line line{content.substr(0, end), section, false, words_of(content.substr(0, end))};
        if (line.denial.size() == 1 && line.denial.front().front() == '[') {
            section = line.denial.front();
            line = {line.text, section, true, {}};
        }
        lines.push_back(std::move(line));
        content.remove_prefix(end);
    }
    return lines;
}

/// "2026-11-28T21:00:00Z"
bool is_time(const std::string &text) {
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
    if (text.size() != form.size()) return false;
    for (std::size_t i = 0; i < form.size(); ++i) {
        const bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !is_digit : text[i] != form[i]) return false;
    }
    std::tm time{};
    if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time) == nullptr || time.tm_sec > 60) return false;
    const std::tm asked = time;
    (void)::timegm(&time);  // moves a day that no month has
    return time.tm_sec != asked.tm_sec || (time.tm_mday == asked.tm_mday && time.tm_mon == asked.tm_mon);
}

/// No longer than the library takes, UTF-8, and without what no name has.
bool is_name(const std::string &text) {
    constexpr std::size_t max_value_bytes = 1024;
    return text.size() <= max_value_bytes && for_terminal(text) == text;
}

}  // namespace

std::variant<Denial, std::string> read_denial(const std::vector<std::string> &words,
                                              const std::string &now_rfc3339) {
    const std::string forms =
        "'username NAME', 'jti ID', 'client_id ID', 'kid ID', 'issued_before TIME|now [username NAME]'";
    if (words.empty()) return "says nothing of whom: " + forms;
    if (std::any_of(words.begin(), words.end(), [](const std::string &word) { return word.empty(); }))
        return std::string("an empty name denies nobody");
    if (!std::all_of(words.begin(), words.end(), is_name))
        return std::string("takes names of up to 1024 bytes of UTF-8 without control characters");
    if (words.front() == "issued_before") {
        const bool of_user = words.size() == 4 && words[2] == "username";
        if (words.size() != 2 && !of_user) return "wants issued_before TIME|now [username NAME]";
        Denial denial = words;
        if (denial[1] == "now") denial[1] = now_rfc3339;
        if (!is_time(denial[1])) return "wants a time in UTC as 2026-11-28T21:00:00Z, or now";
        return denial;
    }
    if (std::find(std::begin(kinds), std::end(kinds), words.front()) == std::end(kinds))
        return "wants one of " + forms;
    if (words.size() != 2) return words.front() + " takes one value; put a name with spaces into quotes";
    return words;
}

std::string line_of(const Denial &denial) {
    std::string line;
    for (const std::string &word : denial) line += (line.empty() ? "" : " ") + encoded(word);
    return line;
}

std::optional<std::string> with_line(std::string_view content, const std::string &section,
                                     const Denial &denial) {
    const std::vector<Line> lines = lines_of(content);
    std::string out;
    std::optional<std::size_t> place;  // behind the last line of the section that says something
    if (section.empty()) place = 0;
    for (const Line &line : lines) {
        if (line.section == section && line.denial == denial) return std::nullopt;
        out += line.text;
        if (line.section == section && (line.is_header || !line.denial.empty() || line.text == byte_order_mark))
            place = out.size();
    }
    const bool headed =
        std::any_of(lines.begin(), lines.end(), [](const Line &line) { return line.is_header; });
    if (section.empty() && !headed) place = out.size();
    std::string added = line_of(denial) + '\n';
    if (!place) added.insert(0, (out.empty() ? "" : "\n") + section + '\n');
    return out.insert(place.value_or(out.size()), added);
}

std::optional<std::string> without_line(std::string_view content, const std::string &section,
                                        const Denial &denial) {
    std::string out;
    bool found = false;
    for (const Line &line : lines_of(content)) {
        if (line.section == section && line.denial == denial) {
            found = true;
        } else {
            out += line.text;
        }
    }
    if (!found) return std::nullopt;
    return out;
}

}  // namespace tokenward::cli
