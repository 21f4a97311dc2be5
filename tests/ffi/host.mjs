// A host in Node.js, with koffi. usage: host.mjs FOLDER; README.md tells what is in it.
import fs from 'node:fs';
import { promisify } from 'node:util';
import koffi from 'koffi';

const RESULTS = ['OK', 'REFUSED', 'NOT_A_TOKEN', 'TRY_AGAIN', 'ERROR', 'DENIED', 'EXPIRED'];
const OK = 0;
const LOG_WARNING = 2;
const LOG_TO_QUEUE = 2;
const LOG_LINE_SIZE = 2048;
const [SASL_PLAIN, SASL_OAUTHBEARER, USERNAME_PASSWORD, HTTP_AUTHORIZATION, BEARER_TOKEN] = [1, 2, 3, 4, 5];
const [CONFIGURE, READ, WRITE] = [1, 2, 3];
const [MQTT_FILTER, MQTT_TOPIC, ROUTING_KEY] = [0x1, 0x2, 0x4];

const string = koffi.struct('tokenward_string', { data: 'const void *', size: 'size_t' });
koffi.struct('tokenward_options', {
    struct_size: 'size_t', config_files: 'tokenward_string *', config_file_count: 'size_t', config_json: string,
    log: 'void *', log_user: 'void *', log_mode: 'int32_t', log_level: 'int32_t', startup_wait_ms: 'uint32_t',
    max_wait_ms: 'uint32_t',
});
koffi.struct('tokenward_credentials', {
    struct_size: 'size_t', kind: 'int32_t', flags: 'uint32_t', data: string, username: string, password: string,
});
koffi.struct('tokenward_context', {
    struct_size: 'size_t', protocol: string, peer: string, client_id: string, connection_name: string,
    listener: string, client_certificate_sha256: string, flags: 'uint64_t',
});
koffi.struct('tokenward_request', {
    struct_size: 'size_t', operation: 'int32_t', flags: 'uint32_t', vhost: string, resource: string,
    routing_key: string,
});
koffi.struct('tokenward_error', {
    struct_size: 'size_t', reason: 'int32_t', retry_after_ms: 'int32_t', message: koffi.array('char', 512, 'String'),
    hint: koffi.array('char', 512, 'String'),
});
koffi.opaque('tokenward_backend');
koffi.opaque('tokenward_session');

// Node.js exports an OpenSSL of its own. Without "deep" (RTLD_DEEPBIND) create answers CRYPTO_CAPTURED.
const library = koffi.load('libtokenward.so.1', { deep: true });
const declare = (prototype) => library.func(prototype);
const create = declare('int32_t tokenward_create(const tokenward_options *, _Out_ tokenward_backend **, ' +
    '_Inout_ tokenward_error *)');
const destroy = declare('void tokenward_destroy(tokenward_backend *)');
const authenticate = declare('int32_t tokenward_authenticate(tokenward_backend *, const tokenward_credentials *, ' +
    'const tokenward_context *, _Out_ tokenward_session **, _Inout_ tokenward_error *)');
const authorize = declare('int32_t tokenward_authorize(const tokenward_session *, const tokenward_request *)');
const report_denial = declare('int32_t tokenward_report_denial(const tokenward_session *, ' +
    'const tokenward_request *, const tokenward_context *)');
const can_access_vhost = declare('int32_t tokenward_session_can_access_vhost(const tokenward_session *, ' +
    'const char *, size_t)');
const session_refresh = declare('int32_t tokenward_session_refresh(tokenward_session *, ' +
    'const tokenward_credentials *, const tokenward_context *, _Inout_ tokenward_error *)');
const release = declare('void tokenward_session_release(tokenward_session *)');
const session_username = declare('int32_t tokenward_session_username(const tokenward_session *, ' +
    '_Out_ void **, _Out_ size_t *)'); // "char **" would make a string of it, up to a NUL that isn't there
const session_expires_at = declare('int32_t tokenward_session_expires_at(const tokenward_session *, ' +
    '_Out_ int64_t *)');
const session_tags = declare('int32_t tokenward_session_tags(const tokenward_session *, _Out_ uint8_t *, size_t, ' +
    '_Out_ size_t *)');
const explain = declare('int32_t tokenward_explain(const tokenward_session *, const tokenward_request *, ' +
    '_Out_ uint8_t *, size_t, _Out_ size_t *, _Inout_ tokenward_error *)');
const backend_status = declare('int32_t tokenward_status(tokenward_backend *, _Out_ uint8_t *, size_t, ' +
    '_Out_ size_t *, _Inout_ tokenward_error *)');
