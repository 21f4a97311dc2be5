/*
 * Loads libtokenward by dlopen and gives a table of its functions. All hosts in plugin/ use it.
 *
 * C99, so that a host in C (a NIF, a broker) can use it too. It knows nothing but tokenward.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TOKENWARD_COMMON_LIBRARY_H
#define TOKENWARD_COMMON_LIBRARY_H

#include "tokenward.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The name that the dynamic loader looks for when no path is given. */
#define LIBRARY_SONAME "libtokenward.so.1"

/** The functions of a loaded library: library.create is tokenward_create. Set it to {0} before load_library. */
struct loaded_library {
    void *handle; /**< of dlopen; NULL: not loaded */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name can't stand in parentheses */
#define LIBRARY_MEMBER(name) __typeof__(tokenward_##name) *name;
    TOKENWARD_FUNCTIONS_1_0(LIBRARY_MEMBER)
#undef LIBRARY_MEMBER
};

/**
 * Loads the library, looks up every function, and checks the version as tokenward_abi_version() asks for.
 * \param library     out: the table; all zero on failure
 * \param path        of the file, or NULL for LIBRARY_SONAME
 * \param error       receives one line, NUL-terminated, on failure; may be NULL if error_size is 0
 * \param error_size  of error, in bytes
 * \return 1 when everything is there, else 0
 */
int load_library(struct loaded_library *library, const char *path, char *error, size_t error_size);

/** Unloads the library, if it is loaded. Call it after the last destroy and the last session_release. */
void unload_library(struct loaded_library *library);

#ifdef __cplusplus
}
#endif

#endif /* TOKENWARD_COMMON_LIBRARY_H */
