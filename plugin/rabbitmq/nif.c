/*
 * tokenward_nif: libtokenward for Erlang. tokenward_nif.erl describes the functions and their terms.
 *
 * Any term may stand in any argument: one that doesn't fit is badarg. A call that takes more than some
 * microseconds (a signature, a file, the end of a thread) runs on a dirty scheduler. A decision about rights
 * runs on a normal one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nif_handles.h"

#include <string.h>

#define UNUSED(name) (void)(name)

/* ---- terms ------------------------------------------------------------------------------------------ */

static ERL_NIF_TERM atom(ErlNifEnv *env, const char *name) {
    return enif_make_atom(env, name);
}

static ERL_NIF_TERM binary(ErlNifEnv *env, const char *data, size_t size) {
    ERL_NIF_TERM term;
    unsigned char *bytes = enif_make_new_binary(env, size, &term);
    if (bytes != NULL && size != 0) memcpy(bytes, data, size);
    return term;
}

static ERL_NIF_TERM text(ErlNifEnv *env, const char *data) {
    return binary(env, data, strlen(data));
}

/* Borrowed for the call. */
static int get_string(ErlNifEnv *env, ERL_NIF_TERM term, tokenward_string *string) {
    ErlNifBinary bytes;
    if (!enif_inspect_binary(env, term, &bytes)) return 0;
    string->data = (const char *)bytes.data;
    string->size = bytes.size;
    return 1;
}

/* A path: a binary without NUL. It must fit into size bytes with a NUL at its end. */
static int get_path(ErlNifEnv *env, ERL_NIF_TERM term, char *path, size_t size) {
    tokenward_string string;
    if (!get_string(env, term, &string) || string.size == 0 || string.size >= size ||
        memchr(string.data, 0, string.size) != NULL) {
        return 0;
    }
    memcpy(path, string.data, string.size);
    path[string.size] = 0;
    return 1;
}

static const struct resource_types *types(ErlNifEnv *env) {
    return enif_priv_data(env);
}

static struct session_handle *get_session(ErlNifEnv *env, ERL_NIF_TERM term) {
    void *object = NULL;
    return enif_get_resource(env, term, types(env)->session, &object) ? object : NULL;
}

static struct backend_handle *get_backend(ErlNifEnv *env, ERL_NIF_TERM term) {
    void *object = NULL;
    return enif_get_resource(env, term, types(env)->backend, &object) ? object : NULL;
}

static ERL_NIF_TERM error_term(ErlNifEnv *env, const struct loaded_library *library, const char *kind,
                               const tokenward_error *error) {
    return enif_make_tuple4(env, atom(env, kind), text(env, library->reason_name(error->reason)),
                            text(env, error->message), text(env, error->hint));
}

/* The term for a result of authenticate or refresh that isn't OK. */
static ERL_NIF_TERM refusal_term(ErlNifEnv *env, const struct loaded_library *library, int32_t result,
                                 const tokenward_error *error) {
    switch (result) {
        case TOKENWARD_REFUSED:
            return error_term(env, library, "refused", error);
        case TOKENWARD_NOT_A_TOKEN:
            return error_term(env, library, "not_a_token", error);
        case TOKENWARD_TRY_AGAIN:
            return enif_make_tuple5(env, atom(env, "try_again"), enif_make_int(env, error->retry_after_ms),
                                    text(env, library->reason_name(error->reason)), text(env, error->message),
                                    text(env, error->hint));
        default:
            return error_term(env, library, "error", error);
    }
}

static ERL_NIF_TERM closed_term(ErlNifEnv *env) {
    return enif_make_tuple4(env, atom(env, "error"), text(env, "BACKEND_CLOSED"),
                            text(env, "the plugin is stopping"), text(env, ""));
}

static ERL_NIF_TERM verdict_term(ErlNifEnv *env, int32_t verdict) {
    switch (verdict) {
        case TOKENWARD_ALLOWED:
            return atom(env, "allowed");
        case TOKENWARD_DENIED:
            return atom(env, "denied");
        case TOKENWARD_EXPIRED:
            return atom(env, "expired");
        default:
            return atom(env, "error");
    }
}

