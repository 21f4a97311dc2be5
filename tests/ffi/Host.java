// A host in Java, with JNA. usage: java -cp jna.jar Host.java FOLDER; README.md tells what is in it.
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

public final class Host {
    static final int OK = 0;
    static final List<String> NAMES =
        List.of("OK", "REFUSED", "NOT_A_TOKEN", "TRY_AGAIN", "ERROR", "DENIED", "EXPIRED");
    static final int LOG_WARNING = 2;
    static final int LOG_TO_QUEUE = 2;
    static final int LOG_LINE_SIZE = 2048;
    static final int SASL_PLAIN = 1;
    static final int SASL_OAUTHBEARER = 2;
    static final int USERNAME_PASSWORD = 3;
    static final int HTTP_AUTHORIZATION = 4;
    static final int BEARER_TOKEN = 5;
    static final int CONFIGURE = 1;
    static final int READ = 2;
    static final int WRITE = 3;
    static final int MQTT_FILTER = 0x1;
    static final int MQTT_TOPIC = 0x2;
    static final int ROUTING_KEY = 0x4;
    static final short POLLIN = 1;

    /** Bytes with their length. The field keeps the memory alive. A size_t is a long on 64 bits. */
    @FieldOrder({"data", "size"})
    public static class Text extends Structure {
        public Pointer data;
        public long size;

        public static class ByReference extends Text implements Structure.ByReference {}

        void set(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            size = bytes.length;
            data = bytes.length == 0 ? null : new Memory(bytes.length);
            if (data != null) data.write(0, bytes, 0, bytes.length);
        }
    }

    @FieldOrder({"structSize", "configFiles", "configFileCount", "configJson", "log", "logUser", "logMode", "logLevel",
                 "startupWaitMs", "maxWaitMs"})
    public static class Options extends Structure {
        public long structSize = size();
        public Text.ByReference configFiles = new Text.ByReference();
        public long configFileCount;
        public Text configJson;
        public Pointer log;
        public Pointer logUser;
        public int logMode;
        public int logLevel;
        public int startupWaitMs;
        public int maxWaitMs;
    }

    @FieldOrder({"structSize", "kind", "flags", "data", "username", "password"})
    public static class Credentials extends Structure {
        public long structSize = size();
        public int kind;
        public int flags;
        public Text data;
        public Text username;
        public Text password;

        static Credentials of(int kind, String data) {
            Credentials made = new Credentials();
            made.kind = kind;
            made.data.set(data);
            return made;
        }

        static Credentials of(String username, String password) {
            Credentials made = new Credentials();
            made.kind = USERNAME_PASSWORD;
            made.username.set(username);
            made.password.set(password);
            return made;
        }
    }

    @FieldOrder({"structSize", "protocol", "peer", "clientId", "connectionName", "listener",
                 "clientCertificateSha256", "flags"})
    public static class Context extends Structure {
        public long structSize = size();
        public Text protocol;
        public Text peer;
        public Text clientId;
        public Text connectionName;
        public Text listener;
        public Text clientCertificateSha256;
        public long flags;

        static Context of(String label) {
            Context made = new Context();
            made.protocol.set("example");
            made.peer.set("127.0.0.1:5672");
            made.connectionName.set(label);
            return made;
        }
    }

    @FieldOrder({"structSize", "operation", "flags", "vhost", "resource", "routingKey"})
    public static class Request extends Structure {
        public long structSize = size();
        public int operation;
        public int flags;
        public Text vhost;
        public Text resource;
        public Text routingKey;

        static Request of(int operation, String resource) {
            Request made = new Request();
            made.operation = operation;
            made.vhost.set("/");
            made.resource.set(resource);
            return made;
        }

        /** A key, also an empty one, counts only with its flag. */
        Request key(String key) {
            flags |= ROUTING_KEY;
            routingKey.set(key);
            return this;
        }

        Request flag(int flag) {
            flags |= flag;
            return this;
        }
    }

    @FieldOrder({"structSize", "reason", "retryAfterMs", "message", "hint"})
    public static class Failure extends Structure {
        public long structSize;
        public int reason;
        public int retryAfterMs;
        public byte[] message = new byte[512];
        public byte[] hint = new byte[512];

        {
            structSize = size();  // not before the arrays are there
        }
    }

    /** The functions; JNA reads and writes a Structure whole around each call. */
    interface Tokenward extends Library {
        Tokenward LIBRARY = Native.load("libtokenward.so.1", Tokenward.class);

