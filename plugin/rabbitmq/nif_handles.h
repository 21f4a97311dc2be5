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
    const char *version; /**< of the plugin; first in all versions, since the next one reads it */
    ErlNifResourceType *library;
    ErlNifResourceType *log_watch;
    ErlNifResourceType *backend;
    ErlNifResourceType *session;
};

struct library_handle {
    struct loaded_library table;
};

/**
 * Erlang watches the library's log descriptor and tells the owner when lines wait. A resource that no term
 * names: while Erlang watches a descriptor it keeps the resource alive, and a backend must not be kept alive by
 * that.
 */
struct log_watch {
    /** A duplicate: Erlang may let go of it later than the library closes its own. -1: none. */
    int fd;
};

struct backend_handle {
    struct library_handle *library; /**< a reference, or NULL before it is complete */
    ErlNifUInt64 id;                /**< of this one alone, as long as Erlang runs */
    ErlNifPid owner;                /**< who reads the log lines, and closes */
    struct log_watch *log;          /**< a reference, or NULL before it is complete */
    ErlNifMutex *lock;              /**< of what follows; never held while the library is called */
    tokenward_backend *backend;
    unsigned users; /**< calls that are running on backend */
    int closing;    /**< no new calls; the last user destroys */
};

struct session_handle {
    struct library_handle *library; /**< a reference */
    ErlNifUInt64 backend_id;        /**< whose it is */
    tokenward_session *session;
};

/** Opens the types, or takes over those of the module's former version. 1 on success. */
int open_resource_types(ErlNifEnv *env, struct resource_types *types);

/** A new handle without a backend yet; NULL without memory. Release it with enif_release_resource. */
struct backend_handle *backend_new(ErlNifEnv *env, const struct resource_types *types, struct library_handle *library,
                                   const ErlNifPid *owner);

/** The backend for one call, or NULL if it is closed; then backend_leave must follow. */
tokenward_backend *backend_enter(struct backend_handle *handle);
void backend_leave(struct backend_handle *handle);

/** No further calls; destroys now, or when the last running call ends. May be called again; by the owner. */
void backend_close(ErlNifEnv *env, struct backend_handle *handle);

/** Takes the log descriptor of a new backend, and wakes the owner once when lines wait. 1 on success. */
int log_begin(ErlNifEnv *env, struct backend_handle *handle);

/** The next waiting lines as [{Level, Line}], then wakes the owner once when there are more. By the owner. */
ERL_NIF_TERM log_take(ErlNifEnv *env, struct backend_handle *handle, tokenward_backend *backend);

#endif /* TOKENWARD_NIF_HANDLES_H */