/* ---- options ---------------------------------------------------------------------------------------- */

#define MAX_CONFIG_FILES 64

struct options {
    tokenward_options options;
    tokenward_string files[MAX_CONFIG_FILES];
};

/* [File], Json and StartupWaitMs, as three arguments. */
static int get_options(ErlNifEnv *env, const ERL_NIF_TERM argv[], struct options *out) {
    ERL_NIF_TERM list = argv[0];
    ERL_NIF_TERM head;
    unsigned wait_ms;

    out->options = (tokenward_options)TOKENWARD_OPTIONS_INIT;
    out->options.log_mode = TOKENWARD_LOG_TO_QUEUE;
    out->options.config_files = out->files;
    while (enif_get_list_cell(env, list, &head, &list)) {
        if (out->options.config_file_count == MAX_CONFIG_FILES) return 0;
        if (!get_string(env, head, &out->files[out->options.config_file_count])) return 0;
        ++out->options.config_file_count;
    }
    if (!enif_is_empty_list(env, list) || !get_string(env, argv[1], &out->options.config_json)) return 0;
    if (!enif_get_uint(env, argv[2], &wait_ms) || wait_ms > 60000) return 0;
    out->options.startup_wait_ms = wait_ms;
    return 1;
}

/* ---- library and backend ---------------------------------------------------------------------------- */

static ERL_NIF_TERM open_library(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    char path[4096];
    char problem[1024] = "";
    struct library_handle *handle;
    ERL_NIF_TERM term;

    UNUSED(argc);
    if (!get_path(env, argv[0], path, sizeof path)) return enif_make_badarg(env);
    handle = enif_alloc_resource(types(env)->library, sizeof *handle);
    if (handle == NULL) return enif_raise_exception(env, atom(env, "enomem"));
    memset(handle, 0, sizeof *handle);
    if (!load_library(&handle->table, path, problem, sizeof problem)) {
        enif_release_resource(handle);
        return enif_make_tuple2(env, atom(env, "error"), text(env, problem));
    }
    term = enif_make_tuple3(env, atom(env, "ok"), enif_make_resource(env, handle),
                            text(env, handle->table.version()));
    enif_release_resource(handle);
    return term;
}

/* The calling process is the owner. */
static ERL_NIF_TERM create(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    void *object;
    struct library_handle *library;
    struct backend_handle *handle;
    struct options options;
    ErlNifPid owner;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    ERL_NIF_TERM term;

    UNUSED(argc);
    if (!enif_get_resource(env, argv[0], types(env)->library, &object) ||
        !get_options(env, argv + 1, &options) || enif_self(env, &owner) == NULL) {
        return enif_make_badarg(env);
    }
    library = object;
    handle = backend_new(env, types(env), library, &owner);
    if (handle == NULL) return enif_raise_exception(env, atom(env, "enomem"));
    if (library->table.create(&options.options, &handle->backend, &error) != TOKENWARD_OK) {
        handle->backend = NULL;
        term = error_term(env, &library->table, "error", &error);
    } else if (!log_begin(env, handle)) {
        backend_close(env, handle);
        term = enif_make_tuple4(env, atom(env, "error"), text(env, "RESOURCE_LIMIT"),
                                text(env, "no file descriptor for the log lines"),
                                text(env, "raise the limit of open files"));
    } else {
        term = enif_make_tuple2(env, atom(env, "ok"), enif_make_resource(env, handle));
    }
    enif_release_resource(handle);
    return term;
}

static ERL_NIF_TERM reload(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct backend_handle *handle = get_backend(env, argv[0]);
    struct options options;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    tokenward_backend *backend;
    int32_t result;

    UNUSED(argc);
    if (handle == NULL || !get_options(env, argv + 1, &options)) return enif_make_badarg(env);
    backend = backend_enter(handle);
    if (backend == NULL) return closed_term(env);
    result = handle->library->table.reload(backend, &options.options, &error);
    backend_leave(handle);
    if (result == TOKENWARD_OK) return atom(env, "ok");
    return error_term(env, &handle->library->table, "error", &error);
}

