/* SPDX-License-Identifier: Apache-2.0 */
#include "nif_handles.h"

#include <string.h>

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
    enif_release_resource(handle->log);
    enif_release_resource(handle->library);
}

static void free_lines(struct log_line *line) {
    while (line != NULL) {
        struct log_line *next = line->next;
        enif_free(line);
        line = next;
    }
}

static void end_log(ErlNifEnv *env, void *object) {
    struct log_queue *log = object;
    (void)env;
    free_lines(log->first);
    if (log->lock != NULL) enif_mutex_destroy(log->lock);
}

/*
 * A backend is still there only if its owner died without closing it. destroy then joins a thread on a
 * scheduler; a thread that nobody ends would be worse.
 */
static void end_backend(ErlNifEnv *env, void *object) {
    struct backend_handle *handle = object;
    (void)env;
    if (handle->backend != NULL) handle->library->table.destroy(handle->backend);
    if (handle->library != NULL) enif_release_resource(handle->library);
    if (handle->log != NULL) enif_release_resource(handle->log); /* after destroy, which may log */
    if (handle->lock != NULL) enif_mutex_destroy(handle->lock);
}

int open_resource_types(ErlNifEnv *env, struct resource_types *types) {
    const ErlNifResourceFlags flags = (ErlNifResourceFlags)(ERL_NIF_RT_CREATE | ERL_NIF_RT_TAKEOVER);
    types->library = enif_open_resource_type(env, NULL, "tokenward_library", end_library, flags, NULL);
    types->log = enif_open_resource_type(env, NULL, "tokenward_log", end_log, flags, NULL);
    types->backend = enif_open_resource_type(env, NULL, "tokenward_backend", end_backend, flags, NULL);
    types->session = enif_open_resource_type(env, NULL, "tokenward_session", end_session, flags, NULL);
    return types->library != NULL && types->log != NULL && types->backend != NULL && types->session != NULL;
}

static struct log_queue *log_new(const struct resource_types *types, const ErlNifPid *owner) {
    struct log_queue *log = enif_alloc_resource(types->log, sizeof *log);
    if (log == NULL) return NULL;
    memset(log, 0, sizeof *log);
    log->last = &log->first;
    log->owner = *owner;
    log->lock = enif_mutex_create("tokenward_log");
    if (log->lock == NULL) {
        enif_release_resource(log);
        return NULL;
    }
    return log;
}

struct backend_handle *backend_new(const struct resource_types *types, struct library_handle *library,
                                   const ErlNifPid *owner) {
    struct backend_handle *handle = enif_alloc_resource(types->backend, sizeof *handle);
    if (handle == NULL) return NULL;
    memset(handle, 0, sizeof *handle);
    enif_keep_resource(library);
    handle->library = library;
    handle->log = log_new(types, owner);
    handle->lock = enif_mutex_create("tokenward_backend");
    if (handle->lock == NULL || handle->log == NULL) {
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

void backend_close(struct backend_handle *handle) {
    tokenward_backend *unused;
    enif_mutex_lock(handle->lock);
    handle->closing = 1;
    unused = take_unused(handle);
    enif_mutex_unlock(handle->lock);
    handle->library->table.destroy(unused);
}

static int wake_needed(struct log_queue *log) {
    if (log->woken || log->first == NULL) return 0;
    log->woken = 1;
    return 1;
}

void log_receive(void *user, int32_t level, const char *message, size_t size) {
    struct log_queue *log = user;
    struct log_line *line = enif_alloc(sizeof *line + size);
    int wake = 0;
    /* On a scheduler's thread only the environment of the running call may send: that call ends with log_wake.
     */
    const int library_thread = enif_thread_type() == ERL_NIF_THR_UNDEFINED;

    if (line == NULL) return;
    line->next = NULL;
    line->level = level;
    line->size = size;
    memcpy(line->text, message, size);
    enif_mutex_lock(log->lock);
    if (log->count < MAX_LOG_LINES) {
        *log->last = line;
        log->last = &line->next;
        ++log->count;
        line = NULL;
        if (library_thread) wake = wake_needed(log);
    } else {
        ++log->dropped; /* the oldest lines stay: they tell how a flood began */
    }
    enif_mutex_unlock(log->lock);
    enif_free(line);
    if (wake) {
        ErlNifEnv *env = enif_alloc_env();
        (void)enif_send(NULL, &log->owner, env, enif_make_atom(env, "tokenward_log"));
        enif_free_env(env);
    }
}

void log_wake(ErlNifEnv *env, struct log_queue *log) {
    int wake;
    enif_mutex_lock(log->lock);
    wake = wake_needed(log);
    enif_mutex_unlock(log->lock);
    if (wake) (void)enif_send(env, &log->owner, NULL, enif_make_atom(env, "tokenward_log"));
}

ERL_NIF_TERM log_take(ErlNifEnv *env, struct log_queue *log) {
    struct log_line *first;
    struct log_line *line;
    ERL_NIF_TERM lines = enif_make_list(env, 0);
    unsigned dropped;

    enif_mutex_lock(log->lock);
    first = log->first;
    dropped = log->dropped;
    log->first = NULL;
    log->last = &log->first;
    log->count = 0;
    log->dropped = 0;
    log->woken = 0;
    enif_mutex_unlock(log->lock);

    for (line = first; line != NULL; line = line->next) {
        ERL_NIF_TERM text;
        unsigned char *bytes = enif_make_new_binary(env, line->size, &text);
        if (bytes == NULL) break;
        memcpy(bytes, line->text, line->size);
        lines = enif_make_list_cell(env, enif_make_tuple2(env, enif_make_int(env, line->level), text), lines);
    }
    free_lines(first);
    (void)enif_make_reverse_list(env, lines, &lines);
    return enif_make_tuple2(env, lines, enif_make_uint(env, dropped));
}
