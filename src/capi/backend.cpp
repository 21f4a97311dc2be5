// The functions on a backend: create, destroy, reload, authenticate, and its log queue.
#include "base/at_work.hpp"
#include "capi/boundary.hpp"

#include <utility>

using namespace tokenward;  // NOLINT(google-build-using-namespace): a boundary file, no header
using namespace tokenward::boundary;

namespace {

/// The last backend that was destroyed after the process began to end.
std::shared_ptr<session::Backend> *left_at_process_end;

}  // namespace

extern "C" {

int32_t tokenward_create(const tokenward_options *options, tokenward_backend **backend,
                         tokenward_error *error) {
    if (backend != nullptr) *backend = nullptr;
    return Call("tokenward_create", error).run([&](Call &call) {
        if (backend == nullptr) return call.misuse("backend (out) is NULL");
        session::BackendOptions read;
        if (const char *wrong = read_options(options, read)) return call.misuse(wrong);
        auto handle = std::make_unique<tokenward_backend>();
        auto created = session::Backend::create(read);
        if (!created) return call.fail(created.error());
        handle->backend = std::move(*created);
        *backend = handle.release();
        return static_cast<int32_t>(TOKENWARD_OK);
    });
}

void tokenward_destroy(tokenward_backend *backend) {
    const GuestCall guest;
    if (backend == nullptr) return;
    if (!is_live(backend)) {
        log_misuse(static_cast<session::Backend *>(nullptr), "tokenward_destroy", backend_not_live);
        return;
    }
    const bool forked = backend->backend->in_forked_child();
    if (!forked && backend->backend->logger().is_in_sink()) {
        log_misuse(backend->backend.get(), "tokenward_destroy", in_log_callback);
        return;
    }
    static_cast<volatile std::uint64_t &>(backend->tag) = 0;
    if (process_ends()) {
        // OpenSSL has cleaned up: keys can't be freed any more, and our threads don't end. It stays reachable, for
        // leak checkers.
        left_at_process_end = &backend->backend;
        return;
    }
    if (forked) {
        backend->backend->abandon_in_forked_child();
    } else {
        backend->backend->close();
    }
    delete backend;
}

int32_t tokenward_reload(tokenward_backend *backend, const tokenward_options *options, tokenward_error *error) {
    session::Backend *reloaded = backend_of(backend);
    return Call("tokenward_reload", error, reloaded).run([&](Call &call) {
        if (reloaded == nullptr) return call.misuse(backend_not_live);
        if (reloaded->in_forked_child()) return call.fail(Reason::FORKED, "reload in a forked child");
        if (reloaded->logger().is_in_sink()) return call.misuse(in_log_callback);
        session::BackendOptions read;
        if (const char *wrong = read_reload_options(options, read)) return call.misuse(wrong);
        const auto done = reloaded->reload(options != nullptr ? &read : nullptr);
        return done ? static_cast<int32_t>(TOKENWARD_OK) : call.fail(done.error());
    });
}

int32_t tokenward_authenticate(tokenward_backend *backend, const tokenward_credentials *credentials,
                               const tokenward_context *context, tokenward_session **session,
                               tokenward_error *error) {
    if (session != nullptr) *session = nullptr;
    session::Backend *asked = backend_of(backend);
    return Call("tokenward_authenticate", error, asked).run([&](Call &call) {
        if (asked == nullptr) return call.misuse(backend_not_live);
        if (session == nullptr) return call.misuse("session (out) is NULL");
        if (asked->in_forked_child()) return call.fail(Reason::FORKED, "authenticate in a forked child");
        if (asked->logger().is_in_sink()) return call.misuse(in_log_callback);
        credentials::Credentials sent;
        session::Context from;
        if (const char *wrong = read_credentials(credentials, sent)) return call.misuse(wrong);
        if (const char *wrong = read_context(context, from)) return call.misuse(wrong);
        auto authenticated = asked->authenticate(sent, from);
        if (!authenticated) return call.fail(authenticated.error());
        *session = reinterpret_cast<tokenward_session *>(authenticated->release());
        return static_cast<int32_t>(TOKENWARD_OK);
    });
}

int32_t tokenward_log_fd(tokenward_backend *backend, int32_t *fd) {
    if (fd != nullptr) *fd = -1;
    session::Backend *asked = backend_of(backend);
    if (asked == nullptr) return log_misuse(asked, "tokenward_log_fd", backend_not_live);
    if (fd == nullptr) return log_misuse(asked, "tokenward_log_fd", "fd (out) is NULL");
    if (asked->in_forked_child()) return TOKENWARD_ERROR;
    if (!asked->logger().is_queue()) {
        return log_misuse(asked, "tokenward_log_fd", "options.log_mode wasn't TOKENWARD_LOG_TO_QUEUE");
    }
    *fd = asked->logger().fd();
    return TOKENWARD_OK;
}

int32_t tokenward_log_read(tokenward_backend *backend, int32_t *level, char *buffer, size_t buffer_size,
                           size_t *length) {
    if (level != nullptr) *level = 0;
    if (length != nullptr) *length = 0;
    session::Backend *asked = backend_of(backend);
    if (asked == nullptr) return log_misuse(asked, "tokenward_log_read", backend_not_live);
    if (level == nullptr) return log_misuse(asked, "tokenward_log_read", "level (out) is NULL");
    if (const char *wrong = wrong_buffer(buffer, buffer_size, length))
        return log_misuse(asked, "tokenward_log_read", wrong);
    if (asked->in_forked_child()) return TOKENWARD_ERROR;
    if (!asked->logger().is_queue()) {
        return log_misuse(asked, "tokenward_log_read", "options.log_mode wasn't TOKENWARD_LOG_TO_QUEUE");
    }
    const GuestCall guest;
    *length = asked->logger().read(*level, buffer, buffer_size);
    return TOKENWARD_OK;
}

}  // extern "C"
