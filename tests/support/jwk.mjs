// Keys as JWK (RFC 7517).
import {generateKeyPairSync} from 'node:crypto';

/**
 * {publicKey, privateKey}. They are JWK from the start: export() of a fresh key object hangs for good now and then, one
 * time in some ten thousand (Node.js 20).
 */
export function generateJwks(type, options) {
    const format = {format: 'jwk'};
    return generateKeyPairSync(type, {...options, publicKeyEncoding: format, privateKeyEncoding: format});
}
