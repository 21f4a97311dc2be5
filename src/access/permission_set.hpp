// What a session may do: scopes are compiled once and asked often.
#pragma once

#include "access/confinement.hpp"
#include "access/explanation.hpp"
#include "access/request.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::access {

/// What compile() found that an operator should know.
struct Notes {
    std::vector<std::string> malformed;  ///< scopes of four or more parts, with the likely spelling; quoted
    /// Scopes of which the section's vhosts, tags and operations leave less than they say; quoted, one note for
    /// each kind.
    std::vector<std::string> confined;
    bool three_parts_ignored = false;  ///< routing_keys = off, and there were scopes of three parts
};

/// Denied as too costly: the name is so long, and the set has so many patterns with an inner `*`, that not all of
/// them were tried (scan_budget.hpp).
enum class Verdict : std::uint8_t { denied, allowed, too_costly };

/// Immutable and thread-safe. Sessions with the same scopes share one set (shared_sets.hpp).
class PermissionSet : public std::enable_shared_from_this<PermissionSet> {
  public:
    /// Two sets of equal content are one object.
    struct Content {
        std::string_view permissions;  ///< in the compiled form
        std::string_view tags;         ///< sorted, unique, separated by commas
        bool routing_keys = true;
        /// A request's vhost must be one of these too (confinement.hpp). No bytes: nothing more is asked.
        std::string_view vhosts = {};
        /// Scopes that depend on the request's vhost (vhost_scopes.hpp), sorted and unique.
        std::string_view vhost_scopes = {};

        friend bool operator==(const Content &, const Content &) = default;
    };

    /// `scopes`: without their prefix (DESIGN section 4, "Scopes"). A text that is no scope is ignored. What they
    /// say beyond the confinement grants nothing. `vhost_scopes`: permission scopes in which {vhost} is a variable.
    static std::shared_ptr<const PermissionSet> compile(std::span<const std::string_view> scopes,
                                                        bool routing_keys, Notes &notes,
                                                        const Confinement &confinement = {},
                                                        std::span<const std::string_view> vhost_scopes = {});

    /// For SharedSets, which alone makes sets.
    explicit PermissionSet(const Content &content);
    ~PermissionSet();
    PermissionSet(const PermissionSet &) = delete;
    PermissionSet &operator=(const PermissionSet &) = delete;

    /// Never allocates, blocks or throws. What it costs is bounded, for any set and any name.
    Verdict decide(const Request &request) const noexcept;
    bool allows(const Request &request) const noexcept { return decide(request) == Verdict::allowed; }
    bool opens_vhost(std::string_view vhost) const noexcept;
    /// True if a scope of three parts grants the request's operation for some routing key.
    bool allows_some_routing_key(const Request &request) const noexcept;
    Explanation explain(const Request &request) const;
    /// Why the section's vhosts leave this one out; empty if they don't.
    std::string why_outside(std::string_view vhost) const;

    Content content() const noexcept {
        const char *const tags = bytes_.get() + permissions_size_;
        return {{bytes_.get(), permissions_size_},
                {tags, tags_size_},
                routing_keys_,
                {tags + tags_size_, vhosts_size_},
                {tags + tags_size_ + vhosts_size_, vhost_scopes_size_}};
    }
    std::string_view tags() const noexcept { return content().tags; }
    /// True: neither a permission nor a tag.
    bool empty() const noexcept { return permissions_size_ == 0 && tags_size_ == 0 && vhost_scopes_size_ == 0; }
    /// Calls visit() with every permission and tag as a scope in canonical spelling, sorted; behind them those with
    /// {vhost}.
    void visit_scopes(const std::function<void(std::string_view)> &visit) const;

  private:
    friend class SharedSets;

    static constexpr std::uint8_t operation_count = 3;

    unsigned operations_for(const Request &request) const noexcept;
    std::string_view permissions() const noexcept { return {bytes_.get(), permissions_size_}; }
    /// False: the section's vhosts leave this one out, or the budget wasn't enough to find out.
    bool within_vhosts(std::string_view vhost, ScanBudget &budget) const noexcept;
    Verdict decide_with_vhost(const Request &request) const noexcept;
    /// What the permissions say. `budget`: what is left of it.
    Verdict decide_by_permissions(const Request &request, ScanBudget &budget) const noexcept;
    /// For a request whose routing key is an MQTT topic or filter.
    Verdict decide_mqtt_key(const Request &request, ScanBudget &budget) const noexcept;

    std::unique_ptr<char[]> bytes_;  ///< the compiled form, the tags, the vhosts, the scopes with {vhost}
    std::uint32_t permissions_size_;
    std::uint32_t tags_size_;
    std::uint32_t vhosts_size_;
    std::uint32_t vhost_scopes_size_;
    /// Requests with an operation below this are decided by the permissions alone. 0 where there are vhosts or scopes with
    /// {vhost}: so all other sets pay nothing for them.
    std::uint8_t plain_operations_;
    bool routing_keys_;

    // What SharedSets notes about the set.
    bool listed_ = false;
    std::uint64_t hash_ = 0;
    PermissionSet *next_ = nullptr;  ///< the next set in the same bucket
};

}  // namespace tokenward::access
