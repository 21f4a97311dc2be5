// What every function of the C boundary does first and last: read structs of any age, stop exceptions, keep
// errno, fill in the caller's error.
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

/// A struct larger than this is no struct of ours of any age.
inline constexpr std::size_t max_struct_size = 4096;

/// True if the caller's struct holds all of ours: of this minor version, or of a later one with nothing new in
/// it. False: NULL, too small, absurd, or its unknown tail isn't zero.
template <class T>
bool is_struct(const T *from) noexcept {
    if (from == nullptr) return false;
    const std::size_t size = from->struct_size;
    if (size < sizeof(T) || size > max_struct_size) return false;  // 1.0: no struct has grown yet
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

/// Fills in the caller's error (NULL: nothing to do) and gives back the result that goes with the reason.
std::int32_t report(tokenward_error *error, const Failure &failure) noexcept;
std::int32_t report(tokenward_error *error, Reason reason, std::string_view message) noexcept;
/// Clears the caller's error. False if it is not NULL and not a tokenward_error.
bool clear(tokenward_error *error) noexcept;

/// Copies as snprintf would. Null `buffer` is fine if size is 0.
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

/// tokenward_options as the session room wants them. False: `message` names the field that is wrong.
bool read_options(const tokenward_options *from, session::BackendOptions &to, const char *&message);
bool read_credentials(const tokenward_credentials *from, credentials::Credentials &to,
                      const char *&message) noexcept;
bool read_context(const tokenward_context *from, session::Context &to, const char *&message) noexcept;
bool read_request(const tokenward_request *from, access::Request &to) noexcept;

/// errno as it was, whatever happens in between.
class ErrnoGuard {
  public:
    ErrnoGuard() noexcept : saved_(errno) {}
    ~ErrnoGuard() { errno = saved_; }
    ErrnoGuard(const ErrnoGuard &) = delete;
    ErrnoGuard &operator=(const ErrnoGuard &) = delete;

  private:
    int saved_;
};

/// Runs `body` with errno kept, the error cleared and exceptions stopped.
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
