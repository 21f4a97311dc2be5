// Tokens about which a real OpenID provider is asked (RFC 7662), at a real LavinMQ: AMQP, MQTT, the HTTP API, a renewal.
import assert from 'node:assert/strict';
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Lavin, basic, bearer, hasSignIn, permitted, turnedAway} from '../support/lavinmq.mjs';
import {requests} from '../support/metrics.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
import {INTROSPECTOR, OPAQUE_PREFIX, OpenIdProvider} from '../support/openid_provider.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const WORKER = 'broker.configure:%2F/work broker.write:%2F/* broker.read:%2F/work broker.tag:management';
const SENSOR = 'broker.write:%2F/mqtt.default';
const [SERVER_UNAVAILABLE, NOT_AUTHORIZED] = [3, 5];
const TTL_MS = 3000;
const PASSWORD = 'a password of sixteen';
const GUEST = basic('guest', 'guest');

const directory = temporaryDirectory();
const metricsFile = join(directory.path, 'tokenward.prom');
let provider;
let lavin;
let logs = '';

function secret(name, text) {
    const file = join(directory.path, name);
    writeFileSync(file, `${text}\n`);
    chmodSync(file, 0o640);
    return file;
}

async function start(name, secretFile, more = '') {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const broker = await Lavin.start({
        directory: folder, oauth: [`issuer = ${provider.issuer}`, 'resource_server_id = broker'], ini: `[oauth]
ca_file = ${provider.caFile}
username_prefix = token-
jwks_timeout = 2
opaque_tokens = true
introspection_client_id = ${INTROSPECTOR}
introspection_client_secret_file = ${secretFile}
introspection_ttl = ${TTL_MS / 1000}
introspection_rate = 1000
${more}`, environment: {SSL_CERT_FILE: provider.caFile},
    });
    await broker.http('/users/local', GUEST, {method: 'PUT', body: {password: PASSWORD, tags: 'management'}});
    await broker.http('/permissions/%2F/local', GUEST, {method: 'PUT', body: {configure: '.*', read: '.*', write: '.*'}});
    return broker;
}

async function end() {
    await lavin.stop();
    logs += lavin.log;
}

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    const clients = {worker: WORKER, sensor: SENSOR, ...Object.fromEntries(Array.from({length: 200}, (_, i) => [`device-${i}`, SENSOR]))};
    provider = await OpenIdProvider.start({directory: join(directory.path, 'provider'), audience: 'broker', clients});
    lavin = await start('broker', secret('secret', provider.secret),
        `opaque_token_prefix = ${OPAQUE_PREFIX}\nmetrics_file = ${metricsFile}\n`);
}

async function after(failed) {
    await lavin?.stop();
    if (failed && lavin) console.error((logs + lavin.log).slice(-40_000));
    await provider?.stop();
    directory.remove();
}

const work = () => provider.opaqueToken('worker', WORKER);
const sensor = () => provider.opaqueToken('sensor', SENSOR);
const declare = (name) => (channel) => channel.assertQueue(name, {durable: false});
const mqtt = (password, options) => Client.connect(lavin.mqttPort, password, {protocolVersion: 4, ...options});
const local = async () => (await lavin.connect(PASSWORD, {username: 'local'})).close();
const aMoment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Of a client the log takes two refusals a second. */
const refusedAgain = async (reason, attempt) => {
    await aMoment(1100);
    const from = lavin.log.length;
    await attempt();
    await lavin.logged(new RegExp(`authenticate refused reason=${reason} .*issuer="${provider.issuer}"`), from);
};

test('AMQP: the first login waits for the answer, the next ones need none', async () => {
    const token = await work();
    const connection = await lavin.connect(token);
    assert.ok(await permitted(connection, declare('work')));
    assert.equal(await permitted(connection, declare('other')), false);
    await connection.close();
    for (let i = 0; i < 3; ++i) await (await lavin.connect(token)).close();
    assert.equal(provider.introspections, 1);
    await lavin.logged(/authenticate ok .*username="token-worker"/);
    const [line] = lavin.log.match(/authenticate ok .*username="token-worker".*/);
    assert.ok(line.includes(`issuer="${provider.issuer}"`), line);
    const left = Number(/expires_at=(\d+)/.exec(line)[1]) - Date.now() / 1000;
    assert.ok(left > 280 && left <= 311, `${left} s`);  // as the provider's tokens, and clock_skew
});

test('MQTT clients bring one as their password', async () => {
    const before = provider.introspections;
    const token = await sensor();
    for (let i = 0; i < 3; ++i) {
        const client = await mqtt(token);
        assert.ok(await client.publish('sensors/1', 'here'));
        if (i === 2) {
            client.mqtt.subscribe('#', () => {});
            await eventually(() => client.closed, "the connection's end");
        } else {
            await client.end();
        }
    }
    assert.equal(provider.introspections - before, 1);
});

