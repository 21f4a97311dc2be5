/*
 * What Erlang holds of us: three kinds of resources. A session and a backend keep their library loaded;
 * Erlang's garbage collector ends each of them, a backend can be closed before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TOKENWARD_NIF_HANDLES_H
#define TOKENWARD_NIF_HANDLES_H

#include "library.h"

#include <erl_nif.h>

/** Kept in the module's private data: no statics, since two versions of the module can live side by side. */
struct tokenward_nif {
    ErlNifResourceType *library;
    ErlNifResourceType *backend;
    ErlNifResourceType *session;
};

struct library_handle {
    struct tokenward_host_library table;
};

#define MAX_LOG_LINES 1000

struct log_line {
    struct log_line *next;
    int32_t level;
    size_t size;
    char text[];
};

/** Log lines on their way to the owner. The library logs on any thread; the owner is woken once and takes all.
 */
struct log_queue {
    ErlNifMutex *lock;
    struct log_line *first;
    struct log_line **last;
    unsigned count;
    unsigned dropped; /**< since the owner last took lines */
    int woken;        /**< a wake-up is on its way */
    ErlNifPid owner;
};

struct backend_handle {
    struct library_handle *library; /**< a reference, or NULL before it is complete */
    ErlNifMutex *lock;              /**< of what follows; never held while the library is called */
    tokenward_backend *backend;
    unsigned users; /**< calls that are running on backend */
    int closing;    /**< no new calls; the last user destroys */
    struct log_queue log;
};

struct session_handle {
    struct library_handle *library;
    tokenward_session *session;
};

/** Opens the three types, or takes over those of the module's former version. 1 on success. */
int handles_open_types(ErlNifEnv *env, struct tokenward_nif *nif);

/** A new handle without a backend yet; NULL without memory. Release it with enif_release_resource. */
struct backend_handle *backend_new(const struct tokenward_nif *nif, struct library_handle *library,
                                   const ErlNifPid *owner);

/** The backend for one call, or NULL if it is closed; then backend_leave must follow. */
tokenward_backend *backend_enter(struct backend_handle *handle);
void backend_leave(struct backend_handle *handle);

/** No further calls; destroys now, or when the last running call ends. May be called again. */
void backend_close(struct backend_handle *handle);

/** tokenward_log_callback; user is the struct log_queue. */
void log_receive(void *user, int32_t level, const char *message, size_t size);

/** Wakes the owner if lines wait; at the end of every call in which the library may have logged. */
void log_wake(ErlNifEnv *env, struct log_queue *log);

/** All waiting lines as {[{Level, Line}], Dropped}. */
ERL_NIF_TERM log_take(ErlNifEnv *env, struct log_queue *log);

#endif /* TOKENWARD_NIF_HANDLES_H */