        int tokenward_create(Options options, PointerByReference backend, Failure error);
        void tokenward_destroy(Pointer backend);
        int tokenward_authenticate(Pointer backend, Credentials credentials, Context context,
                                   PointerByReference session, Failure error);
        int tokenward_authorize(Pointer session, Request request);
        int tokenward_report_denial(Pointer session, Request request, Context context);
        int tokenward_session_can_access_vhost(Pointer session, byte[] vhost, long size);
        int tokenward_session_refresh(Pointer session, Credentials credentials, Context context, Failure error);
        void tokenward_session_release(Pointer session);
        int tokenward_session_username(Pointer session, PointerByReference username, LongByReference size);
        int tokenward_session_expires_at(Pointer session, LongByReference expiresAt);
        int tokenward_session_tags(Pointer session, byte[] buffer, long size, LongByReference length);
        int tokenward_explain(Pointer session, Request request, byte[] buffer, long size, LongByReference length,
                              Failure error);
        int tokenward_status(Pointer backend, byte[] buffer, long size, LongByReference length, Failure error);
        int tokenward_metrics(Pointer backend, byte[] buffer, long size, LongByReference length, Failure error);
        int tokenward_log_fd(Pointer backend, IntByReference fd);
        int tokenward_log_read(Pointer backend, IntByReference level, byte[] buffer, long size, LongByReference length);
        int tokenward_abi_version();
        String tokenward_reason_name(int reason);
    }

    @FieldOrder({"fd", "events", "revents"})
    public static class PollFd extends Structure {
        public int fd;
        public short events;
        public short revents;
    }

    interface Libc extends Library {
        Libc LIBRARY = Native.load("c", Libc.class);

        int poll(PollFd fds, long count, int timeout);
    }

    interface TextCall {
        int write(byte[] buffer, long size, LongByReference length);
    }

    static final Tokenward C = Tokenward.LIBRARY;
    final Path folder;
    Pointer backend;
    Pointer session;

    Host(Path folder) {
        this.folder = folder;
    }

    String token(String name) throws IOException {
        return Files.readString(folder.resolve(name + ".jwt")).strip();
    }

    /** A number that is not in the list is a no as well. */
    static String nameOf(int result) {
        return result >= 0 && result < NAMES.size() ? NAMES.get(result) : "no (" + result + ")";
    }

    static String verdict(int result) {
        return result == OK ? "ALLOWED" : nameOf(result);
    }

    static String reason(Failure error) {
        return C.tokenward_reason_name(error.reason) + ": " + Native.toString(error.message, StandardCharsets.US_ASCII);
    }

    static void outcome(String label, int result, Failure error, String who) {
        System.out.println(label + ": " + (result == OK ? "OK" + who : nameOf(result) + " " + reason(error)));
    }

    /** What a call writes into a buffer: again with a larger one if it is too small. */
    static String growingText(TextCall call) {
        for (int size = 256;;) {
            byte[] buffer = new byte[size];
            LongByReference length = new LongByReference();
            if (call.write(buffer, size, length) != OK) throw new IllegalStateException("no text");
            if (length.getValue() < size) return Native.toString(buffer, StandardCharsets.UTF_8);
            size = (int) length.getValue() + 1;
        }
    }

    static String username(Pointer session) {
        PointerByReference name = new PointerByReference();
        LongByReference size = new LongByReference();
        C.tokenward_session_username(session, name, size);
        return new String(name.getValue().getByteArray(0, (int) size.getValue()), StandardCharsets.UTF_8);
    }

    Pointer login(String label, Credentials credentials) {
        PointerByReference made = new PointerByReference();
        Failure error = new Failure();
        int result = C.tokenward_authenticate(backend, credentials, Context.of(label), made, error);
        outcome(label, result, error, result == OK ? " " + username(made.getValue()) : "");
        return made.getValue();
    }

    void refresh(String label, String name) throws IOException {
        Failure error = new Failure();
        Credentials credentials = Credentials.of(BEARER_TOKEN, token(name));
        outcome(label, C.tokenward_session_refresh(session, credentials, Context.of(label), error), error, "");
    }

    void ask(String label, Request request) {
        System.out.println(label + ": " + verdict(C.tokenward_authorize(session, request)));
    }

