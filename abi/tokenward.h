/*
 * tokenward.h - OAuth 2.0 for message brokers: the stable C interface of libtokenward.so.1
 *
 * A broker loads the library with dlopen(), creates one backend, hands it the raw credentials of each
 * client and gets back a session: who the client is, what it may configure, read and write, and until when.
 * abi/README.md tells the same on one page, with a complete example.
 *
 * Rules that hold for every function:
 *
 *  Results    Every result is an int32_t. 0 means OK or ALLOWED, and nothing else does: treat each non-zero
 *             value, also one you do not know, as a no. The sets below are closed for all of 1.x.
 *  Strings    Pointer and length; any byte may stand in them. (NULL, 0) is the empty string. Bytes are
 *             borrowed for the call only, unless a function says otherwise.
 *  Structs    Set struct_size to sizeof of the struct you compiled with. Fields are only ever added at the
 *             end; a larger struct than the library knows is accepted if its unknown tail is zero, so clear
 *             a struct (memset, = {0}) before you fill it in.
 *  Handles    One handle is one reference. Never call with a handle beside or after the call that destroys
 *             or releases it. tokenward_destroy and tokenward_session_release accept NULL.
 *  Threads    Every function may be called from any thread at any time, but for the rule on handles.
 *  Blocking   No call does network I/O, except that tokenward_create waits up to startup_wait_ms and
 *             tokenward_authenticate and tokenward_session_refresh up to max_wait_ms for a key that the
 *             library's own thread is fetching. tokenward_authorize and the getters never block, allocate
 *             or take a lock.
 *  Guests     The library leaves errno and the calling thread's OpenSSL error queue as it found them. Its
 *             threads block all signals. No exception leaves it, nothing is printed to standard output.
 *  Fork       In a forked child tokenward_authorize, the getters and tokenward_session_release work,
 *             tokenward_destroy frees without joining; everything else answers ERROR with reason FORKED.
 *  Unloading  dlclose() only after the last tokenward_destroy and the last tokenward_session_release have
 *             returned. Then the library is gone from the process.
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

/** One loaded configuration with its keys and its thread. \since 1.0 */
typedef struct tokenward_backend tokenward_backend;

/** One authenticated client: identity, rights, end. \since 1.0 */
typedef struct tokenward_session tokenward_session;

/** Bytes that somebody else owns; data may be NULL if size is 0. \since 1.0 */
typedef struct tokenward_string {
    const char *data;
    size_t size; /**< in bytes, without a terminating NUL */
} tokenward_string;

/** Results of tokenward_authenticate, tokenward_session_refresh and every function that isn't a question. */
enum {
    TOKENWARD_OK = 0,
    TOKENWARD_REFUSED = 1,     /**< a token, and not a good one; final */
    TOKENWARD_NOT_A_TOKEN = 2, /**< a password of some other kind: a chain may ask its next backend */
    TOKENWARD_TRY_AGAIN = 3,   /**< a key is being fetched: ask again after retry_after_ms; final for a chain */
    TOKENWARD_ERROR = 4        /**< misuse, configuration, memory; error.reason says which */
};

/** Results of tokenward_authorize and tokenward_session_can_access_vhost. */
enum {
    TOKENWARD_ALLOWED = 0,
    TOKENWARD_DENIED = 1,
    TOKENWARD_EXPIRED = 2,        /**< now >= the session's expires_at: close the client */
    TOKENWARD_AUTHORIZE_ERROR = 3 /**< misuse; deny */
};

/** Levels of a log line, from bad to chatty. */
enum { TOKENWARD_LOG_ERROR = 0, TOKENWARD_LOG_WARNING = 1, TOKENWARD_LOG_INFO = 2, TOKENWARD_LOG_DEBUG = 3 };

/** Kinds of credentials. */
enum {
    TOKENWARD_SASL_PLAIN = 1,         /**< data: authzid NUL authcid NUL passwd (RFC 4616 section 2) */
    TOKENWARD_SASL_OAUTHBEARER = 2,   /**< data: the raw first client message (RFC 7628 section 3.1) */
    TOKENWARD_USERNAME_PASSWORD = 3,  /**< username and password, as an MQTT CONNECT carries them */
    TOKENWARD_HTTP_AUTHORIZATION = 4, /**< data: the value: "Bearer t" (RFC 6750), "Basic ..." (RFC 7617) */
    TOKENWARD_BEARER_TOKEN = 5        /**< data: the token itself */
};