/* NULL if the caller isn't the backend's owner. */
static struct backend_handle *get_own_backend(ErlNifEnv *env, ERL_NIF_TERM term) {
    struct backend_handle *handle = get_backend(env, term);
    ErlNifPid caller;
    if (handle == NULL || enif_self(env, &caller) == NULL) return NULL;
    return enif_compare_pids(&caller, &handle->owner) == 0 ? handle : NULL;
}

static ERL_NIF_TERM close_backend(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct backend_handle *handle = get_own_backend(env, argv[0]);
    UNUSED(argc);
    if (handle == NULL) return enif_make_badarg(env);
    backend_close(env, handle);
    return atom(env, "ok");
}

/* The library gives its lines to one thread at a time: the owner's. So no close runs beside it either. */
static ERL_NIF_TERM log_lines(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct backend_handle *handle = get_own_backend(env, argv[0]);
    tokenward_backend *backend;
    ERL_NIF_TERM lines;
    UNUSED(argc);
    if (handle == NULL) return enif_make_badarg(env);
    backend = backend_enter(handle);
    if (backend == NULL) return enif_make_list(env, 0);
    lines = log_take(env, handle, backend);
    backend_leave(handle);
    return lines;
}

typedef int32_t (*backend_text)(tokenward_backend *, char *, size_t, size_t *, tokenward_error *);

/* Reads a text of any size into a binary. */
static ERL_NIF_TERM backend_text_term(ErlNifEnv *env, struct backend_handle *handle, backend_text function) {
    size_t size = 16384;
    size_t length = 0;
    char *buffer = NULL;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    ERL_NIF_TERM term;
    tokenward_backend *backend = backend_enter(handle);

    if (backend == NULL) return closed_term(env);
    for (;;) {
        char *larger = enif_realloc(buffer, size);
        if (larger == NULL) {
            term = enif_raise_exception(env, atom(env, "enomem"));
            break;
        }
        buffer = larger;
        if (function(backend, buffer, size, &length, &error) != TOKENWARD_OK) {
            term = error_term(env, &handle->library->table, "error", &error);
            break;
        }
        if (length < size) {
            term = enif_make_tuple2(env, atom(env, "ok"), binary(env, buffer, length));
            break;
        }
        size = length + 1024; /* the text may grow between two calls */
    }
    backend_leave(handle);
    enif_free(buffer);
    return term;
}

static ERL_NIF_TERM status(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct backend_handle *handle = get_backend(env, argv[0]);
    UNUSED(argc);
    if (handle == NULL) return enif_make_badarg(env);
    return backend_text_term(env, handle, handle->library->table.status);
}

static ERL_NIF_TERM metrics(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct backend_handle *handle = get_backend(env, argv[0]);
    UNUSED(argc);
    if (handle == NULL) return enif_make_badarg(env);
    return backend_text_term(env, handle, handle->library->table.metrics);
}

/* ---- sessions --------------------------------------------------------------------------------------- */

struct attempt {
    tokenward_credentials credentials;
    tokenward_context context;
};

/* A list of the atoms last_backend, asks_again. */
static int get_context_flags(ErlNifEnv *env, ERL_NIF_TERM list, uint64_t *flags) {
    ERL_NIF_TERM head;
    while (enif_get_list_cell(env, list, &head, &list)) {
        if (enif_is_identical(head, atom(env, "last_backend")))
            *flags |= TOKENWARD_LAST_BACKEND;
        else if (enif_is_identical(head, atom(env, "asks_again")))
            *flags |= TOKENWARD_ASKS_AGAIN;
        else
            return 0;
    }
    return enif_is_empty_list(env, list);
}