const backend_metrics = declare('int32_t tokenward_metrics(tokenward_backend *, _Out_ uint8_t *, size_t, ' +
    '_Out_ size_t *, _Inout_ tokenward_error *)');
const log_fd = declare('int32_t tokenward_log_fd(tokenward_backend *, _Out_ int32_t *)');
const log_read = declare('int32_t tokenward_log_read(tokenward_backend *, _Out_ int32_t *, _Out_ uint8_t *, size_t, ' +
    '_Out_ size_t *)');
const abi_version = declare('uint32_t tokenward_abi_version()');
const reason_name = declare('const char *tokenward_reason_name(int32_t)');
const poll = promisify(koffi.load('libc.so.6').func('int poll(_Inout_ int *, unsigned long, int)').async);

/// A string of bytes: JavaScript's own strings are UTF-16, and a token may hold a NUL.
const text = (value) => {
    const bytes = Buffer.from(value);
    return { data: bytes, size: bytes.length };
};

/// A struct that knows its size. Fields that are not given are zero.
const sized = (type, fields) => ({ struct_size: koffi.sizeof(type), ...fields });

const name_of = (result) => RESULTS[result] ?? `no (${result})`; // a number that is not in the list is a no as well
const verdict = (result) => (result === OK ? 'ALLOWED' : name_of(result));

/// What a call writes into a buffer: again with a larger one if it is too small.
function growing_text(call) {
    for (let size = 256; ;) {
        const buffer = Buffer.alloc(size);
        const length = [0];
        if (call(buffer, size, length) !== OK) throw new Error('no text');
        if (length[0] < size) return buffer.toString('utf8', 0, length[0]);
        size = length[0] + 1;
    }
}

/// A key, also an empty one, counts only with its flag.
function request(operation, resource, key, flags = 0) {
    return sized('tokenward_request', {
        operation, flags: key === undefined ? flags : flags | ROUTING_KEY, vhost: text('/'), resource: text(resource),
        routing_key: text(key ?? ''),
    });
}

const folder = process.argv[2];
const token = (name) => fs.readFileSync(`${folder}/${name}.jwt`, 'ascii').trim();

if (abi_version() >>> 16 !== 1) throw new Error('not the library\'s version 1');
const error = sized('tokenward_error', {});
const out = [null];
const options = sized('tokenward_options', {
    config_files: [text(`${folder}/tokenward.ini`)], config_file_count: 1, startup_wait_ms: 5000,
    log_mode: LOG_TO_QUEUE, log_level: LOG_WARNING,
});
if (create(options, out, error) !== OK) {
    console.log(`create: ${reason_name(error.reason)}: ${error.message}`);
    process.exit(1);
}
const backend = out[0];

function outcome(label, result, who = '') {
    console.log(`${label}: ` +
        (result === OK ? `OK${who}` : `${name_of(result)} ${reason_name(error.reason)}: ${error.message}`));
}

const context = (label) => sized('tokenward_context', {
    protocol: text('example'), peer: text('127.0.0.1:5672'), connection_name: text(label),
});

function username(session) {
    const [name, size] = [[null], [0]];
    session_username(session, name, size);
    return Buffer.from(koffi.decode(name[0], koffi.array('uint8_t', size[0]))).toString();
}

function login(label, kind, { data = '', username: user = '', password = '' }) {
    const credentials = sized('tokenward_credentials',
        { kind, data: text(data), username: text(user), password: text(password) });
    const made = [null];
    const result = authenticate(backend, credentials, context(label), made, error);
    outcome(label, result, result === OK ? ` ${username(made[0])}` : '');
    return made[0];
}

function refresh(label, name) {
    const credentials = sized('tokenward_credentials', { kind: BEARER_TOKEN, data: text(token(name)) });
    outcome(label, session_refresh(session, credentials, context(label), error));
}

const ask = (label, wanted) => console.log(`${label}: ${verdict(authorize(session, wanted))}`);

// A client comes in: five kinds of credentials.
const alice = token('alice');
release(login('plain', SASL_PLAIN, { data: `\0alice\0${alice}` }));
release(login('oauthbearer', SASL_OAUTHBEARER, { data: `n,,\x01auth=Bearer ${alice}\x01\x01` }));
release(login('username and password', USERNAME_PASSWORD, { username: 'alice', password: alice }));
release(login('http', HTTP_AUTHORIZATION, { data: `Bearer ${alice}` }));
const session = login('bearer', BEARER_TOKEN, { data: alice });

