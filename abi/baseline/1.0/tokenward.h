/*
 * tokenward.h - OAuth 2.0 for message brokers: the stable C interface of libtokenward.so.1
 *
 * A broker loads the library with dlopen(), creates one backend, hands it the raw credentials of each
 * client and gets back a session: who the client is, what it may configure, read and write, and until when.
 * abi/README.md has a complete host, a recipe for each operation of AMQP and MQTT, and how a host goes wrong.
 *
 * Rules that hold for every function:
 *
 *  Results    Every result is an int32_t of the one enum below. 0 is OK or ALLOWED, and nothing else is:
 *             treat each non-zero value, also one that you don't know, as a no. The enum is closed for all of
 *             1.x; only reasons grow. Any argument, however absurd, gets a result. A misuse that leaves no
 *             tokenward_error to write to becomes a line in the log, at most ten a second.
 *  Strings    Pointer and length in bytes; any byte may stand in them. (NULL, 0) is the empty string. Bytes
 *             are borrowed for the call only, unless a function says otherwise.
 *  Structs    Begin each with its initialiser: tokenward_request request = TOKENWARD_REQUEST_INIT; in a
 *             language without it, zero the struct and set struct_size to the size you compiled with. No
 *             struct has padding. Later versions add fields at the end only. The library takes every size from
 *             the ..._SIZE_1_0 of the struct up to 4096: it reads what is missing as zero, takes a longer
 *             struct than it knows if the unknown tail is zero, and writes nothing beyond the size you gave.
 *             An array of structs never grows: tokenward_string stays as it is.
 *  Handles    One handle is one reference. Never call with a handle beside or after the call that destroys or
 *             releases it. One exception: a tokenward_authenticate or tokenward_session_refresh that began
 *             before tokenward_destroy is let finish. tokenward_destroy and tokenward_session_release accept
 *             NULL.
 *  Threads    Every function may be called from any thread at any time, but for the rule on handles and
 *             for tokenward_log_read.
 *  Blocking   No call does network I/O. tokenward_create waits up to startup_wait_ms, tokenward_authenticate
 *             and tokenward_session_refresh up to max_wait_ms for a key that a thread of the library fetches.
 *             tokenward_authorize and the getters never block or allocate; they take no lock, except to write
 *             the line of a misuse.
 *  Stack      A call needs at most 64 KiB of the caller's stack; create, reload and config_check 128 KiB.
 *  Guests     The library leaves errno and the calling thread's OpenSSL error queue as it found them, on every
 *             path. It uses OpenSSL's default library context and changes nothing in it. Its own threads block
 *             all signals but the synchronous faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS), so the
 *             host's crash handler runs. No exception leaves it; nothing goes to standard output. The
 *             descriptors that it keeps are 3 or more, also where the host has closed 0, 1 or 2.
 *  Memory     Where memory lacks a call answers ERROR/OUT_OF_MEMORY; a good token is not refused for it. If it
 *             lacks when a process uses OpenSSL for the first time, OpenSSL may stay unusable there:
 *             tokenward_create answers CRYPTO_UNAVAILABLE from then on. A thread's first call needs some hundred
 *             bytes for C++ exceptions: without them glibc ends the process.
 *  Callbacks  There is one, for log lines: tokenward_log_callback says on which threads it comes, and what it
 *             may call.
 *  Cancel     A call is no cancellation point (POSIX pthread_cancel): a cancelled thread ends at its next
 *             cancellation point after the call. Asynchronous cancelability isn't supported.
 *  Exit       A process may end by exit() or return from main() with live backends: the library's threads
 *             leave OpenSSL before OpenSSL's own exit handler runs. Calls that begin afterwards answer
 *             ERROR/BACKEND_CLOSED where they would need OpenSSL. A host thread that is inside
 *             tokenward_authenticate or tokenward_session_refresh at that moment is waited for, one second at
 *             the most; a thread that stays longer may crash in OpenSSL, as any other user of it would. So end
 *             your threads before exit(), or leave by _exit().
 *  Fork       In a forked child tokenward_authorize, the getters and tokenward_session_release work, and
 *             tokenward_destroy frees without joining. Everything else with a handle of the parent answers
 *             ERROR/FORKED. A backend that the child creates works whole. The library's own threads are out of
 *             OpenSSL and libcurl at the fork; fork() waits for that, 100 ms at the most. A host thread inside
 *             tokenward_authenticate at the fork may leave OpenSSL's own locks held in the child (as any use of
 *             OpenSSL may): fork before such threads run, or exec() in the child.
 *  Unloading  dlclose() only after the last tokenward_destroy and the last tokenward_session_release have
 *             returned. Then the library is gone from the process.
 *
 * This interface is provisional until version 1.0.0 is released; CHANGELOG.md announces each change.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TOKENWARD_H
#define TOKENWARD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(TOKENWARD_BUILDING_LIBRARY)
#define TOKENWARD_API __attribute__((visibility("default")))
#else
#define TOKENWARD_API
#endif

/** Version of this interface: major in the upper 16 bits, minor in the lower 16. \since 1.0 */
#define TOKENWARD_ABI_VERSION 0x00010000u