/* {Protocol, Peer, ClientId, ConnectionName, Flags} */
static int get_context(ErlNifEnv *env, ERL_NIF_TERM term, tokenward_context *out) {
    const ERL_NIF_TERM *field;
    int arity;
    *out = (tokenward_context)TOKENWARD_CONTEXT_INIT;
    if (!enif_get_tuple(env, term, &arity, &field) || arity != 5) return 0;
    return get_string(env, field[0], &out->protocol) && get_string(env, field[1], &out->peer) &&
           get_string(env, field[2], &out->client_id) && get_string(env, field[3], &out->connection_name) &&
           get_context_flags(env, field[4], &out->flags);
}

/* Username, Secret, Context, as three arguments. */
static int get_attempt(ErlNifEnv *env, const ERL_NIF_TERM argv[], struct attempt *out) {
    out->credentials = (tokenward_credentials)TOKENWARD_CREDENTIALS_INIT;
    out->credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    return get_string(env, argv[0], &out->credentials.username) &&
           get_string(env, argv[1], &out->credentials.password) && get_context(env, argv[2], &out->context);
}

static ERL_NIF_TERM session_term(ErlNifEnv *env, struct backend_handle *backend, tokenward_session *session) {
    struct session_handle *handle = enif_alloc_resource(types(env)->session, sizeof *handle);
    ERL_NIF_TERM term;
    if (handle == NULL) {
        backend->library->table.session_release(session);
        return enif_raise_exception(env, atom(env, "enomem"));
    }
    enif_keep_resource(backend->library);
    handle->library = backend->library;
    handle->backend_id = backend->id;
    handle->session = session;
    term = enif_make_tuple2(env, atom(env, "ok"), enif_make_resource(env, handle));
    enif_release_resource(handle);
    return term;
}

static ERL_NIF_TERM authenticate(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct backend_handle *handle = get_backend(env, argv[0]);
    struct attempt attempt;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    tokenward_session *session = NULL;
    tokenward_backend *backend;
    int32_t result;

    UNUSED(argc);
    if (handle == NULL || !get_attempt(env, argv + 1, &attempt)) return enif_make_badarg(env);
    backend = backend_enter(handle);
    if (backend == NULL) return closed_term(env);
    result =
        handle->library->table.authenticate(backend, &attempt.credentials, &attempt.context, &session, &error);
    backend_leave(handle);
    if (result != TOKENWARD_OK) return refusal_term(env, &handle->library->table, result, &error);
    return session_term(env, handle, session);
}

static ERL_NIF_TERM refresh(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct session_handle *handle = get_session(env, argv[0]);
    struct attempt attempt;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    int32_t result;

    UNUSED(argc);
    if (handle == NULL || !get_attempt(env, argv + 1, &attempt)) return enif_make_badarg(env);
    attempt.credentials.kind = TOKENWARD_BEARER_TOKEN; /* a new secret comes without a username */
    attempt.credentials.data = attempt.credentials.password;
    result =
        handle->library->table.session_refresh(handle->session, &attempt.credentials, &attempt.context, &error);
    if (result == TOKENWARD_OK) return atom(env, "ok");
    return refusal_term(env, &handle->library->table, result, &error);
}

static ERL_NIF_TERM username(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    const char *name = NULL;
    size_t size = 0;
    UNUSED(argc);
    if (handle == NULL ||
        handle->library->table.session_username(handle->session, &name, &size) != TOKENWARD_OK)
        return enif_make_badarg(env);
    return binary(env, name, size);
}

static ERL_NIF_TERM issuer(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    const char *name = NULL;
    size_t size = 0;
    UNUSED(argc);
    if (handle == NULL || handle->library->table.session_issuer(handle->session, &name, &size) != TOKENWARD_OK)
        return enif_make_badarg(env);
    return binary(env, name, size);
}

static ERL_NIF_TERM expires_at(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    int64_t instant = 0;
    UNUSED(argc);
    if (handle == NULL || handle->library->table.session_expires_at(handle->session, &instant) != TOKENWARD_OK)
        return enif_make_badarg(env);
    return enif_make_int64(env, instant);
}

