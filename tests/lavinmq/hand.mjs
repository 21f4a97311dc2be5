// A provider that is a file: tokens made by hand, byte by byte, with its keys; also such that no provider would make.
import {constants, createHmac, createPrivateKey, createPublicKey, randomBytes, sign} from 'node:crypto';
import {writeFileSync} from 'node:fs';

import {generateJwks} from '../support/jwk.mjs';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const SIGNERS = {
    RS256: (key, data) => sign('sha256', data, key),
    PS256: (key, data) => sign('sha256', data, {key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32}),
    ES256: (key, data) => sign('sha256', data, {key, dsaEncoding: 'ieee-p1363'}),
    EdDSA: (key, data) => sign(null, data, key),
};

export const ISSUER = 'https://hand.example';

/** Keys by algorithm, and the file with their public halves. */
export class Hand {
    constructor(file) {
        this.file = file;
        const made = {
            RS256: generateJwks('rsa', {modulusLength: 2048}),
            PS256: generateJwks('rsa', {modulusLength: 2048}),
            ES256: generateJwks('ec', {namedCurve: 'P-256'}),
            EdDSA: generateJwks('ed25519'),
        };
        this.keys = Object.fromEntries(Object.entries(made).map(([alg, {publicKey, privateKey}]) => [alg, {
            publicKey: createPublicKey({key: publicKey, format: 'jwk'}),
            privateKey: createPrivateKey({key: privateKey, format: 'jwk'}),
        }]));
        this.minted = [];
        // Neither use nor alg: a key set need not have them (RFC 7517 sections 4.2, 4.4).
        const keys = Object.entries(made).map(([kid, {publicKey}]) => ({...publicKey, kid}));
        writeFileSync(file, JSON.stringify({keys}), {mode: 0o644});
    }

    /** Its section of tokenward.ini. */
    get section() {
        return `[oauth.hand]\nissuer = ${ISSUER}\njwks_file = ${this.file}\nresource_server_id = broker\n` +
            'username_prefix = hand-\n';
    }

    claims(more = {}) {
        const now = Math.floor(Date.now() / 1000);
        return {iss: ISSUER, aud: 'broker', sub: 'hanna', iat: now, exp: now + 300,
                scope: 'broker.read:*/* broker.write:*/* broker.configure:*/* broker.tag:management', ...more};
    }

    /** header and payload: members, or the text itself; signature: given the signing input, instead of the key's. */
    token({alg = 'RS256', header = {}, payload = this.claims(), signature} = {}) {
        const input = `${encode(typeof header === 'string' ? header : {alg, kid: alg, ...header})}.${encode(payload)}`;
        const signed = signature ? signature(input) : SIGNERS[alg](this.keys[alg].privateKey, Buffer.from(input));
        const token = `${input}.${signed.toString('base64url')}`;
        this.minted.push(token);
        return token;
    }

    /** HMAC with the public key as the secret. */
    confused() {
        const secret = this.keys.RS256.publicKey.export({type: 'spki', format: 'pem'});
        return this.token({header: {alg: 'HS256', kid: 'RS256'},
                           signature: (input) => createHmac('sha256', secret).update(input).digest()});
    }

    forged() { return this.token({signature: () => randomBytes(256)}); }
}
