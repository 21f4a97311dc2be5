// authorize and the other functions on a session.
#include "capi/boundary.hpp"

using namespace tokenward;  // NOLINT(google-build-using-namespace): a boundary file, no header
using namespace tokenward::boundary;

namespace {

tokenward_string borrowed(const std::string &text) noexcept {
    return {text.data(), text.size()};
}

}  // namespace

extern "C" {

int32_t tokenward_authorize(const tokenward_session *session, const tokenward_request *request) {
    const session::Session *asked = session_of(session);
    access::Request read{};
    if (asked == nullptr || !read_request(request, read)) return TOKENWARD_AUTHORIZE_ERROR;
    return static_cast<int32_t>(asked->authorize(read));
}

int32_t tokenward_session_can_access_vhost(const tokenward_session *session, tokenward_string vhost) {
    const session::Session *asked = session_of(session);
    if (asked == nullptr || !is_string(vhost)) return TOKENWARD_AUTHORIZE_ERROR;
    return static_cast<int32_t>(asked->can_access_vhost(view(vhost)));
}

int32_t tokenward_session_refresh(tokenward_session *session, const tokenward_credentials *credentials,
                                  const tokenward_context *context, tokenward_error *error) {
    return guarded(error, [&] {
        auto *asked = const_cast<session::Session *>(session_of(session));
        if (asked == nullptr) return report(error, Reason::INVALID_ARGUMENT, "session is not a live session");
        const auto backend = asked->backend();
        if (!backend) return report(error, Reason::BACKEND_CLOSED, "the backend of this session was destroyed");
        if (backend->in_forked_child()) return report(error, Reason::FORKED, "refresh in a forked child");
        credentials::Credentials sent;
        session::Context from;
        const char *message = "";
        if (!read_credentials(credentials, sent, message) || !read_context(context, from, message)) {
            return report(error, Reason::INVALID_ARGUMENT, message);
        }
        const auto refreshed = backend->refresh(*asked, sent, from);
        return refreshed ? static_cast<int32_t>(TOKENWARD_OK) : report(error, refreshed.error());
    });
}

void tokenward_session_release(tokenward_session *session) {
    const ErrnoGuard keep_errno;
    delete const_cast<session::Session *>(session_of(session));
}

int32_t tokenward_session_username(const tokenward_session *session, tokenward_string *username) {
    if (username == nullptr) return TOKENWARD_ERROR;
    *username = {nullptr, 0};
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return TOKENWARD_ERROR;
    *username = borrowed(asked->username());
    return TOKENWARD_OK;
}

int32_t tokenward_session_issuer(const tokenward_session *session, tokenward_string *issuer) {
    if (issuer == nullptr) return TOKENWARD_ERROR;
    *issuer = {nullptr, 0};
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return TOKENWARD_ERROR;
    *issuer = borrowed(asked->issuer());
    return TOKENWARD_OK;
}

int32_t tokenward_session_expires_at(const tokenward_session *session, int64_t *expires_at) {
    if (expires_at == nullptr) return TOKENWARD_ERROR;
    *expires_at = 0;
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return TOKENWARD_ERROR;
    *expires_at = asked->expires_at();
    return TOKENWARD_OK;
}

int32_t tokenward_session_tags(const tokenward_session *session, char *buffer, size_t buffer_size,
                               size_t *length) {
    const session::Session *asked = session_of(session);
    if (asked == nullptr || !is_buffer(buffer, buffer_size, length)) return TOKENWARD_ERROR;
    asked->with_tags([&](const std::string &tags) { copy_out(tags, buffer, buffer_size, length); });
    return TOKENWARD_OK;
}

int32_t tokenward_explain(const tokenward_session *session, const tokenward_request *request, char *buffer,
                          size_t buffer_size, size_t *length) {
    return guarded(nullptr, [&]() -> int32_t {
        const session::Session *asked = session_of(session);
        access::Request read{};
        if (asked == nullptr || !read_request(request, read) || !is_buffer(buffer, buffer_size, length)) {
            return TOKENWARD_ERROR;
        }
        return copy_out(asked->explain(read), buffer, buffer_size, length);
    });
}

}  // extern "C"
