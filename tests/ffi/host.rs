// A host in Rust, with the standard library alone. usage: host FOLDER; README.md tells what is in it.
use std::ffi::CStr;
use std::os::raw::{c_char, c_int, c_ulong, c_void};
use std::{env, fs, mem, process, ptr, slice, thread};

const OK: i32 = 0;
const NAMES: [&str; 7] = ["OK", "REFUSED", "NOT_A_TOKEN", "TRY_AGAIN", "ERROR", "DENIED", "EXPIRED"];
const LOG_WARNING: i32 = 2;
const LOG_TO_QUEUE: i32 = 2;
const LOG_LINE_SIZE: usize = 2048;
const SASL_PLAIN: i32 = 1;
const SASL_OAUTHBEARER: i32 = 2;
const USERNAME_PASSWORD: i32 = 3;
const HTTP_AUTHORIZATION: i32 = 4;
const BEARER_TOKEN: i32 = 5;
const CONFIGURE: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 3;
const MQTT_FILTER: u32 = 0x1;
const MQTT_TOPIC: u32 = 0x2;
const ROUTING_KEY: u32 = 0x4;
const POLLIN: i16 = 1;

/// Bytes that somebody else owns: they must live until the call is over.
#[repr(C)]
#[derive(Clone, Copy)]
struct Text {
    data: *const c_char,
    size: usize,
}

const EMPTY: Text = Text { data: ptr::null(), size: 0 };

fn text(bytes: &str) -> Text {
    Text { data: bytes.as_ptr().cast(), size: bytes.len() }
}

#[repr(C)]
struct Options {
    struct_size: usize,
    config_files: *const Text,
    config_file_count: usize,
    config_json: Text,
    log: Option<extern "C" fn(*mut c_void, i32, *const c_char, usize)>,
    log_user: *mut c_void,
    log_mode: i32,
    log_level: i32,
    startup_wait_ms: u32,
    max_wait_ms: u32,
}

#[repr(C)]
struct Credentials {
    struct_size: usize,
    kind: i32,
    flags: u32,
    data: Text,
    username: Text,
    password: Text,
}

#[repr(C)]
struct Context {
    struct_size: usize,
    protocol: Text,
    peer: Text,
    client_id: Text,
    connection_name: Text,
    listener: Text,
    client_certificate_sha256: Text,
    flags: u64,
}

#[repr(C)]
struct Request {
    struct_size: usize,
    operation: i32,
    flags: u32,
    vhost: Text,
    resource: Text,
    routing_key: Text,
}

#[repr(C)]
struct Error {
    struct_size: usize,
    reason: i32,
    retry_after_ms: i32,
    message: [c_char; 512],
    hint: [c_char; 512],
}

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

/// tokenward_backend and tokenward_session: any thread may use them, but none beside or after the end.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Handle(*mut c_void);
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

#[link(name = "tokenward")]
extern "C" {
    fn tokenward_create(options: *const Options, backend: *mut Handle, error: *mut Error) -> i32;
    fn tokenward_destroy(backend: Handle);
    fn tokenward_authenticate(
        backend: Handle, credentials: *const Credentials, context: *const Context, session: *mut Handle,
        error: *mut Error,
    ) -> i32;
    fn tokenward_authorize(session: Handle, request: *const Request) -> i32;
    fn tokenward_report_denial(session: Handle, request: *const Request, context: *const Context) -> i32;
    fn tokenward_session_can_access_vhost(session: Handle, vhost: *const c_char, size: usize) -> i32;
    fn tokenward_session_refresh(
        session: Handle, credentials: *const Credentials, context: *const Context, error: *mut Error,
    ) -> i32;
    fn tokenward_session_release(session: Handle);
    fn tokenward_session_username(session: Handle, username: *mut *const c_char, size: *mut usize) -> i32;
    fn tokenward_session_expires_at(session: Handle, expires_at: *mut i64) -> i32;
    fn tokenward_session_tags(session: Handle, buffer: *mut c_char, size: usize, length: *mut usize) -> i32;
    fn tokenward_explain(
        session: Handle, request: *const Request, buffer: *mut c_char, size: usize, length: *mut usize,
        error: *mut Error,
    ) -> i32;
    fn tokenward_status(
        backend: Handle, buffer: *mut c_char, size: usize, length: *mut usize, error: *mut Error,
    ) -> i32;
    fn tokenward_metrics(
        backend: Handle, buffer: *mut c_char, size: usize, length: *mut usize, error: *mut Error,
    ) -> i32;
    fn tokenward_log_fd(backend: Handle, fd: *mut i32) -> i32;
    fn tokenward_log_read(
        backend: Handle, level: *mut i32, buffer: *mut c_char, size: usize, length: *mut usize,
    ) -> i32;
    fn tokenward_abi_version() -> u32;
    fn tokenward_reason_name(reason: i32) -> *const c_char;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
}

/// A number that is not in the list is a no as well.
fn name_of(result: i32) -> String {
    let known = usize::try_from(result).ok().and_then(|index| NAMES.get(index));
    known.map_or_else(|| format!("no ({result})"), |name| name.to_string())
}

