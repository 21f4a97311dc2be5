// Allocations that fail when a test says so. It takes malloc's place in the whole program (glibc lets it), so it stands
// in a program of its own. OpenSSL's allocations are counted apart.
#pragma once

namespace tokenward::keys {

enum class Allocator { everybody_elses, openssls };

/// The `n`-th allocation that counts from now on fails, once; 0: none. For this thread.
void fail_allocation(Allocator whose, long n) noexcept;
/// It did.
bool allocation_failed() noexcept;

/// This thread's allocations count while it lives.
class AllocationsCount {
  public:
    AllocationsCount() noexcept;
    ~AllocationsCount();
    AllocationsCount(const AllocationsCount &) = delete;
    AllocationsCount &operator=(const AllocationsCount &) = delete;
};

}  // namespace tokenward::keys
