// A real OpenID provider, Debian's Glewlwyd, over TLS on loopback, with a database of its own: client credentials, and
// the authorization code of a user who signs in. Nothing of the package but its files is used.
import {randomBytes} from 'node:crypto';
import {chownSync, copyFileSync, readFileSync, writeFileSync} from 'node:fs';
import {request} from 'node:https';
import {join} from 'node:path';

import {makeCertificates} from './issuer.mjs';
import {generateJwks} from './jwk.mjs';
import {Program, freePort, run, temporaryDirectory} from './programs.mjs';
import {eventually} from './tap.mjs';

const SCHEMA = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';
const MODULES = '/usr/lib/glewlwyd';
/** The name of the plugin instance; it stands in the issuer. */
const PLUGIN = 'oidc';
const REDIRECT = 'https://app.example.com/callback';
/** Of the user who stands in the schema. */
const ADMINISTRATOR = {username: 'admin', password: 'password'};

const KINDS = {
    RS256: ['rsa', {modulusLength: 2048}], PS256: ['rsa', {modulusLength: 2048}],
    ES256: ['ec', {namedCurve: 'P-256'}], EdDSA: ['ed25519', {}],
};

function newKeys(generation) {
    return Object.entries(KINDS).map(([alg, [type, options]]) => ({
        ...generateJwks(type, options).privateKey, alg, kid: `${alg}-${generation}`,
    }));
}

export class Glewlwyd {
    /**
     * directory: for the certificates. scopes: the names that exist; a token for `resource` must have one of them.
     * clients and users: {name: [scope]}. Listens, with all of these, when the promise is kept.
     */
    static async start({directory, resource, scopes, clients, users}) {
        const provider = new Glewlwyd();
        Object.assign(provider, {directory, resource, scopes});
        provider.secret = randomBytes(16).toString('hex');
        provider.algorithm = 'RS256';
        provider.issuerPath = `/api/${PLUGIN}`;
        provider.introspectionScopes = ['introspection'];
        provider.generation = 0;
        provider.keys = newKeys('0');
        // Its own folder may belong to another user.
        provider.home = temporaryDirectory();
        await makeCertificates(directory);
        for (const file of ['server.pem', 'server.key']) copyFileSync(join(directory, file), provider.path(file));
        try {
            const {status, output} = await run('sqlite3', [provider.path('database')], readFileSync(SCHEMA, 'utf8'));
            if (status !== 0) throw new Error(`sqlite3: ${output}`);
            await provider.listen();
            await provider.fill(clients, users);
        } catch (error) {
            await provider.stop();
            throw error;
        }
        return provider;
    }

    path(file) { return join(this.home.path, file); }
    get caFile() { return join(this.directory, 'ca.pem'); }
    get url() { return `https://localhost:${this.port}`; }
    /** Any text will do; by the plugin's address the keys are found. */
    get issuer() { return this.url + this.issuerPath; }
    get log() { return (this.earlier ?? '') + (this.program?.output ?? ''); }

    conf() {
        return `port = ${this.port}
bind_address = "127.0.0.1"
external_url = "${this.url}/"
login_url = "login.html"
api_prefix = "api"
log_mode = "console"
log_level = "INFO"
cookie_domain = "localhost"
cookie_secure = 1
user_module_path = "${MODULES}/user"
client_module_path = "${MODULES}/client"
user_auth_scheme_module_path = "${MODULES}/scheme"
plugin_module_path = "${MODULES}/plugin"
use_secure_connection = true
secure_connection_key_file = "${this.path('server.key')}"
secure_connection_pem_file = "${this.path('server.pem')}"
database = { type = "sqlite3", path = "${this.path('database')}" }
`;
    }

    /** On a port of its own choice. */
    async listen() {
        for (let tries = 0; tries < 4; ++tries) {
            this.port = await freePort();
            if (await this.launch()) return;  // else somebody else may have taken the port meanwhile
        }
        throw new Error(`Glewlwyd ended:\n${this.log}`);
    }

    /** False if it ended at once. */
    async launch() {
        writeFileSync(this.path('conf'), this.conf());
        let command = ['glewlwyd', '-c', this.path('conf')];
        if (process.getuid() === 0) {
            const nobody = Number((await run('id', ['-u', 'nobody'])).output);
            for (const file of ['.', 'conf', 'database', 'server.pem', 'server.key']) {
                chownSync(this.path(file), nobody, -1);
            }
            command = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--', ...command];
        }
        this.earlier = this.log;
        this.program = new Program(command[0], command.slice(1));
        await eventually(async () => !this.program.running ||
            await this.ask('GET', '/config').then(({status}) => status === 200, () => false), 'Glewlwyd');
        return this.program.running;
    }

    /** {status, headers, text}. auth: name:password; body: an object is sent as JSON, URLSearchParams as a form. */
    ask(method, path, {cookie, auth, body} = {}) {
        const form = body instanceof URLSearchParams;
        const text = body === undefined ? '' : form ? body.toString() : JSON.stringify(body);
        const headers = {'Content-Length': Buffer.byteLength(text)};
        if (body) headers['Content-Type'] = form ? 'application/x-www-form-urlencoded' : 'application/json';
        if (cookie) headers.Cookie = cookie;
        return new Promise((resolve, reject) => {
            const call = request(`${this.url}${path}`, {
                method, headers, auth, ca: readFileSync(this.caFile), family: 4, agent: false,
            }, (response) => {
                let answer = '';
                response.setEncoding('utf8');
                response.on('data', (part) => { answer += part; });
                response.on('end', () => resolve({status: response.statusCode, headers: response.headers, text: answer}));
            });
            call.on('error', reject);
            call.end(text);
        });
    }

