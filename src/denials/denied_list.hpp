// denied_file: whom and what an operator denies, as a table that tokens and sessions are looked up in.
#pragma once

#include "base/result.hpp"
#include "denials/token_marks.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tokenward::denials {

/// A section of the configuration, for the headers of the file.
struct SectionName {
    std::string title;  ///< "[oauth]" or "[oauth.NAME]"
    std::string issuer;
    std::vector<std::string> issuer_aliases;
};

/// Whom a line is compared with.
struct Subject {
    std::string_view section;  ///< its title
    std::string_view issuer;
    std::string_view username;  ///< the session's, with its section's prefix
    const TokenMarks &marks;
};

/// The line that denies it.
struct Match {
    Kind kind;
    std::uint32_t line;
};

/// Immutable. Without a file it is empty.
class DeniedList {
  public:
    DeniedList() = default;

    /// The content of denied_file. Fails at the first line that isn't understood, with CONFIG_SYNTAX or
    /// CONFIG_INVALID_VALUE: nobody may believe that a denial holds when it doesn't. `path`: for messages.
    static Result<DeniedList> parse(std::string_view content, std::string path,
                                    std::vector<SectionName> sections);

    /// Lines above any header, and those of the subject's section. A session whose section is gone, or has become
    /// another provider's, meets the lines of all sections of its provider. Doesn't allocate.
    std::optional<Match> find(const Subject &subject) const noexcept;

    /// Whether lines of any section of the provider deny what that user made at that time, with a token that was issued no
    /// later (seconds since 1970). An empty issuer: of any provider.
    bool denies_identity(std::string_view issuer, std::string_view username, std::int64_t since) const noexcept;

    /// "the operator denies the jti "x" (/etc/tokenward/denied:12)"; `value`: what the line matched, or nothing.
    std::string describe(const Match &match, std::string_view value = {}) const;

    const std::string &path() const noexcept { return path_; }
    std::size_t lines() const noexcept { return lines_; }

  private:
    friend class Parser;

    /// A token is denied if it was issued before that; always, if it is no_limit.
    static constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();
    static constexpr std::uint64_t every_token = 1;  ///< what a bare issued_before is looked up by
    struct Entry {
        std::int64_t issued_before;
        std::uint32_t line;
    };
    struct Section {
        SectionName name;
        std::uint64_t salt;  ///< keys of its lines are salted with it; 0 for the lines above any header
    };

    void add(std::uint64_t salt, std::uint64_t mark, const Entry &entry);
    std::optional<Match> find_below(std::uint64_t salt, std::uint64_t username,
                                    const TokenMarks &marks) const noexcept;

    std::string path_;
    std::vector<Section> sections_;
    std::unordered_map<std::uint64_t, Entry> entries_;
    std::size_t lines_ = 0;
};

}  // namespace tokenward::denials
