/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const char *last_dl_error(void) {
    const char *text = dlerror(); /* NOLINT(concurrency-mt-unsafe): per thread in glibc */
    return text != NULL ? text : "unknown error of the dynamic loader";
}

/* The upper 16 bits are the major version. The library's minor version must be at least the one compiled in. */
static int version_fits(uint32_t theirs, uint32_t ours) {
    return (theirs >> 16) == (ours >> 16) && (theirs & 0xffffu) >= (ours & 0xffffu);
}

int load_library(struct loaded_library *library, const char *path, char *error, size_t error_size) {
    const char *name = path != NULL ? path : LIBRARY_SONAME;
    uint32_t theirs;

    memset(library, 0, sizeof *library);
    library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL) {
        (void)snprintf(error, error_size, "can't load %s: %s", name, last_dl_error());
        return 0;
    }
    /* The version comes first: a library of another major version may lack every other function. */
    *(void **)&library->abi_version = dlsym(library->handle, "tokenward_abi_version");
    if (library->abi_version == NULL) {
        (void)snprintf(error, error_size, "%s isn't libtokenward: it lacks tokenward_abi_version", name);
        unload_library(library);
        return 0;
    }
    theirs = library->abi_version();
    if (!version_fits(theirs, TOKENWARD_ABI_VERSION)) {
        (void)snprintf(error, error_size, "%s has interface version %u.%u, this program needs %u.%u", name,
                       (unsigned)(theirs >> 16), (unsigned)(theirs & 0xffffu),
                       (unsigned)(TOKENWARD_ABI_VERSION >> 16), (unsigned)(TOKENWARD_ABI_VERSION & 0xffffu));
        unload_library(library);
        return 0;
    }
    /* dlsym gives a function's address as void *. ISO C has no such cast, but accepts this way to write it. */
#define LIBRARY_LOOK_UP(function)                                                              \
    *(void **)&library->function = dlsym(library->handle, "tokenward_" #function);             \
    if (library->function == NULL) {                                                           \
        (void)snprintf(error, error_size, "%s lacks the function tokenward_" #function, name); \
        unload_library(library);                                                               \
        return 0;                                                                              \
    }
    TOKENWARD_FUNCTIONS_1_0(LIBRARY_LOOK_UP)
#undef LIBRARY_LOOK_UP
    return 1;
}

void unload_library(struct loaded_library *library) {
    if (library->handle != NULL) (void)dlclose(library->handle);
    memset(library, 0, sizeof *library);
}
