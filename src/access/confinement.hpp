// What the tokens of one section may say at the most: the options `vhosts`, `tags` and `operations`.
#pragma once

#include "access/pattern.hpp"
#include "access/request.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::access {

/// Immutable. A default one confines nothing.
class Confinement {
  public:
    /// Unset: everything. Empty: nothing.
    using Names = std::optional<std::vector<std::string>>;

    Confinement() = default;
    /// `vhosts`: patterns, as the first part of a scope. `operations`: as in a scope.
    Confinement(const Names &vhosts, const Names &tags, const Names &operations);

    /// Two confinements with the same key are the same. Empty: everything is unset.
    const std::string &key() const noexcept { return key_; }

    /// False: it leaves everything as it is.
    bool confines() const noexcept { return !key_.empty(); }
    bool has_tag(std::string_view tag) const noexcept;
    bool has_operation(Operation operation) const noexcept;

    enum class Place : std::uint8_t {
        inside,   ///< every vhost that the pattern matches is one of the section's
        partly,   ///< perhaps not every one
        outside,  ///< none of them
    };
    /// `partly` too where the budget isn't enough to find out.
    Place place_of(const Pattern &vhost, Arena &arena, ScanBudget &budget) const {
        return all_vhosts_ ? Place::inside : find_place(vhost, arena, budget);
    }

    /// The section's patterns, compiled: names_vhost() reads them.
    std::string_view vhosts() const noexcept { return vhosts_; }

    // As configured, for a note.
    std::string vhosts_text() const;
    std::string tags_text() const;
    std::string operations_text() const;

  private:
    /// Every name that the pattern matches begins and ends so.
    struct Edges {
        std::string begin;
        std::string end;
        bool exact = false;  ///< and nothing stands between: both are the whole name
    };

    Place find_place(const Pattern &vhost, Arena &arena, ScanBudget &budget) const;
    static Edges edges_of(const Pattern &pattern);
    static bool may_overlap(const Pattern &vhost, const Edges &other) noexcept;

    std::string key_;
    bool all_vhosts_ = true;
    std::string vhosts_;
    std::vector<Edges> edges_;              ///< of each of the patterns
    std::optional<char> stranger_;          ///< a byte that no literal of the patterns has
    std::vector<std::string> vhost_names_;  ///< as configured
    Names tags_;
    Names operations_;
};

/// True if one of the patterns matches. `vhosts`: Confinement::vhosts().
bool names_vhost(std::string_view vhosts, std::string_view vhost, ScanBudget &budget) noexcept;

/// Says that none of the patterns matches, and which they are, in canonical spelling.
std::string tell_outside(std::string_view vhosts, std::string_view vhost);

}  // namespace tokenward::access
