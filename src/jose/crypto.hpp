// What we need from OpenSSL in a process that belongs to a host: its default library context stays as it is.
#pragma once

#include "base/result.hpp"
#include "jose/algorithm.hpp"

namespace tokenward::jose {

/// Takes our errors off the thread's OpenSSL error queue at its end: a host's SSL_get_error must not see them.
/// Restores errno too. Each entry into the library that may use cryptography has one; they may be nested. The
/// queue holds 16 errors: if the host has left many there, ours can push out its oldest ones.
class ErrorQueueGuard {
  public:
    ErrorQueueGuard() noexcept;
    ~ErrorQueueGuard();
    ErrorQueueGuard(const ErrorQueueGuard &) = delete;
    ErrorQueueGuard &operator=(const ErrorQueueGuard &) = delete;

  private:
    int errno_;
    bool marked_;
};

/// The algorithms that OpenSSL offers here. FIPS may lack some.
/// Fails with CRYPTO_CAPTURED if our OpenSSL calls go to another library than the one we were linked with: a
/// host such as Node.js exports an OpenSSL of its own.
Result<AlgorithmSet> available_algorithms();

}  // namespace tokenward::jose
