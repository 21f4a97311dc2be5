// A real OpenID provider (npm oidc-provider) over TLS on loopback: client credentials, JWT access tokens whose
// scopes are those that a client may ask for.
import {randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {createServer, request} from 'node:https';
import {join} from 'node:path';

import Provider from 'oidc-provider';

import {makeCertificates} from './issuer.mjs';
import {generateJwks} from './jwk.mjs';

const RESOURCE = 'urn:test:broker';

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
     * clients: {client id: its scopes, separated by spaces}. The audience of every token is `audience`.
     * Listens when the promise is kept.
     */
    static async start({directory, audience, clients, lifetime = 300}) {
        await makeCertificates(directory);
        const provider = new OpenIdProvider();
        provider.directory = directory;
        provider.secret = randomBytes(16).toString('hex');
        provider.algorithm = 'RS256';
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

    /** Takes the present keys into use; the provider reads them once. */
    serve() {
        const {audience, clients, lifetime} = this.configuration;
        const scopes = [...new Set(Object.values(clients).join(' ').split(' '))];
        const oidc = new Provider(this.issuer, {
            jwks: {keys: this.keys},
            ttl: {ClientCredentials: lifetime},
            cookies: {keys: [this.secret]},
            scopes,
            clients: Object.entries(clients).map(([id, scope]) => ({
                client_id: id, client_secret: this.secret, scope, redirect_uris: [], response_types: [],
                grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_post',
            })),
            features: {
                devInteractions: {enabled: false},
                clientCredentials: {enabled: true},
                resourceIndicators: {
                    enabled: true,
                    defaultResource: () => RESOURCE,
                    useGrantedResource: () => true,
                    getResourceServerInfo: () => ({
                        scope: scopes.join(' '), audience, accessTokenFormat: 'jwt', accessTokenTTL: lifetime,
                        jwt: {sign: {alg: this.algorithm}},
                    }),
                },
            },
        });
        this.server.removeAllListeners('request');
        const answer = oidc.callback();
        this.server.on('request', (asked, response) => {
            if (this.hangs) return undefined;
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
    token(clientId, scope) {
        const form = new URLSearchParams({
            grant_type: 'client_credentials', client_id: clientId, client_secret: this.secret, scope,
            resource: RESOURCE,
        }).toString();
        return new Promise((resolve, reject) => {
            const call = request(`${this.issuer}/token`, {
                method: 'POST', ca: readFileSync(this.caFile), family: 4, agent: false,
                headers: {'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': form.length},
            }, (response) => {
                let text = '';
                response.setEncoding('utf8');
                response.on('data', (part) => { text += part; });
                response.on('end', () => {
                    const answer = JSON.parse(text);
                    if (answer.access_token) resolve(answer.access_token);
                    else reject(new Error(`no token: ${text}`));
                });
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
