<?php
// A host in PHP, with FFI. usage: php host.php FOLDER; README.md tells what is in it.
declare(strict_types=1);

// Copied from tokenward.h: PHP reads C declarations, but no preprocessor lines.
$library = FFI::cdef(<<<'C'
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
    typedef struct tokenward_options {
        size_t struct_size; const tokenward_string *config_files; size_t config_file_count;
        tokenward_string config_json; void *log; void *log_user; int32_t log_mode; int32_t log_level;
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
    C, 'libtokenward.so.1');

const LOG_LINE_SIZE = 2048;
const MQTT_FILTER = 0x1;
const MQTT_TOPIC = 0x2;
const ROUTING_KEY = 0x4;

// A struct with its size. Fields that are not given are zero; a text becomes a tokenward_string.
final class Made
{
    private array $kept = [];

    public function __construct(public readonly FFI\CData $c, array $fields)
    {
        foreach ($fields as $name => $value) {
            $this->set($name, $value);
        }
    }

    public function set(string $name, mixed $value): void
    {
        if (!is_string($value)) {
            $this->c->$name = $value;
        } elseif ($value !== '') {
            $bytes = FFI::new('char[' . strlen($value) . ']');
            FFI::memcpy($bytes, $value, strlen($value));
            $this->kept[] = $bytes;  // the struct has a pointer to it, no more
            $this->c->$name->data = FFI::cast('char *', FFI::addr($bytes));
            $this->c->$name->size = strlen($value);
        }
    }
}

$make = function (string $type, array $fields = []) use ($library): Made {
    $c = $library->new($type);
    return new Made($c, ['struct_size' => FFI::sizeof($c)] + $fields);
};

function name_of(int $result): string
{
    $names = ['OK', 'REFUSED', 'NOT_A_TOKEN', 'TRY_AGAIN', 'ERROR', 'DENIED', 'EXPIRED'];
    return $names[$result] ?? "no ($result)";  // a number that is not in the list is a no as well
}

function verdict(int $result): string
{
    return $result === 0 ? 'ALLOWED' : name_of($result);
}

// What a call writes into a buffer: again with a larger one if it is too small.
function growing_text(callable $call): string
{
    for ($size = 256; ; $size = $length->cdata + 1) {
        $buffer = FFI::new("char[$size]");
        $length = FFI::new('size_t');
        if ($call($buffer, $size, FFI::addr($length)) !== 0) {
            throw new RuntimeException('no text');
        }
        if ($length->cdata < $size) {
            return FFI::string($buffer, $length->cdata);
        }
    }
}

// A key, also an empty one, counts only with its flag.
$request = function (int $operation, string $resource, ?string $key = null, int $flags = 0) use ($make): Made {
    return $make('tokenward_request', [
        'operation' => $operation, 'flags' => $key === null ? $flags : $flags | ROUTING_KEY,
        'vhost' => '/', 'resource' => $resource, 'routing_key' => $key ?? '',
    ]);
};

$folder = $argv[1];
$token = fn(string $name): string => trim(file_get_contents("$folder/$name.jwt"));

if ($library->tokenward_abi_version() >> 16 !== 1) {
    exit("not the library's version 1\n");
}
$files = new Made($library->new('struct { tokenward_string first; }'), ['first' => "$folder/tokenward.ini"]);
$options = $make('tokenward_options', [
    'config_files' => FFI::addr($files->c->first), 'config_file_count' => 1, 'startup_wait_ms' => 5000,
    'log_mode' => $library->TOKENWARD_LOG_TO_QUEUE, 'log_level' => $library->TOKENWARD_LOG_WARNING,
]);
$error = $make('tokenward_error')->c;
$message = fn(): string => $library->tokenward_reason_name($error->reason) . ': ' . FFI::string($error->message);
$backend = $library->new('tokenward_backend *');
if ($library->tokenward_create(FFI::addr($options->c), FFI::addr($backend), FFI::addr($error)) !== 0) {
    exit($message() . "\n");
}

$outcome = function (string $label, int $result, string $who = '') use ($message): void {
    echo "$label: ", $result === 0 ? "OK$who" : name_of($result) . ' ' . $message(), "\n";
};
$context = fn(string $label): Made => $make('tokenward_context', [
    'protocol' => 'example', 'peer' => '127.0.0.1:5672', 'connection_name' => $label,
]);

$username = function (FFI\CData $session) use ($library): string {
    $name = $library->new('const char *');
    $size = $library->new('size_t');
    $library->tokenward_session_username($session, FFI::addr($name), FFI::addr($size));
    return FFI::string($name, $size->cdata);
};

$login = function (string $label, int $kind, string $data = '', string $username_sent = '', string $password = '')
    use ($library, $make, $backend, $context, $error, $outcome, $username): FFI\CData {
    $credentials = $make('tokenward_credentials', [
        'kind' => $kind, 'data' => $data, 'username' => $username_sent, 'password' => $password,
    ]);
    $from = $context($label);
    $session = $library->new('tokenward_session *');
    $result = $library->tokenward_authenticate(
        $backend, FFI::addr($credentials->c), FFI::addr($from->c), FFI::addr($session), FFI::addr($error));
    $outcome($label, $result, $result === 0 ? ' ' . $username($session) : '');
    return $session;
};

// A client comes in: five kinds of credentials.
$alice = $token('alice');
foreach ([
    $login('plain', $library->TOKENWARD_SASL_PLAIN, "\0alice\0$alice"),
    $login('oauthbearer', $library->TOKENWARD_SASL_OAUTHBEARER, "n,,\x01auth=Bearer $alice\x01\x01"),
    $login('username and password', $library->TOKENWARD_USERNAME_PASSWORD, '', 'alice', $alice),
    $login('http', $library->TOKENWARD_HTTP_AUTHORIZATION, "Bearer $alice"),
] as $each) {
    $library->tokenward_session_release($each);
}
$session = $login('bearer', $library->TOKENWARD_BEARER_TOKEN, $alice);

// Others don't. The reason is for the log; the client hears "refused".
$login('expired', $library->TOKENWARD_BEARER_TOKEN, $token('expired'));
$login('forged', $library->TOKENWARD_BEARER_TOKEN, $token('forged'));
$login('not a token', $library->TOKENWARD_USERNAME_PASSWORD, '', 'alice', 'secret');
$login('opaque', $library->TOKENWARD_HTTP_AUTHORIZATION, 'Bearer 2YotnFZFEjr1zCsicMWpAA');
$login('empty', $library->TOKENWARD_BEARER_TOKEN);

$ask = function (string $label, Made $wanted) use ($library, $session): void {
    echo "$label: ", verdict($library->tokenward_authorize($session, FFI::addr($wanted->c))), "\n";
};
$refresh = function (string $label, string $name)
    use ($library, $make, $token, $session, $context, $error, $outcome): void {
    $credentials = $make('tokenward_credentials', [
        'kind' => $library->TOKENWARD_BEARER_TOKEN, 'data' => $token($name),
    ]);
    $from = $context($label);
    $outcome($label, $library->tokenward_session_refresh(
        $session, FFI::addr($credentials->c), FFI::addr($from->c), FFI::addr($error)));
};

// What it may do.
foreach (['/', 'other'] as $vhost) {
    $result = $library->tokenward_session_can_access_vhost($session, $vhost, strlen($vhost));
    echo "vhost $vhost: ", verdict($result), "\n";
}
[$configure, $read, $write] = [$library->TOKENWARD_CONFIGURE, $library->TOKENWARD_READ, $library->TOKENWARD_WRITE];
$ask('read / queue', $request($read, 'queue'));
$ask('write / queue', $request($write, 'queue'));
$ask('configure / queue', $request($configure, 'queue'));
$ask('write / ex', $request($write, 'ex'));
$ask('write / ex key "rk.1"', $request($write, 'ex', 'rk.1'));
$ask('write / ex key "other"', $request($write, 'ex', 'other'));
$ask('write / ex key ""', $request($write, 'ex', ''));
$keyless = $request($write, 'ex');
$keyless->set('routing_key', 'rk.1');
$ask('write / ex, a key without its flag', $keyless);
$ask('topic sensors/room1', $request($read, 'sensors/room1', flags: MQTT_TOPIC));
$ask('topic other', $request($read, 'other', flags: MQTT_TOPIC));
$ask('filter sensors/+/t', $request($read, 'sensors/+/t', flags: MQTT_FILTER));
$ask('filter #', $request($read, '#', flags: MQTT_FILTER));
$ask('filter sensors/+ key of "amq.topic"', $request($read, 'amq.topic', 'sensors/+', MQTT_FILTER));

// Who it is, until when.
$expires_at = $library->new('int64_t');
$library->tokenward_session_expires_at($session, FFI::addr($expires_at));
echo "expires at: $expires_at->cdata\n";
echo 'tags: ', growing_text(fn(...$text) => $library->tokenward_session_tags($session, ...$text)), "\n";

// For the operator.
$denied = $request($write, 'ex', 'other');
echo 'explain: ', growing_text(fn(...$text) => $library->tokenward_explain(
    $session, FFI::addr($denied->c), ...[...$text, FFI::addr($error)])), "\n";
$status = json_decode(growing_text(fn(...$text) => $library->tokenward_status(
    $backend, ...[...$text, FFI::addr($error)])));
echo 'status has the key: ', $status->sections[0]->keys[0]->kid === 'k1' ? 'yes' : 'no', "\n";
$metrics = growing_text(fn(...$text) => $library->tokenward_metrics($backend, ...[...$text, FFI::addr($error)]));
foreach (explode("\n", $metrics) as $line) {
    if (str_starts_with($line, 'tokenward_authentications_total')) {
        echo "metrics: $line\n";
    }
}

// It renews its token: fewer rights; and somebody else's token.
$refresh('refresh', 'narrower');
$ask('read / queue', $request($read, 'queue'));
$ask('write / ex key "rk.1"', $request($write, 'ex', 'rk.1'));
$refresh('refresh by bob', 'bob');
$ask('read / queue', $request($read, 'queue'));

// Log lines. PHP opens a duplicate of the descriptor, so that its own close does no harm.
$from = $context('report');
$library->tokenward_report_denial($session, FFI::addr($denied->c), FFI::addr($from->c));
$fd = $library->new('int32_t');
$library->tokenward_log_fd($backend, FFI::addr($fd));
[$readable, $none] = [[fopen("php://fd/$fd->cdata", 'r')], null];
stream_select($readable, $none, $none, null);
for (;;) {
    $level = $library->new('int32_t');
    $line = $library->new('char[' . LOG_LINE_SIZE . ']');
    $length = $library->new('size_t');
    $library->tokenward_log_read($backend, FFI::addr($level), $line, LOG_LINE_SIZE, FFI::addr($length));
    if ($length->cdata === 0) {
        break;
    }
    echo "log $level->cdata: ", implode(' ', array_slice(explode(' ', FFI::string($line)), 0, 3)), "\n";
}

// Two rounds, one after the other: PHP has no threads. Each with a session of its own and with one that both use.
$allowed = 0;
foreach ([1, 2] as $round) {
    $credentials = $make('tokenward_credentials', ['kind' => $library->TOKENWARD_BEARER_TOKEN, 'data' => $alice]);
    $own = $library->new('tokenward_session *');
    $library->tokenward_authenticate($backend, FFI::addr($credentials->c), null, FFI::addr($own), null);
    foreach ([$own, $session] as $handle) {
        for ($i = 0; $i < 500; ++$i) {
            $wanted = $request($read, 'queue');
            $allowed += (int) ($library->tokenward_authorize($handle, FFI::addr($wanted->c)) === 0);
        }
    }
    $library->tokenward_session_release($own);
}
echo "allowed in two rounds: $allowed\n";

// The end. Sessions outlive the backend.
$library->tokenward_destroy($backend);
$ask('after destroy, read / queue', $request($read, 'queue'));
$refresh('after destroy, refresh', 'narrower');
$library->tokenward_session_release($session);
echo "end\n";