/* The session's backend may be gone, and its memory be another's. */
static ERL_NIF_TERM is_of(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct backend_handle *backend = get_backend(env, argv[0]);
    const struct session_handle *session = get_session(env, argv[1]);
    UNUSED(argc);
    if (backend == NULL || session == NULL) return enif_make_badarg(env);
    return atom(env, backend->id == session->backend_id ? "true" : "false");
}

/* By what the session says of itself: the backend may be of another library than it. */
static ERL_NIF_TERM denies(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    struct backend_handle *handle = get_backend(env, argv[0]);
    const struct session_handle *session = get_session(env, argv[1]);
    tokenward_backend *backend;
    tokenward_string issuer;
    tokenward_string name;
    int64_t issued_at = 0;
    int32_t result;

    UNUSED(argc);
    if (handle == NULL || session == NULL ||
        session->library->table.session_issuer(session->session, &issuer.data, &issuer.size) != TOKENWARD_OK ||
        session->library->table.session_username(session->session, &name.data, &name.size) != TOKENWARD_OK ||
        session->library->table.session_issued_at(session->session, &issued_at) != TOKENWARD_OK) {
        return enif_make_badarg(env);
    }
    backend = backend_enter(handle);
    if (backend == NULL) return atom(env, "false");
    result = handle->library->table.identity_denied(backend, issuer.data, issuer.size, name.data, name.size, issued_at);
    backend_leave(handle);
    return atom(env, result == TOKENWARD_DENIED ? "true" : "false");
}

/* At most 2048 tags of 64 bytes, each with a comma. */
#define MAX_TAGS_SIZE (2048u * 65u + 1u)

static ERL_NIF_TERM tags(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    char few[1024];
    char *buffer = few;
    size_t length = 0;
    ERL_NIF_TERM term;
    int32_t result;

    UNUSED(argc);
    if (handle == NULL) return enif_make_badarg(env);
    result = handle->library->table.session_tags(handle->session, few, sizeof few, &length);
    if (result == TOKENWARD_OK && length >= sizeof few) {
        buffer = enif_alloc(MAX_TAGS_SIZE);
        if (buffer == NULL) return enif_raise_exception(env, atom(env, "enomem"));
        result = handle->library->table.session_tags(handle->session, buffer, MAX_TAGS_SIZE, &length);
    }
    if (result == TOKENWARD_OK && length < MAX_TAGS_SIZE)
        term = binary(env, buffer, length);
    else
        term = enif_make_badarg(env);
    if (buffer != few) enif_free(buffer);
    return term;
}

static ERL_NIF_TERM can_access_vhost(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    tokenward_string vhost;
    UNUSED(argc);
    if (handle == NULL || !get_string(env, argv[1], &vhost)) return enif_make_badarg(env);
    return verdict_term(
        env, handle->library->table.session_can_access_vhost(handle->session, vhost.data, vhost.size));
}

/* Operation, Vhost, Name, RoutingKey (a binary, or an atom for none), as four arguments. */
static int get_request(ErlNifEnv *env, const ERL_NIF_TERM argv[], tokenward_request *request) {
    int operation;
    *request = (tokenward_request)TOKENWARD_REQUEST_INIT;
    if (!enif_get_int(env, argv[0], &operation) || !get_string(env, argv[1], &request->vhost) ||
        !get_string(env, argv[2], &request->resource)) {
        return 0;
    }
    request->operation = operation;
    if (enif_is_atom(env, argv[3])) return 1;
    request->flags |= TOKENWARD_ROUTING_KEY; /* of the empty key too */
    return get_string(env, argv[3], &request->routing_key);
}

static ERL_NIF_TERM authorize(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    tokenward_request request;
    UNUSED(argc);
    if (handle == NULL || !get_request(env, argv + 1, &request)) return enif_make_badarg(env);
    return verdict_term(env, handle->library->table.authorize(handle->session, &request));
}

/* The line of a request that was denied. It may wait for a lock, and it formats text. */
static ERL_NIF_TERM report_denial(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    tokenward_request request;
    tokenward_context context;
    UNUSED(argc);
    if (handle == NULL || !get_request(env, argv + 1, &request) || !get_context(env, argv[5], &context))
        return enif_make_badarg(env);
    if (handle->library->table.report_denial(handle->session, &request, &context) != TOKENWARD_OK)
        return atom(env, "error");
    return atom(env, "ok");
}

