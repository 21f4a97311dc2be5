// The sets that were compiled last, found again by the very text of their scopes: clients of one role bring the
// same text, and compiling it is half of what a login costs beside its signature.
#pragma once

#include "access/permission_set.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tokenward::access {

/// PermissionSet::compile with a memory. Not thread-safe: each thread at work has one of its own, without a
/// lock.
class RecentSets {
  public:
    static constexpr std::size_t slot_count = 64;
    static constexpr std::size_t max_text_bytes = std::size_t{512} * 1024;  ///< of all slots together

    /// As PermissionSet::compile, for the same result: texts are compared whole, in their order, notes
    /// included.
    std::shared_ptr<const PermissionSet> compile(std::span<const std::string_view> scopes, bool routing_keys,
                                                 Notes &notes);

  private:
    struct Slot {
        std::string text;
        std::shared_ptr<const PermissionSet> set;  ///< null: free
        Notes notes;
    };

    void spell(std::span<const std::string_view> scopes, bool routing_keys);
    void remember(Slot &slot, const std::shared_ptr<const PermissionSet> &set, const Notes &notes);
    void clear() noexcept;

    std::array<Slot, slot_count> slots_;
    std::size_t text_bytes_ = 0;
    std::string text_;  ///< of the call at work
};

}  // namespace tokenward::access
