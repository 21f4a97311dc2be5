// tokenward.hpp - tokenward.h for hosts in C++17 or newer: the loader, and handles that release themselves.
//
//     namespace tw = tokenward::host;
//     tw::Library library;
//     if (std::string problem = library.open(); !problem.empty()) return fail(problem);
//     tw::Backend backend;
//     tw::Error error;
//     tokenward_options options = TOKENWARD_OPTIONS_INIT;
//     if (backend.create(library, &options, error) != TOKENWARD_OK) return fail(library.describe(error));
//
// It is a thin layer: results, flags and structs are those of tokenward.h, and what that header says about each
// function holds here too.
//
//  Ownership  Backend owns one backend; Session is a shared owner of one session, so that a client's state can
//             outlive its connection. Both keep the library loaded: a host need not order its destructors.
//             A Session may outlive its Backend.
//  Empty      A Backend or Session without a handle answers TOKENWARD_ERROR and empty texts. It leaves an Error
//             as it was.
//  Threads    The methods that are const may be called from any thread at any time. Those that change the
//             object itself (open, create, reset, assignment, the destructor) need the caller's own order, as
//             with any type of the standard library.
//  Errors     A result, and what went wrong in an Error. Nothing throws but std::bad_alloc, from texts and from
//             handles; then nothing leaks.
//
// Link with -ldl where the C library has dlopen apart.
//
// SPDX-License-Identifier: Apache-2.0
#ifndef TOKENWARD_HPP
#define TOKENWARD_HPP

#include "tokenward.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <dlfcn.h>