/** Every function of 1.0 without its prefix, for a table of pointers: X(create) X(destroy) ... \since 1.0 */
#define TOKENWARD_FUNCTIONS_1_0(X) \
    X(create)                      \
    X(destroy)                     \
    X(reload)                      \
    X(authenticate)                \
    X(authorize)                   \
    X(report_denial)               \
    X(session_can_access_vhost)    \
    X(session_refresh)             \
    X(session_release)             \
    X(session_username)            \
    X(session_issuer)              \
    X(session_expires_at)          \
    X(session_issued_at)           \
    X(session_tags)                \
    X(identity_denied)             \
    X(explain)                     \
    X(inspect)                     \
    X(status)                      \
    X(metrics)                     \
    X(config_check)                \
    X(log_fd)                      \
    X(log_read)                    \
    X(abi_version)                 \
    X(version)                     \
    X(reason_name)

/** One loaded configuration with its keys and its threads. \since 1.0 */
typedef struct tokenward_backend tokenward_backend;

/** One authenticated client: identity, rights, end. \since 1.0 */
typedef struct tokenward_session tokenward_session;

/** Bytes that somebody else owns; data may be NULL if size is 0. It never grows. \since 1.0 */
typedef struct tokenward_string {
    const char *data;
    size_t size; /**< in bytes, without a terminating NUL */
} tokenward_string;

/** Every result of every function. Closed for all of 1.x. \since 1.0 */
enum {
    TOKENWARD_OK = 0,
    TOKENWARD_ALLOWED = 0,     /**< authorize, session_can_access_vhost: one scope grants it */
    TOKENWARD_REFUSED = 1,     /**< the client isn't let in; final, also for a chain */
    TOKENWARD_NOT_A_TOKEN = 2, /**< a password of some other kind: a chain may ask its next backend */
    TOKENWARD_TRY_AGAIN = 3,   /**< not known yet: a key or an answer is on its way. Ask again after
                                *   error.retry_after_ms. Never tell the client that it is refused. Final for a
                                *   chain */
    TOKENWARD_ERROR = 4,       /**< misuse, configuration, memory, fork; error.reason says which. A no */
    TOKENWARD_DENIED = 5,      /**< authorize, session_can_access_vhost: no scope grants it; identity_denied: it is */
    TOKENWARD_EXPIRED = 6 /**< authorize, session_can_access_vhost: the session has ended. Close the client */
};

/** Levels of a log line. 0 in tokenward_options.log_level means "as configured". \since 1.0 */
enum { TOKENWARD_LOG_ERROR = 1, TOKENWARD_LOG_WARNING = 2, TOKENWARD_LOG_INFO = 3, TOKENWARD_LOG_DEBUG = 4 };

/** Where log lines go: tokenward_options.log_mode. \since 1.0 */
enum {
    /** Standard error, a level in front. It never blocks and never raises SIGPIPE; a line that would is counted
     *  and left out, and the next line tells the count. The flags of descriptor 2 and the dispositions of
     *  signals stay as they are. A regular file gets plain writes, a socket send(), a pipe or a terminal a
     *  nonblocking descriptor of the library's own. Where /proc doesn't give that, the line is written if
     *  poll() says there is room: two writers that both see the same room may block until the reader reads. */
    TOKENWARD_LOG_TO_STDERR = 0,
    /** tokenward_options.log, which must be set then (and only then). Lines that come while the callback is
     *  busy wait in a queue of 1024. A full queue drops the newest lines, and the count is the next line. */
    TOKENWARD_LOG_TO_CALLBACK = 1,
    /** A queue of 1024 lines that the host drains by tokenward_log_fd and tokenward_log_read: for event loops
     *  and for runtimes that can't be called from foreign threads (Node.js, Ruby, Erlang, Crystal, a Python
     *  that holds its lock). A full queue drops the newest lines, and the count is the next line. What nobody
     *  has read when tokenward_destroy is called, and the lines of destroy itself, go to standard error. */
    TOKENWARD_LOG_TO_QUEUE = 2
};

/** No log line is longer, with its NUL. \since 1.0 */
#define TOKENWARD_LOG_LINE_SIZE 2048

/** Kinds of credentials. \since 1.0 */
enum {
    TOKENWARD_SASL_PLAIN = 1,         /**< data: authzid NUL authcid NUL passwd (RFC 4616 section 2) */
    TOKENWARD_SASL_OAUTHBEARER = 2,   /**< data: the raw first client message (RFC 7628 section 3.1) */
    TOKENWARD_USERNAME_PASSWORD = 3,  /**< username and password, as an MQTT CONNECT carries them */
    TOKENWARD_HTTP_AUTHORIZATION = 4, /**< data: the value: "Bearer t" (RFC 6750), "Basic ..." (RFC 7617) */
    TOKENWARD_BEARER_TOKEN = 5        /**< data: the token itself */
};

/** Operations of a request, as RabbitMQ and LavinMQ name them. \since 1.0 */
enum {
    TOKENWARD_CONFIGURE = 1, /**< declare, delete */
    TOKENWARD_READ = 2,      /**< consume, get, purge, subscribe, receive; bind: from the source */
    TOKENWARD_WRITE = 3      /**< publish; bind: to the destination */
};

