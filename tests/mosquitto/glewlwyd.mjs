// End to end with a second real OpenID provider, Debian's Glewlwyd: discovery, the tokens of a service and of a user,
// new keys, revoked tokens; into the command line tool and into a real Mosquitto. tests/mosquitto/glewlwyd.sh runs it.
import assert from 'node:assert/strict';
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Glewlwyd} from '../support/glewlwyd.mjs';
import {requests} from '../support/metrics.mjs';
import {Broker, Client, enhanced, refusal} from '../support/mosquitto.mjs';
import {built, run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const SENSOR = 'broker.write:%2F/sensors%2F*';
const DASHBOARD = 'broker.read:%2F/sensors%2F*';
/** A scope of another service. */
const SHOP = 'shop.orders';
const RESOURCE = 'https://broker.example.com';
const NOT_AUTHORIZED = 135;

const directory = temporaryDirectory();
let provider;
let broker;

/** The recipe, with this provider in it; `changes`: other values, undefined takes a line out. */
function ini(changes = {}) {
    let text = readFileSync(new URL('../../src/config/examples/glewlwyd.ini', import.meta.url), 'utf8');
    const all = {issuer: provider.issuer, ca_file: provider.caFile, jwks_min_refresh: 1, ...changes};
    for (const [key, value] of Object.entries(all)) {
        text = text.replace(new RegExp(`^${key} = .*\\n`, 'm'), '');
        if (value !== undefined) text += `${key} = ${value}\n`;
    }
    return text;
}

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    provider = await Glewlwyd.start({
        directory: join(directory.path, 'provider'), resource: RESOURCE, scopes: [SENSOR, DASHBOARD, SHOP],
        clients: {sensor: [SENSOR], shop: [SHOP], dashboard: [], broker: []},
        users: {alice: ['openid', DASHBOARD]},
    });
    broker = await Broker.start({directory: directory.path, ini: ini()});
}

async function after(failed) {
    await broker?.stop();
    if (failed && broker) console.error(broker.log);
    if (failed && provider) console.error(provider.log);
    await provider?.stop();
    directory.remove();
}

/** A command of tokenward with a configuration: {status, output}. */
function tokenward(command, configuration, ...args) {
    const file = join(directory.path, 'asked.ini');
    writeFileSync(file, configuration, {mode: 0o644});
    return run(built('plugin/cli/tokenward'), [command, '--config', file, ...args]);
}

/** tokenward check with the token in a file: {status, output}. */
async function check(token, {configuration = ini(), questions = []} = {}) {
    const file = join(directory.path, 'token');
    writeFileSync(file, `${token}\n`);
    const answer = await tokenward('check', configuration, '--token-file', file, ...questions);
    assert.ok(!answer.output.includes(token.split('.')[1]), 'nothing of a token is shown');
    return answer;
}

/** What it says of itself, for tests that must know what they were given. */
const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const header = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));

const service = () => provider.token('sensor', SENSOR);
const user = () => provider.userTokens('alice', 'dashboard', `openid ${DASHBOARD}`);

test('the key set is found by issuer and ca_file alone', async () => {
    const {status, output} = await tokenward('keys', `[oauth]
issuer = ${provider.issuer}
ca_file = ${provider.caFile}
resource_server_id = broker
`);
    assert.equal(status, 0, output);
    for (const {kid} of provider.keys) assert.ok(output.includes(kid), output);
    // The external_url of Debian's configuration ends with a slash: then there are two in what discovery says.
    assert.ok(output.includes(`${provider.url}//api/oidc/jwks`), output);
});

test("a service's token may do what its scope says, and no more", async () => {
    const {status, output} = await check(await service(), {questions: ['--write', '%2F/sensors%2F1']});
    assert.equal(status, 0, output);
    assert.match(output, /^ACCEPTED +sensor$/m);
    const denied = await check(await service(), {questions: ['--write', '%2F/secret', '--read', '%2F/sensors%2F1']});
    assert.equal(denied.status, 1, denied.output);
    assert.equal(denied.output.match(/^DENIED/gm).length, 2, denied.output);
});

