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

/// Initialises OpenSSL, so that exit() waits for the threads at work before OpenSSL cleans up
/// (base/at_work.hpp). False if OpenSSL can't be initialised.
bool initialise_openssl() noexcept;

/// Fails with ALLOCATOR_SPLIT if our malloc isn't the one that the rest of the process uses: with RTLD_DEEPBIND a
/// preloaded allocator (jemalloc, tcmalloc) serves the C library and another one serves us, and the first piece
/// of memory that one hands to the other ends the process.
Result<void> check_allocator();

/// Which algorithms OpenSSL offers here (FIPS may lack some), found out by fetching them.
/// Fails with CRYPTO_CAPTURED if our OpenSSL calls are bound to another library than the one we were linked
/// with (a host such as Node.js that exports its own), with the remedy.
Result<AlgorithmSet> available_algorithms();

}  // namespace tokenward::jose
