#include "base/text.hpp"
#include "config/entry.hpp"
#include "config/options.hpp"
#include "config/url.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace tokenward::config {
namespace {

constexpr std::size_t max_line_bytes = 4096;
constexpr std::string_view blanks = " \t\v\f";

/// A comment behind a value, " #" or " ;". LavinMQ would take it for a part of the value.
bool has_comment_behind(std::string_view value) {
    for (std::size_t i = 1; i < value.size(); ++i) {
        if ((value[i] == '#' || value[i] == ';') && blanks.find(value[i - 1]) != std::string_view::npos)
            return true;
    }
    return !value.empty() && (value.front() == '#' || value.front() == ';');
}

bool is_in_quotes(std::string_view value) {
    return value.size() >= 2 && value.front() == value.back() &&
           (value.front() == '"' || value.front() == '\'');
}

/// Where the = behind the key stands. One in quotes is a part of a name: scope_aliases."CN=X,OU=Y" = SCOPE. The
/// quotes end where a = follows them.
std::size_t end_of_key(std::string_view line) {
    const std::size_t open = line.find(".\"");
    const std::size_t equals = line.find('=');
    if (open == std::string_view::npos || equals < open) return equals;
    for (std::size_t quote = line.find('"', open + 2); quote != std::string_view::npos;
         quote = line.find('"', quote + 1)) {
        const std::size_t next = line.find_first_not_of(blanks, quote + 1);
        if (next != std::string_view::npos && line[next] == '=') return next;
    }
    return equals;
}

/// MAP."NAME" without the quotes.
std::string without_quotes(std::string_view key) {
    const std::size_t open = key.find(".\"");
    if (open == std::string_view::npos || open + 2 >= key.size() || key.back() != '"') return std::string(key);
    return std::string(key.substr(0, open + 1)).append(key.substr(open + 2, key.size() - open - 3));
}

class IniReader {
  public:
    explicit IniReader(std::string_view path) : path_(show_path(path)) {}

    Result<std::vector<Entry>> read(std::string_view content) {
        content = without_byte_order_mark(content);
        while (!content.empty()) {
            const std::size_t end = std::min(content.find('\n'), content.size());
            std::string_view line = content.substr(0, end);
            content.remove_prefix(std::min(end + 1, content.size()));
            ++line_;
            if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
            if (auto result = read_line(line); !result) return pass_on(std::move(result));
        }
        return std::move(entries_);
    }

  private:
    std::string here() const { return fmt::format("{}:{}: ", path_, line_); }
    auto bad(std::string_view what) const { return fail(Reason::CONFIG_SYNTAX, here() + std::string(what)); }

    Result<void> read_line(std::string_view line) {
        if (line.find('\0') != std::string_view::npos) return bad("a NUL byte: the file must be text in UTF-8");
        if (line.size() > max_line_bytes) {
            return bad(fmt::format("the line has {} bytes, more than {}", line.size(), max_line_bytes));
        }
        line = trim(line, blanks);
        if (line.empty() || line.front() == '#' || line.front() == ';') return {};
        if (line.front() == '[') return read_section(line);
        return foreign_ ? Result<void>{} : read_key(line);
    }

    Result<void> read_section(std::string_view line) {
        const std::size_t end = line.find(']');
        if (end == std::string_view::npos) {
            return bad(fmt::format("the section {} has no closing ]", quote(line)));
        }
        if (end != line.size() - 1) {
            return bad(fmt::format("something follows the section {}: comments stand on lines of their own",
                                   quote(line.substr(0, end + 1))));
        }
        const std::string_view name = line.substr(1, end - 1);
        foreign_ = is_foreign_section(name);
        if (foreign_) return {};
        if (auto checked = check_section_name(name, here()); !checked) return checked;
        section_ = name;
        entries_.push_back({section_, {}, {}, here()});
        return {};
    }

    Result<void> read_key(std::string_view line) {
        const std::size_t equals = end_of_key(line);
        if (equals == std::string_view::npos) {
            return bad(fmt::format("{} isn't \"key = value\"", quote(without_userinfo(line))));
        }
        const std::string key = without_quotes(trim(line.substr(0, equals), blanks));
        const std::string_view value = trim(line.substr(equals + 1), blanks);
        if (key.empty()) return bad("there is no key in front of =");
        if (section_.empty()) {
            return bad(fmt::format("{} stands in front of the first section: begin with [oauth]", quote(key)));
        }
        const std::string where = fmt::format("{}[{}] ", here(), section_);
        if (const auto [earlier, is_new] = lines_.try_emplace({section_, key}, line_); !is_new) {
            return fail(Reason::CONFIG_DUPLICATE_KEY,
                        fmt::format("{}{}: stands already on line {}", where, quote(key), earlier->second));
        }
        if (has_comment_behind(value)) {
            return fail(Reason::CONFIG_INVALID_VALUE,
                        fmt::format("{}{} = {}: comments stand on lines of their own", where, quote(key),
                                    quote(without_userinfo(value))));
        }
        if (is_in_quotes(value)) {
            return fail(Reason::CONFIG_INVALID_VALUE,
                        fmt::format("{}{} = {}: write the value without quotes", where, quote(key),
                                    quote(without_userinfo(value))));
        }
        // Member by member: if memory runs out in a nested braced list, gcc 12 destroys parts of it twice.
        Entry &entry = entries_.emplace_back();
        entry.section = section_;
        entry.key = key;
        entry.value.text = value;
        entry.where = where;
        return {};
    }

    std::string path_;
    std::size_t line_ = 0;
    std::string section_;
    bool foreign_ = false;
    std::map<std::pair<std::string, std::string>, std::size_t> lines_;
    std::vector<Entry> entries_;
};

}  // namespace

std::string show_path(std::string_view path) {
    const bool plain = path.size() <= 255 && std::all_of(path.begin(), path.end(), [](char c) {
                           return c > ' ' && c < 0x7F && c != '"' && c != '\\';
                       });
    return plain && !path.empty() ? std::string(path) : quote(path, 255);
}

Result<std::vector<Entry>> parse_ini(std::string_view content, std::string_view path) {
    return IniReader(path).read(content);
}

Result<void> check_section_name(std::string_view section, std::string_view where) {
    constexpr std::string_view prefix = "oauth.";
    if (section == "oauth") return {};
    if (section.substr(0, prefix.size()) != prefix) {
        constexpr std::string_view known[] = {"oauth", "main",         "amqp",      "mqtt",
                                              "mgmt",  "experimental", "clustering"};
        const std::string_view near = nearest(section, known);
        return fail(Reason::CONFIG_UNKNOWN_KEY,
                    fmt::format("{}the section {} doesn't exist: options stand in [oauth] and [oauth.NAME]",
                                where, quote(section)),
                    near.empty() ? std::string() : fmt::format("write [{}]", near));
    }
    const std::string_view name = section.substr(prefix.size());
    const bool good = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    });
    if (!good) {
        return fail(Reason::CONFIG_SYNTAX,
                    fmt::format("{}the section {}: NAME in [oauth.NAME] has 1 to 64 of A-Z a-z 0-9 _ -", where,
                                quote(section)));
    }
    if (name == "oauth") {  // the name is a part of a session's identity, and [oauth]'s is "oauth"
        return fail(Reason::CONFIG_SYNTAX, fmt::format("{}[oauth.oauth] would be taken for [oauth]", where));
    }
    return {};
}

}  // namespace tokenward::config