/** Operations of a request, as RabbitMQ and LavinMQ name them. */
enum {
    TOKENWARD_CONFIGURE = 1, /**< declare, delete, bind */
    TOKENWARD_READ = 2,      /**< consume, get, subscribe, receive */
    TOKENWARD_WRITE = 3      /**< publish */
};

/** Flag of a request: the resource is an MQTT topic filter (MQTT 5 section 4.7), and one scope must grant
 *  every topic that it matches ("a/b/#" matches "a/b" too). Strip "$share/group/" before. A filter that isn't
 *  well-formed is denied. What TOKENWARD_MQTT_TOPIC says about '$' holds for filters that begin with '$'; one
 *  that begins with a wildcard matches no topic that begins with '$' (section 4.7.2). \since 1.0 */
#define TOKENWARD_MQTT_FILTER 0x1u

/** Flag of a request: the resource is an MQTT topic name. If it begins with '$' ("$SYS", "$CONTROL"), it is
 *  granted only by a pattern that begins with a literal '$': "*" does not reach it. \since 1.0 */
#define TOKENWARD_MQTT_TOPIC 0x2u

/**
 * Receives one log line. Called on any thread, also inside create, authenticate, refresh, reload and destroy,
 * and by one thread at a time; never after tokenward_destroy has returned. It must not call into this library,
 * and must not throw.
 * \param user     the pointer from the options
 * \param level    TOKENWARD_LOG_ERROR to TOKENWARD_LOG_DEBUG
 * \param message  printable ASCII, NUL-terminated, no newline, never a token, password or claim set; borrowed
 * \param size     its length in bytes, without the NUL
 */
typedef void (*tokenward_log_callback)(void *user, int32_t level, const char *message, size_t size);

/** What tokenward_create, tokenward_reload and tokenward_config_check are told. \since 1.0 */
typedef struct tokenward_options {
    size_t struct_size; /**< sizeof(tokenward_options) */
    /** Paths of INI files (borrowed); a later one wins, key by key. With neither files nor config_json:
     *  /etc/tokenward/tokenward.ini. */
    const tokenward_string *config_files;
    size_t config_file_count;
    /** A JSON object with the same names, as {"issuer": ...} or {"oauth": {...}, "oauth.NAME": {...}};
     *  wins over the files. */
    tokenward_string config_json;
    /** Milliseconds that tokenward_create may wait for the first key set; 0 (do not wait) to 60000. */
    uint32_t startup_wait_ms;
    /** Milliseconds that authenticate and refresh may hold their caller while a key is being fetched;
     *  0 (event loops) to 60000. At most 64 callers wait at once, the others get TRY_AGAIN. */
    uint32_t max_wait_ms;
    /** Receives log lines; NULL: standard error. */
    tokenward_log_callback log;
    void *log_user; /**< passed to log; must outlive the backend */
} tokenward_options;

/** What a client sent. \since 1.0 */
typedef struct tokenward_credentials {
    size_t struct_size;        /**< sizeof(tokenward_credentials) */
    int32_t kind;              /**< TOKENWARD_SASL_PLAIN ... TOKENWARD_BEARER_TOKEN */
    int32_t reserved;          /**< 0 */
    tokenward_string data;     /**< every kind but TOKENWARD_USERNAME_PASSWORD */
    tokenward_string username; /**< TOKENWARD_USERNAME_PASSWORD only */
    tokenward_string password; /**< TOKENWARD_USERNAME_PASSWORD only */
} tokenward_credentials;

/** Where the client came from: for log lines only, decides nothing. Every field may be empty. \since 1.0 */
typedef struct tokenward_context {
    size_t struct_size;         /**< sizeof(tokenward_context) */
    tokenward_string protocol;  /**< "amqp", "mqtt", "http" ... */
    tokenward_string peer;      /**< address and port, as the host logs it */
    tokenward_string client_id; /**< MQTT client identifier, AMQP connection name */
    tokenward_string listener;  /**< the listener that took the connection */
} tokenward_context;

/** A question about rights. \since 1.0 */
typedef struct tokenward_request {
    size_t struct_size; /**< sizeof(tokenward_request) */
    int32_t operation;  /**< TOKENWARD_CONFIGURE, TOKENWARD_READ or TOKENWARD_WRITE */
    uint32_t flags;     /**< 0, TOKENWARD_MQTT_FILTER or TOKENWARD_MQTT_TOPIC; both or unknown bits: an error */
    tokenward_string vhost;
    tokenward_string resource; /**< queue, exchange, MQTT topic or MQTT filter */
    /** data NULL: no routing key; (non-NULL, 0): the empty routing key. */
    tokenward_string routing_key;
} tokenward_request;

