// Takes a secret out of memory.
#pragma once

#include <cstddef>
#include <string>

#include <string.h>

namespace tokenward {

/// Writes zeros. The compiler doesn't leave it out, also if the memory is freed next.
inline void wipe(void *bytes, std::size_t size) noexcept {
    if (size != 0) ::explicit_bzero(bytes, size);
}

/// At its own end, whatever way a function takes.
class WipedAtEnd {
  public:
    explicit WipedAtEnd(std::string &secret) noexcept : secret_(secret) {}
    ~WipedAtEnd() { wipe(secret_.data(), secret_.size()); }
    WipedAtEnd(const WipedAtEnd &) = delete;
    WipedAtEnd &operator=(const WipedAtEnd &) = delete;

  private:
    std::string &secret_;
};

}  // namespace tokenward
