// What every function of the C boundary does first and last: it checks and reads the arguments, stops
// exceptions, keeps errno and fills in the caller's error.
#pragma once

#include "session/backend.hpp"
#include "session/session.hpp"
#include "tokenward.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

struct tokenward_backend {
    static constexpr std::uint64_t live_tag = 0x746F6B656E626163U;
    std::uint64_t tag = live_tag;
    std::shared_ptr<tokenward::session::Backend> backend;
};

namespace tokenward::boundary {

/// No struct of any version is larger. A larger struct_size is an error of the host.
inline constexpr std::size_t max_struct_size = 4096;

/// True for a struct of this version. True also for one of a later version, if all bytes that this version
/// doesn't know are zero. False if it is NULL, too small or too large.
template <class T>
bool is_struct(const T *from) noexcept {
    if (from == nullptr) return false;
    const std::size_t size = from->struct_size;
    if (size < sizeof(T) || size > max_struct_size) return false;  // no struct has grown since 1.0
    const auto *bytes = reinterpret_cast<const unsigned char *>(from);
    for (std::size_t i = sizeof(T); i < size; ++i) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

inline bool is_string(const tokenward_string &text) noexcept {
    return (text.data != nullptr || text.size == 0) && text.size <= static_cast<std::size_t>(PTRDIFF_MAX);
}
inline std::string_view view(const tokenward_string &text) noexcept {
    return text.data == nullptr ? std::string_view{} : std::string_view{text.data, text.size};
}

/// Fills in the caller's error, if it isn't NULL. Returns the result that belongs to the reason.
std::int32_t report(tokenward_error *error, const Failure &failure) noexcept;
std::int32_t report(tokenward_error *error, Reason reason, std::string_view message) noexcept;
/// Clears the caller's error, if it isn't NULL. False if its struct_size is wrong.
bool clear(tokenward_error *error) noexcept;

/// Copies as snprintf does. `buffer` may be NULL if size is 0.
std::int32_t copy_out(std::string_view text, char *buffer, std::size_t size, std::size_t *length) noexcept;
inline bool is_buffer(const char *buffer, std::size_t size, const std::size_t *length) noexcept {
    return (buffer != nullptr || size == 0) && length != nullptr;
}

inline bool is_live(const tokenward_backend *handle) noexcept {
    return handle != nullptr && handle->tag == tokenward_backend::live_tag;
}
inline const session::Session *session_of(const tokenward_session *handle) noexcept {
    const auto *session = reinterpret_cast<const session::Session *>(handle);
    return session != nullptr && session->is_live() ? session : nullptr;
}

// Each of these reads a struct of the caller. False if the struct is wrong; then `message` names the field.
bool read_options(const tokenward_options *from, session::BackendOptions &to, const char *&message);
bool read_credentials(const tokenward_credentials *from, credentials::Credentials &to,
                      const char *&message) noexcept;
bool read_context(const tokenward_context *from, session::Context &to, const char *&message) noexcept;
bool read_request(const tokenward_request *from, access::Request &to) noexcept;

/// Restores errno at its end.
class ErrnoGuard {
  public:
    ErrnoGuard() noexcept : saved_(errno) {}
    ~ErrnoGuard() { errno = saved_; }
    ErrnoGuard(const ErrnoGuard &) = delete;
    ErrnoGuard &operator=(const ErrnoGuard &) = delete;

  private:
    int saved_;
};

/// Runs `body`: errno stays, the error is cleared first, and no exception gets out.
template <class Body>
std::int32_t guarded(tokenward_error *error, Body body) noexcept {
    const ErrnoGuard keep_errno;
    if (!clear(error)) return TOKENWARD_ERROR;
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return report(error, Reason::OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception &e) {
        return report(error, Reason::INTERNAL, e.what());
    } catch (...) {
        return report(error, Reason::INTERNAL, "an exception of an unknown type");
    }
}

}  // namespace tokenward::boundary