test("a user's token has the name that the configuration asks for, and their scopes", async () => {
    const {access_token: token} = await user();
    assert.equal(header(token).typ, 'at+jwt');
    assert.notEqual(claims(token).sub, 'alice');
    const {status, output} = await check(token, {questions: ['--read', '%2F/sensors%2F1']});
    assert.equal(status, 0, output);
    assert.match(output, /^ACCEPTED +alice$/m);
    const denied = await check(token, {questions: ['--write', '%2F/sensors%2F1']});
    assert.equal(denied.status, 1, denied.output);
    // Without that option it is what the provider calls its subject.
    const plain = await check(token, {configuration: ini({preferred_username_claims: undefined})});
    assert.equal(plain.status, 0, plain.output);
    assert.ok(plain.output.includes(claims(token).sub), plain.output);
});

for (const algorithm of ['PS256', 'ES256', 'EdDSA', 'RS256']) {
    test(`a token signed with ${algorithm} is accepted`, async () => {
        await provider.signWith(algorithm);
        const token = await service();
        assert.equal(header(token).alg, algorithm);
        const {status, output} = await check(token);
        assert.equal(status, 0, output);
    });
}

test("an issuer that isn't the plugin's address needs discovery_uri", async () => {
    const discovery = `${provider.issuer}/.well-known/openid-configuration`;
    const path = provider.issuerPath;
    provider.issuerPath = '/';
    await provider.configure();
    try {
        const token = await service();
        assert.equal(claims(token).iss, `${provider.url}/`);
        const {status, output} = await check(token);
        assert.equal(status, 3, output);
        assert.match(output, /^NOT DECIDED +KEYS_PENDING$/m);
        assert.match(output, /HTTP status 404/);
        const found = await check(token, {configuration: ini({discovery_uri: discovery})});
        assert.equal(found.status, 0, found.output);
    } finally {
        provider.issuerPath = path;
        await provider.configure();
    }
});

test('clients connect to Mosquitto, an allowed message arrives, a forbidden one does not', async () => {
    const dashboard = await Client.connect(broker.port, (await user()).access_token);
    const sensor = await Client.connect(broker.port, await service());
    assert.ok(await dashboard.subscribe('sensors/+/temperature'));
    assert.equal(await dashboard.subscribe('#'), false);
    assert.equal(await sensor.subscribe('sensors/+/temperature'), false);
    assert.equal(await sensor.publish('actuators/1', 'on'), false);
    assert.equal(await dashboard.publish('sensors/1/temperature', 'forged'), false);
    assert.ok(await sensor.publish('sensors/1/temperature', '21.5'));
    await dashboard.receives('sensors/1/temperature 21.5');
    assert.deepEqual(dashboard.messages, ['sensors/1/temperature 21.5']);
    await sensor.end();
    await dashboard.end();
});

test('without a resource aud is the scopes: refused, unless verify_aud is off', async () => {
    const token = await provider.token('sensor', SENSOR, {});
    assert.equal(claims(token).aud, SENSOR);
    const {status, output} = await check(token);
    assert.equal(status, 1, output);
    assert.match(output, /^REFUSED +WRONG_AUDIENCE$/m);
    assert.ok(output.includes(`"${SENSOR}", needed is "${RESOURCE}"`), output);
    assert.equal(await refusal(Client.connect(broker.port, token)), NOT_AUTHORIZED);
    const off = await check(token, {configuration: ini({verify_aud: false}), questions: ['--write', '%2F/sensors%2F1']});
    assert.equal(off.status, 0, off.output);
});

test('the password grant knows no resource: its aud is the scopes too', async () => {
    const {access_token: token} = await provider.tokens('dashboard', {
        grant_type: 'password', username: 'alice', password: provider.secret, scope: DASHBOARD, resource: RESOURCE,
    });
    assert.equal(claims(token).aud, DASHBOARD);
    assert.match((await check(token)).output, /^REFUSED +WRONG_AUDIENCE$/m);
    const {status, output} = await check(token, {
        configuration: ini({verify_aud: false, 'required_claims.client_id': 'dashboard'}),
        questions: ['--read', '%2F/sensors%2F1'],
    });
    assert.equal(status, 0, output);
    assert.match(output, /^ACCEPTED +alice$/m);
});

