/* A host that ends in exit() with live backends, while their threads fetch keys over TLS.
 * usage: exit_host LIBRARY CONFIG BACKENDS MICROSECONDS */
#include "tokenward.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv) {
    int32_t (*create)(const tokenward_options *, tokenward_backend **, tokenward_error *);
    void *library;
    tokenward_string config;
    tokenward_options options = TOKENWARD_OPTIONS_INIT;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    struct timespec pause = {0, 0};
    int i;

    if (argc != 5) return 2;
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return 3;
    *(void **)&create = dlsym(library, "tokenward_create");
    if (!create) return 4;
    config.data = argv[2];
    config.size = strlen(argv[2]);
    options.config_files = &config;
    options.config_file_count = 1;
    options.log_mode = TOKENWARD_LOG_TO_QUEUE;
    for (i = 0; i < atoi(argv[3]); ++i) {
        tokenward_backend *backend = NULL;
        if (create(&options, &backend, &error) != TOKENWARD_OK) {
            fprintf(stderr, "%s\n", error.message);
            return 5;
        }
    }
    pause.tv_nsec = atol(argv[4]) * 1000;
    nanosleep(&pause, NULL);
    exit(0);
}
