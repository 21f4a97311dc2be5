#include "jose/crypto.hpp"

#include "base/at_work.hpp"
#include "base/text.hpp"
#include "jose/algorithm_traits.hpp"
#include "jose/openssl_handles.hpp"

#include <cerrno>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include <dlfcn.h>
#include <link.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>

namespace tokenward::jose {
namespace {

#define TOKENWARD_TEXT_OF(x) #x
#define TOKENWARD_TEXT(x) TOKENWARD_TEXT_OF(x)
constexpr char libcrypto_soname[] = "libcrypto.so." TOKENWARD_TEXT(OPENSSL_SHLIB_VERSION);
#undef TOKENWARD_TEXT
#undef TOKENWARD_TEXT_OF

/// The loaded object that an address lies in; nulls if there is none.
Dl_info object_of(const void *address) noexcept {
    Dl_info info{};
    if (dladdr(address, &info) == 0) info = {};
    return info;
}

/// An object that the process has loaded, if it has; with the objects that it brought along.
class LoadedObject {
  public:
    /// NULL: the program, with everything that was preloaded.
    explicit LoadedObject(const char *name) noexcept : handle_(dlopen(name, RTLD_LAZY | RTLD_NOLOAD)) {}
    ~LoadedObject() {
        if (handle_ != nullptr) dlclose(handle_);
    }
    LoadedObject(const LoadedObject &) = delete;
    LoadedObject &operator=(const LoadedObject &) = delete;

    const void *find(const char *symbol) const noexcept {
        return handle_ == nullptr ? nullptr : dlsym(handle_, symbol);
    }

    /// In the order of loading; NULL if there is none.
    const link_map *map() const noexcept {
        link_map *first = nullptr;
        if (handle_ == nullptr || dlinfo(handle_, RTLD_DI_LINKMAP, static_cast<void *>(&first)) != 0)
            return nullptr;
        return first;
    }

