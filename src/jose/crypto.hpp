// OpenSSL, fetched once: the default library context, untouched.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "jose/algorithm.hpp"

namespace tokenward::jose {

/// Marks the thread's OpenSSL error queue and pops back to the mark at its end, so that a host's SSL_get_error
/// never sees leftovers of ours. One around every entry into the library that may reach cryptography.
class ErrorQueueGuard {
  public:
    ErrorQueueGuard() noexcept;
    ~ErrorQueueGuard();
    ErrorQueueGuard(const ErrorQueueGuard &) = delete;
    ErrorQueueGuard &operator=(const ErrorQueueGuard &) = delete;
};

/// Which algorithms OpenSSL offers here (FIPS may lack some), found out by fetching them.
/// Fails with CRYPTO_CAPTURED if our OpenSSL calls are bound to another library than the one we were linked
/// with (a host such as Node.js that exports its own), with the remedy.
Result<AlgorithmSet> available_algorithms();

}  // namespace tokenward::jose
