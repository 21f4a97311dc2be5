// What operators read: inspect, status, metrics, config_check; and the versions.
#include "capi/boundary.hpp"
#include "session/version.hpp"

using namespace tokenward;  // NOLINT(google-build-using-namespace): a boundary file, no header
using namespace tokenward::boundary;

namespace {

template <class Text>
int32_t report_of(const tokenward_backend *backend, char *buffer, size_t buffer_size, size_t *length,
                  Text text) {
    return guarded(nullptr, [&]() -> int32_t {
        if (!is_live(backend) || !is_buffer(buffer, buffer_size, length)) return TOKENWARD_ERROR;
        if (backend->backend->in_forked_child()) return TOKENWARD_ERROR;
        return copy_out(text(*backend->backend), buffer, buffer_size, length);
    });
}

}  // namespace

extern "C" {

int32_t tokenward_inspect(tokenward_backend *backend, tokenward_string token, char *buffer, size_t buffer_size,
                          size_t *length, tokenward_error *error) {
    return guarded(error, [&] {
        if (backend != nullptr && !is_live(backend)) {
            return report(error, Reason::INVALID_ARGUMENT, "backend is neither NULL nor a live backend");
        }
        if (!is_string(token)) return report(error, Reason::INVALID_ARGUMENT, "token is NULL with a size");
        if (!is_buffer(buffer, buffer_size, length)) {
            return report(error, Reason::INVALID_ARGUMENT, "buffer is NULL with a size, or length is NULL");
        }
        if (backend != nullptr && backend->backend->in_forked_child()) {
            return report(error, Reason::FORKED, "inspect in a forked child");
        }
        const auto text =
            session::Backend::inspect(backend != nullptr ? backend->backend.get() : nullptr, view(token));
        return text ? copy_out(*text, buffer, buffer_size, length) : report(error, text.error());
    });
}

int32_t tokenward_status(tokenward_backend *backend, char *buffer, size_t buffer_size, size_t *length) {
    return report_of(backend, buffer, buffer_size, length,
                     [](const session::Backend &b) { return b.status(); });
}

int32_t tokenward_metrics(tokenward_backend *backend, char *buffer, size_t buffer_size, size_t *length) {
    return report_of(backend, buffer, buffer_size, length,
                     [](const session::Backend &b) { return b.metrics(); });
}

int32_t tokenward_config_check(const tokenward_options *options, char *buffer, size_t buffer_size,
                               size_t *length, tokenward_error *error) {
    return guarded(error, [&] {
        if (!is_buffer(buffer, buffer_size, length)) {
            return report(error, Reason::INVALID_ARGUMENT, "buffer is NULL with a size, or length is NULL");
        }
        session::BackendOptions read;
        const char *message = "";
        if (!read_options(options, read, message)) return report(error, Reason::INVALID_ARGUMENT, message);
        const auto text = session::Backend::check_config(read);
        return text ? copy_out(*text, buffer, buffer_size, length) : report(error, text.error());
    });
}

uint32_t tokenward_abi_version(void) {
    return TOKENWARD_ABI_VERSION;
}

const char *tokenward_version(void) {
    return session::version;
}

const char *tokenward_reason_name(int32_t reason) {
    return reason_name(static_cast<Reason>(reason));
}

}  // extern "C"
