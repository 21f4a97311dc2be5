/*
 * What every host of ours shares: libtokenward loaded by dlopen, as a table of its functions.
 *
 * C99, so that a host in C (a NIF, a broker) can use it as it is; knows the contract only through tokenward.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TOKENWARD_HOST_LIBRARY_H
#define TOKENWARD_HOST_LIBRARY_H

#include "tokenward.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the dynamic loader looks for when no path is given. */
#define TOKENWARD_HOST_SONAME "libtokenward.so.1"

/** Every function of tokenward.h without its prefix: the one list that the table and the look-up share. */
#define TOKENWARD_HOST_FUNCTIONS(X) \
    X(create)                       \
    X(destroy)                      \
    X(reload)                       \
    X(authenticate)                 \
    X(authorize)                    \
    X(session_can_access_vhost)     \
    X(session_refresh)              \
    X(session_release)              \
    X(session_username)             \
    X(session_issuer)               \
    X(session_expires_at)           \
    X(session_tags)                 \
    X(explain)                      \
    X(inspect)                      \
    X(status)                       \
    X(metrics)                      \
    X(config_check)                 \
    X(abi_version)                  \
    X(version)                      \
    X(reason_name)

/** A loaded library: library.create is tokenward_create, and so on. Clear ({0}) before tokenward_host_open. */
struct tokenward_host_library {
    void *handle; /**< of dlopen; NULL: not loaded */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name can't stand in parentheses */
#define TOKENWARD_HOST_MEMBER(name) __typeof__(tokenward_##name) *name;
    TOKENWARD_HOST_FUNCTIONS(TOKENWARD_HOST_MEMBER)
#undef TOKENWARD_HOST_MEMBER
};

/**
 * Loads the library, looks up every function, and checks the version as tokenward_abi_version() asks for.
 * \param library     out: the table; cleared on failure
 * \param path        of the file, or NULL for TOKENWARD_HOST_SONAME
 * \param error       receives one line, NUL-terminated, on failure; may be NULL if error_size is 0
 * \param error_size  of error, in bytes
 * \return 1 when everything is there, else 0
 */
int tokenward_host_open(struct tokenward_host_library *library, const char *path, char *error,
                        size_t error_size);

/** Unloads; only after the last destroy and the last session_release. A library that isn't loaded is fine. */
void tokenward_host_close(struct tokenward_host_library *library);

#ifdef __cplusplus
}
#endif

#endif /* TOKENWARD_HOST_LIBRARY_H */
