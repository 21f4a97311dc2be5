"""A host in Python, with ctypes. usage: host.py FOLDER; README.md tells what is in it."""
import ctypes
import select
import sys
import threading
from ctypes import POINTER, byref, c_char, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

OK, REFUSED, NOT_A_TOKEN, TRY_AGAIN, ERROR, DENIED, EXPIRED = range(7)
LOG_WARNING = 2
LOG_TO_QUEUE = 2
LOG_LINE_SIZE = 2048
SASL_PLAIN, SASL_OAUTHBEARER, USERNAME_PASSWORD, HTTP_AUTHORIZATION, BEARER_TOKEN = range(1, 6)
CONFIGURE, READ, WRITE = 1, 2, 3
MQTT_FILTER, MQTT_TOPIC, ROUTING_KEY = 0x1, 0x2, 0x4


class String(ctypes.Structure):
    """Bytes with their length; it keeps them alive."""
    _fields_ = [("data", c_char_p), ("size", c_size_t)]

    def __init__(self, text=b""):
        raw = text.encode() if isinstance(text, str) else text
        super().__init__(raw, len(raw))


class Sized(ctypes.Structure):
    """A struct that knows its size. Fields that are not given are zero."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


class Options(Sized):
    _fields_ = [("struct_size", c_size_t), ("config_files", POINTER(String)), ("config_file_count", c_size_t),
                ("config_json", String), ("log", c_void_p), ("log_user", c_void_p), ("log_mode", c_int32),
                ("log_level", c_int32), ("startup_wait_ms", c_uint32), ("max_wait_ms", c_uint32)]


class Credentials(Sized):
    _fields_ = [("struct_size", c_size_t), ("kind", c_int32), ("flags", c_uint32), ("data", String),
                ("username", String), ("password", String)]


class Context(Sized):
    _fields_ = [("struct_size", c_size_t), ("protocol", String), ("peer", String), ("client_id", String),
                ("connection_name", String), ("listener", String), ("client_certificate_sha256", String),
                ("flags", c_uint64)]


class Request(Sized):
    _fields_ = [("struct_size", c_size_t), ("operation", c_int32), ("flags", c_uint32), ("vhost", String),
                ("resource", String), ("routing_key", String)]


class Error(Sized):
    _fields_ = [("struct_size", c_size_t), ("reason", c_int32), ("retry_after_ms", c_int32),
                ("message", c_char * 512), ("hint", c_char * 512)]


def load():
    """The library with the types of the functions: without them ctypes would cut handles to 32 bits."""
    library = ctypes.CDLL("libtokenward.so.1")
    handle, text = c_void_p, [c_void_p, c_size_t, POINTER(c_size_t)]
    for name, result, arguments in [
            ("create", c_int32, [POINTER(Options), POINTER(handle), POINTER(Error)]),
            ("destroy", None, [handle]),
            ("authenticate", c_int32,
             [handle, POINTER(Credentials), POINTER(Context), POINTER(handle), POINTER(Error)]),
            ("authorize", c_int32, [handle, POINTER(Request)]),
            ("report_denial", c_int32, [handle, POINTER(Request), POINTER(Context)]),
            ("session_can_access_vhost", c_int32, [handle, c_char_p, c_size_t]),
            ("session_refresh", c_int32, [handle, POINTER(Credentials), POINTER(Context), POINTER(Error)]),
            ("session_release", None, [handle]),
            ("session_username", c_int32, [handle, POINTER(POINTER(c_char)), POINTER(c_size_t)]),
            ("session_expires_at", c_int32, [handle, POINTER(c_int64)]),
            ("session_tags", c_int32, [handle, *text]),
            ("explain", c_int32, [handle, POINTER(Request), *text, POINTER(Error)]),
            ("status", c_int32, [handle, *text, POINTER(Error)]),
            ("metrics", c_int32, [handle, *text, POINTER(Error)]),
            ("log_fd", c_int32, [handle, POINTER(c_int32)]),
            ("log_read", c_int32, [handle, POINTER(c_int32), *text]),
            ("abi_version", c_uint32, []),
            ("reason_name", c_char_p, [c_int32])]:
        function = getattr(library, "tokenward_" + name)
        function.restype, function.argtypes = result, arguments
        setattr(library, name, function)
    if library.abi_version() >> 16 != 1:
        sys.exit("not the library's version 1")
    return library


def name_of(result):
    """A number that is not in the list is a no as well."""
    names = ["OK", "REFUSED", "NOT_A_TOKEN", "TRY_AGAIN", "ERROR", "DENIED", "EXPIRED"]
    return names[result] if result < len(names) else f"no ({result})"


def verdict(result):
    return "ALLOWED" if result == OK else name_of(result)


def growing_text(call):
    """What a call writes into a buffer of (buffer, size, length): again with a larger one if it is too small."""
    length, buffer = c_size_t(), ctypes.create_string_buffer(256)
    while True:
        if call(buffer, len(buffer), byref(length)) != OK:
            raise RuntimeError("no text")
        if length.value < len(buffer):
            return buffer.value.decode()
        buffer = ctypes.create_string_buffer(length.value + 1)


def request(operation, resource, key=None, flags=0):
    """A key, also an empty one, counts only with its flag."""
    if key is not None:
        flags |= ROUTING_KEY
    return Request(operation=operation, flags=flags, vhost=String("/"), resource=String(resource),
                   routing_key=String(key or ""))


def main(folder):
    library = load()

    def token(name):
        with open(f"{folder}/{name}.jwt", encoding="ascii") as file:
            return file.read().strip()

    file, error, backend = String(f"{folder}/tokenward.ini"), Error(), c_void_p()
    options = Options(config_files=ctypes.pointer(file), config_file_count=1, startup_wait_ms=5000,
                      log_mode=LOG_TO_QUEUE, log_level=LOG_WARNING)
    if library.create(byref(options), byref(backend), byref(error)) != OK:
        sys.exit(f"{library.reason_name(error.reason).decode()}: {error.message.decode()}")

    def outcome(label, result, who=""):
        if result == OK:
            print(f"{label}: OK{who}")
        else:
            print(f"{label}: {name_of(result)} {library.reason_name(error.reason).decode()}: "
                  f"{error.message.decode()}")

    def context(label):
        return Context(protocol=String("example"), peer=String("127.0.0.1:5672"), connection_name=String(label))

    def login(label, kind, data="", username="", password=""):
        credentials = Credentials(kind=kind, data=String(data), username=String(username),
                                  password=String(password))
        session, name, size = c_void_p(), POINTER(c_char)(), c_size_t()
        result = library.authenticate(backend, byref(credentials), byref(context(label)), byref(session),
                                      byref(error))
        if result == OK:
            library.session_username(session, byref(name), byref(size))
        outcome(label, result, f" {name[:size.value].decode()}" if result == OK else "")
        return session

    def refresh(label, name):
        credentials = Credentials(kind=BEARER_TOKEN, data=String(token(name)))
        outcome(label, library.session_refresh(session, byref(credentials), byref(context(label)), byref(error)))

    def ask(label, wanted):
        print(f"{label}: {verdict(library.authorize(session, byref(wanted)))}")

    # A client comes in: five kinds of credentials.
    alice = token("alice")
    for each in [
            login("plain", SASL_PLAIN, f"\0alice\0{alice}"),
            login("oauthbearer", SASL_OAUTHBEARER, f"n,,\1auth=Bearer {alice}\1\1"),
            login("username and password", USERNAME_PASSWORD, username="alice", password=alice),
            login("http", HTTP_AUTHORIZATION, f"Bearer {alice}")]:
        library.session_release(each)
    session = login("bearer", BEARER_TOKEN, alice)

    # Others don't. The reason is for the log; the client hears "refused".
    login("expired", BEARER_TOKEN, token("expired"))
    login("forged", BEARER_TOKEN, token("forged"))
    login("not a token", USERNAME_PASSWORD, username="alice", password="secret")
    login("opaque", HTTP_AUTHORIZATION, "Bearer 2YotnFZFEjr1zCsicMWpAA")
    login("empty", BEARER_TOKEN, "")

    # What it may do.
    for vhost in ["/", "other"]:
        print(f"vhost {vhost}: {verdict(library.session_can_access_vhost(session, vhost.encode(), len(vhost)))}")
    ask("read / queue", request(READ, "queue"))
    ask("write / queue", request(WRITE, "queue"))
    ask("configure / queue", request(CONFIGURE, "queue"))
    ask("write / ex", request(WRITE, "ex"))
    ask('write / ex key "rk.1"', request(WRITE, "ex", "rk.1"))
    ask('write / ex key "other"', request(WRITE, "ex", "other"))
    ask('write / ex key ""', request(WRITE, "ex", ""))
    keyless = request(WRITE, "ex")
    keyless.routing_key = String("rk.1")
    ask("write / ex, a key without its flag", keyless)
    ask("topic sensors/room1", request(READ, "sensors/room1", flags=MQTT_TOPIC))
    ask("topic other", request(READ, "other", flags=MQTT_TOPIC))
    ask("filter sensors/+/t", request(READ, "sensors/+/t", flags=MQTT_FILTER))
    ask("filter #", request(READ, "#", flags=MQTT_FILTER))
    ask('filter sensors/+ key of "amq.topic"', request(READ, "amq.topic", "sensors/+", MQTT_FILTER))

    # Who it is, until when.
    expires_at = c_int64()
    library.session_expires_at(session, byref(expires_at))
    print(f"expires at: {expires_at.value}")
    print(f"tags: {growing_text(lambda *text: library.session_tags(session, *text))}")

    # For the operator.
    denied = request(WRITE, "ex", "other")
    print("explain:", growing_text(lambda *text: library.explain(session, byref(denied), *text, byref(error))))
    status = growing_text(lambda *text: library.status(backend, *text, byref(error)))
    print("status has the key:", "yes" if '"kid":"k1"' in status else "no")
    metrics = growing_text(lambda *text: library.metrics(backend, *text, byref(error)))
    for line in metrics.splitlines():
        if line.startswith("tokenward_authentications_total"):
            print("metrics:", line)

    # It renews its token: fewer rights; and somebody else's token.
    refresh("refresh", "narrower")
    ask("read / queue", request(READ, "queue"))
    ask('write / ex key "rk.1"', request(WRITE, "ex", "rk.1"))
    refresh("refresh by bob", "bob")
    ask("read / queue", request(READ, "queue"))

    # Log lines. A broker would have log_fd in its event loop.
    library.report_denial(session, byref(denied), byref(context("report")))
    fd, level = c_int32(), c_int32()
    library.log_fd(backend, byref(fd))
    select.select([fd.value], [], [])
    while True:
        line = ctypes.create_string_buffer(LOG_LINE_SIZE)
        length = c_size_t()
        library.log_read(backend, byref(level), line, len(line), byref(length))
        if length.value == 0:
            break
        print(f"log {level.value}:", " ".join(line.value.decode().split(" ")[:3]))

    # Two threads, each with a session of its own and with one that both use.
    allowed = [0, 0]

    def work(index):
        own = c_void_p()
        credentials = Credentials(kind=BEARER_TOKEN, data=String(alice))
        library.authenticate(backend, byref(credentials), None, byref(own), None)
        for handle in [own, session]:
            for _ in range(500):
                allowed[index] += library.authorize(handle, byref(request(READ, "queue"))) == OK
        library.session_release(own)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"allowed in two rounds: {sum(allowed)}")

    # The end. Sessions outlive the backend.
    library.destroy(backend)
    ask("after destroy, read / queue", request(READ, "queue"))
    refresh("after destroy, refresh", "narrower")
    library.session_release(session)
    print("end")


main(sys.argv[1])