/** Flags of a request, to be combined by |. \since 1.0 */
enum {
    /** The resource is an MQTT topic filter (MQTT 5 section 4.7), and one scope must grant every topic that it
     *  matches ("a/b/#" matches "a/b" too). Strip "$share/group/" before. A filter that isn't well-formed is
     *  denied. What TOKENWARD_MQTT_TOPIC says about '$' holds for filters that begin with '$'; one that begins
     *  with a wildcard matches no topic that begins with '$' (section 4.7.2). With TOKENWARD_ROUTING_KEY the
     *  routing key is the filter, see there. */
    TOKENWARD_MQTT_FILTER = 0x1,
    /** The resource is an MQTT topic name. If it begins with '$' ("$SYS", "$CONTROL"), it is granted only by a
     *  pattern that begins with a literal '$': "*" does not reach it. Nothing else is special: a name that no
     *  topic may have ("", "a/+") is compared as any name. With TOKENWARD_ROUTING_KEY the routing key is the
     *  topic, see there. */
    TOKENWARD_MQTT_TOPIC = 0x2,
    /** The routing key counts, also an empty one. Without this flag the request has no routing key, and one
     *  that isn't empty is an error. With a routing key only scopes with three parts grant; without one, scopes
     *  of either kind. A request without a key is the wider question: set the flag for every publish and bind
     *  that has a key, however short.
     *
     *  With TOKENWARD_MQTT_TOPIC or TOKENWARD_MQTT_FILTER the resource is an exchange ("amq.topic"), matched as
     *  any name, and the routing key is the topic or filter in MQTT's spelling. The library translates it as
     *  brokers do that carry MQTT over an exchange ('/' becomes '.'), and one scope must grant every key that
     *  the filter matches. A key longer than 8192 bytes is denied then. */
    TOKENWARD_ROUTING_KEY = 0x4,
    /** Answer by the session's last rights although its time has run out. For what the client handed over
     *  before: a will, a stored message. It never revives a session that an operator has ended. */
    TOKENWARD_PAST_END = 0x8
};

/** Flags of a context, to be combined by |. \since 1.0 */
enum {
    /** The host promises to refuse the session unless client_id is bound to the session's identity, by a rule
     *  of its own, as "{username}/...". Without this promise client_id is what the client chose, and no scope
     *  is granted by it. A refresh needs client_id and promise again: what this call's context doesn't bind is
     *  lost. Scopes ask for it by {mqtt:client_id}, with expand_connection = true. */
    TOKENWARD_CLIENT_ID_BOUND = 0x1,
    /** The host asks no other backend after this one. The result NOT_A_TOKEN stays, but its line in the log is
     *  that of a refusal: a warning, within the limits. Without the flag it is a debug line. */
    TOKENWARD_LAST_BACKEND = 0x2,
    /** After TRY_AGAIN the host asks again for the same client. So that answer writes no line in the log; every
     *  other one does. The last question comes without the flag, and its line says how it ended. */
    TOKENWARD_ASKS_AGAIN = 0x4
};

/**
 * Receives one log line. It may come on any thread: on a thread of the library, and inside any call that is
 * given a backend or a session of it. It never comes after tokenward_destroy has returned. No lock of the
 * library is held that another call takes; but tokenward_destroy waits for a running callback, and
 * tokenward_reload may.
 *
 * For one backend one call at a time: lines that come meanwhile wait, and the thread that is in the callback
 * delivers them before its own call returns, for as long as other threads log. So be quick. A thread that must
 * not be held, such as an event loop's, wants TOKENWARD_LOG_TO_QUEUE.
 *
 * It must not throw. It must not call tokenward_authenticate, tokenward_session_refresh,
 * tokenward_report_denial, tokenward_reload or tokenward_destroy with the backend whose line it is, or with a
 * session of it. They answer ERROR/INVALID_ARGUMENT then, and destroy does nothing but write a line. Every
 * other call is allowed.
 *
 * \param user     the pointer from the options
 * \param level    TOKENWARD_LOG_ERROR to TOKENWARD_LOG_DEBUG
 * \param message  printable ASCII, NUL-terminated, no newline, never a token, password or claim set; borrowed
 * \param size     its length in bytes, without the NUL; less than TOKENWARD_LOG_LINE_SIZE
 * \since 1.0
 */
typedef void (*tokenward_log_callback)(void *user, int32_t level, const char *message, size_t size);

