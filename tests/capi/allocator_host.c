/* A host beside another allocator: preloaded, or (OWN_ALLOCATOR) its own, which ends the process at a pointer that it
 * never gave out.
 * usage: allocator_host LIBRARY CONFIG local|deepbind < TOKEN; prints "let in", or the reason, the message, the hint. */
#define _GNU_SOURCE
#include "tokenward.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef OWN_ALLOCATOR
#include <errno.h>
#include <pthread.h>

/* Gives nothing back. */
static unsigned char arena[256u << 20] __attribute__((aligned(4096)));
static size_t used;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static size_t *size_of(void *memory) {
    unsigned char *at = memory;
    if (at < arena || at >= arena + sizeof arena) abort();
    return (size_t *)(void *)(at - sizeof(size_t));
}
void *memalign(size_t alignment, size_t size) {
    size_t at;
    void *memory = NULL;
    if (alignment < 16) alignment = 16;
    pthread_mutex_lock(&mutex);
    at = (used + sizeof(size_t) + alignment - 1) / alignment * alignment;
    if (at < sizeof arena && size < sizeof arena - at) {
        used = at + size;
        memory = arena + at;
        *size_of(memory) = size;
    }
    pthread_mutex_unlock(&mutex);
    if (memory == NULL) errno = ENOMEM;
    return memory;
}
void *malloc(size_t size) {
    return memalign(16, size);
}
void free(void *memory) {
    if (memory != NULL) size_of(memory);
}
void *calloc(size_t count, size_t size) {
    return size != 0 && count > sizeof arena / size ? NULL : malloc(count * size); /* the arena is zero */
}
void *realloc(void *memory, size_t size) {
    void *larger;
    if (memory != NULL && *size_of(memory) >= size) return memory;
    larger = malloc(size);
    if (larger != NULL && memory != NULL) memcpy(larger, memory, *size_of(memory));
    return larger;
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}
void *aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}
size_t malloc_usable_size(void *memory) {
    return memory == NULL ? 0 : *size_of(memory);
}
#endif

#define FUNCTION(name) static __typeof__(&tokenward_##name) name;
TOKENWARD_FUNCTIONS_1_0(FUNCTION)

int main(int argc, char **argv) {
    static char token[16384];
    tokenward_string config;
    tokenward_options options = TOKENWARD_OPTIONS_INIT;
    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    tokenward_backend *backend = NULL;
    tokenward_session *session = NULL;
    int32_t result;
    void *library;

    if (argc != 4) return 2;
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | (strcmp(argv[3], "deepbind") == 0 ? RTLD_DEEPBIND : 0));
    if (library == NULL) return 3;
#define LOAD(name)                                        \
    *(void **)&name = dlsym(library, "tokenward_" #name); \
    if (!name) return 3;
    TOKENWARD_FUNCTIONS_1_0(LOAD)

    config.data = argv[2];
    config.size = strlen(argv[2]);
    options.config_files = &config;
    options.config_file_count = 1;
    options.startup_wait_ms = 60000; /* until the keys are there */
    options.log_level = TOKENWARD_LOG_ERROR;
    result = create(&options, &backend, &error);
    if (result == TOKENWARD_OK) {
        credentials.kind = TOKENWARD_BEARER_TOKEN;
        credentials.data.data = token;
        credentials.data.size = fread(token, 1, sizeof token, stdin);
        result = authenticate(backend, &credentials, NULL, &session, &error);
    }
    if (result == TOKENWARD_OK) {
        puts("let in");
    } else {
        printf("%s\n%s\n%s\n", reason_name(error.reason), error.message, error.hint);
    }
    session_release(session);
    destroy(backend);
    return dlclose(library) == 0 && result == TOKENWARD_OK ? 0 : 1;
}
