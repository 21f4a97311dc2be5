// What every function of the C boundary does first and last: it checks and reads the arguments, stops
// exceptions, keeps errno and the thread's cancellation, and fills in the caller's error.
#pragma once

#include "base/guest_call.hpp"
#include "session/backend.hpp"
#include "session/session.hpp"
#include "tokenward.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <system_error>

struct tokenward_backend {
    static constexpr std::uint64_t live_tag = 0x746F6B656E626163U;
    std::uint64_t tag = live_tag;
    std::shared_ptr<tokenward::session::Backend> backend;
};

namespace tokenward::boundary {

inline bool is_live(const tokenward_backend *handle) noexcept {
    return handle != nullptr && handle->tag == tokenward_backend::live_tag;
}
inline const session::Session *session_of(const tokenward_session *handle) noexcept {
    const auto *session = reinterpret_cast<const session::Session *>(handle);
    return session != nullptr && session->is_live() ? session : nullptr;
}

/// `text` has nothing wrong (wrong_text): where data is NULL, size is 0.
inline std::string_view view(const tokenward_string &text) noexcept {
    return {text.data, text.size};
}

// What is wrong with an argument; NULL if all is well.

inline constexpr char backend_not_live[] = "backend is not a live backend";
inline constexpr char session_not_live[] = "session is not a live session";
inline constexpr char in_log_callback[] = "called from within the backend's log callback";

/// `null`, `huge`: the messages, which name the text.
inline const char *wrong_text(const char *data, std::size_t size, const char *null, const char *huge) noexcept {
    if (data == nullptr && size != 0) return null;
    return size > static_cast<std::size_t>(PTRDIFF_MAX) ? huge : nullptr;
}
/// For a text that the caller gives. `name` is a literal.
#define TOKENWARD_WRONG_TEXT(data, size, name)                    \
    wrong_text(data, size, name " is NULL, and its size isn't 0", \
               name "'s size is more than a process can have")

inline const char *wrong_buffer(const char *buffer, std::size_t size, const std::size_t *length) noexcept {
    if (buffer == nullptr && size != 0) return "buffer is NULL, and buffer_size isn't 0";
    return length == nullptr ? "length (out) is NULL" : nullptr;
}

/// What the caller finds if nothing is written: an empty text, and never that of an earlier call.
inline void clear_out(char *buffer, std::size_t size, std::size_t *length) noexcept {
    if (buffer != nullptr && size != 0) buffer[0] = '\0';
    if (length != nullptr) *length = 0;
}

struct Question {
    access::Request request;
    session::Session::Until until;
};

// Each of these reads a struct of the caller. NULL if all is well, else what is wrong, with the field's name.
const char *read_options(const tokenward_options *from, session::BackendOptions &to);
/// Only what a reload takes.
const char *read_reload_options(const tokenward_options *from, session::BackendOptions &to);
const char *read_credentials(const tokenward_credentials *from, credentials::Credentials &to) noexcept;
const char *read_context(const tokenward_context *from, session::Context &to) noexcept;
const char *read_request(const tokenward_request *from, Question &to) noexcept;

/// Copies as snprintf does. `buffer` may be NULL if size is 0.
std::int32_t copy_out(std::string_view text, char *buffer, std::size_t size, std::size_t *length) noexcept;

/// Writes a line about a misuse: to the log of the backend, if there is one, else to standard error. Returns
/// TOKENWARD_ERROR.
std::int32_t log_misuse(session::Backend *backend, const char *function, const char *message) noexcept;
std::int32_t log_misuse(const session::Session *session, const char *function, const char *message) noexcept;

/// One call of a function that has an error to fill in (or NULL).
class Call {
  public:
    Call(const char *function, tokenward_error *error, session::Backend *backend = nullptr) noexcept
        : function_(function), error_(error), backend_(backend) {}

    /// Fills in the caller's error. Returns the result that belongs to the reason.
    std::int32_t fail(const Failure &failure) noexcept;
    std::int32_t fail(Reason reason, std::string_view message) noexcept;
    /// INVALID_ARGUMENT. Where there is no error to fill in, it is a line in the log.
    std::int32_t misuse(const char *message) noexcept;

    /// Runs `body`: the error is cleared first, errno stays, the thread isn't cancelled, no exception gets out.
    template <class Body>
    std::int32_t run(Body body) noexcept {
        const GuestCall guest;
        // A thread's first exception needs memory of its own, and without it glibc ends the process. So it is taken
        // now, when there is still some.
        [[maybe_unused]] const volatile int none = std::uncaught_exceptions();
        if (!clear_error())
            return misuse("error.struct_size is none of tokenward_error: begin with TOKENWARD_ERROR_INIT");
        try {
            return body(*this);
        } catch (const std::bad_alloc &) {
            return fail(Reason::OUT_OF_MEMORY, {});
        } catch (const std::system_error &e) {
            return fail(Reason::RESOURCE_LIMIT, e.what());
        } catch (const std::exception &e) {
            return fail(Reason::INTERNAL, e.what());
        } catch (...) {
            return fail(Reason::INTERNAL, "an exception of an unknown type");
        }
    }

  private:
    bool clear_error() noexcept;
    /// An empty message or hint: that of the reason.
    std::int32_t fill(Reason reason, std::string_view message, std::string_view hint,
                      std::int32_t retry_after_ms) noexcept;

    const char *function_;
    tokenward_error *error_;
    session::Backend *backend_;
};

/// Of a live handle; NULL else.
inline session::Backend *backend_of(const tokenward_backend *handle) noexcept {
    return is_live(handle) ? handle->backend.get() : nullptr;
}

}  // namespace tokenward::boundary
