// The sets that were compiled last, by the text of their scopes. Clients of one role bring the same text, and
// to compile it is half of a login's cost beside its signature (tests/bench/README.md).
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

/// PermissionSet::compile() with a memory. It is not thread-safe and has no lock: each thread at work has its
/// own.
class RecentSets {
  public:
    static constexpr std::size_t slot_count = 64;
    static constexpr std::size_t max_text_bytes = std::size_t{512} * 1024;  ///< in all slots together

    /// The same result as PermissionSet::compile(), notes included. Texts are the same only if all bytes are,
    /// in the same order.
    std::shared_ptr<const PermissionSet> compile(std::span<const std::string_view> scopes, bool routing_keys,
                                                 Notes &notes, const Confinement &confinement = {},
                                                 std::span<const std::string_view> vhost_scopes = {});
    /// The memory of the last call, if it is more than `most_kept_bytes`. What is remembered stays.
    void give_back(std::size_t most_kept_bytes) noexcept {
        if (text_.capacity() > most_kept_bytes) std::string().swap(text_);
    }

  private:
    struct Slot {
        std::string text;
        std::shared_ptr<const PermissionSet> set;  ///< null: the slot is free
        Notes notes;
    };

    void spell(std::span<const std::string_view> scopes, bool routing_keys, std::string_view confinement,
               std::span<const std::string_view> vhost_scopes);
    void remember(Slot &slot, const std::shared_ptr<const PermissionSet> &set, const Notes &notes);
    static void free(Slot &slot) noexcept;
    void clear() noexcept;

    std::array<Slot, slot_count> slots_;
    std::size_t text_bytes_ = 0;
    std::string text_;  ///< of the current call; kept for its memory
};

}  // namespace tokenward::access
