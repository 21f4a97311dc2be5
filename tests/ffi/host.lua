-- A host in LuaJIT. usage: luajit host.lua FOLDER; README.md tells what is in it.
local ffi = require("ffi")

-- Copied from tokenward.h: LuaJIT reads C declarations, but no preprocessor lines.
ffi.cdef [[
typedef struct tokenward_backend tokenward_backend;
typedef struct tokenward_session tokenward_session;
typedef struct tokenward_string { const char *data; size_t size; } tokenward_string;
enum { TOKENWARD_OK = 0, TOKENWARD_REFUSED = 1, TOKENWARD_NOT_A_TOKEN = 2, TOKENWARD_TRY_AGAIN = 3,
       TOKENWARD_ERROR = 4, TOKENWARD_DENIED = 5, TOKENWARD_EXPIRED = 6 };
enum { TOKENWARD_LOG_ERROR = 1, TOKENWARD_LOG_WARNING = 2, TOKENWARD_LOG_INFO = 3, TOKENWARD_LOG_DEBUG = 4 };
enum { TOKENWARD_LOG_TO_STDERR = 0, TOKENWARD_LOG_TO_CALLBACK = 1, TOKENWARD_LOG_TO_QUEUE = 2 };
enum { TOKENWARD_SASL_PLAIN = 1, TOKENWARD_SASL_OAUTHBEARER = 2, TOKENWARD_USERNAME_PASSWORD = 3,
       TOKENWARD_HTTP_AUTHORIZATION = 4, TOKENWARD_BEARER_TOKEN = 5 };
enum { TOKENWARD_CONFIGURE = 1, TOKENWARD_READ = 2, TOKENWARD_WRITE = 3 };
typedef void (*tokenward_log_callback)(void *user, int32_t level, const char *message, size_t size);
typedef struct tokenward_options {
    size_t struct_size; const tokenward_string *config_files; size_t config_file_count;
    tokenward_string config_json; tokenward_log_callback log; void *log_user; int32_t log_mode; int32_t log_level;
    uint32_t startup_wait_ms; uint32_t max_wait_ms;
} tokenward_options;
typedef struct tokenward_credentials {
    size_t struct_size; int32_t kind; uint32_t flags;
    tokenward_string data; tokenward_string username; tokenward_string password;
} tokenward_credentials;
typedef struct tokenward_context {
    size_t struct_size; tokenward_string protocol; tokenward_string peer; tokenward_string client_id;
    tokenward_string connection_name; tokenward_string listener; tokenward_string client_certificate_sha256;
    uint64_t flags;
} tokenward_context;
typedef struct tokenward_request {
    size_t struct_size; int32_t operation; uint32_t flags;
    tokenward_string vhost; tokenward_string resource; tokenward_string routing_key;
} tokenward_request;
typedef struct tokenward_error {
    size_t struct_size; int32_t reason; int32_t retry_after_ms; char message[512]; char hint[512];
} tokenward_error;
int32_t tokenward_create(const tokenward_options *, tokenward_backend **, tokenward_error *);
void tokenward_destroy(tokenward_backend *);
int32_t tokenward_authenticate(tokenward_backend *, const tokenward_credentials *, const tokenward_context *,
                               tokenward_session **, tokenward_error *);
int32_t tokenward_authorize(const tokenward_session *, const tokenward_request *);
int32_t tokenward_report_denial(const tokenward_session *, const tokenward_request *, const tokenward_context *);
int32_t tokenward_session_can_access_vhost(const tokenward_session *, const char *, size_t);
int32_t tokenward_session_refresh(tokenward_session *, const tokenward_credentials *, const tokenward_context *,
                                  tokenward_error *);
void tokenward_session_release(tokenward_session *);
int32_t tokenward_session_username(const tokenward_session *, const char **, size_t *);
int32_t tokenward_session_expires_at(const tokenward_session *, int64_t *);
int32_t tokenward_session_tags(const tokenward_session *, char *, size_t, size_t *);
int32_t tokenward_explain(const tokenward_session *, const tokenward_request *, char *, size_t, size_t *,
                          tokenward_error *);
int32_t tokenward_status(tokenward_backend *, char *, size_t, size_t *, tokenward_error *);
int32_t tokenward_metrics(tokenward_backend *, char *, size_t, size_t *, tokenward_error *);
int32_t tokenward_log_fd(tokenward_backend *, int32_t *);
int32_t tokenward_log_read(tokenward_backend *, int32_t *, char *, size_t, size_t *);
uint32_t tokenward_abi_version(void);
const char *tokenward_reason_name(int32_t);

struct pollfd { int fd; short events; short revents; };
int poll(struct pollfd *, unsigned long, int);
]]
local C = ffi.load("libtokenward.so.1")
local MQTT_FILTER, MQTT_TOPIC, ROUTING_KEY = 0x1, 0x2, 0x4 -- macros of the header
local LOG_LINE_SIZE = 2048
local POLLIN = 1

