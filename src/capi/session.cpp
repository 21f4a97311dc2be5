// The functions on a session: authorize, refresh, the getters, explain, report_denial.
#include "capi/boundary.hpp"

using namespace tokenward;  // NOLINT(google-build-using-namespace): a boundary file, no header
using namespace tokenward::boundary;

namespace {

/// For the two getters of a string that stays as long as the session.
int32_t lend(const char *function, const tokenward_session *session, const char **text, size_t *size,
             const std::string &(session::Session::*getter)() const noexcept) {
    if (text != nullptr) *text = nullptr;
    if (size != nullptr) *size = 0;
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return log_misuse(asked, function, session_not_live);
    if (text == nullptr) return log_misuse(asked, function, "the text (out) is NULL");
    if (size == nullptr) return log_misuse(asked, function, "size (out) is NULL");
    const std::string &lent = (asked->*getter)();
    *text = lent.data();
    *size = lent.size();
    return TOKENWARD_OK;
}

/// For the two getters of a time.
int32_t tell_time(const char *function, const tokenward_session *session, int64_t *time, const char *missing,
                  std::int64_t (session::Session::*getter)() const noexcept) {
    if (time != nullptr) *time = 0;
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return log_misuse(asked, function, session_not_live);
    if (time == nullptr) return log_misuse(asked, function, missing);
    *time = (asked->*getter)();
    return TOKENWARD_OK;
}

}  // namespace

