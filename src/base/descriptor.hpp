// File descriptors of ours, in a process where the host may have closed 0, 1 or 2. What anybody writes to
// "standard error" then must not end up in a file, a socket or an event of ours.
#pragma once

#include <array>
#include <cstddef>

namespace tokenward {

/// The same open file under a descriptor of 3 or more, close-on-exec; a lower `fd` is closed. -1, with errno,
/// if `fd` is -1 or there is no other.
int above_standard(int fd) noexcept;

/// While it lives, 0, 1 and 2 are taken: for a library that opens descriptors of its own.
class StandardDescriptorsTaken {
  public:
    StandardDescriptorsTaken() noexcept;
    ~StandardDescriptorsTaken();
    StandardDescriptorsTaken(const StandardDescriptorsTaken &) = delete;
    StandardDescriptorsTaken &operator=(const StandardDescriptorsTaken &) = delete;

  private:
    std::array<int, 3> taken_{};
    std::size_t count_ = 0;
};

}  // namespace tokenward