/** What tokenward_create, tokenward_reload and tokenward_config_check are told. \since 1.0 */
typedef struct tokenward_options {
    size_t struct_size; /**< sizeof(tokenward_options); TOKENWARD_OPTIONS_INIT sets it */
    /** Paths of INI files (borrowed); a later one wins, key by key. With neither files nor config_json:
     *  /etc/tokenward/tokenward.ini. At most 64. */
    const tokenward_string *config_files;
    size_t config_file_count;
    /** A JSON object with the same names, as {"issuer": ...} or {"oauth": {...}, "oauth.NAME": {...}};
     *  wins over the files. */
    tokenward_string config_json;
    tokenward_log_callback log; /**< with TOKENWARD_LOG_TO_CALLBACK; else NULL */
    void *log_user;             /**< passed to log; must outlive the backend */
    int32_t log_mode;           /**< TOKENWARD_LOG_TO_STDERR (0) ... TOKENWARD_LOG_TO_QUEUE */
    int32_t log_level;          /**< TOKENWARD_LOG_ERROR ... TOKENWARD_LOG_DEBUG; 0: as configured */
    /** Milliseconds that tokenward_create may wait for the first key set; 0 (do not wait) to 60000. */
    uint32_t startup_wait_ms;
    /** Milliseconds that authenticate and refresh may hold their caller while a key is being fetched;
     *  0 (event loops) to 60000. At most 64 callers wait at once, the others get TRY_AGAIN. */
    uint32_t max_wait_ms;
} tokenward_options;

/** What a client sent. \since 1.0 */
typedef struct tokenward_credentials {
    size_t struct_size;        /**< sizeof(tokenward_credentials); TOKENWARD_CREDENTIALS_INIT sets it */
    int32_t kind;              /**< TOKENWARD_SASL_PLAIN ... TOKENWARD_BEARER_TOKEN */
    uint32_t flags;            /**< 0: 1.0 knows none; any other value is an error */
    tokenward_string data;     /**< every kind but TOKENWARD_USERNAME_PASSWORD */
    tokenward_string username; /**< TOKENWARD_USERNAME_PASSWORD only */
    tokenward_string password; /**< TOKENWARD_USERNAME_PASSWORD only */
} tokenward_credentials;

/** Where the client came from: for log lines and their limits. It decides only where the configuration asks for
 *  it. Every field may be empty. \since 1.0 */
typedef struct tokenward_context {
    size_t struct_size;               /**< sizeof(tokenward_context); TOKENWARD_CONTEXT_INIT sets it */
    tokenward_string protocol;        /**< "amqp", "mqtt", "http" ... */
    tokenward_string peer;            /**< address and port, as the host logs it */
    tokenward_string client_id;       /**< MQTT client identifier */
    tokenward_string connection_name; /**< AMQP connection name, or the host's own name of the connection */
    tokenward_string listener;        /**< the listener that took the connection */
    /** SHA-256 of the client's TLS certificate in DER form: 32 bytes, or empty (RFC 8705 section 3.1). A token that is
     *  bound to a certificate needs it, at tokenward_session_refresh too. Give it only if the TLS handshake proved that
     *  the client has the private key. */
    tokenward_string client_certificate_sha256;
    uint64_t flags; /**< TOKENWARD_CLIENT_ID_BOUND and the like; unknown bits are an error */
} tokenward_context;

/** A question about rights. \since 1.0 */
typedef struct tokenward_request {
    size_t struct_size; /**< sizeof(tokenward_request); TOKENWARD_REQUEST_INIT sets it */
    int32_t operation;  /**< TOKENWARD_CONFIGURE, TOKENWARD_READ or TOKENWARD_WRITE */
    uint32_t flags;     /**< of TOKENWARD_MQTT_FILTER or TOKENWARD_MQTT_TOPIC (not both), TOKENWARD_ROUTING_KEY,
                         *   TOKENWARD_PAST_END; unknown bits are an error */
    tokenward_string vhost;
    tokenward_string resource;    /**< queue, exchange, MQTT topic or MQTT filter */
    tokenward_string routing_key; /**< counts only with TOKENWARD_ROUTING_KEY; else it must be empty */
} tokenward_request;

/**
 * Why something was not OK. The caller owns it and sets struct_size; the library fills in the rest, also when
 * the result is OK (reason 0, empty texts). Passing NULL instead of an error is allowed everywhere.
 * \since 1.0
 */
typedef struct tokenward_error {
    size_t struct_size;     /**< sizeof(tokenward_error); TOKENWARD_ERROR_INIT sets it */
    int32_t reason;         /**< a TOKENWARD_REASON_..., 0 for none; a later 1.x may give one you don't know */
    int32_t retry_after_ms; /**< with TRY_AGAIN: 20 to 1000, jittered; else 0 */
    char message[512]; /**< what, where, which value: one line of printable ASCII, NUL-terminated; empty only
                        *   if the result is OK */
    char hint[512];    /**< what would be right; same form, may be empty */
} tokenward_error;

/* The size of each struct in 1.0: the least struct_size that every 1.x takes. \since 1.0 */
#define TOKENWARD_OPTIONS_SIZE_1_0 (offsetof(tokenward_options, max_wait_ms) + sizeof(uint32_t))
#define TOKENWARD_CREDENTIALS_SIZE_1_0 (offsetof(tokenward_credentials, password) + sizeof(tokenward_string))
#define TOKENWARD_CONTEXT_SIZE_1_0 (offsetof(tokenward_context, flags) + sizeof(uint64_t))
#define TOKENWARD_REQUEST_SIZE_1_0 (offsetof(tokenward_request, routing_key) + sizeof(tokenward_string))
#define TOKENWARD_ERROR_SIZE_1_0 (offsetof(tokenward_error, hint) + 512)