  private:
    void *handle_;
};

std::string path_of(const Dl_info &object) {
    return quote(object.dli_fname == nullptr ? "?" : object.dli_fname, 256);
}

/// What a call is bound to, if that isn't our libcrypto; else empty. A symbol in our own object was linked in
/// statically: that is good too.
std::string foreign_binding(const LoadedObject &ours, const char *symbol, const void *bound_to) {
    const void *expected = ours.find(symbol);
    if (expected == nullptr || expected == bound_to) return {};
    const Dl_info bound = object_of(bound_to);
    const Dl_info library = object_of(expected);
    const Dl_info self = object_of(reinterpret_cast<const void *>(&available_algorithms));
    if (bound.dli_fbase == library.dli_fbase || bound.dli_fbase == self.dli_fbase) return {};
    return std::string(symbol) + " is bound to " + path_of(bound) + " instead of " + path_of(library);
}

std::string captured_by() {
    const auto major = static_cast<unsigned>(OpenSSL_version_num() >> 28);
    if (major != OPENSSL_VERSION_MAJOR) {
        return "built for OpenSSL " + std::to_string(OPENSSL_VERSION_MAJOR) + ", bound to " +
               quote(OpenSSL_version(OPENSSL_VERSION));
    }
    const LoadedObject ours(libcrypto_soname);  // null if it is linked in statically
    std::string found =
        foreign_binding(ours, "OpenSSL_version_num", reinterpret_cast<const void *>(&OpenSSL_version_num));
    if (found.empty()) {
        found = foreign_binding(ours, "EVP_PKEY_verify", reinterpret_cast<const void *>(&EVP_PKEY_verify));
    }
    return found;
}

bool is_available(Algorithm algorithm) {
    // One for each: what all of them leave would push a host's own errors out of the queue of 16.
    const ErrorQueueGuard guard;
    const AlgorithmTraits traits = traits_of(algorithm);
    const SignatureHandle signature(EVP_SIGNATURE_fetch(nullptr, traits.signature_name, nullptr));
    const KeyManagementHandle key(EVP_KEYMGMT_fetch(nullptr, traits.key_name, nullptr));
    const bool found =
        signature && key &&
        (traits.digest_name == nullptr || DigestHandle(EVP_MD_fetch(nullptr, traits.digest_name, nullptr)));
    // Also where it was found: a first fetch sets up all that a provider has, and is silent about what fails.
    ErrorQueueGuard::throw_if_out_of_memory();
    return found;
}

/// A program that isn't position independent has a place for a function that it only calls, which jumps on to
/// the real one. dlsym() gives that place, and it is no definition.
bool is_defined_there(const void *function) noexcept {
    Dl_info info{};
    ElfW(Sym) *symbol = nullptr;
    if (dladdr1(function, &info, reinterpret_cast<void **>(&symbol), RTLD_DL_SYMENT) == 0) return true;
    return symbol == nullptr || symbol->st_shndx != SHN_UNDEF;
}

/// The malloc that the C library and all but us use; NULL if it can't be told. RTLD_DEFAULT would follow our
/// own order, in which RTLD_DEEPBIND hides what was preloaded.
const void *malloc_of_the_process() noexcept {
    const LoadedObject program(nullptr);
    const void *found = program.find("malloc");
    if (found == nullptr || is_defined_there(found)) return found;
    // The first object, in the order of loading, that defines it.
    for (const link_map *object = program.map(); object != nullptr; object = object->l_next) {
        if (object->l_name == nullptr || object->l_name[0] == '\0') continue;
        const void *here = LoadedObject(object->l_name).find("malloc");
        if (here != nullptr && object_of(here).dli_fbase == reinterpret_cast<const void *>(object->l_addr))
            return here;
    }
    return nullptr;
}

}  // namespace

ErrorQueueGuard::ErrorQueueGuard() noexcept : errno_(std::exchange(errno, 0)), marked_(ERR_set_mark() == 1) {}

ErrorQueueGuard::~ErrorQueueGuard() {
    // An empty queue takes no mark: then all errors that are there now are ours. Mostly there are none.
    // Clearing would go through all sixteen places, so we look first.
    if (marked_) {
        ERR_pop_to_mark();
    } else if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
    errno = errno_;
}

void ErrorQueueGuard::throw_if_out_of_memory() {
    // POSIX wants this of malloc. OpenSSL's queue is no witness: often 3.0 says something else, or nothing.
    if (errno == ENOMEM) throw std::bad_alloc();
}

bool initialise_openssl() {
    const ErrorQueueGuard guard;
    // Without an option OpenSSL only looks whether it is initialised, and registers no exit handler. The default
    // context is set up by its first use; of all functions that do so this one alone can fail, others crash.
    if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr) == 1 &&
        OSSL_LIB_CTX_get0_global_default() != nullptr && stop_work_at_exit()) {
        return true;
    }
    ErrorQueueGuard::throw_if_out_of_memory();
    return false;
}

Result<void> check_allocator() {
    const void *ours = reinterpret_cast<const void *>(&std::malloc);
    if (!is_defined_there(ours)) return {};  // a place in the program: it jumps to the process's malloc
    const void *process = malloc_of_the_process();
    if (process == nullptr || process == ours) return {};
    const Dl_info own_object = object_of(ours);
    const Dl_info other = object_of(process);
    if (own_object.dli_fbase == other.dli_fbase) return {};
    return fail(Reason::ALLOCATOR_SPLIT, "malloc is that of " + path_of(own_object) + " here, and that of " +
                                             path_of(other) + " in the rest of the process");
}

Result<AlgorithmSet> available_algorithms() {
    const ErrorQueueGuard guard;
    if (std::string captured = captured_by(); !captured.empty()) {
        return fail(Reason::CRYPTO_CAPTURED, std::move(captured));
    }
    AlgorithmSet available = AlgorithmSet::none();
    for (std::size_t i = 0; i < algorithm_count; ++i) {
        const auto algorithm = static_cast<Algorithm>(i);
        if (is_available(algorithm)) available.add(algorithm);
    }
    return available;
}

}  // namespace tokenward::jose