test('a token of another client without our scopes may do nothing, and says why', async () => {
    const token = await provider.token('shop', SHOP);
    const {status, output} = await check(token, {questions: ['--write', '%2F/sensors%2F1']});
    assert.equal(status, 1, output);
    assert.match(output, /no scope counts: 1 found in "scope"; "shop\.orders" has not the prefix "broker\."/);
    const before = broker.log.length;
    const client = await Client.connect(broker.port, token);
    await broker.logged(/without any rights: no scope counts: .*"shop\.orders" has not the prefix "broker\."/, before);
    assert.equal(await client.publish('sensors/1', 'x'), false);
    assert.equal(await client.subscribe('sensors/1'), false);
    await broker.logged(/reason=NO_SCOPE/, before);
    await client.end();
    // What the hint says.
    const meant = await check(token, {
        configuration: ini({[`scope_aliases.${SHOP}`]: SENSOR}), questions: ['--write', '%2F/sensors%2F1'],
    });
    assert.equal(meant.status, 0, meant.output);
});

test('an ID token is refused, whatever the audience', async () => {
    const {id_token: token} = await user();
    assert.deepEqual([header(token).typ, claims(token).aud], ['JWT', 'dashboard']);
    const before = broker.log.length;
    assert.equal(await refusal(Client.connect(broker.port, token)), NOT_AUTHORIZED);
    await broker.logged(/authenticate refused reason=WRONG_TYPE/, before);
    // Its access tokens say what they are, so the recipe asks for that. Each rule alone would do.
    const other = {require_at_jwt: undefined};
    for (const [reason, changes] of [
        ['WRONG_TYPE', {verify_aud: false, allow_id_token: true}],
        ['WRONG_AUDIENCE', {...other, allow_id_token: true}],
        ['NOT_AN_ACCESS_TOKEN', {...other, verify_aud: false}],
        ['NOT_AN_ACCESS_TOKEN', {...other, audience: 'dashboard'}],
    ]) {
        const {status, output} = await check(token, {configuration: ini(changes)});
        assert.equal(status, 1, output);
        assert.match(output, new RegExp(`^REFUSED +${reason}$`, 'm'));
    }
});

// ---- revoked tokens (RFC 7662) ----

/** A broker that asks as the client `as`. */
async function asking(name, more = '', {as = 'broker', secret = provider.secret} = {}) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const file = join(folder, 'secret');
    writeFileSync(file, `${secret}\n`);
    chmodSync(file, 0o640);
    return Broker.start({directory: folder, ini: `${ini()}introspect = jwt
introspection_client_id = ${as}
introspection_client_secret_file = ${file}
introspection_ttl = 1
${more}`});
}
/** As a client does that comes again: closed without a CONNACK isn't final. */
const comeAgain = (to, password, options) => eventually(() => Client.connect(to.port, password, options).catch(({code}) => {
    assert.equal(code, undefined, `a good token was refused with ${code}`);
}), 'a connection');
async function withBroker(begin, run) {
    const one = await begin;
    try {
        await run(one);
    } catch (error) {
        console.error(one.log);
        throw error;
    } finally {
        await one.stop();
    }
}

test('introspect = jwt: a revoked token is refused at the next login, and who is there goes on', async () => {
    const metricsFile = join(directory.path, 'tokenward.prom');
    await withBroker(asking('introspects', `metrics_file = ${metricsFile}\n`), async (one) => {
        const token = await service();
        const sensor = await comeAgain(one, token);
        await one.logged(new RegExp(`authenticate ok .*issuer="${provider.issuer}" username="sensor"`));
        const {access_token: theirs} = await user();
        const dashboard = await comeAgain(one, theirs);
        await provider.revoke('sensor', token);
        await provider.revoke('dashboard', theirs);
        await new Promise((resolve) => setTimeout(resolve, 1100));  // introspection_ttl
        for (const [revoked, username] of [[token, 'sensor'], [theirs, 'alice']]) {
            const from = one.log.length;
            await eventually(async () => await refusal(Client.connect(one.port, revoked)) === NOT_AUTHORIZED, 'the refusal');
            await one.logged(new RegExp(`authenticate refused reason=TOKEN_INACTIVE .*username="${username}"`), from);
        }
        assert.ok(await sensor.publish('sensors/1', 'still here'));
        await (await comeAgain(one, await service())).end();
        await sensor.end();
        await dashboard.end();
        // Without it nobody notices.
        await (await Client.connect(broker.port, token)).end();

        const other = await service();
        await provider.program.stop();
        assert.equal(await refusal(Client.connect(one.port, other)), undefined);
        await one.logged(/introspection at .* fails/);
        await eventually(() => provider.launch(), 'Glewlwyd on its port');
        await (await comeAgain(one, other)).end();
        const counted = await eventually(() => {
            const now = requests(readFileSync(metricsFile, 'utf8'), 'introspection');
            return now.active >= 4 && now.inactive >= 2 && now.failed >= 1 && now;
        }, 'the numbers', 40_000);
        assert.equal(counted.inactive, 2);
        for (const secret of [provider.secret, ...[token, theirs, other].map((each) => each.split('.')[2].slice(0, 24))]) {
            assert.ok(!one.log.includes(secret));
        }
    });
}, 90_000);