static ERL_NIF_TERM explain(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    const struct session_handle *handle = get_session(env, argv[0]);
    tokenward_request request;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    char buffer[16384];
    size_t length = 0;

    UNUSED(argc);
    if (handle == NULL || !get_request(env, argv + 1, &request)) return enif_make_badarg(env);
    if (handle->library->table.explain(handle->session, &request, buffer, sizeof buffer, &length, &error) !=
        TOKENWARD_OK) {
        return error_term(env, &handle->library->table, "error", &error);
    }
    if (length >= sizeof buffer) return atom(env, "error");
    return enif_make_tuple2(env, atom(env, "ok"), binary(env, buffer, length));
}

/* ---- the module ------------------------------------------------------------------------------------- */

/* The module passes its own version. A module and an object of two versions don't work together. */
static int is_of_this_version(ErlNifEnv *env, ERL_NIF_TERM info) {
    tokenward_string version;
    return get_string(env, info, &version) && version.size == strlen(PLUGIN_VERSION) &&
           memcmp(version.data, PLUGIN_VERSION, version.size) == 0;
}

static int load(ErlNifEnv *env, void **priv_data, ERL_NIF_TERM info) {
    struct resource_types *opened;
    if (!is_of_this_version(env, info)) return 1;
    opened = enif_alloc(sizeof *opened);
    if (opened == NULL) return 1;
    opened->version = PLUGIN_VERSION;
    if (!open_resource_types(env, opened)) {
        enif_free(opened);
        return 1;
    }
    *priv_data = opened;
    return 0;
}

/*
 * The module was disabled and enabled, or loaded again: the types are taken over, and with them all handles. What a
 * handle points to is known for one version only, and the dynamic loader gives the old object for an old path. So
 * another version is not loaded: the broker must be restarted.
 */
static int upgrade(ErlNifEnv *env, void **priv_data, void **old_priv_data, ERL_NIF_TERM info) {
    const struct resource_types *old = *old_priv_data;
    if (old == NULL || strcmp(old->version, PLUGIN_VERSION) != 0) return 1;
    return load(env, priv_data, info);
}

static void unload(ErlNifEnv *env, void *priv_data) {
    UNUSED(env);
    enif_free(priv_data);
}

static ErlNifFunc functions[] = {
    {"open_library", 1, open_library, ERL_NIF_DIRTY_JOB_IO_BOUND},
    {"create", 4, create, ERL_NIF_DIRTY_JOB_IO_BOUND},
    {"reload", 4, reload, ERL_NIF_DIRTY_JOB_IO_BOUND},
    {"close", 1, close_backend, ERL_NIF_DIRTY_JOB_IO_BOUND},
    {"log_lines", 1, log_lines, 0},
    {"status", 1, status, ERL_NIF_DIRTY_JOB_CPU_BOUND},
    {"metrics", 1, metrics, ERL_NIF_DIRTY_JOB_CPU_BOUND},
    {"authenticate", 4, authenticate, ERL_NIF_DIRTY_JOB_CPU_BOUND},
    {"refresh", 4, refresh, ERL_NIF_DIRTY_JOB_CPU_BOUND},
    {"username", 1, username, 0},
    {"issuer", 1, issuer, 0},
    {"expires_at", 1, expires_at, 0},
    {"is_of", 2, is_of, 0},
    {"denies", 2, denies, 0},
    {"tags", 1, tags, 0},
    {"can_access_vhost", 2, can_access_vhost, 0},
    {"authorize", 5, authorize, 0},
    {"report_denial", 6, report_denial, ERL_NIF_DIRTY_JOB_CPU_BOUND},
    {"explain", 5, explain, ERL_NIF_DIRTY_JOB_CPU_BOUND},
};

ERL_NIF_INIT(tokenward_nif, functions, load, NULL, upgrade, unload)
