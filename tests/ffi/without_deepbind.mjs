// Node.js without RTLD_DEEPBIND. Its makers build an OpenSSL into it: the library's calls would go there, so it refuses
// to start. Debian's Node.js uses the OpenSSL of the system, as the library does: there it isn't refused for that.
import assert from 'node:assert';
import koffi from 'koffi';

const library = koffi.load('libtokenward.so.1');
const create = library.func('int32_t tokenward_create(const void *, _Out_ void **, _Inout_ uint8_t *)');
const reason_name = library.func('const char *tokenward_reason_name(int32_t)');

const ERROR = 4;
const error = Buffer.alloc(8 + 4 + 4 + 512 + 512); // tokenward_error: struct_size, reason, retry_after_ms, two texts
error.writeBigUInt64LE(BigInt(error.length));
const result = create(null, [null], error);
const is_captured = result === ERROR && reason_name(error.readInt32LE(8)) === 'CRYPTO_CAPTURED';
assert.equal(is_captured, !process.config.variables.node_shared_openssl);