test('a refresh token, which is opaque, is refused', async () => {
    await withBroker(asking('opaque', 'opaque_tokens = true\n'), async (one) => {
        const {access_token: token, refresh_token: refresh} = await user();
        assert.match(refresh, /^[\w-]{64,}$/);
        await (await comeAgain(one, token)).end();
        await eventually(async () => await refusal(Client.connect(one.port, undefined, enhanced(refresh))) === NOT_AUTHORIZED, 'the refusal');
        await one.logged(/authenticate refused reason=TOKEN_INACTIVE/);
        assert.equal(await refusal(Client.connect(one.port, refresh)), NOT_AUTHORIZED);
        assert.ok(!one.log.includes(refresh.slice(0, 24)));
    });
});

test('with a wrong secret nobody is let in, and the log says what to mend', async () => {
    await withBroker(asking('wrong', '', {secret: 'not the secret'}), async (one) => {
        assert.equal(await refusal(Client.connect(one.port, await service())), undefined);
        await one.logged(/introspection at .* fails .*401.*introspection_client_id/);
        assert.ok(!one.log.includes('not the secret'));
    });
});

test('without a scope for it, as the recipe says, a client may ask about its own tokens only', async () => {
    provider.introspectionScopes = [];
    await provider.configure();
    try {
        await withBroker(asking('own'), async (one) => {
            const token = await service();
            await eventually(async () => await refusal(Client.connect(one.port, token)) === NOT_AUTHORIZED, 'the refusal');
            await one.logged(/reason=TOKEN_INACTIVE/);
        });
    } finally {
        provider.introspectionScopes = ['introspection'];
        await provider.configure();
    }
});

test('the provider takes new keys: the broker learns them, and nobody is dropped', async () => {
    const dashboard = await Client.connect(broker.port, (await user()).access_token);
    assert.ok(await dashboard.subscribe('sensors/+'));
    const old = await service();
    provider.renewKeys();
    await provider.configure();
    const token = await service();
    assert.notEqual(header(token).kid, header(old).kid);
    const sensor = await eventually(() => Client.connect(broker.port, token).catch((error) => {
        // Closed without a CONNACK is "try again"; a code would be a refusal.
        assert.equal(error.code, undefined, 'a good token was refused');
    }), 'the new key');
    assert.ok(await sensor.publish('sensors/2', 'new keys'));
    await dashboard.receives('sensors/2 new keys');
    assert.equal(dashboard.closed, false);
    // Refused for good once a fetch that began after the first try came back without its key.
    await eventually(async () => await refusal(Client.connect(broker.port, old)) === NOT_AUTHORIZED, 'a final refusal');
    await sensor.end();
    await dashboard.end();
});

test('the provider restarts with new keys again and again while clients come and go: none is refused', async () => {
    let stop = false;
    let connected = 0;
    let askedAgain = 0;
    const lane = async () => {
        while (!stop) {
            const token = await eventually(() => service().catch(() => undefined), 'a token');
            const client = await eventually(() => Client.connect(broker.port, token).catch((error) => {
                assert.equal(error.code, undefined, `a good token was refused with ${error.code}`);
                ++askedAgain;
            }), 'a connection');
            assert.ok(await client.publish('sensors/3', 'here'));
            await client.end();
            ++connected;
        }
    };
    const restarts = async () => {
        for (let restart = 0; restart < 5 && !stop; ++restart) {
            await new Promise((resolve) => setTimeout(resolve, 1500));  // jwks_min_refresh is 1 s
            provider.renewKeys({keepOld: true});
            await provider.restart();
        }
        // Each lane once more, with the newest key.
        const last = connected;
        await eventually(() => connected >= last + 4, 'connections with the last key');
        stop = true;
    };
    const all = [lane(), lane(), restarts()];
    try {
        await Promise.all(all);
    } finally {
        stop = true;
        await Promise.allSettled(all);
    }
    console.log(`# ${connected} connections over 5 restarts, ${askedAgain} asked again while keys came`);
    assert.ok(connected > 20, `${connected} connections`);
});

await runAll(before, after);
