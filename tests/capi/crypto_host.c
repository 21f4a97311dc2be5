/* A host whose OpenSSL offers no algorithm, and whose error queue holds one error of its own.
 * usage: OPENSSL_CONF=... crypto_host LIBRARY CONFIG; exit 0 if create says so and leaves that error alone. */
#include "tokenward.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    int32_t (*create)(const tokenward_options *, tokenward_backend **, tokenward_error *);
    void *library;
    tokenward_string config;
    tokenward_options options = TOKENWARD_OPTIONS_INIT;
    tokenward_error error = TOKENWARD_ERROR_INIT;
    tokenward_backend *backend = NULL;
    unsigned long planted;

    if (argc != 3) return 2;
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return 3;
    *(void **)&create = dlsym(library, "tokenward_create");
    if (!create) return 4;
    config.data = argv[2];
    config.size = strlen(argv[2]);
    options.config_files = &config;
    options.config_file_count = 1;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, ERR_R_PASSED_NULL_PARAMETER);
    if (create(&options, &backend, &error) != TOKENWARD_ERROR) return 5;
    if (error.reason != TOKENWARD_REASON_CRYPTO_UNAVAILABLE) {
        fprintf(stderr, "%d: %s\n", (int)error.reason, error.message);
        return 6;
    }
    planted = ERR_get_error();
    if (ERR_GET_REASON(planted) != ERR_R_PASSED_NULL_PARAMETER) return 7;
    return ERR_get_error() == 0 ? 0 : 8;
}
