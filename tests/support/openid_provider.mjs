// A real OpenID provider (npm oidc-provider) over TLS on loopback: client credentials, access tokens whose scopes are those
// that a client may ask for: JSON Web Tokens, or opaque ones with introspection and revocation.
import {randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {createServer, request} from 'node:https';
import {join} from 'node:path';

import Provider from 'oidc-provider';

import {makeCertificates} from './issuer.mjs';
import {generateJwks} from './jwk.mjs';

const RESOURCE = 'urn:test:broker';
const OPAQUE_RESOURCE = 'urn:test:broker:opaque';
/** What opaque tokens begin with. */
export const OPAQUE_PREFIX = 'opaque_';
/** The client that may ask about every token; its secret is the provider's. */
export const INTROSPECTOR = 'the-broker';

function privateJwk(kid, type, options) {
    return {...generateJwks(type, options).privateKey, kid, use: 'sig'};
}

function newKeys(generation) {
    return [
        privateJwk(`rsa-${generation}`, 'rsa', {modulusLength: 2048}),
        privateJwk(`ec-${generation}`, 'ec', {namedCurve: 'P-256'}),
        privateJwk(`ed-${generation}`, 'ed25519'),
    ];
}

export class OpenIdProvider {
    /**
     * clients: {client id: its scopes, separated by spaces}. The audience of every token is `audience`. `introspector`: more
     * of the client that asks about tokens.
     * Listens when the promise is kept.
     */
    static async start({directory, audience, clients, lifetime = 300, introspector = {}}) {
        await makeCertificates(directory);
        const provider = new OpenIdProvider();
        provider.directory = directory;
        provider.secret = randomBytes(16).toString('hex');
        provider.algorithm = 'RS256';
        provider.introspector = introspector;
        provider.keys = newKeys('1');
        provider.server = createServer({
            key: readFileSync(join(directory, 'server.key')), cert: readFileSync(join(directory, 'server.pem')),
        });
        await new Promise((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
        provider.issuer = `https://localhost:${provider.server.address().port}`;
        provider.configuration = {audience, clients, lifetime};
        provider.serve();
        return provider;
    }

    /** Set: the next request for a token is answered with this one, as for the code of a sign-in. */
    tokenForCode = undefined;

    /** True: requests are never answered. */
    hangs = false;

    /** How long an answer about a token takes, in milliseconds, and how many were asked for. */
    introspectionTakes = 0;
    introspections = 0;
    /** How many tokens were asked for, and those that it gave. */
    tokens = 0;
    issued = [];

    /** Takes the present keys into use; the provider reads them once. */
    serve() {
        const {audience, clients, lifetime} = this.configuration;
        const scopes = [...new Set(Object.values(clients).join(' ').split(' '))];
        const oidc = new Provider(this.issuer, {
            jwks: {keys: this.keys},
            ttl: {ClientCredentials: lifetime},
            cookies: {keys: [this.secret]},
            scopes,
            clients: [...Object.entries(clients).map(([id, scope]) => ({
                client_id: id, client_secret: this.secret, scope, redirect_uris: [], response_types: [],
                grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_post',
            })), {
                client_id: INTROSPECTOR, client_secret: this.secret, redirect_uris: [], response_types: [], grant_types: [],
                ...this.introspector,
            }],
            features: {
                devInteractions: {enabled: false},
                clientCredentials: {enabled: true},
                introspection: {enabled: true, allowedPolicy: (_, client) => client.clientId === INTROSPECTOR},
                revocation: {enabled: true},
                resourceIndicators: {
                    enabled: true,
                    defaultResource: () => RESOURCE,
                    useGrantedResource: () => true,
                    getResourceServerInfo: (_, resource) => ({
                        scope: scopes.join(' '), audience, accessTokenTTL: lifetime,
                        accessTokenFormat: resource === OPAQUE_RESOURCE ? 'opaque' : 'jwt',
                        jwt: {sign: {alg: this.algorithm}},
                    }),
                },
            },
        });
        const {prototype} = oidc.ClientCredentials;
        const {generateTokenId} = prototype;
        prototype.generateTokenId = function prefixed(...args) {
            const id = generateTokenId.apply(this, args);
            return this.format === 'opaque' ? OPAQUE_PREFIX + id : id;
        };
        this.server.removeAllListeners('request');
        const answer = oidc.callback();
        this.server.on('request', (asked, response) => {
            if (this.hangs) return undefined;
            if (asked.url === '/token/introspection') {
                ++this.introspections;
                setTimeout(() => answer(asked, response), this.introspectionTakes);
                return undefined;
            }
            if (asked.url === '/token') {
                ++this.tokens;
                const {end} = response;
                response.end = (body, ...rest) => {
                    const given = /"access_token":"([^"]+)"/.exec(body)?.[1];
                    if (given) this.issued.push(given);
                    return end.call(response, body, ...rest);
                };
            }
            if (!this.tokenForCode || asked.url !== '/token') return answer(asked, response);
            response.setHeader('Content-Type', 'application/json');
            response.end(JSON.stringify({access_token: this.tokenForCode, token_type: 'Bearer', expires_in: 300}));
            this.tokenForCode = undefined;
        });
    }

    /** New keys to sign with; the old ones stay published or are gone. */
    rotate({keepOld = false} = {}) {
        const fresh = newKeys(randomBytes(4).toString('hex'));
        this.keys = keepOld ? [...fresh, ...this.keys.slice(0, fresh.length)] : fresh;
        this.serve();
    }

    get caFile() { return join(this.directory, 'ca.pem'); }

    /** An access token by the client credentials grant (RFC 6749 section 4.4). */
    async token(clientId, scope, resource = RESOURCE) {
        const text = await this.#post('/token', {
            grant_type: 'client_credentials', client_id: clientId, client_secret: this.secret, scope, resource,
        });
        const answer = JSON.parse(text);
        if (!answer.access_token) throw new Error(`no token: ${text}`);
        return answer.access_token;
    }

    /** The same, opaque. */
    opaqueToken(clientId, scope) { return this.token(clientId, scope, OPAQUE_RESOURCE); }

    /** RFC 7009, by the client whose token it is. */
    async revoke(clientId, token) {
        await this.#post('/token/revocation', {client_id: clientId, client_secret: this.secret, token});
    }

    /** Throws if a secret, or what makes a token one, stands in a log: whole, or as Basic has it. */
    assertNoSecretIn(log, ...more) {
        if (this.issued.length === 0) throw new Error('no token was given');
        const parts = this.issued.flatMap((token) => token.split('.').slice(-2)).map((part) => part.slice(0, 24));
        // Base64 of three bytes is the same wherever they begin at a multiple of three.
        const secrets = [this.secret, ...more];
        const encoded = secrets.flatMap((one) => [0, 1, 2].map((cut) => Buffer.from(one.slice(cut)).toString('base64').slice(0, 16)));
        for (const secret of [...secrets, ...parts, ...encoded]) {
            if (log.includes(secret)) throw new Error(`the log has ${secret}`);
        }
    }

    #post(path, fields) {
        const form = new URLSearchParams(fields).toString();
        return new Promise((resolve, reject) => {
            const call = request(this.issuer + path, {
                method: 'POST', ca: readFileSync(this.caFile), family: 4, agent: false,
                headers: {'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': form.length},
            }, (response) => {
                let text = '';
                response.setEncoding('utf8');
                response.on('data', (part) => { text += part; });
                response.on('end', () => resolve(text));
            });
            call.on('error', reject);
            call.end(form);
        });
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }
}
