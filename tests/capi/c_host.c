/* A C99 host that uses nothing but the header. usage: c_host LIBRARY CONFIG < TOKEN; exit 0 if all is right. */
#include "tokenward.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static tokenward_string text(const char *s) {
    tokenward_string out;
    out.data = s;
    out.size = strlen(s);
    return out;
}

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "line %d: not true: %s\n", __LINE__, #condition); \
            return 1;                                                         \
        }                                                                     \
    } while (0)

int main(int argc, char **argv) {
    int32_t (*create)(const tokenward_options *, tokenward_backend **, tokenward_error *);
    void (*destroy)(tokenward_backend *);
    int32_t (*authenticate)(tokenward_backend *, const tokenward_credentials *, const tokenward_context *,
                            tokenward_session **, tokenward_error *);
    int32_t (*authorize)(const tokenward_session *, const tokenward_request *);
    void (*release)(tokenward_session *);
    const char *(*reason_name)(int32_t);
    static char token[16384];
    size_t size;
    void *library;
    tokenward_string config;
    tokenward_options options;
    tokenward_error error;
    tokenward_credentials credentials;
    tokenward_request request;
    tokenward_backend *backend = NULL;
    tokenward_session *session = NULL;

    CHECK(argc == 3);
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    *(void **)&create = dlsym(library, "tokenward_create");
    *(void **)&destroy = dlsym(library, "tokenward_destroy");
    *(void **)&authenticate = dlsym(library, "tokenward_authenticate");
    *(void **)&authorize = dlsym(library, "tokenward_authorize");
    *(void **)&release = dlsym(library, "tokenward_session_release");
    *(void **)&reason_name = dlsym(library, "tokenward_reason_name");
    CHECK(create && destroy && authenticate && authorize && release && reason_name);

    memset(&options, 0, sizeof options);
    memset(&error, 0, sizeof error);
    memset(&credentials, 0, sizeof credentials);
    memset(&request, 0, sizeof request);
    options.struct_size = sizeof options;
    error.struct_size = sizeof error;
    credentials.struct_size = sizeof credentials;
    request.struct_size = sizeof request;

    config = text(argv[2]);
    options.config_files = &config;
    options.config_file_count = 1;
    CHECK(create(&options, &backend, &error) == TOKENWARD_OK);

    size = fread(token, 1, sizeof token, stdin);
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.username = text("whoever");
    credentials.password.data = token;
    credentials.password.size = size;
    CHECK(authenticate(backend, &credentials, NULL, &session, &error) == TOKENWARD_OK);
    CHECK(session != NULL && error.reason == 0);

    request.operation = TOKENWARD_WRITE;
    request.vhost = text("/");
    request.resource = text("orders");
    CHECK(authorize(session, &request) == TOKENWARD_ALLOWED);
    request.operation = TOKENWARD_READ;
    CHECK(authorize(session, &request) == TOKENWARD_DENIED);
    release(session);

    token[size - 5] = token[size - 5] == 'A' ? 'B' : 'A';
    CHECK(authenticate(backend, &credentials, NULL, &session, &error) == TOKENWARD_REFUSED);
    CHECK(session == NULL && strcmp(reason_name(error.reason), "BAD_SIGNATURE") == 0);
    CHECK(error.message[0] != '\0' && error.hint[0] != '\0');

    destroy(backend);
    CHECK(dlclose(library) == 0);
    return 0;
}
