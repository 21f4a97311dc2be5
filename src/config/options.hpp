// The table of all options: names, types, ranges, defaults. Parsing, checks, to_json and the table in README.md
// use it.
#pragma once

#include "config/settings.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tokenward::config {

/// How a value is written, and what else is asked of it.
enum class Type : std::uint8_t {
    text,
    issuer,     ///< https URL without a query, a fragment or a user; any text if no key comes from there
    https_url,  ///< https URL without a fragment or a user
    proxy_url,
    path,        ///< absolute
    list,        ///< comma-separated
    name_list,   ///< the same, not empty
    scope_map,   ///< several keys: NAME.ALIAS = scopes with spaces between
    claim_map,   ///< several keys: NAME.CLAIM = values with commas between
    vhosts,      ///< comma-separated patterns, as the first part of a scope
    tags,        ///< comma-separated
    operations,  ///< comma-separated
    algorithms,  ///< comma-separated, at least one
    boolean,
    number,
    bound_tokens,  ///< check or require
    log_level,
};

/// True if the option has several keys.
constexpr bool is_map(Type type) noexcept {
    return type == Type::scope_map || type == Type::claim_map;
}

/// A member of a part of Section.
template <class T>
using SectionField = T &(*)(Section &section);

/// Where a value goes. A member of Section: the option stands in [oauth] and [oauth.NAME]. A member of
/// Settings: it is for the whole backend and stands in [oauth] only. Nowhere: LavinMQ's own.
using Target =
    std::variant<std::monostate, SectionField<std::string>, SectionField<std::optional<std::string>>,
                 SectionField<std::vector<std::string>>, SectionField<Confinement::Names>, SectionField<bool>,
                 SectionField<std::int64_t>, SectionField<std::size_t>, SectionField<jose::AlgorithmSet>,
                 SectionField<NamedLists>, SectionField<BoundTokens>, std::string Settings::*, bool Settings::*,
                 std::size_t Settings::*, LogLevel Settings::*>;

enum class Scope : std::uint8_t { section, backend, none };

struct Option {
    std::string_view name;
    Type type;
    Target target;
    std::string_view fallback;  ///< the default as one would write it; empty: unset
    std::string_view meaning;   ///< one line for README.md
    std::int64_t min = 0;       ///< number: the range. text: `max` is the longest, in bytes
    std::int64_t max = 1024;
    std::string_view unit = {};

    constexpr Scope scope() const noexcept {
        if (target.index() == 0) return Scope::none;
        return target.index() <= 10 ? Scope::section : Scope::backend;
    }
};

std::span<const Option> options() noexcept;
/// Finds "NAME.ALIAS" too, if NAME is a map.
const Option *find_option(std::string_view name) noexcept;

/// True for LavinMQ's other sections, which are skipped.
bool is_foreign_section(std::string_view name) noexcept;

}  // namespace tokenward::config