-- A struct with its size. Fields that are not given are zero, a string becomes a tokenward_string. A pointer keeps
-- no Lua string alive, so `kept` does, as long as the struct lives.
local kept = setmetatable({}, { __mode = "k" })
local function set(struct, name, value)
    if type(value) == "string" then
        struct[name].data, struct[name].size = value, #value
        table.insert(kept[struct], value)
    else
        struct[name] = value
    end
end
local function make(type, fields)
    local struct = ffi.new(type)
    struct.struct_size = ffi.sizeof(type)
    kept[struct] = {}
    for name, value in pairs(fields or {}) do set(struct, name, value) end
    return struct
end

local function name_of(result)
    local names = { [0] = "OK", "REFUSED", "NOT_A_TOKEN", "TRY_AGAIN", "ERROR", "DENIED", "EXPIRED" }
    return names[result] or "no (" .. result .. ")" -- a number that is not in the list is a no as well
end
local function verdict(result) return result == C.TOKENWARD_OK and "ALLOWED" or name_of(result) end

-- What a call writes into a buffer: again with a larger one if it is too small.
local function growing_text(call)
    local size, length = 256, ffi.new("size_t[1]")
    while true do
        local buffer = ffi.new("char[?]", size)
        assert(call(buffer, size, length) == C.TOKENWARD_OK, "no text")
        if length[0] < size then return ffi.string(buffer, length[0]) end
        size = tonumber(length[0]) + 1
    end
end

-- A key, also an empty one, counts only with its flag.
local function request(operation, resource, key, flags)
    return make("tokenward_request", {
        operation = operation, flags = (flags or 0) + (key and ROUTING_KEY or 0), vhost = "/", resource = resource,
        routing_key = key or "",
    })
end

local folder = arg[1]
local function token(name)
    local file = assert(io.open(folder .. "/" .. name .. ".jwt"))
    local text = file:read("*l")
    file:close()
    return text
end