/* Initialisers: everything zero but struct_size. \since 1.0 */
#define TOKENWARD_EMPTY_STRING \
    { NULL, 0 }
#define TOKENWARD_OPTIONS_INIT \
    { sizeof(tokenward_options), NULL, 0, TOKENWARD_EMPTY_STRING, NULL, NULL, 0, 0, 0, 0 }
#define TOKENWARD_CREDENTIALS_INIT                                                           \
    {                                                                                        \
        sizeof(tokenward_credentials), 0, 0, TOKENWARD_EMPTY_STRING, TOKENWARD_EMPTY_STRING, \
            TOKENWARD_EMPTY_STRING                                                           \
    }
#define TOKENWARD_CONTEXT_INIT                                                                             \
    {                                                                                                      \
        sizeof(tokenward_context), TOKENWARD_EMPTY_STRING, TOKENWARD_EMPTY_STRING, TOKENWARD_EMPTY_STRING, \
            TOKENWARD_EMPTY_STRING, TOKENWARD_EMPTY_STRING, TOKENWARD_EMPTY_STRING, 0                      \
    }
#define TOKENWARD_REQUEST_INIT \
    { sizeof(tokenward_request), 0, 0, TOKENWARD_EMPTY_STRING, TOKENWARD_EMPTY_STRING, TOKENWARD_EMPTY_STRING }
#define TOKENWARD_ERROR_INIT \
    { sizeof(tokenward_error), 0, 0, "", "" }

/** Every reason that tokenward_error.reason can hold. reasons.def has their meanings and hints; later versions
 *  only add reasons. \since 1.0 */
enum {
    TOKENWARD_REASON_NONE = 0,
    TOKENWARD_REASON_INVALID_ARGUMENT = 100,
    TOKENWARD_REASON_OUT_OF_MEMORY = 101,
    TOKENWARD_REASON_INTERNAL = 102,
    TOKENWARD_REASON_BACKEND_CLOSED = 103,
    TOKENWARD_REASON_FORKED = 104,
    TOKENWARD_REASON_CRYPTO_CAPTURED = 105,
    TOKENWARD_REASON_CRYPTO_UNAVAILABLE = 106,
    TOKENWARD_REASON_ALLOCATOR_SPLIT = 107,
    TOKENWARD_REASON_RESOURCE_LIMIT = 108,
    TOKENWARD_REASON_CONFIG_UNREADABLE = 110,
    TOKENWARD_REASON_CONFIG_INSECURE_FILE = 111,
    TOKENWARD_REASON_CONFIG_SYNTAX = 112,
    TOKENWARD_REASON_CONFIG_UNKNOWN_KEY = 113,
    TOKENWARD_REASON_CONFIG_DUPLICATE_KEY = 114,
    TOKENWARD_REASON_CONFIG_INVALID_VALUE = 115,
    TOKENWARD_REASON_CONFIG_MISSING_KEY = 116,
    TOKENWARD_REASON_NOT_A_TOKEN = 200,
    TOKENWARD_REASON_MALFORMED_CREDENTIALS = 201,
    TOKENWARD_REASON_AUTHZID_MISMATCH = 202,
    TOKENWARD_REASON_USERNAME_MISMATCH = 203,
    TOKENWARD_REASON_OPAQUE_TOKEN = 204,
    TOKENWARD_REASON_ENCRYPTED_TOKEN = 205,
    TOKENWARD_REASON_TOKEN_TOO_LARGE = 206,
    TOKENWARD_REASON_EMPTY_TOKEN = 207,
    TOKENWARD_REASON_MALFORMED_TOKEN = 300,
    TOKENWARD_REASON_MALFORMED_HEADER = 301,
    TOKENWARD_REASON_MALFORMED_PAYLOAD = 302,
    TOKENWARD_REASON_ALGORITHM_NOT_ALLOWED = 303,
    TOKENWARD_REASON_ALGORITHM_MISMATCH = 304,
    TOKENWARD_REASON_CRITICAL_HEADER = 305,
    TOKENWARD_REASON_WRONG_TYPE = 306,
    TOKENWARD_REASON_INVALID_KEY_ID = 307,
    TOKENWARD_REASON_UNKNOWN_KEY = 308,
    TOKENWARD_REASON_NO_KEY_ID = 309,
    TOKENWARD_REASON_AMBIGUOUS_KEY = 310,
    TOKENWARD_REASON_BAD_SIGNATURE = 311,
    TOKENWARD_REASON_KEYS_UNAVAILABLE = 312,
    TOKENWARD_REASON_KEYS_PENDING = 313,
    TOKENWARD_REASON_NEW_KEY_PENDING = 314,
    TOKENWARD_REASON_INTROSPECTION_PENDING = 315,
    TOKENWARD_REASON_INTROSPECTION_FAILED = 316,
    TOKENWARD_REASON_CLIENT_CREDENTIALS_PENDING = 317,
    TOKENWARD_REASON_CLIENT_CREDENTIALS_FAILED = 318,
    TOKENWARD_REASON_WRONG_ISSUER = 400,
    TOKENWARD_REASON_WRONG_AUDIENCE = 401,
    TOKENWARD_REASON_TOKEN_EXPIRED = 402,
    TOKENWARD_REASON_NO_EXPIRY = 403,
    TOKENWARD_REASON_NOT_YET_VALID = 404,
    TOKENWARD_REASON_ISSUED_IN_FUTURE = 405,
    TOKENWARD_REASON_INVALID_CLAIM = 406,
    TOKENWARD_REASON_NOT_AN_ACCESS_TOKEN = 407,
    TOKENWARD_REASON_SENDER_CONSTRAINED = 408,
    TOKENWARD_REASON_NO_USERNAME = 409,
    TOKENWARD_REASON_INVALID_USERNAME = 410,
    TOKENWARD_REASON_TOO_MANY_SCOPES = 411,
    TOKENWARD_REASON_NO_ISSUER = 412,
    TOKENWARD_REASON_NO_AUDIENCE = 413,
    TOKENWARD_REASON_CLAIM_NOT_ALLOWED = 414,
    TOKENWARD_REASON_DENIED_BY_OPERATOR = 415,
    TOKENWARD_REASON_CERTIFICATE_MISMATCH = 416,
    TOKENWARD_REASON_TOKEN_NOT_BOUND = 417,
    TOKENWARD_REASON_TOKEN_INACTIVE = 418,
    TOKENWARD_REASON_CLIENT_REFUSED = 419,
    TOKENWARD_REASON_IDENTITY_CHANGED = 500,
    TOKENWARD_REASON_NO_SCOPE = 501,
    TOKENWARD_REASON_NO_MATCHING_SCOPE = 502,
    TOKENWARD_REASON_ROUTING_KEY_SCOPE_NEEDED = 503,
    TOKENWARD_REASON_NO_VHOST_ACCESS = 504,
    TOKENWARD_REASON_SESSION_EXPIRED = 505,
    TOKENWARD_REASON_TOO_COSTLY = 506
};