    void talk() throws Exception {
        if (C.tokenward_abi_version() >>> 16 != 1) throw new IllegalStateException("not the library's version 1");
        Options options = new Options();
        options.configFiles.set(folder.resolve("tokenward.ini").toString());
        options.configFileCount = 1;
        options.startupWaitMs = 5000;
        options.logMode = LOG_TO_QUEUE;
        options.logLevel = LOG_WARNING;
        PointerByReference place = new PointerByReference();
        Failure error = new Failure();
        if (C.tokenward_create(options, place, error) != OK) throw new IllegalStateException(reason(error));
        backend = place.getValue();

        // A client comes in: five kinds of credentials.
        String alice = token("alice");
        for (Pointer each : List.of(
                 login("plain", Credentials.of(SASL_PLAIN, "\0alice\0" + alice)),
                 login("oauthbearer", Credentials.of(SASL_OAUTHBEARER, "n,,\1auth=Bearer " + alice + "\1\1")),
                 login("username and password", Credentials.of("alice", alice)),
                 login("http", Credentials.of(HTTP_AUTHORIZATION, "Bearer " + alice)))) {
            C.tokenward_session_release(each);
        }
        session = login("bearer", Credentials.of(BEARER_TOKEN, alice));

        // Others don't. The reason is for the log; the client hears "refused".
        login("expired", Credentials.of(BEARER_TOKEN, token("expired")));
        login("forged", Credentials.of(BEARER_TOKEN, token("forged")));
        login("not a token", Credentials.of("alice", "secret"));
        login("opaque", Credentials.of(HTTP_AUTHORIZATION, "Bearer 2YotnFZFEjr1zCsicMWpAA"));
        login("empty", Credentials.of(BEARER_TOKEN, ""));

        // What it may do.
        for (String vhost : List.of("/", "other")) {
            byte[] name = vhost.getBytes(StandardCharsets.UTF_8);
            System.out.println(
                "vhost " + vhost + ": " + verdict(C.tokenward_session_can_access_vhost(session, name, name.length)));
        }
        ask("read / queue", Request.of(READ, "queue"));
        ask("write / queue", Request.of(WRITE, "queue"));
        ask("configure / queue", Request.of(CONFIGURE, "queue"));
        ask("write / ex", Request.of(WRITE, "ex"));
        ask("write / ex key \"rk.1\"", Request.of(WRITE, "ex").key("rk.1"));
        ask("write / ex key \"other\"", Request.of(WRITE, "ex").key("other"));
        ask("write / ex key \"\"", Request.of(WRITE, "ex").key(""));
        Request keyless = Request.of(WRITE, "ex");
        keyless.routingKey.set("rk.1");
        ask("write / ex, a key without its flag", keyless);
        ask("topic sensors/room1", Request.of(READ, "sensors/room1").flag(MQTT_TOPIC));
        ask("topic other", Request.of(READ, "other").flag(MQTT_TOPIC));
        ask("filter sensors/+/t", Request.of(READ, "sensors/+/t").flag(MQTT_FILTER));
        ask("filter #", Request.of(READ, "#").flag(MQTT_FILTER));
        ask("filter sensors/+ key of \"amq.topic\"", Request.of(READ, "amq.topic").key("sensors/+").flag(MQTT_FILTER));

        // Who it is, until when.
        LongByReference expiresAt = new LongByReference();
        C.tokenward_session_expires_at(session, expiresAt);
        System.out.println("expires at: " + expiresAt.getValue());
        System.out.println("tags: " + growingText(
            (buffer, size, length) -> C.tokenward_session_tags(session, buffer, size, length)));

        // For the operator.
        Request denied = Request.of(WRITE, "ex").key("other");
        System.out.println("explain: " + growingText(
            (buffer, size, length) -> C.tokenward_explain(session, denied, buffer, size, length, error)));
        String status = growingText(
            (buffer, size, length) -> C.tokenward_status(backend, buffer, size, length, error));
        System.out.println("status has the key: " + (status.contains("\"kid\":\"k1\"") ? "yes" : "no"));
        growingText((buffer, size, length) -> C.tokenward_metrics(backend, buffer, size, length, error)).lines()
            .filter(line -> line.startsWith("tokenward_authentications_total"))
            .forEach(line -> System.out.println("metrics: " + line));

        // It renews its token: fewer rights; and somebody else's token.
        refresh("refresh", "narrower");
        ask("read / queue", Request.of(READ, "queue"));
        ask("write / ex key \"rk.1\"", Request.of(WRITE, "ex").key("rk.1"));
        refresh("refresh by bob", "bob");
        ask("read / queue", Request.of(READ, "queue"));

        // Log lines. A broker would have a thread that waits here.
        C.tokenward_report_denial(session, denied, Context.of("report"));
        IntByReference fd = new IntByReference();
        C.tokenward_log_fd(backend, fd);
        PollFd waited = new PollFd();
        waited.fd = fd.getValue();
        waited.events = POLLIN;
        Libc.LIBRARY.poll(waited, 1, -1);
        for (;;) {
            IntByReference level = new IntByReference();
            byte[] line = new byte[LOG_LINE_SIZE];
            LongByReference length = new LongByReference();
            C.tokenward_log_read(backend, level, line, line.length, length);
            if (length.getValue() == 0) break;
            String[] words = Native.toString(line, StandardCharsets.US_ASCII).split(" ");
            System.out.println("log " + level.getValue() + ": " + String.join(" ", List.of(words).subList(0, 3)));
        }

        // Two threads, each with a session of its own and with one that both use.
        Callable<Integer> work = () -> {
            PointerByReference own = new PointerByReference();
            C.tokenward_authenticate(backend, Credentials.of(BEARER_TOKEN, alice), null, own, null);
            int allowed = 0;
            for (Pointer handle : List.of(own.getValue(), session)) {
                for (int i = 0; i < 500; ++i) {
                    if (C.tokenward_authorize(handle, Request.of(READ, "queue")) == OK) ++allowed;
                }
            }
            C.tokenward_session_release(own.getValue());
            return allowed;
        };
        ExecutorService threads = Executors.newFixedThreadPool(2);
        int allowed = 0;
        for (var each : threads.invokeAll(List.of(work, work))) allowed += each.get();
        threads.shutdown();
        System.out.println("allowed in two rounds: " + allowed);

        // The end. Sessions outlive the backend.
        C.tokenward_destroy(backend);
        ask("after destroy, read / queue", Request.of(READ, "queue"));
        refresh("after destroy, refresh", "narrower");
        C.tokenward_session_release(session);
        System.out.println("end");
    }

    public static void main(String[] arguments) throws Exception {
        new Host(Path.of(arguments[0])).talk();
    }
}
