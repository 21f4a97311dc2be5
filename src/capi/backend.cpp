// create, destroy, reload, authenticate.
#include "capi/boundary.hpp"

#include <utility>

using namespace tokenward;  // NOLINT(google-build-using-namespace): a boundary file, no header
using namespace tokenward::boundary;

extern "C" {

int32_t tokenward_create(const tokenward_options *options, tokenward_backend **backend,
                         tokenward_error *error) {
    if (backend != nullptr) *backend = nullptr;
    return guarded(error, [&] {
        if (backend == nullptr) return report(error, Reason::INVALID_ARGUMENT, "backend (out) is NULL");
        session::BackendOptions read;
        const char *message = "";
        if (!read_options(options, read, message)) return report(error, Reason::INVALID_ARGUMENT, message);
        auto handle = std::make_unique<tokenward_backend>();
        auto created = session::Backend::create(read);
        if (!created) return report(error, created.error());
        handle->backend = std::move(*created);
        *backend = handle.release();
        return static_cast<int32_t>(TOKENWARD_OK);
    });
}

void tokenward_destroy(tokenward_backend *backend) {
    const ErrnoGuard keep_errno;
    if (!is_live(backend)) return;
    if (backend->backend->in_forked_child()) {
        backend->backend->abandon_in_forked_child();
    } else {
        backend->backend->close();
    }
    static_cast<volatile std::uint64_t &>(backend->tag) = 0;
    delete backend;
}

int32_t tokenward_reload(tokenward_backend *backend, const tokenward_options *options, tokenward_error *error) {
    return guarded(error, [&] {
        if (!is_live(backend)) return report(error, Reason::INVALID_ARGUMENT, "backend is not a live backend");
        if (backend->backend->in_forked_child()) {
            return report(error, Reason::FORKED, "reload in a forked child");
        }
        session::BackendOptions read;
        const char *message = "";
        if (!read_options(options, read, message)) return report(error, Reason::INVALID_ARGUMENT, message);
        const auto reloaded = backend->backend->reload(options != nullptr ? &read : nullptr);
        return reloaded ? static_cast<int32_t>(TOKENWARD_OK) : report(error, reloaded.error());
    });
}

int32_t tokenward_authenticate(tokenward_backend *backend, const tokenward_credentials *credentials,
                               const tokenward_context *context, tokenward_session **session,
                               tokenward_error *error) {
    if (session != nullptr) *session = nullptr;
    return guarded(error, [&] {
        if (!is_live(backend)) return report(error, Reason::INVALID_ARGUMENT, "backend is not a live backend");
        if (session == nullptr) return report(error, Reason::INVALID_ARGUMENT, "session (out) is NULL");
        if (backend->backend->in_forked_child()) {
            return report(error, Reason::FORKED, "authenticate in a forked child");
        }
        credentials::Credentials sent;
        session::Context from;
        const char *message = "";
        if (!read_credentials(credentials, sent, message) || !read_context(context, from, message)) {
            return report(error, Reason::INVALID_ARGUMENT, message);
        }
        auto authenticated = backend->backend->authenticate(sent, from);
        if (!authenticated) return report(error, authenticated.error());
        *session = reinterpret_cast<tokenward_session *>(authenticated->release());
        return static_cast<int32_t>(TOKENWARD_OK);
    });
}

}  // extern "C"
