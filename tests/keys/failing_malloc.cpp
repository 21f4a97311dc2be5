#include "failing_malloc.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include <openssl/crypto.h>

// glibc's own, under the names by which it lets others take their place.
extern "C" {
void *__libc_malloc(std::size_t size);                           // NOLINT(bugprone-reserved-identifier)
void *__libc_calloc(std::size_t count, std::size_t size);        // NOLINT(bugprone-reserved-identifier)
void *__libc_realloc(void *memory, std::size_t size);            // NOLINT(bugprone-reserved-identifier)
void *__libc_memalign(std::size_t alignment, std::size_t size);  // NOLINT(bugprone-reserved-identifier)
}

namespace tokenward::keys {
namespace {

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): malloc has no other place
thread_local long countdown = 0;  // 0: nothing fails
thread_local Allocator counted = Allocator::everybody_elses;
thread_local bool failed = false;
thread_local bool counting = false;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

bool fails(Allocator whose) noexcept {
    if (!counting || countdown == 0 || whose != counted || --countdown != 0) return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *openssl_malloc(std::size_t size, const char * /*file*/, int /*line*/) {
    return fails(Allocator::openssls) ? nullptr : __libc_malloc(size);
}
void *openssl_realloc(void *memory, std::size_t size, const char * /*file*/, int /*line*/) {
    return fails(Allocator::openssls) ? nullptr : __libc_realloc(memory, size);
}
void openssl_free(void *memory, const char * /*file*/, int /*line*/) {
    std::free(memory);
}

// Before anything of OpenSSL's is allocated.
[[maybe_unused]] const int openssl_counts_apart =
    CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);

}  // namespace

void fail_allocation(Allocator whose, long n) noexcept {
    if (openssl_counts_apart != 1) std::abort();
    counted = whose;
    failed = false;
    countdown = n;
}

bool allocation_failed() noexcept {
    return failed;
}

AllocationsCount::AllocationsCount() noexcept {
    counting = true;
}

AllocationsCount::~AllocationsCount() {
    counting = false;
}

extern "C" {
void *malloc(std::size_t size) noexcept {
    return fails(Allocator::everybody_elses) ? nullptr : __libc_malloc(size);
}
void *calloc(std::size_t count, std::size_t size) noexcept {
    return fails(Allocator::everybody_elses) ? nullptr : __libc_calloc(count, size);
}
void *realloc(void *memory, std::size_t size) noexcept {
    return fails(Allocator::everybody_elses) ? nullptr : __libc_realloc(memory, size);
}
void *memalign(std::size_t alignment, std::size_t size) noexcept {
    return fails(Allocator::everybody_elses) ? nullptr : __libc_memalign(alignment, size);
}
}

}  // namespace tokenward::keys
