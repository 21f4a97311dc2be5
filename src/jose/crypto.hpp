// OpenSSL, fetched once: the default library context, untouched.
#pragma once

#include "base/result.hpp"
#include "jose/algorithm.hpp"

namespace tokenward::jose {

/// Marks the thread's OpenSSL error queue and pops back to the mark at its end, so that a host's SSL_get_error
/// never sees leftovers of ours; gives back errno too. One around every entry into the library that may reach
/// cryptography; they nest. (The queue holds 16 entries: of a host's own 16, ours may push out the oldest.)
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

/// Which algorithms OpenSSL offers here (FIPS may lack some), found out by fetching them.
/// Fails with CRYPTO_CAPTURED if our OpenSSL calls are bound to another library than the one we were linked
/// with (a host such as Node.js that exports its own), with the remedy.
Result<AlgorithmSet> available_algorithms();

}  // namespace tokenward::jose
