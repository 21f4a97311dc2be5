// Tokens about which a real OpenID provider is asked (RFC 7662), at a real Mosquitto: in a chain with a password file, so that a
// user's password never reaches the provider, and its outage locks nobody else out.
import assert from 'node:assert/strict';
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {requests} from '../support/metrics.mjs';
import {Broker, Client, enhanced, refusal} from '../support/mosquitto.mjs';
import {INTROSPECTOR, OPAQUE_PREFIX, OpenIdProvider} from '../support/openid_provider.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const SENSOR = 'broker.write:%2F/sensors%2F*';
const NOT_AUTHORIZED = 135;
const TTL_MS = 3000;

const directory = temporaryDirectory();
const metricsFile = join(directory.path, 'tokenward.prom');
let provider;
let broker;

const ini = (secretFile, more = '') => `[oauth]
issuer = ${provider.issuer}
ca_file = ${provider.caFile}
resource_server_id = broker
username_prefix = token:
jwks_timeout = 2
opaque_tokens = true
opaque_token_prefix = ${OPAQUE_PREFIX}
introspection_client_id = ${INTROSPECTOR}
introspection_client_secret_file = ${secretFile}
introspection_ttl = ${TTL_MS / 1000}
introspection_rate = 1000
${more}`;

function secret(name, text) {
    const file = join(directory.path, name);
    writeFileSync(file, `${text}\n`);
    chmodSync(file, 0o640);
    return file;
}

async function start(name, text, options = []) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const passwords = join(folder, 'passwords');
    writeFileSync(passwords, '');
    chmodSync(passwords, 0o600);
    const {status, output} = await run('mosquitto_passwd', ['-b', passwords, 'local', 'a password of sixteen']);
    assert.equal(status, 0, output);
    return Broker.start({directory: folder, ini: text,
        options: ['plugin_opt_chain true', ...options, `password_file ${passwords}`]});
}

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    const clients = {sensor: SENSOR, ...Object.fromEntries(Array.from({length: 200}, (_, i) => [`device-${i}`, SENSOR]))};
    provider = await OpenIdProvider.start({directory: join(directory.path, 'provider'), audience: 'broker', clients});
    broker = await start('broker', ini(secret('secret', provider.secret), `metrics_file = ${metricsFile}\n`));
}

async function after(failed) {
    await broker?.stop();
    if (failed && broker) console.error(broker.log.slice(-40_000));
    await provider?.stop();
    directory.remove();
}

const fresh = (client = 'sensor') => provider.opaqueToken(client, SENSOR);
/** As a client does that comes again: closed without a CONNACK isn't final. */
const comeAgain = (password, options) => eventually(() => Client.connect(broker.port, password, options).catch(({code}) => {
    assert.equal(code, undefined, `a good token was refused with ${code}`);
}), 'a connection');
const local = () => Client.connect(broker.port, 'a password of sixteen', {username: 'local'});

test('the first login must come again, and the next ones are in at once', async () => {
    const token = await fresh();
    assert.equal(await refusal(Client.connect(broker.port, token)), undefined);
    const client = await comeAgain(token);
    assert.ok(await client.publish('sensors/1', 'here'));
    assert.equal(await client.publish('actuators/1', 'on'), false);
    await client.end();
    for (let i = 0; i < 3; ++i) await (await Client.connect(broker.port, token)).end();
    assert.equal(provider.introspections, 1);
    const [line] = broker.log.match(/authenticate ok .*username="token:sensor".*/);
    assert.ok(line.includes(`issuer="${provider.issuer}"`), line);
});

test('enhanced authentication brings one, and so does a renewal', async () => {
    const token = await fresh();
    const client = await comeAgain(undefined, enhanced(token));
    assert.ok(await client.publish('sensors/1', 'here'));
    const next = await fresh();
    await (await comeAgain(next)).end();  // the broker knows it now
    assert.ok(await client.reauthenticate(next));
    await client.end();
});

test('a JSON Web Token needs no question', async () => {
    const before = provider.introspections;
    const client = await comeAgain(await provider.token('sensor', SENSOR));
    assert.ok(await client.publish('sensors/1', 'here'));
    await client.end();
    assert.equal(provider.introspections, before);
});

test("a user's password is never shown to the provider", async () => {
    const before = provider.introspections;
    const client = await local();
    await client.end();
    assert.equal(await refusal(Client.connect(broker.port, 'a wrong password it is', {username: 'local'})), NOT_AUTHORIZED);
    assert.equal(await refusal(Client.connect(broker.port, 'JwsB-RNZciLuP3n_kbD4VB1JbOxRwimsZG0b3t79XUo')), NOT_AUTHORIZED);
    assert.equal(provider.introspections, before);
});

