/*
 * A library that has tokenward.h's functions and answers what no library of version 1.x answers.
 * FAKE_ABI_VERSION: what it says its interface version is.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tokenward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static char something;

static int32_t by_name(const tokenward_credentials *credentials, tokenward_error *error) {
    const tokenward_string *data = &credentials->data;
    (void)snprintf(error->message, sizeof error->message, "from the fake");
    if (data->size == 4 && memcmp(data->data, "good", 4) == 0) return TOKENWARD_OK;
    if (data->size == 5 && memcmp(data->data, "again", 5) == 0) return TOKENWARD_TRY_AGAIN;
    return data->size == 8 ? -1 : 77;
}

EXPORT uint32_t tokenward_abi_version(void) {
    const char *version =
        getenv("FAKE_ABI_VERSION"); /* NOLINT(concurrency-mt-unsafe): no one sets it meanwhile */
    return version != NULL ? (uint32_t)strtoul(version, NULL, 0) : 0;
}
EXPORT const char *tokenward_version(void) {
    return "fake";
}
EXPORT const char *tokenward_reason_name(int32_t reason) {
    return reason == 0 ? "NONE" : "UNKNOWN";
}

EXPORT int32_t tokenward_create(const tokenward_options *options, tokenward_backend **backend,
                                tokenward_error *error) {
    (void)options, (void)error;
    *backend = (tokenward_backend *)&something;
    return TOKENWARD_OK;
}
EXPORT void tokenward_destroy(tokenward_backend *backend) {
    (void)backend;
}
EXPORT int32_t tokenward_reload(tokenward_backend *backend, const tokenward_options *options,
                                tokenward_error *error) {
    (void)backend, (void)options, (void)error;
    return 77;
}
EXPORT int32_t tokenward_authenticate(tokenward_backend *backend, const tokenward_credentials *credentials,
                                      const tokenward_context *context, tokenward_session **session,
                                      tokenward_error *error) {
    (void)backend, (void)context;
    *session = (tokenward_session *)&something; /* also when it's no yes: nobody may look at it */
    return by_name(credentials, error);
}
EXPORT int32_t tokenward_authorize(const tokenward_session *session, const tokenward_request *request) {
    (void)session, (void)request;
    return 7;
}
EXPORT int32_t tokenward_report_denial(const tokenward_session *session, const tokenward_request *request,
                                       const tokenward_context *context) {
    (void)session, (void)request, (void)context;
    return 77;
}
EXPORT int32_t tokenward_session_can_access_vhost(const tokenward_session *session, const char *vhost,
                                                  size_t size) {
    (void)session, (void)vhost, (void)size;
    return -1;
}
EXPORT int32_t tokenward_session_refresh(tokenward_session *session, const tokenward_credentials *credentials,
                                         const tokenward_context *context, tokenward_error *error) {
    (void)session, (void)context;
    return by_name(credentials, error);
}
EXPORT void tokenward_session_release(tokenward_session *session) {
    (void)session;
}
EXPORT int32_t tokenward_session_username(const tokenward_session *session, const char **username,
                                          size_t *size) {
    (void)session;
    *username = "fake";
    *size = 4;
    return TOKENWARD_OK;
}
EXPORT int32_t tokenward_session_issuer(const tokenward_session *session, const char **issuer, size_t *size) {
    return tokenward_session_username(session, issuer, size);
}
EXPORT int32_t tokenward_identity_denied(const tokenward_backend *backend, const char *issuer, size_t issuer_size,
                                         const char *username, size_t username_size, int64_t since) {
    (void)backend, (void)issuer, (void)issuer_size, (void)username, (void)username_size, (void)since;
    return -1;
}
EXPORT int32_t tokenward_session_expires_at(const tokenward_session *session, int64_t *expires_at) {
    (void)session, (void)expires_at;
    return 77;
}
EXPORT int32_t tokenward_session_issued_at(const tokenward_session *session, int64_t *issued_at) {
    (void)session, (void)issued_at;
    return 77;
}
EXPORT int32_t tokenward_session_tags(const tokenward_session *session, char *buffer, size_t buffer_size,
                                      size_t *length) {
    (void)session, (void)buffer, (void)buffer_size, (void)length;
    return 77;
}
EXPORT int32_t tokenward_explain(const tokenward_session *session, const tokenward_request *request,
                                 char *buffer, size_t buffer_size, size_t *length, tokenward_error *error) {
    (void)request, (void)error;
    return tokenward_session_tags(session, buffer, buffer_size, length);
}
EXPORT int32_t tokenward_inspect(tokenward_backend *backend, const char *token, size_t token_size, char *buffer,
                                 size_t buffer_size, size_t *length, tokenward_error *error) {
    (void)backend, (void)token, (void)token_size, (void)error;
    return tokenward_session_tags(NULL, buffer, buffer_size, length);
}
EXPORT int32_t tokenward_status(tokenward_backend *backend, char *buffer, size_t buffer_size, size_t *length,
                                tokenward_error *error) {
    (void)backend;
    (void)snprintf(error->message, sizeof error->message, "no status");
    return tokenward_session_tags(NULL, buffer, buffer_size, length);
}
EXPORT int32_t tokenward_metrics(tokenward_backend *backend, char *buffer, size_t buffer_size, size_t *length,
                                 tokenward_error *error) {
    return tokenward_status(backend, buffer, buffer_size, length, error);
}
EXPORT int32_t tokenward_log_fd(tokenward_backend *backend, int32_t *fd) {
    (void)backend;
    *fd = -1;
    return 77;
}
EXPORT int32_t tokenward_log_read(tokenward_backend *backend, int32_t *level, char *buffer, size_t buffer_size,
                                  size_t *length) {
    (void)level;
    return tokenward_session_tags((tokenward_session *)backend, buffer, buffer_size, length);
}
EXPORT int32_t tokenward_config_check(const tokenward_options *options, char *buffer, size_t buffer_size,
                                      size_t *length, tokenward_error *error) {
    (void)options, (void)error;
    return tokenward_session_tags(NULL, buffer, buffer_size, length);
}