// Others don't. The reason is for the log; the client hears "refused".
login('expired', BEARER_TOKEN, { data: token('expired') });
login('forged', BEARER_TOKEN, { data: token('forged') });
login('not a token', USERNAME_PASSWORD, { username: 'alice', password: 'secret' });
login('opaque', HTTP_AUTHORIZATION, { data: 'Bearer 2YotnFZFEjr1zCsicMWpAA' });
login('empty', BEARER_TOKEN, {});

// What it may do.
for (const vhost of ['/', 'other']) {
    console.log(`vhost ${vhost}: ${verdict(can_access_vhost(session, vhost, Buffer.byteLength(vhost)))}`);
}
ask('read / queue', request(READ, 'queue'));
ask('write / queue', request(WRITE, 'queue'));
ask('configure / queue', request(CONFIGURE, 'queue'));
ask('write / ex', request(WRITE, 'ex'));
ask('write / ex key "rk.1"', request(WRITE, 'ex', 'rk.1'));
ask('write / ex key "other"', request(WRITE, 'ex', 'other'));
ask('write / ex key ""', request(WRITE, 'ex', ''));
ask('write / ex, a key without its flag', { ...request(WRITE, 'ex'), routing_key: text('rk.1') });
ask('topic sensors/room1', request(READ, 'sensors/room1', undefined, MQTT_TOPIC));
ask('topic other', request(READ, 'other', undefined, MQTT_TOPIC));
ask('filter sensors/+/t', request(READ, 'sensors/+/t', undefined, MQTT_FILTER));
ask('filter #', request(READ, '#', undefined, MQTT_FILTER));
ask('filter sensors/+ key of "amq.topic"', request(READ, 'amq.topic', 'sensors/+', MQTT_FILTER));

// Who it is, until when. An int64_t is a number as long as it is exact, INT64_MAX a BigInt.
const expires_at = [0];
session_expires_at(session, expires_at);
console.log(`expires at: ${expires_at[0]}`);
console.log(`tags: ${growing_text((...buffer) => session_tags(session, ...buffer))}`);

// For the operator.
const denied = request(WRITE, 'ex', 'other');
console.log(`explain: ${growing_text((...buffer) => explain(session, denied, ...buffer, error))}`);
const status = JSON.parse(growing_text((...buffer) => backend_status(backend, ...buffer, error)));
console.log(`status has the key: ${status.sections[0].keys.some(({ kid }) => kid === 'k1') ? 'yes' : 'no'}`);
for (const line of growing_text((...buffer) => backend_metrics(backend, ...buffer, error)).split('\n')) {
    if (line.startsWith('tokenward_authentications_total')) console.log(`metrics: ${line}`);
}

// It renews its token: fewer rights; and somebody else's token.
refresh('refresh', 'narrower');
ask('read / queue', request(READ, 'queue'));
ask('write / ex key "rk.1"', request(WRITE, 'ex', 'rk.1'));
refresh('refresh by bob', 'bob');
ask('read / queue', request(READ, 'queue'));

// Log lines. Node.js can't watch a descriptor without reading it. So poll() waits on another thread; a timer that
// calls log_read would do as well.
report_denial(session, denied, context('report'));
const fd = [0];
log_fd(backend, fd);
const POLLIN = 1;
await poll([fd[0], POLLIN], 1, -1);
for (; ;) {
    const [level, line, length] = [[0], Buffer.alloc(LOG_LINE_SIZE), [0]];
    log_read(backend, level, line, line.length, length);
    if (length[0] === 0) break;
    console.log(`log ${level[0]}: ${line.toString('ascii', 0, length[0]).split(' ').slice(0, 3).join(' ')}`);
}

// Two rounds at once, on threads of koffi: each with a session of its own and with one that both use.
async function work() {
    const made = [null];
    const credentials = sized('tokenward_credentials', { kind: BEARER_TOKEN, data: text(alice) });
    await promisify(authenticate.async)(backend, credentials, null, made, null);
    let allowed = 0;
    for (const handle of [made[0], session]) {
        for (let i = 0; i < 500; ++i) {
            if (await promisify(authorize.async)(handle, request(READ, 'queue')) === OK) ++allowed;
        }
    }
    release(made[0]);
    return allowed;
}
const allowed = await Promise.all([work(), work()]);
console.log(`allowed in two rounds: ${allowed[0] + allowed[1]}`);

// The end. Sessions outlive the backend.
destroy(backend);
ask('after destroy, read / queue', request(READ, 'queue'));
refresh('after destroy, refresh', 'narrower');
release(session);
console.log('end');