/**
 * Why something was not OK. The caller owns it and sets struct_size; the library fills in the rest, also when
 * the result is OK (reason 0, empty texts). Passing NULL instead of an error is allowed everywhere.
 * \since 1.0
 */
typedef struct tokenward_error {
    size_t struct_size; /**< sizeof(tokenward_error) */
    /** A stable code, 0 for none; its name by tokenward_reason_name, all of them with their meanings in
     *  reasons.def. New reasons may come in any 1.x. */
    int32_t reason;
    int32_t retry_after_ms; /**< with TRY_AGAIN: 20 to 1000, jittered; else 0 */
    char message[512];      /**< what, where, which value: one line of printable ASCII, NUL-terminated */
    char hint[512];         /**< what would be right; same form, may be empty */
} tokenward_error;

/* ---- backend ---------------------------------------------------------------------------------------- */

/**
 * Reads the configuration, checks it, starts the key thread. The provider need not be reachable: then
 * authenticate answers TRY_AGAIN until it is. At most startup_wait_ms are spent waiting for the first keys;
 * when they pass without keys, the result is OK all the same.
 *
 * \param options  what to load; NULL means the defaults
 * \param backend  out: the handle, or NULL; the caller owns it and ends it with tokenward_destroy
 * \param error    out, or NULL
 * \return TOKENWARD_OK or TOKENWARD_ERROR (CONFIG_*, CRYPTO_CAPTURED, CRYPTO_UNAVAILABLE, OUT_OF_MEMORY,
 *         INVALID_ARGUMENT)
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_create(const tokenward_options *options, tokenward_backend **backend,
                                       tokenward_error *error);

/**
 * Ends the backend: wakes all waiters (they get TRY_AGAIN or ERROR/BACKEND_CLOSED), stops a running fetch,
 * joins the library's threads and frees. Bounded, also in the middle of a hanging fetch or name look-up.
 * Sessions stay valid: their getters and tokenward_authorize go on, tokenward_session_refresh answers
 * ERROR/BACKEND_CLOSED. No other call may be running on this backend handle.
 * \since 1.0
 */
TOKENWARD_API void tokenward_destroy(tokenward_backend *backend);

/**
 * Swaps the configuration, all or nothing. A section whose issuer, jwks_uri, jwks_file and ca_file stay keeps
 * its keys. Live sessions go on.
 * \param options  the new options, or NULL to read the same files again; log, log_user and startup_wait_ms
 *                 are those of tokenward_create and are not taken from here
 * \return TOKENWARD_OK, or TOKENWARD_ERROR and everything stays as it was
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_reload(tokenward_backend *backend, const tokenward_options *options,
                                       tokenward_error *error);

/* ---- a client comes in ------------------------------------------------------------------------------ */

/**
 * Decides whether the credentials hold a good access token. Costs one signature check at the most; no network.
 *
 * \param backend      a live backend
 * \param credentials  what the client sent; borrowed
 * \param context      for the log line, or NULL
 * \param session      out: the session if OK, else NULL; the caller ends it with tokenward_session_release
 * \param error        out, or NULL; what may be told to the log. Tell the client no more than "refused"
 * \return TOKENWARD_OK, TOKENWARD_REFUSED, TOKENWARD_NOT_A_TOKEN, TOKENWARD_TRY_AGAIN or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_authenticate(tokenward_backend *backend,
                                             const tokenward_credentials *credentials,
                                             const tokenward_context *context, tokenward_session **session,
                                             tokenward_error *error);

/**
 * Decides one request. Any one scope that grants it is enough; there is no deny. With a routing key only
 * scopes with three parts count, without one either kind. Never blocks or allocates; safe beside a refresh of
 * the same session: every call sees the rights before it or after it, whole.
 * \return TOKENWARD_ALLOWED, TOKENWARD_DENIED, TOKENWARD_EXPIRED or TOKENWARD_AUTHORIZE_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_authorize(const tokenward_session *session, const tokenward_request *request);

/**
 * Tells whether the session may open the vhost: any permission scope whose vhost matches allows it. An expired
 * session gets EXPIRED.
 * \return TOKENWARD_ALLOWED, TOKENWARD_DENIED, TOKENWARD_EXPIRED or TOKENWARD_AUTHORIZE_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_can_access_vhost(const tokenward_session *session,
                                                         tokenward_string vhost);

/**
 * Replaces a session's rights, tags and expiry by those of a new token of the same identity (issuer section
 * and username), as AMQP update-secret and MQTT 5 re-authentication ask for. All or nothing.
 * \return as tokenward_authenticate; on every result but OK the old rights and expiry stay.
 *         ERROR/BACKEND_CLOSED after the backend's end
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_refresh(tokenward_session *session,
                                                const tokenward_credentials *credentials,
                                                const tokenward_context *context, tokenward_error *error);

/** Gives the session back; NULL is fine. Never waits or joins; any thread, any time, also after the backend's
 *  end. \since 1.0 */
