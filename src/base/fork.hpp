// What a fork means to the library: its one owner.
//
// In a forked child none of the parent's threads is there, so what they held is never given back: a lock, a
// reader's count. There is one rule for each kind of thing:
//   - what belongs to OpenSSL, libcurl and the C library isn't ours to set right. So fork() waits until our own
//     threads are out of them, 100 ms at the most (base/at_work.hpp);
//   - what belongs to the process is set right in the child by a ForkReset, before fork() returns there;
//   - what belongs to a backend stays as it is: the child can't use its parent's backend, only leave it. The
//     backend compares fork_generation() with the value of its creation.
#pragma once

#include <cstdint>

namespace tokenward {

/// Grows in every forked child.
std::uint32_t fork_generation() noexcept;

/// Calls `reset` in every forked child. A static object beside the thing that it sets right; it must not be
/// destroyed while the library is loaded. `reset` may be called at any moment of the parent's threads: it must
/// not lock or allocate, and it finds the thing in any state.
class ForkReset {
  public:
    using Reset = void (*)() noexcept;

    explicit ForkReset(Reset reset) noexcept;
    ForkReset(const ForkReset &) = delete;
    ForkReset &operator=(const ForkReset &) = delete;

  private:
    static void in_child() noexcept;
    static bool register_handler() noexcept;
    static const bool registered;

    const Reset reset_;
    ForkReset *next_;
};

}  // namespace tokenward