/* ---- backend ---------------------------------------------------------------------------------------- */

/**
 * Reads the configuration, checks it, starts the library's threads. The provider need not be reachable: then
 * authenticate answers TRY_AGAIN until it is. At most startup_wait_ms are spent waiting for the first keys;
 * when they pass without keys, the result is OK all the same.
 *
 * \param options  what to load; NULL means the defaults
 * \param backend  out: the handle, or NULL; the caller owns it and ends it with tokenward_destroy
 * \param error    out, or NULL
 * \return TOKENWARD_OK or TOKENWARD_ERROR (CONFIG_*, CRYPTO_CAPTURED, CRYPTO_UNAVAILABLE, ALLOCATOR_SPLIT,
 *         RESOURCE_LIMIT, OUT_OF_MEMORY, INVALID_ARGUMENT)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_create(const tokenward_options *options, tokenward_backend **backend,
                                       tokenward_error *error);

/**
 * Ends the backend. A tokenward_authenticate or tokenward_session_refresh that began before is let finish; one
 * that waits for a key gets TRY_AGAIN at once. Then a running fetch is given up, the library's threads of this
 * backend are joined, and everything is freed. It takes a bounded time, also in the middle of a hanging fetch
 * or name look-up, but it waits for a log callback that is running. Not from within the log callback.
 * Sessions stay valid: their getters and tokenward_authorize go on, tokenward_session_refresh answers
 * ERROR/BACKEND_CLOSED.
 * \since 1.0
 */
TOKENWARD_API void tokenward_destroy(tokenward_backend *backend);

/**
 * Swaps the configuration, all or nothing. A section whose issuer, jwks_uri, jwks_file and ca_file stay keeps
 * its keys. Live sessions go on, but for those that the new denied_file names: they have ended, so look at the
 * tokenward_session_expires_at of each afterwards. It may wait for a log callback that is running.
 * \param options  the new options, or NULL to read the same files again. log, log_user, log_mode, log_level and
 *                 startup_wait_ms are not looked at: those of tokenward_create stay. If log_level was 0 there,
 *                 the level is the new configuration's
 * \return TOKENWARD_OK, or TOKENWARD_ERROR and everything stays as it was
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_reload(tokenward_backend *backend, const tokenward_options *options,
                                       tokenward_error *error);

/* ---- a client comes in ------------------------------------------------------------------------------ */