test('HTTP takes one as a password, as Bearer and in the cookie of the pages', async () => {
    const before = provider.introspections;
    const token = await work();
    assert.equal((await lavin.http('/whoami', basic('whoever', token))).body.name, 'token-worker');
    assert.equal((await lavin.http('/whoami', bearer(token))).body.name, 'token-worker');
    if (hasSignIn) assert.equal((await lavin.http('/whoami', undefined, {cookie: `oauth_token=${token}`})).body.name, 'token-worker');
    assert.equal(provider.introspections - before, 1);
    assert.equal((await lavin.http('/whoami', bearer(await sensor()))).status, 401, 'it has no tag');
});

test('a JSON Web Token needs no question', async () => {
    const before = provider.introspections;
    await (await lavin.connect(await provider.token('worker', WORKER))).close();
    assert.equal(provider.introspections, before);
});

test('update-secret takes another one of the same client', async () => {
    const connection = await lavin.connect(await work());
    await connection.updateSecret(Buffer.from(await work()), 'renewal');
    assert.ok(await permitted(connection, declare('work')));
    await connection.updateSecret(Buffer.from(await provider.token('worker', WORKER)), 'renewal');
    assert.ok(await permitted(connection, declare('work')));
    await connection.close();
    const from = lavin.log.length;
    const other = await lavin.connect(await work());
    other.updateSecret(Buffer.from(await sensor()), 'renewal').catch(() => {});
    await eventually(() => other.isClosed, "the connection's end");
    await lavin.logged(/refresh refused reason=IDENTITY_CHANGED/, from);
});

test("a user's password is never shown to the provider", async () => {
    const before = provider.introspections;
    await local();
    await (await mqtt(PASSWORD, {username: 'local'})).end();
    assert.equal((await lavin.http('/whoami', basic('local', PASSWORD))).body.name, 'local');
    await turnedAway(lavin.connect('a wrong password of sixteen', {username: 'local'}));
    for (const alike of ['JwsB-RNZciLuP3n_kbD4VB1JbOxRwimsZG0b3t79XUo', `x${OPAQUE_PREFIX}wsB-RNZciLuP3n_kbD4VB1JbO`]) {
        await turnedAway(lavin.connect(alike));
        assert.equal(await refusal(mqtt(alike)), NOT_AUTHORIZED);
        assert.equal((await lavin.http('/whoami', basic('whoever', alike))).status, 401);
    }
    assert.equal(provider.introspections, before);
});

test('a revoked token is refused when its answer is over; connections that are there go on', async () => {
    const [token, theirs] = [await work(), await sensor()];
    const running = await lavin.connect(token);
    const client = await mqtt(theirs);
    await provider.revoke('worker', token);
    await provider.revoke('sensor', theirs);
    await aMoment(TTL_MS + 100);
    await refusedAgain('TOKEN_INACTIVE', () => turnedAway(lavin.connect(token)));
    await refusedAgain('TOKEN_INACTIVE', async () => assert.equal((await lavin.http('/whoami', bearer(token))).status, 401));
    await refusedAgain('TOKEN_INACTIVE', async () => assert.equal(await refusal(mqtt(theirs)), NOT_AUTHORIZED));
    assert.ok(await permitted(running, declare('work')));
    running.updateSecret(Buffer.from(token), 'renewal').catch(() => {});
    await eventually(() => running.isClosed, 'the end of who renews with it');
    assert.ok(await client.publish('sensors/1', 'still here'));
    await client.end();
});

test('what the provider never made is refused, and costs one question', async () => {
    const before = provider.introspections;
    const madeUp = `${OPAQUE_PREFIX}0123456789012345678901234567890123456789`;
    await refusedAgain('TOKEN_INACTIVE', () => turnedAway(lavin.connect(madeUp)));
    assert.equal(await refusal(mqtt(madeUp)), NOT_AUTHORIZED);
    assert.equal(provider.introspections - before, 1);
});

test('a slow provider is waited for, beside others who are not held up', async () => {
    const tokens = [await work(), await sensor(), await work()];
    provider.introspectionTakes = 1500;
    const begun = Date.now();
    const slow = [lavin.connect(tokens[0]), mqtt(tokens[1]), lavin.http('/whoami', bearer(tokens[2]))];
    let longest = 0;
    while (Date.now() - begun < 1400) {
        const from = Date.now();
        await local();
        longest = Math.max(longest, Date.now() - from);
    }
    const [connection, client, {status}] = await Promise.all(slow);
    provider.introspectionTakes = 0;
    assert.ok(Date.now() - begun >= 1500);
    assert.equal(status, 200);
    await connection.close();
    await client.end();
    console.log(`# the longest login of somebody else took ${longest} ms`);
    assert.ok(longest < 1000, `${longest} ms`);
});

