#include "denials/denied_list.hpp"

#include "base/issuer.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace tokenward::denials {

namespace {

constexpr std::size_t max_value_bytes = 1024;

/// In the order of Kind.
constexpr std::string_view kind_names[] = {"username", "jti", "client_id", "kid", "issued_before"};

std::string_view name_of(Kind kind) noexcept {
    return kind_names[static_cast<std::size_t>(kind)];
}

/// The text without its percent escapes (RFC 3986 section 2.1), or nothing if one is broken.
std::optional<std::string> decode(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        const char lower = to_lower(c);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = digit(text[i + 1]);
        const int low = digit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

/// Seconds since 1970 of a time in UTC as RFC 3339 section 5.6 writes it. A fraction counts as the next second: iat is
/// compared in whole ones.
std::optional<std::int64_t> read_time(std::string_view text) {
    const auto take = [&](std::size_t digits) -> std::optional<unsigned> {
        unsigned value = 0;
        if (text.size() < digits) return std::nullopt;
        const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
        if (error != std::errc() || end != text.data() + digits) return std::nullopt;
        text.remove_prefix(digits);
        return value;
    };
    const auto take_one_of = [&](std::string_view bytes) {
        if (text.empty() || bytes.find(text.front()) == std::string_view::npos) return false;
        text.remove_prefix(1);
        return true;
    };
    constexpr struct {
        std::size_t digits;
        std::string_view behind;
    } parts[] = {{4, "-"}, {2, "-"}, {2, "Tt"}, {2, ":"}, {2, ":"}, {2, {}}};
    std::array<unsigned, std::size(parts)> values{};
    for (std::size_t i = 0; i < std::size(parts); ++i) {
        const auto value = take(parts[i].digits);
        if (!value || (!parts[i].behind.empty() && !take_one_of(parts[i].behind))) return std::nullopt;
        values[i] = *value;
    }
    bool has_fraction = false;
    if (take_one_of(".")) {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        if (digits == 0) return std::nullopt;
        has_fraction = text.substr(0, digits).find_first_not_of('0') != std::string_view::npos;
        text.remove_prefix(digits);
    }
    if (text != "Z" && text != "z" && text != "+00:00") return std::nullopt;
    const auto [year, month, day, hour, minute, second] = values;
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                           std::chrono::day(day)};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return days * 86400 + hour * 3600 + minute * 60 + second + (has_fraction ? 1 : 0);
}

/// Words with blanks between, up to a '#' that begins one.
std::vector<std::string_view> words_of(std::string_view line) {
    constexpr std::string_view blanks = " \t";
    std::vector<std::string_view> words;
    for (;;) {
        line = trim(line, blanks);
        if (line.empty() || line.front() == '#') return words;
        const std::size_t end = std::min(line.find_first_of(blanks), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

}  // namespace

/// Reads the file line by line.
class Parser {
  public:
    explicit Parser(DeniedList &list) : list_(list) {}

    Result<void> read(std::string_view content) {
        content = without_byte_order_mark(content);
        while (!content.empty()) {
            ++line_;
            const std::size_t end = content.find('\n');
            if (end == std::string_view::npos) {
                return refuse(Reason::CONFIG_SYNTAX, "has no end: the file may be half written",
                              "end the last line with a line break, if it is whole");
            }
            std::string_view line = content.substr(0, end);
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (auto understood = read_line(line); !understood) return understood;
            content.remove_prefix(end + 1);
        }
        return {};
    }

  private:
    Result<void> read_line(std::string_view line) {
        if (!is_utf8(line) || std::ranges::any_of(line, [](char c) {
                return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
            })) {
            return refuse(Reason::CONFIG_SYNTAX, "has a control character, or bytes that aren't UTF-8");
        }
        const std::vector<std::string_view> words = words_of(line);
        if (words.empty()) return {};
        for (const std::string_view word : words) {
            if (word.find('#') == std::string_view::npos) continue;
            return refuse(Reason::CONFIG_SYNTAX, fmt::format("has a # inside {}", quote(word)),
                          "write %23 for a # of a name, or put a space in front of a comment");
        }
        if (words.front().starts_with('[')) return read_header(words);
        if (words.front() == name_of(Kind::issued_before)) return read_issued_before(words);
        for (const Kind kind : {Kind::username, Kind::jti, Kind::client_id, Kind::kid}) {
            if (words.front() == name_of(kind)) return read_name(kind, words);
        }
        const std::string_view likely = nearest(words.front(), kind_names);
        return refuse(Reason::CONFIG_SYNTAX, fmt::format("begins with {}", quote(words.front())),
                      likely.empty() ? std::string(forms) : fmt::format("did you mean {}?", likely));
    }

    Result<void> read_header(const std::vector<std::string_view> &words) {
        const auto section = std::ranges::find(
            list_.sections_, words.front(), [](const auto &one) { return std::string_view(one.name.title); });
        if (words.size() == 1 && section != list_.sections_.end()) {
            salt_ = section->salt;
            return {};
        }
        std::string titles;
        for (const auto &one : list_.sections_) titles += (titles.empty() ? "" : ", ") + one.name.title;
        return refuse(Reason::CONFIG_SYNTAX,
                      fmt::format("names no section of the configuration, which has {}", titles),
                      "lines for all sections stand above the first header");
    }

    Result<void> read_name(Kind kind, const std::vector<std::string_view> &words) {
        if (words.size() != 2) {
            return refuse(Reason::CONFIG_SYNTAX,
                          fmt::format("has {} values, {} takes one", words.size() - 1, words[0]),
                          "write %20 for a space in a name");
        }
        auto mark = read_mark(kind, words[1]);
        if (!mark) return pass_on(std::move(mark));
        add(*mark, DeniedList::no_limit);
        return {};
    }

    Result<void> read_issued_before(const std::vector<std::string_view> &words) {
        const bool of_user = words.size() == 4 && words[2] == name_of(Kind::username);
        if (words.size() != 2 && !of_user)
            return refuse(Reason::CONFIG_SYNTAX, "isn't issued_before TIME [username NAME]",
                          std::string(forms));
        const auto time = read_time(words[1]);
        if (!time) {
            return refuse(Reason::CONFIG_INVALID_VALUE, fmt::format("has the time {}", quote(words[1])),
                          "write it in UTC as RFC 3339 does: 2026-11-28T21:00:00Z");
        }
        if (!of_user) {
            add(DeniedList::every_token, *time);
            return {};
        }
        auto mark = read_mark(Kind::username, words[3]);
        if (!mark) return pass_on(std::move(mark));
        add(*mark, *time);
        return {};
    }

    Result<std::uint64_t> read_mark(Kind kind, std::string_view word) {
        const auto value = decode(word);
        if (!value) {
            return tl::unexpected(failure(Reason::CONFIG_INVALID_VALUE,
                                          fmt::format("has a broken escape in {}", quote(word)),
                                          "write %25 for a % of a name"));
        }
        if (value->size() > max_value_bytes) {
            return tl::unexpected(failure(Reason::CONFIG_INVALID_VALUE,
                                          fmt::format("has a value of {} bytes, at most {} are allowed",
                                                      value->size(), max_value_bytes)));
        }
        return mark_of(kind, *value);
    }

    void add(std::uint64_t mark, std::int64_t issued_before) { list_.add(salt_, mark, {issued_before, line_}); }

    Failure failure(Reason reason, const std::string &what, std::string hint = {}) const {
        return {reason, fmt::format("denied_file {}:{}: the line {}", quote(list_.path_, 255), line_, what), 0,
                std::move(hint)};
    }
    tl::unexpected<Failure> refuse(Reason reason, const std::string &what, std::string hint = {}) const {
        return tl::unexpected(failure(reason, what, std::move(hint)));
    }

    static constexpr std::string_view forms =
        "lines are 'username NAME', 'jti ID', 'client_id ID', 'kid ID' and 'issued_before TIME [username "
        "NAME]'";

    DeniedList &list_;
    std::uint64_t salt_ = 0;
    std::uint32_t line_ = 0;
};

Result<DeniedList> DeniedList::parse(std::string_view content, std::string path,
                                     std::vector<SectionName> sections) {
    DeniedList list;
    list.path_ = std::move(path);
    for (SectionName &name : sections) {
        const std::uint64_t salt = hash_bytes(0, name.title);
        list.sections_.push_back({std::move(name), salt});
    }
    if (auto read = Parser(list).read(content); !read) return pass_on(std::move(read));
    return list;
}

void DeniedList::add(std::uint64_t salt, std::uint64_t mark, const Entry &entry) {
    ++lines_;
    const auto [at, is_new] = entries_.try_emplace(mark ^ salt, entry);
    if (!is_new && at->second.issued_before < entry.issued_before) at->second = entry;
}

std::optional<Match> DeniedList::find(const Subject &subject) const noexcept {
    if (entries_.empty()) return std::nullopt;
    const std::uint64_t username = mark_of(Kind::username, subject.username);
    if (const auto match = find_below(0, username, subject.marks)) return match;
    const auto is_of_provider = [&](const Section &section) {
        return is_issuer(subject.issuer, section.name.issuer, section.name.issuer_aliases);
    };
    const auto own = std::ranges::find_if(sections_, [&](const Section &section) {
        return section.name.title == subject.section && is_of_provider(section);
    });
    if (own != sections_.end()) return find_below(own->salt, username, subject.marks);
    for (const Section &section : sections_) {
        if (!is_of_provider(section)) continue;
        if (const auto match = find_below(section.salt, username, subject.marks)) return match;
    }
    return std::nullopt;
}

bool DeniedList::denies_identity(std::string_view issuer, std::string_view username,
                                 std::int64_t since) const noexcept {
    TokenMarks marks;
    marks.issued_at = since;
    // No section has this title: then all of the provider's count.
    if (!issuer.empty()) return find({{}, issuer, username, marks}).has_value();
    const auto denied = [&](std::uint64_t salt) {
        return find_below(salt, mark_of(Kind::username, username), marks).has_value();
    };
    return denied(0) ||
           std::ranges::any_of(sections_, [&](const Section &section) { return denied(section.salt); });
}

std::optional<Match> DeniedList::find_below(std::uint64_t salt, std::uint64_t username,
                                            const TokenMarks &marks) const noexcept {
    const struct {
        Kind kind;
        std::uint64_t mark;
    } asked[] = {{Kind::username, username},
                 {Kind::jti, marks.jti},
                 {Kind::client_id, marks.client_id},
                 {Kind::client_id, marks.authorized_party},
                 {Kind::kid, marks.kid},
                 {Kind::issued_before, every_token}};
    for (const auto &[kind, mark] : asked) {
        if (mark == 0) continue;
        const auto found = entries_.find(mark ^ salt);
        if (found == entries_.end()) continue;
        const Entry &entry = found->second;
        if (entry.issued_before == no_limit) return Match{kind, entry.line};
        if (marks.issued_at < entry.issued_before) return Match{Kind::issued_before, entry.line};
    }
    return std::nullopt;
}

std::string DeniedList::describe(const Match &match, std::string_view value) const {
    const std::string what = match.kind == Kind::issued_before
                                 ? "tokens that were issued so early"
                                 : fmt::format("the {}{}{}", name_of(match.kind), value.empty() ? "" : " ",
                                               value.empty() ? "" : quote(value));
    return fmt::format("the operator denies {}: {}:{}", what, quote(path_, 255), match.line);
}

}  // namespace tokenward::denials
