/* A C99 host that uses nothing but the header. It is compiled three times: with today's header, with the frozen
 * one of 1.0, and with one in which every struct has grown. Behind each struct lies garbage, as on a host's
 * stack. usage: c_host LIBRARY CONFIG < TOKEN; exit 0 if all is right. The token has write:%2F/orders and
 * write:%2F/ex/rk.*. */
#include "tokenward.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "line %d: not true: %s\n", __LINE__, #condition); \
            return 1;                                                         \
        }                                                                     \
    } while (0)

enum { GARBAGE = 0xA5, BEHIND = 64 };

/* A struct with garbage behind it. */
#define ON_A_STACK(type, name)              \
    struct {                                \
        type value;                         \
        unsigned char behind[BEHIND];       \
    } name;                                 \
    memset(&(name), GARBAGE, sizeof(name)); \
    (name).value = initial_##type

static const tokenward_options initial_tokenward_options = TOKENWARD_OPTIONS_INIT;
static const tokenward_credentials initial_tokenward_credentials = TOKENWARD_CREDENTIALS_INIT;
static const tokenward_context initial_tokenward_context = TOKENWARD_CONTEXT_INIT;
static const tokenward_request initial_tokenward_request = TOKENWARD_REQUEST_INIT;
static const tokenward_error initial_tokenward_error = TOKENWARD_ERROR_INIT;

#define FUNCTION(name) static __typeof__(&tokenward_##name) name;
TOKENWARD_FUNCTIONS_1_0(FUNCTION)

static int load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return 0;
#define LOAD(name)                                        \
    *(void **)&name = dlsym(library, "tokenward_" #name); \
    if (!name) return 0;
    TOKENWARD_FUNCTIONS_1_0(LOAD)
    return abi_version() >> 16 == TOKENWARD_ABI_VERSION >> 16 && abi_version() >= TOKENWARD_ABI_VERSION;
}

static tokenward_string text(const char *s) {
    tokenward_string out;
    out.data = s;
    out.size = strlen(s);
    return out;
}

static int untouched(const unsigned char *behind) {
    int i;
    for (i = 0; i < BEHIND; ++i) {
        if (behind[i] != GARBAGE) return 0;
    }
    return 1;
}

static int converse(const char *config_path) {
    static char token[16384];
    char buffer[TOKENWARD_LOG_LINE_SIZE];
    size_t size, length, lines;
    int32_t level, fd;
    const char *name;
    int64_t expires_at;
    int64_t issued_at;
    tokenward_string config = text(config_path);
    tokenward_backend *backend = NULL;
    tokenward_session *session = NULL;
    ON_A_STACK(tokenward_error, error);
    ON_A_STACK(tokenward_options, options);
    ON_A_STACK(tokenward_credentials, credentials);
    ON_A_STACK(tokenward_context, context);
    ON_A_STACK(tokenward_request, request);

    options.value.config_files = &config;
    options.value.config_file_count = 1;
    options.value.log_mode = TOKENWARD_LOG_TO_QUEUE;
    options.value.log_level = TOKENWARD_LOG_INFO;
    CHECK(create(&options.value, &backend, &error.value) == TOKENWARD_OK);
    CHECK(config_check(&options.value, buffer, sizeof buffer, &length, &error.value) == TOKENWARD_OK);
    CHECK(log_fd(backend, &fd) == TOKENWARD_OK && fd >= 0);

    size = fread(token, 1, sizeof token, stdin);
    credentials.value.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.value.username = text("whoever");
    credentials.value.password.data = token;
    credentials.value.password.size = size;
    context.value.protocol = text("mqtt");
    context.value.peer = text("192.0.2.1:1883");
    CHECK(authenticate(backend, &credentials.value, &context.value, &session, &error.value) == TOKENWARD_OK);
    CHECK(session != NULL && error.value.reason == TOKENWARD_REASON_NONE && error.value.message[0] == '\0');
    CHECK(session_username(session, &name, &length) == TOKENWARD_OK && length == 5 &&
          memcmp(name, "alice", 5) == 0);
    CHECK(session_expires_at(session, &expires_at) == TOKENWARD_OK && expires_at > 0);
    CHECK(session_issued_at(session, &issued_at) == TOKENWARD_OK && issued_at > 0 && issued_at < expires_at);
    CHECK(session_tags(session, buffer, sizeof buffer, &length) == TOKENWARD_OK);
    CHECK(session_can_access_vhost(session, "/", 1) == TOKENWARD_ALLOWED);

    request.value.operation = TOKENWARD_WRITE;
    request.value.vhost = text("/");
    request.value.resource = text("orders");
    CHECK(authorize(session, &request.value) == TOKENWARD_ALLOWED);
    request.value.resource = text("ex");
    request.value.flags = TOKENWARD_ROUTING_KEY;
    CHECK(authorize(session, &request.value) == TOKENWARD_DENIED);
    request.value.routing_key = text("rk.1");
    CHECK(authorize(session, &request.value) == TOKENWARD_ALLOWED);
    request.value.operation = TOKENWARD_READ;
    CHECK(authorize(session, &request.value) == TOKENWARD_DENIED);
    CHECK(report_denial(session, &request.value, &context.value) == TOKENWARD_OK);
    CHECK(explain(session, &request.value, buffer, sizeof buffer, &length, &error.value) == TOKENWARD_OK);
    CHECK(strstr(buffer, "\"verdict\":\"denied\"") != NULL);

    CHECK(session_refresh(session, &credentials.value, &context.value, &error.value) == TOKENWARD_OK);
    token[size - 5] = token[size - 5] == 'A' ? 'B' : 'A';
    CHECK(session_refresh(session, &credentials.value, &context.value, &error.value) == TOKENWARD_REFUSED);
    CHECK(error.value.reason == TOKENWARD_REASON_BAD_SIGNATURE);
    CHECK(strcmp(reason_name(error.value.reason), "BAD_SIGNATURE") == 0);
    CHECK(error.value.message[0] != '\0' && error.value.hint[0] != '\0');
    CHECK(untouched(error.behind));

    CHECK(inspect(backend, token, size, buffer, sizeof buffer, &length, &error.value) == TOKENWARD_OK);
    CHECK(status(backend, buffer, sizeof buffer, &length, &error.value) == TOKENWARD_OK);
    CHECK(metrics(backend, buffer, sizeof buffer, &length, &error.value) == TOKENWARD_OK);
    CHECK(reload(backend, NULL, &error.value) == TOKENWARD_OK);
    CHECK(version()[0] != '\0');

    for (lines = 0; log_read(backend, &level, buffer, sizeof buffer, &length) == TOKENWARD_OK && length > 0;
         ++lines) {
        CHECK(level >= TOKENWARD_LOG_ERROR && level <= TOKENWARD_LOG_DEBUG && strlen(buffer) == length);
    }
    CHECK(lines >= 4);

    destroy(backend);
    CHECK(authorize(session, &request.value) == TOKENWARD_DENIED);
    CHECK(session_refresh(session, &credentials.value, NULL, &error.value) == TOKENWARD_ERROR);
    CHECK(error.value.reason == TOKENWARD_REASON_BACKEND_CLOSED);
    session_release(session);
    return 0;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    CHECK(load(argv[1]));
    return converse(argv[2]);
}
