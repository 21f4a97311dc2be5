// Equal sets are one object as long as one of them lives.
#pragma once

#include "access/permission_set.hpp"

#include <cstdint>
#include <memory>

namespace tokenward::access {

/// All live sets of this process. It points to the sets and owns none: it is empty when the last set is gone,
/// and needs no destructor when the library is unloaded.
class SharedSets {
  public:
    /// The live set of equal content, or a new one.
    static std::shared_ptr<const PermissionSet> find_or_make(const PermissionSet::Content &content);

    /// For a set's destructor.
    static void remove(const PermissionSet &set) noexcept;

    /// Another thread may have held a lock or have been in the middle of a change: the child begins with an
    /// empty table. The sets of before live on, and remove() doesn't find them.
    static void reset_in_forked_child() noexcept;

    /// For a test: holds every lock of the table as long as it lives.
    class AllLocked;

  private:
    struct Shard;

    static Shard &shard_of(std::uint64_t hash) noexcept;
    static std::shared_ptr<const PermissionSet> find(Shard &shard, const PermissionSet::Content &content,
                                                     std::uint64_t hash) noexcept;
};

class SharedSets::AllLocked {
  public:
    AllLocked();
    ~AllLocked();
    AllLocked(const AllLocked &) = delete;
    AllLocked &operator=(const AllLocked &) = delete;
};

}  // namespace tokenward::access