fn verdict(result: i32) -> String {
    if result == OK { "ALLOWED".to_string() } else { name_of(result) }
}

fn new_error() -> Error {
    Error { struct_size: mem::size_of::<Error>(), reason: 0, retry_after_ms: 0, message: [0; 512], hint: [0; 512] }
}

fn reason(error: &Error) -> String {
    // Both are printable ASCII with a NUL at the end.
    let name = unsafe { CStr::from_ptr(tokenward_reason_name(error.reason)) };
    let message = unsafe { CStr::from_ptr(error.message.as_ptr()) };
    format!("{}: {}", name.to_string_lossy(), message.to_string_lossy())
}

fn outcome(label: &str, result: i32, error: &Error, who: &str) {
    if result == OK {
        println!("{label}: OK{who}");
    } else {
        println!("{label}: {} {}", name_of(result), reason(error));
    }
}

fn credentials(kind: i32, data: &str, username: &str, password: &str) -> Credentials {
    Credentials {
        struct_size: mem::size_of::<Credentials>(), kind, flags: 0, data: text(data), username: text(username),
        password: text(password),
    }
}

fn context(label: &str) -> Context {
    Context {
        struct_size: mem::size_of::<Context>(), protocol: text("example"), peer: text("127.0.0.1:5672"),
        client_id: EMPTY, connection_name: text(label), listener: EMPTY, client_certificate_sha256: EMPTY, flags: 0,
    }
}

/// A key, also an empty one, counts only with its flag.
fn request(operation: i32, resource: &str, key: Option<&str>, flags: u32) -> Request {
    Request {
        struct_size: mem::size_of::<Request>(), operation,
        flags: if key.is_some() { flags | ROUTING_KEY } else { flags }, vhost: text("/"), resource: text(resource),
        routing_key: key.map_or(EMPTY, text),
    }
}

/// What a call writes into a buffer: again with a larger one if it is too small.
fn growing_text(mut call: impl FnMut(*mut c_char, usize, &mut usize) -> i32) -> String {
    let mut buffer = vec![0u8; 256];
    loop {
        let mut length = 0;
        assert_eq!(call(buffer.as_mut_ptr().cast(), buffer.len(), &mut length), OK, "no text");
        if length < buffer.len() {
            return String::from_utf8_lossy(&buffer[..length]).into_owned();
        }
        buffer.resize(length + 1, 0);
    }
}

fn username(session: Handle) -> String {
    let (mut name, mut size) = (ptr::null(), 0);
    unsafe {
        tokenward_session_username(session, &mut name, &mut size);
        String::from_utf8_lossy(slice::from_raw_parts(name.cast(), size)).into_owned()
    }
}

