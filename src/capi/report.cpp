// What operators read: inspect, status, metrics, config_check; and the versions.
#include "capi/boundary.hpp"
#include "session/version.hpp"

using namespace tokenward;  // NOLINT(google-build-using-namespace): a boundary file, no header
using namespace tokenward::boundary;

namespace {

template <class Text>
int32_t report_of(const char *function, const tokenward_backend *backend, char *buffer, size_t buffer_size,
                  size_t *length, tokenward_error *error, Text text) {
    clear_out(buffer, buffer_size, length);
    session::Backend *asked = backend_of(backend);
    return Call(function, error, asked).run([&](Call &call) {
        if (asked == nullptr) return call.misuse(backend_not_live);
        if (const char *wrong = wrong_buffer(buffer, buffer_size, length)) return call.misuse(wrong);
        if (asked->in_forked_child()) return call.fail(Reason::FORKED, {});
        return copy_out(text(*asked), buffer, buffer_size, length);
    });
}

}  // namespace

extern "C" {

int32_t tokenward_inspect(tokenward_backend *backend, const char *token, size_t token_size, char *buffer,
                          size_t buffer_size, size_t *length, tokenward_error *error) {
    clear_out(buffer, buffer_size, length);
    session::Backend *asked = backend_of(backend);
    return Call("tokenward_inspect", error, asked).run([&](Call &call) {
        if (backend != nullptr && asked == nullptr) {
            return call.misuse("backend is neither NULL nor a live backend");
        }
        if (const char *wrong = TOKENWARD_WRONG_TEXT(token, token_size, "token")) return call.misuse(wrong);
        if (const char *wrong = wrong_buffer(buffer, buffer_size, length)) return call.misuse(wrong);
        if (asked != nullptr && asked->in_forked_child()) {
            return call.fail(Reason::FORKED, "inspect in a forked child");
        }
        const auto shown = session::Backend::inspect(asked, view({token, token_size}));
        return shown ? copy_out(*shown, buffer, buffer_size, length) : call.fail(shown.error());
    });
}

int32_t tokenward_status(tokenward_backend *backend, char *buffer, size_t buffer_size, size_t *length,
                         tokenward_error *error) {
    return report_of("tokenward_status", backend, buffer, buffer_size, length, error,
                     [](const session::Backend &b) { return b.status(); });
}

int32_t tokenward_metrics(tokenward_backend *backend, char *buffer, size_t buffer_size, size_t *length,
                          tokenward_error *error) {
    return report_of("tokenward_metrics", backend, buffer, buffer_size, length, error,
                     [](const session::Backend &b) { return b.metrics(); });
}

int32_t tokenward_config_check(const tokenward_options *options, char *buffer, size_t buffer_size,
                               size_t *length, tokenward_error *error) {
    clear_out(buffer, buffer_size, length);
    return Call("tokenward_config_check", error).run([&](Call &call) {
        if (const char *wrong = wrong_buffer(buffer, buffer_size, length)) return call.misuse(wrong);
        session::BackendOptions read;
        if (const char *wrong = read_options(options, read)) return call.misuse(wrong);
        const auto text = session::Backend::check_config(read);
        return text ? copy_out(*text, buffer, buffer_size, length) : call.fail(text.error());
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