namespace tokenward::host {

// ---- strings and texts --------------------------------------------------------------------------------------

/// The text as a tokenward_string, borrowed. (NULL, 0) for a string_view that was never set.
[[nodiscard]] inline tokenward_string borrow(std::string_view text) noexcept {
    return {text.data(), text.size()};
}

/// The bytes of a tokenward_string, borrowed.
[[nodiscard]] inline std::string_view view(tokenward_string text) noexcept {
    return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

/// Calls fill(buffer, size, &length) until the whole text fits, as session_tags, status and the like want it.
/// Returns fill's last result. text is the whole text if that is TOKENWARD_OK, else empty.
template <class Fill>
[[nodiscard]] std::int32_t read_text(std::string &text, Fill fill) {
    text.resize(4096);
    for (;;) {
        std::size_t length = 0;
        const std::int32_t result = fill(text.data(), text.size(), &length);
        if (result != TOKENWARD_OK) {
            text.clear();
            return result;
        }
        if (length < text.size()) {
            text.resize(length);
            return result;
        }
        text.resize(length + 1024);  // the text may grow between two calls
    }
}

/// A tokenward_error that is ready to be passed: error.reason, error.message, error.hint, error.retry_after_ms.
/// Each call that takes it fills it anew, also on success.
struct Error : tokenward_error {
    Error() noexcept : tokenward_error TOKENWARD_ERROR_INIT {}
};

// ---- the library --------------------------------------------------------------------------------------------

/// Every function of the library without its prefix: functions.create is tokenward_create.
struct Functions {
#define TOKENWARD_HOST_MEMBER(name) decltype(&::tokenward_##name) name = nullptr;
    TOKENWARD_FUNCTIONS_1_0(TOKENWARD_HOST_MEMBER)
#undef TOKENWARD_HOST_MEMBER
};

/// The loaded library. Copies share it. It is unloaded when the last copy, Backend and Session of it is gone.
class Library {
  public:
    /// The name that the dynamic loader looks for when no path is given.
    static constexpr const char *soname = "libtokenward.so.1";

    /// Not loaded: calling through it is undefined until open() has succeeded.
    Library() = default;

    /// A table from elsewhere: of a host that is linked with the library, or of a test.
    explicit Library(const Functions &functions) : loaded_(std::make_shared<Loaded>()) {
        loaded_->functions = functions;
    }

    /// Loads the library, checks its version, looks up every function.
    /// \param path   of the file; empty: soname
    /// \param flags  of dlopen; add RTLD_DEEPBIND where tokenward_create answers CRYPTO_CAPTURED
    /// \return empty, or one line that says what is wrong; then nothing is loaded
    [[nodiscard]] std::string open(const std::string &path = {}, int flags = RTLD_NOW | RTLD_LOCAL) {
        loaded_.reset();
        const std::string name = path.empty() ? soname : path;
        const auto loaded = std::make_shared<Loaded>();
        loaded->handle = ::dlopen(name.c_str(), flags);
        if (loaded->handle == nullptr) {
            const char *why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
            return "can't load " + name + ": " + (why != nullptr ? why : "unknown error of the dynamic loader");
        }
        Functions &functions = loaded->functions;
        // The version comes first: a library of another major version may lack every other function.
        if (!look_up(loaded->handle, "tokenward_abi_version", functions.abi_version))
            return name + " isn't libtokenward: it lacks tokenward_abi_version";
        constexpr std::uint32_t ours = TOKENWARD_ABI_VERSION;
        const std::uint32_t theirs = functions.abi_version();
        if (theirs >> 16 != ours >> 16 || (theirs & 0xffffu) < (ours & 0xffffu)) {
            return name + " has interface version " + version_text(theirs) + ", this program needs " +
                   version_text(ours);
        }
#define TOKENWARD_HOST_LOOK_UP(function)                                      \
    if (!look_up(loaded->handle, "tokenward_" #function, functions.function)) \
        return name + " lacks the function tokenward_" #function;
        TOKENWARD_FUNCTIONS_1_0(TOKENWARD_HOST_LOOK_UP)
#undef TOKENWARD_HOST_LOOK_UP
        loaded_ = loaded;
        return {};
    }

    [[nodiscard]] explicit operator bool() const noexcept {
        return loaded_ != nullptr;
    }

    /// The table: library->version(). Session and Backend have methods for the functions that take them.
    const Functions *operator->() const noexcept {
        return &loaded_->functions;
    }

    /// "REASON: message (hint: ...)", for a log. A client is told no more than "refused".
    [[nodiscard]] std::string describe(const tokenward_error &error) const {
        std::string text = loaded_->functions.reason_name(error.reason);
        if (error.message[0] != '\0') text.append(": ").append(error.message);
        if (error.hint[0] != '\0') text.append(" (hint: ").append(error.hint).append(")");
        return text;
    }

    /// Checks a configuration and starts nothing: tokenward_config_check.
    [[nodiscard]] std::int32_t config_check(const tokenward_options *options, std::string &json,
                                            Error &error) const {
        return read_text(json, [&](char *buffer, std::size_t size, std::size_t *length) {
            return loaded_->functions.config_check(options, buffer, size, length, &error);
        });
    }

  private:
    struct Loaded {
        void *handle = nullptr;
        Functions functions;

        Loaded() = default;
        Loaded(const Loaded &) = delete;
        Loaded &operator=(const Loaded &) = delete;
        ~Loaded() {
            if (handle != nullptr) (void)::dlclose(handle);
        }
    };

    template <class Function>
    static bool look_up(void *handle, const char *symbol, Function &function) noexcept {
        function = reinterpret_cast<Function>(::dlsym(handle, symbol));
        return function != nullptr;
    }

    static std::string version_text(std::uint32_t version) {
        return std::to_string(version >> 16) + "." + std::to_string(version & 0xffffu);
    }

    std::shared_ptr<Loaded> loaded_;
};

// ---- a client -----------------------------------------------------------------------------------------------

/// A session. Copies share it; the last one releases it, on any thread, also after the Backend's end.
class Session {
  public:
    Session() = default;

    /// Takes the handle over, which may be NULL: for a host that calls tokenward_authenticate itself.
    Session(Library library, tokenward_session *session) {
        if (session == nullptr) return;
        Owned owned(std::move(library), session);  // releases it if there is no memory
        owned_ = std::make_shared<Owned>(std::move(owned));
    }

    [[nodiscard]] explicit operator bool() const noexcept { return owned_ != nullptr; }
    [[nodiscard]] tokenward_session *get() const noexcept { return owned_ ? owned_->session : nullptr; }

    /// Never blocks or allocates. TOKENWARD_ALLOWED is the only yes.
    [[nodiscard]] std::int32_t authorize(const tokenward_request &request) const noexcept {
        return owned_ ? functions().authorize(get(), &request) : std::int32_t{TOKENWARD_ERROR};
    }

    [[nodiscard]] std::int32_t can_access_vhost(std::string_view vhost) const noexcept {
        return owned_ ? functions().session_can_access_vhost(get(), vhost.data(), vhost.size())
                      : std::int32_t{TOKENWARD_ERROR};
    }

    /// Writes the audit line of a denied request, within the library's limits. context may be NULL.
    std::int32_t report_denial(const tokenward_request &request,
                               const tokenward_context *context) const noexcept {
        return owned_ ? functions().report_denial(get(), &request, context) : std::int32_t{TOKENWARD_ERROR};
    }

    /// A new token of the same identity. On every result but TOKENWARD_OK the old rights stay.
    [[nodiscard]] std::int32_t refresh(const tokenward_credentials &credentials,
                                       const tokenward_context *context, Error &error) const noexcept {
        return owned_ ? functions().session_refresh(get(), &credentials, context, &error)
                      : std::int32_t{TOKENWARD_ERROR};
    }

    /// The username that the token gave; borrowed from the session.
    [[nodiscard]] std::string_view username() const noexcept { return borrowed(&Functions::session_username); }

    /// The issuer as configured; borrowed from the session.
    [[nodiscard]] std::string_view issuer() const noexcept { return borrowed(&Functions::session_issuer); }

    /// Seconds since 1970, clock_skew included; INT64_MAX: never. An empty Session has ended: 0.
    [[nodiscard]] std::int64_t expires_at() const noexcept {
        std::int64_t time = 0;
        if (owned_) (void)functions().session_expires_at(get(), &time);
        return time;
    }

    /// The token's iat, seconds since 1970; INT64_MIN: it has none. An empty Session: 0.
    [[nodiscard]] std::int64_t issued_at() const noexcept {
        std::int64_t time = 0;
        if (owned_) (void)functions().session_issued_at(get(), &time);
        return time;
    }

    /// The tags, sorted, separated by commas.
    [[nodiscard]] std::string tags() const {
        std::string text;
        if (owned_) {
            (void)read_text(text, [&](char *buffer, std::size_t size, std::size_t *length) {
                return functions().session_tags(get(), buffer, size, length);
            });
        }
        return text;
    }

    /// Why a request is allowed or not, as JSON.
    [[nodiscard]] std::int32_t explain(const tokenward_request &request, std::string &json,
                                       Error &error) const {
        json.clear();
        if (!owned_) return TOKENWARD_ERROR;
        return read_text(json, [&](char *buffer, std::size_t size, std::size_t *length) {
            return functions().explain(get(), &request, buffer, size, length, &error);
        });
    }

  private:
    struct Owned {
        Owned(Library of, tokenward_session *handle) noexcept : library(std::move(of)), session(handle) {}
        Owned(Owned &&other) noexcept
            : library(std::move(other.library)), session(std::exchange(other.session, nullptr)) {}
        Owned &operator=(Owned &&) = delete;
        ~Owned() {
            if (session != nullptr) library->session_release(session);
        }

        Library library;
        tokenward_session *session;
    };

    const Functions &functions() const noexcept { return *owned_->library.operator->(); }

    std::string_view borrowed(decltype(Functions::session_username) Functions::*getter) const noexcept {
        const char *text = nullptr;
        std::size_t size = 0;
        if (!owned_ || (functions().*getter)(get(), &text, &size) != TOKENWARD_OK || size == 0) return {};
        return {text, size};
    }

    std::shared_ptr<const Owned> owned_;
};

// ---- the backend --------------------------------------------------------------------------------------------

/// A backend. Moves, but has one owner; its end is tokenward_destroy.
class Backend {
  public:
    Backend() = default;
    Backend(Backend &&other) noexcept
        : library_(std::move(other.library_)), handle_(std::exchange(other.handle_, nullptr)) {}
    Backend &operator=(Backend &&other) noexcept {
        if (this != &other) {
            reset();
            library_ = std::move(other.library_);
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Backend() { reset(); }

    /// Ends the backend that it had, then starts one. options may be NULL: the defaults. What options.log_user
    /// points to must outlive this object. A library that isn't loaded: TOKENWARD_ERROR.
    [[nodiscard]] std::int32_t create(const Library &library, const tokenward_options *options, Error &error) {
        reset();
        if (!library) return TOKENWARD_ERROR;
        library_ = library;
        return library_->create(options, &handle_, &error);
    }

    /// tokenward_destroy: waits for calls that are being let finish and for a log callback that is running.
    void reset() noexcept {
        if (handle_ != nullptr) library_->destroy(std::exchange(handle_, nullptr));
    }

    [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
    [[nodiscard]] tokenward_backend *get() const noexcept { return handle_; }

    /// All or nothing. options may be NULL: read the same files again.
    [[nodiscard]] std::int32_t reload(const tokenward_options *options, Error &error) const noexcept {
        return handle_ != nullptr ? library_->reload(handle_, options, &error) : std::int32_t{TOKENWARD_ERROR};
    }

    /// Whether an operator denies the identity. since: Session::issued_at(). An empty issuer: any provider's.
    [[nodiscard]] bool denies(std::string_view issuer, std::string_view username, std::int64_t since) const noexcept {
        return handle_ != nullptr && library_->identity_denied(handle_, issuer.data(), issuer.size(), username.data(),
                                                               username.size(), since) == TOKENWARD_DENIED;
    }

    /// session is a new one if the result is TOKENWARD_OK, else empty. context may be NULL.
    [[nodiscard]] std::int32_t authenticate(const tokenward_credentials &credentials,
                                            const tokenward_context *context, Session &session,
                                            Error &error) const {
        session = Session();
        if (handle_ == nullptr) return TOKENWARD_ERROR;
        tokenward_session *handle = nullptr;
        const std::int32_t result = library_->authenticate(handle_, &credentials, context, &handle, &error);
        session = Session(library_, handle);
        return result;
    }

    /// What stands in a token, unverified, as JSON. Not for logs. Without a backend there is library->inspect.
    [[nodiscard]] std::int32_t inspect(std::string_view token, std::string &json, Error &error) const {
        return text_of(json, [&](char *buffer, std::size_t size, std::size_t *length) {
            return library_->inspect(handle_, token.data(), token.size(), buffer, size, length, &error);
        });
    }

    /// The backend's health, as JSON.
    [[nodiscard]] std::int32_t status(std::string &json, Error &error) const {
        return text_of(json, [&](char *buffer, std::size_t size, std::size_t *length) {
            return library_->status(handle_, buffer, size, length, &error);
        });
    }

    /// Counters in Prometheus' text format.
    [[nodiscard]] std::int32_t metrics(std::string &text, Error &error) const {
        return text_of(text, [&](char *buffer, std::size_t size, std::size_t *length) {
            return library_->metrics(handle_, buffer, size, length, &error);
        });
    }

    /// With TOKENWARD_LOG_TO_QUEUE: readable when lines wait, for poll or epoll. It is the library's. Else -1.
    [[nodiscard]] std::int32_t log_fd() const noexcept {
        std::int32_t descriptor = -1;
        if (handle_ != nullptr) (void)library_->log_fd(handle_, &descriptor);
        return descriptor;
    }

    /// With TOKENWARD_LOG_TO_QUEUE: hands each waiting line to write(std::int32_t level, const char *line,
    /// std::size_t size); the line is NUL-terminated. From one thread at a time. Cheap when nothing waits, and
    /// it ends after as many lines as the queue holds, however fast new ones come.
    template <class Write>
    void drain_log(Write write) const {
        if (handle_ == nullptr) return;
        char line[TOKENWARD_LOG_LINE_SIZE];
        for (int lines = 0; lines < queue_size; ++lines) {
            std::int32_t level = 0;
            std::size_t size = 0;
            if (library_->log_read(handle_, &level, line, sizeof line, &size) != TOKENWARD_OK || size == 0)
                return;
            write(level, static_cast<const char *>(line), size);
        }
    }

  private:
    static constexpr int queue_size = 1024;

    template <class Fill>
    [[nodiscard]] std::int32_t text_of(std::string &text, Fill fill) const {
        text.clear();
        return handle_ != nullptr ? read_text(text, fill) : std::int32_t{TOKENWARD_ERROR};
    }

    Library library_;
    tokenward_backend *handle_ = nullptr;
};

}  // namespace tokenward::host

#endif  // TOKENWARD_HPP
