// Node.js without RTLD_DEEPBIND: the library's OpenSSL calls would go to the OpenSSL in Node.js, so it refuses to start.
import assert from 'node:assert';
import koffi from 'koffi';

const library = koffi.load('libtokenward.so.1');
const create = library.func('int32_t tokenward_create(const void *, _Out_ void **, _Inout_ uint8_t *)');
const reason_name = library.func('const char *tokenward_reason_name(int32_t)');

const ERROR = 4;
const error = Buffer.alloc(8 + 4 + 4 + 512 + 512); // tokenward_error: struct_size, reason, retry_after_ms, two texts
error.writeBigUInt64LE(BigInt(error.length));
assert.equal(create(null, [null], error), ERROR);
assert.equal(reason_name(error.readInt32LE(8)), 'CRYPTO_CAPTURED');