test('a revoked token is refused when its answer is over; a session that runs goes on', async () => {
    const token = await fresh();
    const running = await comeAgain(token);
    await provider.revoke('sensor', token);
    await (await Client.connect(broker.port, token)).end();  // the answer still counts
    await new Promise((resolve) => setTimeout(resolve, TTL_MS));
    const from = broker.log.length;
    await eventually(async () => await refusal(Client.connect(broker.port, token)) === NOT_AUTHORIZED, 'the refusal');
    await broker.logged(/authenticate refused reason=TOKEN_INACTIVE/, from);
    assert.ok(await running.publish('sensors/1', 'still here'));
    await running.end();
});

test('what the provider never made is refused, and the log says why', async () => {
    const from = broker.log.length;
    const made_up = `${OPAQUE_PREFIX}0123456789012345678901234567890123456789`;
    await eventually(async () => await refusal(Client.connect(broker.port, made_up)) === NOT_AUTHORIZED, 'the refusal');
    await broker.logged(/reason=TOKEN_INACTIVE/, from);
});

test('a provider that is slow holds up nobody else', async () => {
    const other = await local();
    provider.introspectionTakes = 1500;
    const token = await fresh();
    let done = false;
    const slow = comeAgain(token).finally(() => { done = true; });
    let longest = 0;
    while (!done) {
        const begun = Date.now();
        await other.publish('sensors/1', 'x');
        longest = Math.max(longest, Date.now() - begun);
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    provider.introspectionTakes = 0;
    await (await slow).end();
    await other.end();
    console.log(`# the longest publish of somebody else took ${longest} ms`);
    assert.ok(longest < 750, `${longest} ms`);
});

test('while the provider is down: known tokens and local users are in, a new one must come again', async () => {
    const known = await fresh();
    await (await comeAgain(known)).end();
    const unknown = await fresh();
    provider.hangs = true;
    await (await Client.connect(broker.port, known)).end();
    for (let i = 0; i < 3; ++i) {
        assert.equal(await refusal(Client.connect(broker.port, unknown)), undefined);
        await (await local()).end();
        await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    await broker.logged(/WARN.*introspection|introspection at .* fails/);
    provider.hangs = false;
    const client = await comeAgain(unknown);
    assert.ok(await client.publish('sensors/1', 'here'));
    await client.end();
    await broker.logged(/introspection works again/);
});

test('a thousand clients with two hundred tokens at once: one question each', async () => {
    const tokens = await Promise.all(Array.from({length: 200}, (_, i) => fresh(`device-${i}`)));
    const before = provider.introspections;
    const begun = Date.now();
    let again = 0;
    const clients = await Promise.all(Array.from({length: 1000}, (_, i) => eventually(
        () => Client.connect(broker.port, tokens[i % 200]).catch(({code}) => {
            assert.equal(code, undefined, `a good token was refused with ${code}`);
            ++again;
        }), 'a connection', 60_000, 500)));
    console.log(`# all in after ${Date.now() - begun} ms; ${again} connections had to come again; ` +
        `${provider.introspections - before} questions`);
    // An answer counts for three seconds, so that a slow machine may have to ask a second time.
    assert.ok(provider.introspections - before <= 200 * (1 + Math.ceil((Date.now() - begun) / TTL_MS)));
    await Promise.all(clients.map((each) => each.end()));
});

test('metrics_file counts what was asked, by result, and no secret or token stands in the log', async () => {
    const counted = await eventually(() => {
        const now = requests(readFileSync(metricsFile, 'utf8'), 'introspection');
        return now.active + now.inactive + now.failed >= provider.introspections && now;
    }, 'the numbers', 40_000);
    assert.ok(counted.active + counted.inactive <= provider.introspections, 'what came too late is a failure');
    assert.equal(counted.inactive, 2);
    assert.ok(counted.failed >= 1, `${counted.failed}`);
    provider.assertNoSecretIn(broker.log, `${OPAQUE_PREFIX}0123456789012345678901234567890123456789`, 'a password of sixteen');
});

test('a broker that may wait a little lets the first login in', async () => {
    const patient = await start('patient', ini(join(directory.path, 'secret')), ['plugin_opt_max_wait 200']);
    try {
        const token = await fresh();
        await (await eventually(() => Client.connect(patient.port, token).catch(() => {}), 'the endpoint')).end();
        const client = await Client.connect(patient.port, await fresh());
        await client.end();
    } finally {
        await patient.stop();
    }
});

test('with a wrong secret nobody is let in, and the log says what to mend', async () => {
    const wrong = await start('wrong', ini(secret('wrong-secret', 'not the secret')));
    try {
        assert.equal(await refusal(Client.connect(wrong.port, await fresh())), undefined);
        await wrong.logged(/introspection at .* fails .*401.*introspection_client_id/);
        provider.assertNoSecretIn(wrong.log, 'not the secret');
    } finally {
        await wrong.stop();
    }
});

test('a secret that everybody may read keeps the broker from starting', async () => {
    const open = secret('open-secret', provider.secret);
    chmodSync(open, 0o644);
    await assert.rejects(start('open', ini(open)), /open-secret.*everybody on this machine may read it/s);
});

await runAll(before, after);
