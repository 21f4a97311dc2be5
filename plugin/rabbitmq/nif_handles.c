/* SPDX-License-Identifier: Apache-2.0 */
#include "nif_handles.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A destructor runs when the last reference goes: every call on the handle has ended, so nothing needs a lock.
 */

static void end_library(ErlNifEnv *env, void *object) {
    (void)env;
    unload_library(&((struct library_handle *)object)->table);
}

static void end_session(ErlNifEnv *env, void *object) {
    struct session_handle *handle = object;
    (void)env;
    handle->library->table.session_release(handle->session);
    enif_release_resource(handle->library);
}

/* Erlang has let go of the descriptor. It may call this later than log_end, and on another thread. */
static void stop_log_watch(ErlNifEnv *env, void *object, ErlNifEvent fd, int is_direct_call) {
    (void)env;
    (void)object;
    (void)is_direct_call;
    (void)close(fd);
}

static void log_end(ErlNifEnv *env, struct log_watch *log) {
    const int fd = log->fd;
    log->fd = -1;
    if (fd >= 0) (void)enif_select(env, fd, ERL_NIF_SELECT_STOP, log, NULL, enif_make_atom(env, "undefined"));
}

/*
 * A backend is still there only if its owner died without closing it. destroy then joins a thread on a
 * scheduler; a thread that nobody ends would be worse.
 */
static void end_backend(ErlNifEnv *env, void *object) {
    struct backend_handle *handle = object;
    if (handle->log != NULL) {
        log_end(env, handle->log);
        enif_release_resource(handle->log);
    }
    if (handle->backend != NULL) handle->library->table.destroy(handle->backend);
    if (handle->library != NULL) enif_release_resource(handle->library);
    if (handle->lock != NULL) enif_mutex_destroy(handle->lock);
}

int open_resource_types(ErlNifEnv *env, struct resource_types *types) {
    const ErlNifResourceFlags flags = (ErlNifResourceFlags)(ERL_NIF_RT_CREATE | ERL_NIF_RT_TAKEOVER);
    const ErlNifResourceTypeInit watch = {.stop = stop_log_watch};
    types->library = enif_open_resource_type(env, NULL, "tokenward_library", end_library, flags, NULL);
    types->log_watch = enif_open_resource_type_x(env, "tokenward_log_watch", &watch, flags, NULL);
    types->backend = enif_open_resource_type(env, NULL, "tokenward_backend", end_backend, flags, NULL);
    types->session = enif_open_resource_type(env, NULL, "tokenward_session", end_session, flags, NULL);
    return types->library != NULL && types->log_watch != NULL && types->backend != NULL &&
           types->session != NULL;
}

struct backend_handle *backend_new(ErlNifEnv *env, const struct resource_types *types, struct library_handle *library,
                                   const ErlNifPid *owner) {
    struct backend_handle *handle = enif_alloc_resource(types->backend, sizeof *handle);
    if (handle == NULL) return NULL;
    memset(handle, 0, sizeof *handle);
    enif_keep_resource(library);
    handle->library = library;
    handle->owner = *owner;
    handle->log = enif_alloc_resource(types->log_watch, sizeof *handle->log);
    if (handle->log != NULL) handle->log->fd = -1;
    handle->lock = enif_mutex_create("tokenward_backend");
    if (handle->lock == NULL || handle->log == NULL ||
        !enif_get_uint64(env, enif_make_unique_integer(env, ERL_NIF_UNIQUE_POSITIVE), &handle->id)) {
        enif_release_resource(handle);
        return NULL;
    }
    return handle;
}

tokenward_backend *backend_enter(struct backend_handle *handle) {
    tokenward_backend *backend = NULL;
    enif_mutex_lock(handle->lock);
    if (!handle->closing && handle->backend != NULL) {
        backend = handle->backend;
        ++handle->users;
    }
    enif_mutex_unlock(handle->lock);
    return backend;
}

/* Called with the lock held. The caller destroys what this returns, after unlocking; NULL: nothing. */
static tokenward_backend *take_unused(struct backend_handle *handle) {
    tokenward_backend *backend = NULL;
    if (handle->closing && handle->users == 0) {
        backend = handle->backend;
        handle->backend = NULL;
    }
    return backend;
}

void backend_leave(struct backend_handle *handle) {
    tokenward_backend *unused;
    enif_mutex_lock(handle->lock);
    --handle->users;
    unused = take_unused(handle);
    enif_mutex_unlock(handle->lock);
    handle->library->table.destroy(unused);
}

void backend_close(ErlNifEnv *env, struct backend_handle *handle) {
    tokenward_backend *unused;
    log_end(env, handle->log);
    enif_mutex_lock(handle->lock);
    handle->closing = 1;
    unused = take_unused(handle);
    enif_mutex_unlock(handle->lock);
    handle->library->table.destroy(unused);
}

/* One message, at once if lines wait already. */
static int log_wake(ErlNifEnv *env, struct backend_handle *handle) {
    return enif_select_read(env, handle->log->fd, handle->log, &handle->owner,
                            enif_make_atom(env, "tokenward_log"), NULL) >= 0;
}

int log_begin(ErlNifEnv *env, struct backend_handle *handle) {
    int32_t fd = -1;
    if (handle->library->table.log_fd(handle->backend, &fd) != TOKENWARD_OK) return 0;
    handle->log->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return handle->log->fd >= 0 && log_wake(env, handle);
}

/* What a normal scheduler does in some tenths of a millisecond. */
#define LINES_AT_ONCE 100

ERL_NIF_TERM log_take(ErlNifEnv *env, struct backend_handle *handle, tokenward_backend *backend) {
    ERL_NIF_TERM lines = enif_make_list(env, 0);
    char line[TOKENWARD_LOG_LINE_SIZE];
    int32_t level = 0;
    size_t length = 0;
    int taken;

    for (taken = 0; taken < LINES_AT_ONCE; ++taken) {
        ERL_NIF_TERM text;
        unsigned char *bytes;
        if (handle->library->table.log_read(backend, &level, line, sizeof line, &length) != TOKENWARD_OK) break;
        if (length == 0 || length >= sizeof line) break;
        bytes = enif_make_new_binary(env, length, &text);
        if (bytes == NULL) break;
        memcpy(bytes, line, length);
        lines = enif_make_list_cell(env, enif_make_tuple2(env, enif_make_int(env, level), text), lines);
    }
    (void)log_wake(env, handle);
    (void)enif_make_reverse_list(env, lines, &lines);
    return lines;
}
