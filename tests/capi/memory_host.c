/* A host that runs out of memory: for each N, in a child process, the N-th allocation of the calling thread fails, and
 * with "on" all after it too.
 * usage: memory_host LIBRARY CONFIG create|check|authenticate|refresh cold|warm once|on [STEP] < TOKEN
 * Cold: the library, OpenSSL and libcurl are used for the first time; for authenticate, the backend is. STEP: N goes up
 * by so many. Prints each answer that isn't right, then the count of N. */
#define _GNU_SOURCE
#include "tokenward.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc's own, under the names by which it lets others take their place. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static __thread long countdown; /* 0: nothing fails */
static __thread int failed;
static int all_after;

static int fails(void) {
    if (countdown == 0) return 0;
    if (countdown > 1) {
        --countdown;
        return 0;
    }
    failed = 1;
    if (!all_after) countdown = 0;
    errno = ENOMEM;
    return 1;
}
void *malloc(size_t size) {
    return fails() ? NULL : __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    return fails() ? NULL : __libc_calloc(count, size);
}
void *realloc(void *memory, size_t size) {
    return fails() ? NULL : __libc_realloc(memory, size);
}
void *memalign(size_t alignment, size_t size) {
    return fails() ? NULL : __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
    void *got = memalign(alignment, size);
    if (got == NULL) return ENOMEM;
    *memory = got;
    return 0;
}

#define FUNCTION(name) static __typeof__(&tokenward_##name) name;
TOKENWARD_FUNCTIONS_1_0(FUNCTION)

static char token[16384];
static tokenward_string config;
static tokenward_options options = TOKENWARD_OPTIONS_INIT;
static tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
static tokenward_error error = TOKENWARD_ERROR_INIT;
static tokenward_backend *backend;
static tokenward_session *session;
static char text[65536];
static size_t length;

static int32_t call(const char *what) {
    if (strcmp(what, "create") == 0) return create(&options, &backend, &error);
    if (strcmp(what, "check") == 0) return config_check(&options, text, sizeof text, &length, &error);
    if (strcmp(what, "refresh") == 0) return session_refresh(session, &credentials, NULL, &error);
    return authenticate(backend, &credentials, NULL, &session, &error);
}

/* 0 if the answer is right, 1 if it isn't, 2 if nothing failed. */
static int try_one(const char *what, long n) {
    int32_t result;
    countdown = n;
    result = call(what);
    countdown = 0;
    if (!failed) {
        if (result != TOKENWARD_OK) printf("nothing failed: %d %s %s\n", result, reason_name(error.reason), error.message);
        return result == TOKENWARD_OK ? 2 : 1;
    }
    if (result != TOKENWARD_OK && (result != TOKENWARD_ERROR || (error.reason != TOKENWARD_REASON_OUT_OF_MEMORY &&
                                                                 error.reason != TOKENWARD_REASON_RESOURCE_LIMIT))) {
        printf("%ld: %d %s: %s\n", n, result, reason_name(error.reason), error.message);
        return 1;
    }
    if (result == TOKENWARD_OK && session != NULL) session_release(session);
    destroy(backend);
    return 0;
}

int main(int argc, char **argv) {
    void *library;
    long n, step;
    int ended, wrong = 0;

    if (argc != 6 && argc != 7) return 2;
    step = argc == 7 ? atol(argv[6]) : 1;
    if (step < 1) return 2;
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return 3;
#define LOAD(name)                                        \
    *(void **)&name = dlsym(library, "tokenward_" #name); \
    if (!name) return 3;
    TOKENWARD_FUNCTIONS_1_0(LOAD)

    all_after = strcmp(argv[5], "on") == 0;
    config.data = argv[2];
    config.size = strlen(argv[2]);
    options.config_files = &config;
    options.config_file_count = 1;
    options.log_level = TOKENWARD_LOG_ERROR;
    credentials.kind = TOKENWARD_BEARER_TOKEN;
    credentials.data.data = token;
    credentials.data.size = fread(token, 1, sizeof token, stdin);

    if (strcmp(argv[4], "warm") == 0) {
        tokenward_backend *first = NULL;
        if (create(&options, &first, &error) != TOKENWARD_OK) return 4;
        destroy(first);
    }
    for (n = step;; n += step) {
        fflush(stdout);
        if (fork() == 0) {
            const char *what = argv[3];
            alarm(60);
            if (strcmp(what, "authenticate") == 0 || strcmp(what, "refresh") == 0) {
                if (create(&options, &backend, &error) != TOKENWARD_OK) return 4;
                if (strcmp(argv[4], "warm") == 0 || strcmp(what, "refresh") == 0) {
                    if (authenticate(backend, &credentials, NULL, &session, &error) != TOKENWARD_OK) return 4;
                    if (strcmp(what, "authenticate") == 0) session_release(session);
                }
            }
            ended = try_one(what, n);
            fflush(stdout);
            _exit(ended);
        }
        wait(&ended);
        if (WIFEXITED(ended) && WEXITSTATUS(ended) == 2) break;
        if (WIFSIGNALED(ended)) printf("%ld: signal %d\n", n, WTERMSIG(ended));
        if (WIFEXITED(ended) && WEXITSTATUS(ended) == 4) return 4;
        wrong += !WIFEXITED(ended) || WEXITSTATUS(ended) != 0;
    }
    printf("%ld allocations, %d wrong answers\n", n - 1, wrong);
    return wrong != 0;
}