test('while the provider is down: connections go on, known tokens and local users are in, a new token is told to try again', async () => {
    const [known, unknown, third] = [await work(), await work(), await sensor()];
    const running = await lavin.connect(known);
    provider.hangs = true;
    await (await lavin.connect(known)).close();
    const from = lavin.log.length;
    const begun = Date.now();
    const waiting = [turnedAway(lavin.connect(unknown)), refusal(mqtt(third)), lavin.http('/whoami', bearer(unknown)),
                     lavin.http('/whoami', ...hasSignIn ? [undefined, {cookie: `oauth_token=${unknown}`}] : [bearer(unknown)])];
    const renewing = await lavin.connect(known);
    renewing.updateSecret(Buffer.from(unknown), 'renewal').catch(() => {});
    await local();
    await (await mqtt(PASSWORD, {username: 'local'})).end();
    assert.ok(await permitted(running, declare('work')));
    assert.ok(Date.now() - begun < 5000, 'nobody else waits');
    const [error, code, answer, {status}] = await Promise.all(waiting);
    const took = Date.now() - begun;
    assert.equal(status, 503);
    await eventually(() => renewing.isClosed, 'the end of who can not renew');
    assert.doesNotMatch(String(error), /403|ACCESS.REFUSED/);
    assert.equal(code, SERVER_UNAVAILABLE);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.ok(took > 9000 && took < 13_000, `${took} ms`);
    assert.match(lavin.log.slice(from), /WARN.*introspection at .* fails/);
    assert.doesNotMatch(lavin.log.slice(from), /refused reason=TOKEN_INACTIVE/);
    provider.hangs = false;
    await (await eventually(() => lavin.connect(unknown).catch(() => {}), 'a connection')).close();
    await lavin.logged(/introspection works again/, from);
    await running.close();
});

test('who waits while the provider comes back is let in, without coming again', async () => {
    const token = await work();
    provider.hangs = true;
    const held = lavin.connect(token);
    await aMoment(1000);
    provider.hangs = false;
    await (await held).close();
});

test('a thousand clients with two hundred tokens at once: one question each', async () => {
    const tokens = await Promise.all(Array.from({length: 200}, (_, i) => provider.opaqueToken(`device-${i}`, SENSOR)));
    const before = provider.introspections;
    const begun = Date.now();
    let again = 0;
    // This process is the provider, too, so that an answer may take too long.
    const clients = await Promise.all(Array.from({length: 1000}, (_, i) => eventually(() =>
        (i % 2 === 0 ? mqtt(tokens[i % 200], {connectTimeout: 40_000}) : lavin.connect(tokens[i % 200])).catch((error) => {
            assert.ok(error.code === SERVER_UNAVAILABLE || !/403|ACCESS.REFUSED|refused with/.test(error.message), error);
            ++again;
        }), 'a connection', 40_000)));
    console.log(`# all in after ${Date.now() - begun} ms; ${again} connections had to come again; ` +
        `${provider.introspections - before} questions`);
    // An answer counts for three seconds, so that a slow machine may have to ask a second time.
    assert.ok(provider.introspections - before <= 200 * (1 + Math.ceil((Date.now() - begun) / TTL_MS)));
    await Promise.all(clients.map((each) => each instanceof Client ? each.end() : each.close()));
});

test('metrics_file counts what was asked, by result', async () => {
    const counted = await eventually(() => {
        const now = requests(readFileSync(metricsFile, 'utf8'), 'introspection');
        return now.active + now.inactive + now.failed >= provider.introspections && now;
    }, 'the numbers', 40_000);
    assert.ok(counted.active + counted.inactive <= provider.introspections, 'what came too late is a failure');
    assert.equal(counted.inactive, 3);
    assert.ok(counted.failed >= 1, `${counted.failed}`);
    assert.match(readFileSync(metricsFile, 'utf8'), /^tokenward_introspection_limited_total\{section="oauth"\} \d+$/m);
});

test('nothing of a token, and no secret, stands in the log', () => provider.assertNoSecretIn(lavin.log));

test('without a prefix only what is sent as a bearer token is asked about', async () => {
    await end();
    lavin = await start('bearer', join(directory.path, 'secret'));
    const before = provider.introspections;
    const token = await work();
    await turnedAway(lavin.connect(token));
    assert.equal(await refusal(mqtt(token)), NOT_AUTHORIZED);
    assert.equal((await lavin.http('/whoami', basic('whoever', token))).status, 401);
    assert.equal(provider.introspections, before);
    assert.equal((await lavin.http('/whoami', bearer(token))).body.name, 'token-worker');
    if (hasSignIn) assert.equal((await lavin.http('/whoami', undefined, {cookie: `oauth_token=${token}`})).body.name, 'token-worker');
    assert.equal(provider.introspections - before, 1);
    const connection = await lavin.connect(await provider.token('worker', WORKER));
    await connection.updateSecret(Buffer.from(token), 'renewal');
    assert.ok(await permitted(connection, declare('work')));
    await connection.close();
    provider.assertNoSecretIn(lavin.log);
});

test('with a wrong secret no such token is let in, and the log says what to mend', async () => {
    await end();
    lavin = await start('wrong', secret('wrong-secret', 'not the secret'), `opaque_token_prefix = ${OPAQUE_PREFIX}\n`);
    const token = await work();
    const [error, answer] = await Promise.all([turnedAway(lavin.connect(token)), lavin.http('/whoami', bearer(token))]);
    assert.doesNotMatch(String(error), /403|ACCESS.REFUSED/);
    assert.equal(answer.status, 503);
    await lavin.logged(/introspection at .* fails .*401.*introspection_client_id/);
    await local();
    provider.assertNoSecretIn(lavin.log, 'not the secret');
});

await runAll(before, after);