    /** Like ask(), and throws if the answer's status is not `wanted`. */
    async get(method, path, options, wanted = 200) {
        const answer = await this.ask(method, path, options);
        if (answer.status !== wanted) throw new Error(`Glewlwyd: ${method} ${path}: ${answer.status} ${answer.text}`);
        return answer;
    }

    /** The cookie of somebody who signed in. */
    async signIn(credentials) {
        const {headers} = await this.get('POST', '/api/auth/', {body: credentials});
        return headers['set-cookie'].map((line) => line.split(';')[0]).join('; ');
    }

    /** The plugin's settings: what the page Parameters/Plugins shows. */
    plugin() {
        // It signs with the first key, whatever default-kid says (2.7.5).
        const first = this.keys.find(({alg}) => alg === this.algorithm);
        const keys = [first, ...this.keys.filter((key) => key !== first)];
        return {
            module: 'oidc', name: PLUGIN, display_name: PLUGIN,
            parameters: {
                iss: this.issuer,
                'jwks-private': JSON.stringify({keys}),
                'jwks-show': true,
                'access-token-duration': 300,
                'allow-non-oidc': true,
                'auth-type-code-enabled': true,
                'auth-type-client-enabled': true,
                'auth-type-password-enabled': true,
                'auth-type-refresh-enabled': true,
                // A user's sub is a random string.
                'additional-parameters': [{'user-parameter': 'username', 'token-parameter': 'username'}],
                // With a scope there a client may ask about tokens of others, too. The name is nobody's.
                'introspection-revocation-allowed': true,
                'introspection-revocation-allow-target-client': true,
                'introspection-revocation-auth-scope': this.introspectionScopes,
                'resource-allowed': true,
                'resource-scope': Object.fromEntries(this.scopes.map((name) => [name, [this.resource]])),
            },
        };
    }

    async fill(clients, users) {
        const cookie = await this.signIn(ADMINISTRATOR);
        await this.get('POST', '/api/mod/plugin/', {cookie, body: this.plugin()});
        for (const name of this.scopes) {
            await this.get('POST', '/api/scope/', {cookie, body: {name, password_required: false}});
        }
        for (const [name, scope] of Object.entries(clients)) {
            await this.get('POST', '/api/client/', {cookie, body: {
                client_id: name, client_secret: this.secret, confidential: true, enabled: true, scope,
                authorization_type: ['code', 'client_credentials', 'password'], redirect_uri: [REDIRECT],
                token_endpoint_auth_method: ['client_secret_basic'],
            }});
        }
        for (const [username, scope] of Object.entries(users)) {
            await this.get('POST', '/api/user/', {cookie, body: {username, password: this.secret, enabled: true, scope}});
        }
    }

    /** Writes the plugin's present settings into the database. */
    async save() {
        await this.get('PUT', `/api/mod/plugin/${PLUGIN}`, {cookie: await this.signIn(ADMINISTRATOR), body: this.plugin()});
    }

    /**
     * Takes the present settings into use as its documents say. Nobody else may ask it for anything meanwhile: version
     * 2.7.5 frees what requests under way still use, and crashes.
     */
    async configure() {
        await this.save();
        await this.get('PUT', `/api/mod/plugin/${PLUGIN}/reset`, {cookie: await this.signIn(ADMINISTRATOR)});
    }

    /** Ends and comes back with the present settings at the same address. */
    async restart() {
        await this.save();
        await this.program.stop();
        await eventually(() => this.launch(), 'Glewlwyd on its port');
    }

    /** Signs with another algorithm, by a key that it already shows. */
    async signWith(algorithm) {
        this.algorithm = algorithm;
        await this.configure();
    }

    /** New keys to sign with, the old ones stay published or are gone. Still to be taken into use. */
    renewKeys({keepOld = false} = {}) {
        const fresh = newKeys(String(++this.generation));
        this.keys = keepOld ? [...fresh, ...this.keys.slice(0, fresh.length)] : fresh;
    }

    /** What the token endpoint answers to a client. */
    async tokens(client, fields) {
        const options = {auth: `${client}:${this.secret}`, body: new URLSearchParams(fields)};
        return JSON.parse((await this.get('POST', `/api/${PLUGIN}/token`, options)).text);
    }

    /** An access token by the client credentials grant (RFC 6749 section 4.4); more: resource (RFC 8707). */
    async token(client, scope, more = {resource: this.resource}) {
        return (await this.tokens(client, {grant_type: 'client_credentials', scope, ...more})).access_token;
    }

    /** RFC 7009, by a client. */
    async revoke(client, token) {
        await this.get('POST', `/api/${PLUGIN}/revoke`, {auth: `${client}:${this.secret}`, body: new URLSearchParams({token})});
    }

    /** {access_token, id_token, refresh_token} of a user who signs in, agrees, and comes back to the client with a code (section 4.1). */
    async userTokens(username, client, scope, more = {resource: this.resource}) {
        const cookie = await this.signIn({username, password: this.secret});
        await this.get('PUT', `/api/auth/grant/${client}`, {cookie, body: {scope}});
        const query = new URLSearchParams({
            response_type: 'code', client_id: client, redirect_uri: REDIRECT, scope, state: 'state', nonce: 'nonce',
            ...more,
        });
        // What its login page adds to the address when the user is done.
        const {headers} = await this.get('GET', `/api/${PLUGIN}/auth?${query}&g_continue`, {cookie}, 302);
        const code = new URL(headers.location).searchParams.get('code');
        if (!code) throw new Error(`Glewlwyd: no code in ${headers.location}`);
        return this.tokens(client, {grant_type: 'authorization_code', code, redirect_uri: REDIRECT, ...more});
    }

    async stop() {
        await this.program?.stop();
        this.home.remove();
    }
}