/**
 * Decides whether the credentials hold a good access token. Costs one signature check at the most; no network.
 * Writes one audit line. Of refusals at most ten a second for each reason, and two for each client (its address
 * without the port, and its client_id or connection_name); the next line tells how many were left out.
 *
 * \param backend      a live backend
 * \param credentials  what the client sent; borrowed
 * \param context      where it came from, or NULL
 * \param session      out: the session if OK, else NULL; the caller ends it with tokenward_session_release
 * \param error        out, or NULL: for the host's log. Tell the client no more than "refused"
 * \return TOKENWARD_OK, TOKENWARD_REFUSED, TOKENWARD_NOT_A_TOKEN, TOKENWARD_TRY_AGAIN or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_authenticate(tokenward_backend *backend,
                                             const tokenward_credentials *credentials,
                                             const tokenward_context *context, tokenward_session **session,
                                             tokenward_error *error);

/**
 * Decides one request. Any one scope that grants it is enough; there is no deny. Never blocks or allocates;
 * safe beside a refresh of the same session: every call sees the rights before it or after it, whole.
 * \return TOKENWARD_ALLOWED, TOKENWARD_DENIED, TOKENWARD_EXPIRED or TOKENWARD_ERROR (misuse)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_authorize(const tokenward_session *session, const tokenward_request *request);

/**
 * Writes the audit line of a request that the host denied: who, what, the scope that would grant it, the scope
 * that came nearest. At most ten lines a second for each reason and two for each client; the next line tells
 * how many were left out and who caused most of them. Not needed for correctness: authorize decides, this
 * explains. A request that the session allows by now gets no line. For a denied vhost: a request with the vhost
 * alone, an empty resource and TOKENWARD_READ.
 * \param context  where the client is, or NULL
 * \return TOKENWARD_OK, also if the line was left out; TOKENWARD_ERROR for a misuse, after the backend's end,
 *         and in a forked child
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_report_denial(const tokenward_session *session,
                                              const tokenward_request *request,
                                              const tokenward_context *context);

/**
 * Tells whether the session may open the vhost: any permission scope whose vhost matches allows it.
 * \param vhost  the vhost's name; borrowed
 * \param size   of the name, in bytes
 * \return TOKENWARD_ALLOWED, TOKENWARD_DENIED, TOKENWARD_EXPIRED or TOKENWARD_ERROR (misuse)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_can_access_vhost(const tokenward_session *session, const char *vhost,
                                                         size_t size);

/**
 * Replaces a session's rights, tags and expiry by those of a new token of the same identity (provider and
 * username), as AMQP update-secret and MQTT 5 re-authentication ask for. All or nothing. Writes one audit line.
 * \return as tokenward_authenticate; on every result but OK the old rights and expiry stay.
 *         ERROR/BACKEND_CLOSED after the backend's end
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_refresh(tokenward_session *session,
                                                const tokenward_credentials *credentials,
                                                const tokenward_context *context, tokenward_error *error);

/** Gives the session back; NULL is fine. Never waits or joins. Any thread, any time, also after the backend's
 *  end. \since 1.0 */
TOKENWARD_API void tokenward_session_release(tokenward_session *session);

/* ---- who is it -------------------------------------------------------------------------------------- */

/**
 * The username that the token gave; never what the client typed.
 * \param username  out: 1 to 255 bytes of UTF-8 (plus the section's username_prefix), borrowed until
 *                  tokenward_session_release; not NUL-terminated
 * \param size      out: its length in bytes
 * \return TOKENWARD_OK or TOKENWARD_ERROR (misuse; then NULL and 0 where there is a place for them)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_username(const tokenward_session *session, const char **username,
                                                 size_t *size);

/** The issuer as configured; borrowed as the username is. \return TOKENWARD_OK or TOKENWARD_ERROR \since 1.0 */
TOKENWARD_API int32_t tokenward_session_issuer(const tokenward_session *session, const char **issuer,
                                               size_t *size);

/**
 * The instant from which the session is expired: seconds since 1970-01-01 UTC, clock_skew included; INT64_MAX
 * if it has no end. A refresh changes it. So does a tokenward_reload by which an operator denies the session (denied_file):
 * then it is the time of that reload at the latest, for good, and a refresh is refused.
 * \return TOKENWARD_OK or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_expires_at(const tokenward_session *session, int64_t *expires_at);

/**
 * When the session's token was issued (its iat, RFC 7519 section 4.1.6): seconds since 1970-01-01 UTC; INT64_MIN if it doesn't
 * say, so older than any. A refresh changes it. For tokenward_identity_denied, whose since it is.
 * \return TOKENWARD_OK or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_issued_at(const tokenward_session *session, int64_t *issued_at);

/**
 * Copies the tags as one snapshot, sorted, separated by commas ("administrator,monitoring"), each of
 * [A-Za-z0-9_.-].
 * \param buffer       receives the text, NUL-terminated, cut if it is too small; may be NULL if size is 0
 * \param buffer_size  of buffer, in bytes
 * \param length       out: bytes of the whole text without the NUL; complete if length < buffer_size
 * \return TOKENWARD_OK or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_tags(const tokenward_session *session, char *buffer, size_t buffer_size,
                                             size_t *length);

/**
 * Whether a line of denied_file names whoever has the identity: for what a client made and that outlives its session, a
 * shovel say, or for a session of a backend that was destroyed. Ask after each tokenward_reload, and at the start. Lines with
 * username and issued_before count, not those with jti, client_id or kid, which only a token has. Never blocks for long; no
 * line is written.
 * \param issuer    as tokenward_session_issuer gave it; empty: not known, so any provider's
 * \param username  as tokenward_session_username gave it
 * \param since     as tokenward_session_issued_at gave it: issued_before counts if it names a later time. If that wasn't kept,
 *                  the time when it was made, in seconds since 1970: its token was issued no later
 * \return TOKENWARD_DENIED, TOKENWARD_ALLOWED (no line does) or TOKENWARD_ERROR (misuse)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_identity_denied(const tokenward_backend *backend, const char *issuer,
                                                size_t issuer_size, const char *username, size_t username_size,
                                                int64_t since);

/* ---- for operators ---------------------------------------------------------------------------------- *
 * Each writes JSON (metrics: Prometheus text) into the caller's buffer as tokenward_session_tags does: always
 * NUL-terminated if buffer_size > 0, cut if too small, *length is the whole length. Ask again with a larger
 * buffer if length >= buffer_size; the text may have grown meanwhile. abi/README.md lists the members; a later
 * version may add some. \since 1.0                                                                          */

