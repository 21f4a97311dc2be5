/*
 * What Erlang holds of the library: a library, a backend, a session, each a resource of its own kind. A backend
 * and a session keep their library loaded. Erlang's garbage collector ends them; a backend can be closed
 * before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TOKENWARD_NIF_HANDLES_H
#define TOKENWARD_NIF_HANDLES_H

#include "library.h"

#include <erl_nif.h>

/** Kept in the module's private data: no statics, since two versions of the module can live side by side. */
struct resource_types {
    ErlNifResourceType *library;
    ErlNifResourceType *log;
    ErlNifResourceType *backend;
    ErlNifResourceType *session;
};

struct library_handle {
    struct loaded_library table;
};

#define MAX_LOG_LINES 1000

struct log_line {
    struct log_line *next;
    int32_t level;
    size_t size;
    char text[];
};

/**
 * Log lines on their way to the owner. The library logs on any thread; the owner is woken once and takes all.
 * A resource that no Erlang term names: the backend and its sessions hold references, since a session's refresh
 * logs too and the session may outlive the backend.
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
    unsigned users;        /**< calls that are running on backend */
    int closing;           /**< no new calls; the last user destroys */
    struct log_queue *log; /**< a reference, or NULL before it is complete */
};

struct session_handle {
    struct library_handle *library; /**< a reference */
    struct log_queue *log;          /**< a reference: the log of the backend that made the session */
    tokenward_session *session;
};

/** Opens the types, or takes over those of the module's former version. 1 on success. */
int open_resource_types(ErlNifEnv *env, struct resource_types *types);

/** A new handle without a backend yet; NULL without memory. Release it with enif_release_resource. */
struct backend_handle *backend_new(const struct resource_types *types, struct library_handle *library,
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
