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

    /// After a call of OpenSSL that failed: throws std::bad_alloc if memory was short at any time since the guard
    /// began. The failure tells nothing about the input then.
    static void throw_if_out_of_memory();

  private:
    int errno_;
    bool marked_;
};

/// Initialises OpenSSL, so that exit() waits for the threads at work before OpenSSL cleans up
/// (base/at_work.hpp). False if OpenSSL can't be initialised; std::bad_alloc if that was for lack of memory. In
/// both cases OpenSSL may never work in this process.
bool initialise_openssl();

/// Fails with ALLOCATOR_SPLIT if our malloc isn't the one that the rest of the process uses: with RTLD_DEEPBIND
/// a preloaded allocator (jemalloc, tcmalloc) serves the C library and another one serves us, and the first
/// piece of memory that one hands to the other ends the process.
Result<void> check_allocator();

/// The algorithms that OpenSSL offers here. FIPS may lack some.
/// Fails with CRYPTO_CAPTURED if our OpenSSL calls go to another library than the one we were linked with: a
/// host such as Node.js exports an OpenSSL of its own.
Result<AlgorithmSet> available_algorithms();

}  // namespace tokenward::jose