extern "C" {

int32_t tokenward_authorize(const tokenward_session *session, const tokenward_request *request) {
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return log_misuse(asked, "tokenward_authorize", session_not_live);
    Question read{};
    if (const char *wrong = read_request(request, read)) return log_misuse(asked, "tokenward_authorize", wrong);
    return static_cast<int32_t>(asked->authorize(read.request, read.until));
}

int32_t tokenward_report_denial(const tokenward_session *session, const tokenward_request *request,
                                const tokenward_context *context) {
    const session::Session *asked = session_of(session);
    const auto backend = asked != nullptr ? asked->backend() : nullptr;
    return Call("tokenward_report_denial", nullptr, backend.get()).run([&](Call &call) {
        if (asked == nullptr) return call.misuse(session_not_live);
        if (!asked->of_this_process()) return call.fail(Reason::FORKED, {});
        if (backend && backend->logger().is_in_sink()) return call.misuse(in_log_callback);
        Question read{};
        session::Context from;
        if (const char *wrong = read_request(request, read)) return call.misuse(wrong);
        if (const char *wrong = read_context(context, from)) return call.misuse(wrong);
        if (!backend) return call.fail(Reason::BACKEND_CLOSED, {});
        backend->report_denial(*asked, read.request, read.until, from);
        return static_cast<int32_t>(TOKENWARD_OK);
    });
}

int32_t tokenward_session_can_access_vhost(const tokenward_session *session, const char *vhost, size_t size) {
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return log_misuse(asked, "tokenward_session_can_access_vhost", session_not_live);
    if (const char *wrong = TOKENWARD_WRONG_TEXT(vhost, size, "vhost"))
        return log_misuse(asked, "tokenward_session_can_access_vhost", wrong);
    return static_cast<int32_t>(asked->can_access_vhost(view({vhost, size})));
}

int32_t tokenward_session_refresh(tokenward_session *session, const tokenward_credentials *credentials,
                                  const tokenward_context *context, tokenward_error *error) {
    auto *asked = const_cast<session::Session *>(session_of(session));
    const auto backend = asked != nullptr ? asked->backend() : nullptr;
    return Call("tokenward_session_refresh", error, backend.get()).run([&](Call &call) {
        if (asked == nullptr) return call.misuse(session_not_live);
        if (!asked->of_this_process()) return call.fail(Reason::FORKED, "refresh in a forked child");
        if (!backend) return call.fail(Reason::BACKEND_CLOSED, {});
        if (backend->logger().is_in_sink()) return call.misuse(in_log_callback);
        credentials::Credentials sent;
        session::Context from;
        if (const char *wrong = read_credentials(credentials, sent)) return call.misuse(wrong);
        if (const char *wrong = read_context(context, from)) return call.misuse(wrong);
        const auto refreshed = backend->refresh(*asked, sent, from);
        return refreshed ? static_cast<int32_t>(TOKENWARD_OK) : call.fail(refreshed.error());
    });
}

void tokenward_session_release(tokenward_session *session) {
    const GuestCall guest;
    if (session == nullptr) return;
    const session::Session *released = session_of(session);
    if (released == nullptr) log_misuse(released, "tokenward_session_release", session_not_live);
    delete released;
}

int32_t tokenward_session_username(const tokenward_session *session, const char **username, size_t *size) {
    return lend("tokenward_session_username", session, username, size, &session::Session::username);
}

int32_t tokenward_session_issuer(const tokenward_session *session, const char **issuer, size_t *size) {
    return lend("tokenward_session_issuer", session, issuer, size, &session::Session::issuer);
}

int32_t tokenward_session_expires_at(const tokenward_session *session, int64_t *expires_at) {
    return tell_time("tokenward_session_expires_at", session, expires_at, "expires_at (out) is NULL",
                     &session::Session::expires_at);
}

int32_t tokenward_session_issued_at(const tokenward_session *session, int64_t *issued_at) {
    return tell_time("tokenward_session_issued_at", session, issued_at, "issued_at (out) is NULL",
                     &session::Session::issued_at);
}

int32_t tokenward_session_tags(const tokenward_session *session, char *buffer, size_t buffer_size,
                               size_t *length) {
    clear_out(buffer, buffer_size, length);
    const session::Session *asked = session_of(session);
    if (asked == nullptr) return log_misuse(asked, "tokenward_session_tags", session_not_live);
    if (const char *wrong = wrong_buffer(buffer, buffer_size, length))
        return log_misuse(asked, "tokenward_session_tags", wrong);
    asked->with_tags([&](std::string_view tags) { copy_out(tags, buffer, buffer_size, length); });
    return TOKENWARD_OK;
}

int32_t tokenward_identity_denied(const tokenward_backend *backend, const char *issuer, size_t issuer_size,
                                  const char *username, size_t username_size, int64_t since) {
    static constexpr const char *function = "tokenward_identity_denied";
    session::Backend *asked = backend_of(backend);
    if (asked == nullptr) return log_misuse(asked, function, backend_not_live);
    if (const char *wrong = TOKENWARD_WRONG_TEXT(issuer, issuer_size, "issuer"))
        return log_misuse(asked, function, wrong);
    if (const char *wrong = TOKENWARD_WRONG_TEXT(username, username_size, "username"))
        return log_misuse(asked, function, wrong);
    if (asked->in_forked_child()) return TOKENWARD_ERROR;
    const bool denied =
        asked->denies_identity(view({issuer, issuer_size}), view({username, username_size}), since);
    return denied ? TOKENWARD_DENIED : TOKENWARD_ALLOWED;
}

int32_t tokenward_explain(const tokenward_session *session, const tokenward_request *request, char *buffer,
                          size_t buffer_size, size_t *length, tokenward_error *error) {
    clear_out(buffer, buffer_size, length);
    const session::Session *asked = session_of(session);
    const auto backend = asked != nullptr ? asked->backend() : nullptr;
    return Call("tokenward_explain", error, backend.get()).run([&](Call &call) {
        if (asked == nullptr) return call.misuse(session_not_live);
        if (const char *wrong = wrong_buffer(buffer, buffer_size, length)) return call.misuse(wrong);
        Question read{};
        if (const char *wrong = read_request(request, read)) return call.misuse(wrong);
        if (!asked->of_this_process()) return call.fail(Reason::FORKED, "explain in a forked child");
        return copy_out(asked->explain(read.request, read.until), buffer, buffer_size, length);
    });
}

}  // extern "C"