fn main() {
    let folder = env::args().nth(1).expect("usage: host FOLDER");
    let token = |name: &str| fs::read_to_string(format!("{folder}/{name}.jwt")).unwrap().trim().to_string();

    assert_eq!(unsafe { tokenward_abi_version() } >> 16, 1, "not the library's version 1");
    let path = format!("{folder}/tokenward.ini");
    let file = text(&path);
    let options = Options {
        struct_size: mem::size_of::<Options>(), config_files: &file, config_file_count: 1, config_json: EMPTY,
        log: None, log_user: ptr::null_mut(), log_mode: LOG_TO_QUEUE, log_level: LOG_WARNING, startup_wait_ms: 5000,
        max_wait_ms: 0,
    };
    let (mut backend, mut error) = (Handle(ptr::null_mut()), new_error());
    if unsafe { tokenward_create(&options, &mut backend, &mut error) } != OK {
        eprintln!("{}", reason(&error));
        process::exit(1);
    }

    let login = |label: &str, kind: i32, data: &str, user: &str, password: &str| {
        let (mut session, mut error) = (Handle(ptr::null_mut()), new_error());
        let sent = credentials(kind, data, user, password);
        let result = unsafe { tokenward_authenticate(backend, &sent, &context(label), &mut session, &mut error) };
        let who = if result == OK { format!(" {}", username(session)) } else { String::new() };
        outcome(label, result, &error, &who);
        session
    };

    // A client comes in: five kinds of credentials.
    let alice = token("alice");
    for session in [
        login("plain", SASL_PLAIN, &format!("\0alice\0{alice}"), "", ""),
        login("oauthbearer", SASL_OAUTHBEARER, &format!("n,,\x01auth=Bearer {alice}\x01\x01"), "", ""),
        login("username and password", USERNAME_PASSWORD, "", "alice", &alice),
        login("http", HTTP_AUTHORIZATION, &format!("Bearer {alice}"), "", ""),
    ] {
        unsafe { tokenward_session_release(session) };
    }
    let session = login("bearer", BEARER_TOKEN, &alice, "", "");

    // Others don't. The reason is for the log; the client hears "refused".
    login("expired", BEARER_TOKEN, &token("expired"), "", "");
    login("forged", BEARER_TOKEN, &token("forged"), "", "");
    login("not a token", USERNAME_PASSWORD, "", "alice", "secret");
    login("opaque", HTTP_AUTHORIZATION, "Bearer 2YotnFZFEjr1zCsicMWpAA", "", "");
    login("empty", BEARER_TOKEN, "", "", "");

    let ask = |label: &str, wanted: Request| {
        println!("{label}: {}", verdict(unsafe { tokenward_authorize(session, &wanted) }));
    };
    let refresh = |label: &str, name: &str| {
        let (renewed, mut error) = (token(name), new_error());
        let sent = credentials(BEARER_TOKEN, &renewed, "", "");
        let result = unsafe { tokenward_session_refresh(session, &sent, &context(label), &mut error) };
        outcome(label, result, &error, "");
    };

    // What it may do.
    for vhost in ["/", "other"] {
        let result = unsafe { tokenward_session_can_access_vhost(session, vhost.as_ptr().cast(), vhost.len()) };
        println!("vhost {vhost}: {}", verdict(result));
    }
    ask("read / queue", request(READ, "queue", None, 0));
    ask("write / queue", request(WRITE, "queue", None, 0));
    ask("configure / queue", request(CONFIGURE, "queue", None, 0));
    ask("write / ex", request(WRITE, "ex", None, 0));
    ask("write / ex key \"rk.1\"", request(WRITE, "ex", Some("rk.1"), 0));
    ask("write / ex key \"other\"", request(WRITE, "ex", Some("other"), 0));
    ask("write / ex key \"\"", request(WRITE, "ex", Some(""), 0));
    ask("write / ex, a key without its flag", Request { routing_key: text("rk.1"), ..request(WRITE, "ex", None, 0) });
    ask("topic sensors/room1", request(READ, "sensors/room1", None, MQTT_TOPIC));
    ask("topic other", request(READ, "other", None, MQTT_TOPIC));
    ask("filter sensors/+/t", request(READ, "sensors/+/t", None, MQTT_FILTER));
    ask("filter #", request(READ, "#", None, MQTT_FILTER));
    ask("filter sensors/+ key of \"amq.topic\"", request(READ, "amq.topic", Some("sensors/+"), MQTT_FILTER));

    // Who it is, until when.
    let mut expires_at = 0;
    unsafe { tokenward_session_expires_at(session, &mut expires_at) };
    println!("expires at: {expires_at}");
    let tags = growing_text(|buffer, size, length| unsafe { tokenward_session_tags(session, buffer, size, length) });
    println!("tags: {tags}");

    // For the operator.
    let denied = request(WRITE, "ex", Some("other"), 0);
    let explanation = growing_text(|buffer, size, length| unsafe {
        tokenward_explain(session, &denied, buffer, size, length, &mut error)
    });
    println!("explain: {explanation}");
    let status = growing_text(|buffer, size, length| unsafe {
        tokenward_status(backend, buffer, size, length, &mut error)
    });
    println!("status has the key: {}", if status.contains("\"kid\":\"k1\"") { "yes" } else { "no" });
    let metrics = growing_text(|buffer, size, length| unsafe {
        tokenward_metrics(backend, buffer, size, length, &mut error)
    });
    for line in metrics.lines().filter(|line| line.starts_with("tokenward_authentications_total")) {
        println!("metrics: {line}");
    }

    // It renews its token: fewer rights; and somebody else's token.
    refresh("refresh", "narrower");
    ask("read / queue", request(READ, "queue", None, 0));
    ask("write / ex key \"rk.1\"", request(WRITE, "ex", Some("rk.1"), 0));
    refresh("refresh by bob", "bob");
    ask("read / queue", request(READ, "queue", None, 0));

    // Log lines. A broker would have the descriptor in its event loop.
    let (mut fd, mut level) = (-1, 0);
    unsafe {
        tokenward_report_denial(session, &denied, &context("report"));
        tokenward_log_fd(backend, &mut fd);
        poll(&mut PollFd { fd, events: POLLIN, revents: 0 }, 1, -1);
    }
    loop {
        let (mut line, mut length) = ([0u8; LOG_LINE_SIZE], 0);
        unsafe { tokenward_log_read(backend, &mut level, line.as_mut_ptr().cast(), line.len(), &mut length) };
        if length == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&line[..length]);
        println!("log {level}: {}", line.split(' ').take(3).collect::<Vec<_>>().join(" "));
    }

    // Two threads, each with a session of its own and with one that both use.
    let work = || {
        let mut own = Handle(ptr::null_mut());
        let sent = credentials(BEARER_TOKEN, &alice, "", "");
        unsafe { tokenward_authenticate(backend, &sent, ptr::null(), &mut own, ptr::null_mut()) };
        let mut allowed = 0;
        for handle in [own, session] {
            for _ in 0..500 {
                let wanted = request(READ, "queue", None, 0);
                allowed += i32::from(unsafe { tokenward_authorize(handle, &wanted) } == OK);
            }
        }
        unsafe { tokenward_session_release(own) };
        allowed
    };
    let allowed: i32 = thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    println!("allowed in two rounds: {allowed}");

    // The end. Sessions outlive the backend.
    unsafe { tokenward_destroy(backend) };
    ask("after destroy, read / queue", request(READ, "queue", None, 0));
    refresh("after destroy, refresh", "narrower");
    unsafe { tokenward_session_release(session) };
    println!("end");
}