assert(bit.rshift(C.tokenward_abi_version(), 16) == 1, "not the library's version 1")
local path = folder .. "/tokenward.ini"
local file = ffi.new("tokenward_string", path, #path)
local options = make("tokenward_options", {
    config_files = file, config_file_count = 1, startup_wait_ms = 5000, log_mode = C.TOKENWARD_LOG_TO_QUEUE,
    log_level = C.TOKENWARD_LOG_WARNING,
})
local err = make("tokenward_error")
local function message()
    return ffi.string(C.tokenward_reason_name(err.reason)) .. ": " .. ffi.string(err.message)
end
local place = ffi.new("tokenward_backend *[1]")
assert(C.tokenward_create(options, place, err) == C.TOKENWARD_OK, message())
local backend = place[0]

local function outcome(label, result, who)
    print(label .. ": " .. (result == C.TOKENWARD_OK and "OK" .. (who or "") or name_of(result) .. " " .. message()))
end
local function context(label)
    return make("tokenward_context", { protocol = "example", peer = "127.0.0.1:5672", connection_name = label })
end

local function username(session)
    local name, size = ffi.new("const char *[1]"), ffi.new("size_t[1]")
    C.tokenward_session_username(session, name, size)
    return ffi.string(name[0], size[0])
end

local function login(label, kind, fields)
    local credentials = make("tokenward_credentials", fields)
    credentials.kind = kind
    local session = ffi.new("tokenward_session *[1]")
    local result = C.tokenward_authenticate(backend, credentials, context(label), session, err)
    outcome(label, result, result == C.TOKENWARD_OK and " " .. username(session[0]))
    return session[0]
end

-- A client comes in: five kinds of credentials.
local alice = token("alice")
C.tokenward_session_release(login("plain", C.TOKENWARD_SASL_PLAIN, { data = "\0alice\0" .. alice }))
C.tokenward_session_release(login("oauthbearer", C.TOKENWARD_SASL_OAUTHBEARER,
    { data = "n,,\1auth=Bearer " .. alice .. "\1\1" }))
C.tokenward_session_release(login("username and password", C.TOKENWARD_USERNAME_PASSWORD,
    { username = "alice", password = alice }))
C.tokenward_session_release(login("http", C.TOKENWARD_HTTP_AUTHORIZATION, { data = "Bearer " .. alice }))
local session = login("bearer", C.TOKENWARD_BEARER_TOKEN, { data = alice })

-- Others don't. The reason is for the log; the client hears "refused".
login("expired", C.TOKENWARD_BEARER_TOKEN, { data = token("expired") })
login("forged", C.TOKENWARD_BEARER_TOKEN, { data = token("forged") })
login("not a token", C.TOKENWARD_USERNAME_PASSWORD, { username = "alice", password = "secret" })
login("opaque", C.TOKENWARD_HTTP_AUTHORIZATION, { data = "Bearer 2YotnFZFEjr1zCsicMWpAA" })
login("empty", C.TOKENWARD_BEARER_TOKEN)

local function ask(label, wanted) print(label .. ": " .. verdict(C.tokenward_authorize(session, wanted))) end
local function refresh(label, name)
    local credentials = make("tokenward_credentials", { kind = C.TOKENWARD_BEARER_TOKEN, data = token(name) })
    outcome(label, C.tokenward_session_refresh(session, credentials, context(label), err))
end

-- What it may do.
for _, vhost in ipairs { "/", "other" } do
    print("vhost " .. vhost .. ": " .. verdict(C.tokenward_session_can_access_vhost(session, vhost, #vhost)))
end
local CONFIGURE, READ, WRITE = C.TOKENWARD_CONFIGURE, C.TOKENWARD_READ, C.TOKENWARD_WRITE
ask("read / queue", request(READ, "queue"))
ask("write / queue", request(WRITE, "queue"))
ask("configure / queue", request(CONFIGURE, "queue"))
ask("write / ex", request(WRITE, "ex"))
ask('write / ex key "rk.1"', request(WRITE, "ex", "rk.1"))
ask('write / ex key "other"', request(WRITE, "ex", "other"))
ask('write / ex key ""', request(WRITE, "ex", ""))
local keyless = request(WRITE, "ex")
set(keyless, "routing_key", "rk.1")
ask("write / ex, a key without its flag", keyless)
ask("topic sensors/room1", request(READ, "sensors/room1", nil, MQTT_TOPIC))
ask("topic other", request(READ, "other", nil, MQTT_TOPIC))
ask("filter sensors/+/t", request(READ, "sensors/+/t", nil, MQTT_FILTER))
ask("filter #", request(READ, "#", nil, MQTT_FILTER))
ask('filter sensors/+ key of "amq.topic"', request(READ, "amq.topic", "sensors/+", MQTT_FILTER))

-- Who it is, until when. A number of Lua is exact up to 2^53; INT64_MAX, "no end", is a case of its own.
local expires_at = ffi.new("int64_t[1]")
C.tokenward_session_expires_at(session, expires_at)
print(("expires at: %.0f"):format(tonumber(expires_at[0])))
print("tags: " .. growing_text(function(...) return C.tokenward_session_tags(session, ...) end))

-- For the operator.
local denied = request(WRITE, "ex", "other")
print("explain: " .. growing_text(function(buffer, size, length)
    return C.tokenward_explain(session, denied, buffer, size, length, err)
end))
local status = growing_text(function(buffer, size, length)
    return C.tokenward_status(backend, buffer, size, length, err)
end)
print("status has the key: " .. (status:find('"kid":"k1"', 1, true) and "yes" or "no"))
local metrics = growing_text(function(buffer, size, length)
    return C.tokenward_metrics(backend, buffer, size, length, err)
end)
for line in metrics:gmatch("[^\n]+") do
    if line:find("^tokenward_authentications_total") then print("metrics: " .. line) end
end

-- It renews its token: fewer rights; and somebody else's token.
refresh("refresh", "narrower")
ask("read / queue", request(READ, "queue"))
ask('write / ex key "rk.1"', request(WRITE, "ex", "rk.1"))
refresh("refresh by bob", "bob")
ask("read / queue", request(READ, "queue"))

-- Log lines. A broker would have the descriptor in its event loop.
C.tokenward_report_denial(session, denied, context("report"))
local fd = ffi.new("int32_t[1]")
C.tokenward_log_fd(backend, fd)
ffi.C.poll(ffi.new("struct pollfd", fd[0], POLLIN), 1, -1)
local level, line, length = ffi.new("int32_t[1]"), ffi.new("char[?]", LOG_LINE_SIZE), ffi.new("size_t[1]")
while true do
    C.tokenward_log_read(backend, level, line, LOG_LINE_SIZE, length)
    if length[0] == 0 then break end
    print("log " .. level[0] .. ": " .. ffi.string(line):match("^%S+ %S+ %S+"))
end

-- Two rounds, one after the other: a Lua state has one thread. Each with a session of its own and with one that both
-- use.
local allowed = 0
for _ = 1, 2 do
    local own = ffi.new("tokenward_session *[1]")
    local credentials = make("tokenward_credentials", { kind = C.TOKENWARD_BEARER_TOKEN, data = alice })
    C.tokenward_authenticate(backend, credentials, nil, own, nil)
    for _, handle in ipairs { own[0], session } do
        for _ = 1, 500 do
            if C.tokenward_authorize(handle, request(READ, "queue")) == C.TOKENWARD_OK then allowed = allowed + 1 end
        end
    end
    C.tokenward_session_release(own[0])
end
print("allowed in two rounds: " .. allowed)

-- The end. Sessions outlive the backend.
C.tokenward_destroy(backend)
ask("after destroy, read / queue", request(READ, "queue"))
refresh("after destroy, refresh", "narrower")
C.tokenward_session_release(session)
print("end")