/**
 * Why a request is allowed or not: the verdict, the scope that decided, the nearest miss, a reason, a hint.
 * \return TOKENWARD_OK (whatever the verdict) or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_explain(const tokenward_session *session, const tokenward_request *request,
                                        char *buffer, size_t buffer_size, size_t *length,
                                        tokenward_error *error);

/**
 * Shows a token WITHOUT verifying it: header, claims, and the permission table it would give. Contains claims:
 * for an operator's eyes, not for logs.
 * \param backend     whose scope settings apply; NULL: every scope counts, no prefix is cut
 * \param token       borrowed
 * \param token_size  in bytes
 * \return TOKENWARD_OK, TOKENWARD_REFUSED if it can't be decoded (error says where) or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_inspect(tokenward_backend *backend, const char *token, size_t token_size,
                                        char *buffer, size_t buffer_size, size_t *length,
                                        tokenward_error *error);

/**
 * The backend's health: version, issuers, their keys (kid, type, algorithm, thumbprint), ages in seconds, last
 * error, next fetch.
 * \return TOKENWARD_OK or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_status(tokenward_backend *backend, char *buffer, size_t buffer_size,
                                       size_t *length, tokenward_error *error);

/** Counters and gauges in Prometheus text format 0.0.4. \return TOKENWARD_OK or TOKENWARD_ERROR \since 1.0 */
TOKENWARD_API int32_t tokenward_metrics(tokenward_backend *backend, char *buffer, size_t buffer_size,
                                        size_t *length, tokenward_error *error);

/**
 * Checks a configuration without starting anything, reading every file that it names, as tokenward_create does:
 * the effective settings by section and the warnings, as JSON.
 * \return TOKENWARD_OK, or TOKENWARD_ERROR with what tokenward_create would say
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_config_check(const tokenward_options *options, char *buffer, size_t buffer_size,
                                             size_t *length, tokenward_error *error);

/* ---- log lines: the queue ---------------------------------------------------------------------------- */

/**
 * A descriptor that is readable when lines wait: for poll, epoll, select or an event loop. It is the library's:
 * nonblocking, close-on-exec, valid until tokenward_destroy begins. Don't read, write or close it.
 * tokenward_destroy doesn't wake a thread that waits for it: end that wait before. An event loop that can't
 * watch a descriptor without reading it (Node.js) calls tokenward_log_read from a timer instead.
 * \param fd  out: the descriptor; -1 if the result isn't OK
 * \return TOKENWARD_OK, or TOKENWARD_ERROR (also if log_mode isn't TOKENWARD_LOG_TO_QUEUE)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_log_fd(tokenward_backend *backend, int32_t *fd);

/**
 * Takes one line from the queue. Never blocks. From one thread at a time, any.
 * \param level        out: TOKENWARD_LOG_ERROR to TOKENWARD_LOG_DEBUG; 0 if there is no line
 * \param buffer       receives the line, NUL-terminated; TOKENWARD_LOG_LINE_SIZE bytes hold every line, a
 *                     smaller buffer gets it cut; may be NULL if size is 0
 * \param buffer_size  of buffer, in bytes; 0 takes no line, and length is that of the next one
 * \param length       out: bytes of the whole line without the NUL; 0: no line waits
 * \return TOKENWARD_OK, or TOKENWARD_ERROR (also if log_mode isn't TOKENWARD_LOG_TO_QUEUE)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_log_read(tokenward_backend *backend, int32_t *level, char *buffer,
                                         size_t buffer_size, size_t *length);

/* ---- versions --------------------------------------------------------------------------------------- */

/** The interface the library implements. Refuse to run if its upper 16 bits differ from yours, or if its lower
 *  16 bits are less than those of the newest function that you call. \since 1.0 */
TOKENWARD_API uint32_t tokenward_abi_version(void);

/** The library's version, "1.0.0"; static, valid until dlclose. \since 1.0 */
TOKENWARD_API const char *tokenward_version(void);

/** The stable name of a reason, as "TOKEN_EXPIRED"; "UNKNOWN" for a code this library does not have. Static,
 *  valid until dlclose. \since 1.0 */
TOKENWARD_API const char *tokenward_reason_name(int32_t reason);

#ifdef __cplusplus
}
#endif

#endif /* TOKENWARD_H */