TOKENWARD_API void tokenward_session_release(tokenward_session *session);

/* ---- who is it -------------------------------------------------------------------------------------- */

/**
 * The username that the token gave; never what the client typed.
 * \param username  out: 1 to 255 bytes of UTF-8 (plus the section's username_prefix), borrowed until
 *                  tokenward_session_release; not NUL-terminated
 * \return TOKENWARD_OK or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_username(const tokenward_session *session, tokenward_string *username);

/** The issuer as configured; borrowed as the username is. \return TOKENWARD_OK or TOKENWARD_ERROR \since 1.0 */
TOKENWARD_API int32_t tokenward_session_issuer(const tokenward_session *session, tokenward_string *issuer);

/**
 * The instant from which the session is expired: seconds since 1970-01-01 UTC, clock_skew included; INT64_MAX
 * if it has no end. A refresh changes it.
 * \return TOKENWARD_OK or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_session_expires_at(const tokenward_session *session, int64_t *expires_at);

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

/* ---- for operators ---------------------------------------------------------------------------------- *
 * Each writes JSON (metrics: Prometheus text) into the caller's buffer as tokenward_session_tags does: always
 * NUL-terminated if buffer_size > 0, cut if too small, *length is the whole length. Ask again with a larger
 * buffer if length >= buffer_size; the text may have grown meanwhile.                                       */

/**
 * Why a request is allowed or not: {"verdict": "allowed"|"denied"|"expired", "scope": the deciding scope,
 * "nearest": the nearest miss, "reason": a name, "hint": ...}.
 * \return TOKENWARD_OK (whatever the verdict) or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_explain(const tokenward_session *session, const tokenward_request *request,
                                        char *buffer, size_t buffer_size, size_t *length);

/**
 * Shows a token WITHOUT verifying it: header, claims, and the permission table it would give. Contains claims:
 * for an operator's eyes, not for logs.
 * \param backend  whose scope settings apply; NULL: every scope counts, no prefix is cut
 * \return TOKENWARD_OK, TOKENWARD_REFUSED if it can't be decoded (error says where) or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_inspect(tokenward_backend *backend, tokenward_string token, char *buffer,
                                        size_t buffer_size, size_t *length, tokenward_error *error);

/**
 * The backend's health: version, issuers, their keys (kid, type, algorithm, thumbprint), ages in seconds, last
 * error, next fetch.
 * \return TOKENWARD_OK or TOKENWARD_ERROR
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_status(tokenward_backend *backend, char *buffer, size_t buffer_size,
                                       size_t *length);

/** Counters and gauges in Prometheus text format 0.0.4. \return TOKENWARD_OK or TOKENWARD_ERROR \since 1.0 */
TOKENWARD_API int32_t tokenward_metrics(tokenward_backend *backend, char *buffer, size_t buffer_size,
                                        size_t *length);

/**
 * Checks a configuration without starting anything: the effective settings by section and the warnings, as
 * JSON.
 * \return TOKENWARD_OK, or TOKENWARD_ERROR with what tokenward_create would say
 * \since 1.0
 */
TOKENWARD_API int32_t tokenward_config_check(const tokenward_options *options, char *buffer, size_t buffer_size,
                                             size_t *length, tokenward_error *error);

/* ---- versions --------------------------------------------------------------------------------------- */

/** The interface the library implements. Refuse to run if its upper 16 bits differ from yours, or if its lower
 *  16 bits are less than yours. \since 1.0 */
TOKENWARD_API uint32_t tokenward_abi_version(void);

/** The library's version, "1.0.0"; static, valid until dlclose. \since 1.0 */
TOKENWARD_API const char *tokenward_version(void);

/** The stable name of a reason, as "EXPIRED"; "UNKNOWN" for a code this library does not have. Static, valid
 *  until dlclose. \since 1.0 */
TOKENWARD_API const char *tokenward_reason_name(int32_t reason);

#ifdef __cplusplus
}
#endif

#endif /* TOKENWARD_H */
