// Tokens about which a real OpenID provider is asked (RFC 7662), at a real RabbitMQ: AMQP, MQTT, the management API, a renewal.
import assert from 'node:assert/strict';
import {chmodSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import mqtt from 'mqtt';

import {requests} from '../support/metrics.mjs';
import {INTROSPECTOR, OPAQUE_PREFIX, OpenIdProvider} from '../support/openid_provider.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {Rabbit, basic, permitted, turnedAway} from '../support/rabbitmq.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const WORKER = 'broker.configure:%2F/work broker.write:%2F/work broker.read:%2F/work broker.tag:management';
const SENSOR = 'broker.configure:%2F/* broker.write:%2F/*/sensors.*';
const TTL_MS = 3000;

const directory = temporaryDirectory();
let provider;
let rabbit;
let secretFile;

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    provider = await OpenIdProvider.start({
        directory: join(directory.path, 'provider'), audience: 'broker', clients: {worker: WORKER, sensor: SENSOR},
    });
    secretFile = join(directory.path, 'secret');
    writeFileSync(secretFile, `${provider.secret}\n`);
    chmodSync(secretFile, 0o640);
    rabbit = await Rabbit.start({
        directory: directory.path,
        conf: [
            'auth_backends.2 = internal',
            `tokenward.issuer = ${provider.issuer}`,
            `tokenward.ca_file = ${provider.caFile}`,
            'tokenward.resource_server_id = broker',
            'tokenward.username_prefix = token-',
            'tokenward.jwks_timeout = 2',
            'tokenward.opaque_tokens = true',
            `tokenward.opaque_token_prefix = ${OPAQUE_PREFIX}`,
            `tokenward.introspection_client_id = ${INTROSPECTOR}`,
            `tokenward.introspection_client_secret_file = ${secretFile}`,
            `tokenward.introspection_ttl = ${TTL_MS / 1000}`,
        ],
    });
    const {status, output} = await rabbit.control(['add_user', 'local', 'a password of sixteen']);
    assert.equal(status, 0, output);
    await rabbit.control(['set_permissions', 'local', '.*', '.*', '.*']);
}

async function after(failed) {
    if (failed && rabbit) console.error(rabbit.log.slice(-40_000));
    await rabbit?.stop();
    await provider?.stop();
    directory.remove();
}

const work = () => provider.opaqueToken('worker', WORKER);
const counted = async () =>
    requests(await rabbit.evaluate('{ok, Text} = tokenward:metrics(), io:format("~ts", [Text]).'), 'introspection');
const declare = (name) => (channel) => channel.assertQueue(name);

test('the first login waits for the answer, the next ones need none', async () => {
    const token = await work();
    const connection = await rabbit.connect(token);
    assert.ok(await permitted(connection, declare('work')));
    assert.equal(await permitted(connection, declare('other')), false);
    await connection.close();
    for (let i = 0; i < 3; ++i) await (await rabbit.connect(token)).close();
    assert.equal(provider.introspections, 1);
    await rabbit.logged(/authenticate ok .*username="token-worker"/);
    const [line] = rabbit.log.match(/authenticate ok .*username="token-worker".*/);
    assert.ok(line.includes(`issuer="${provider.issuer}"`) && line.includes('protocol="amqp"'), line);
    assert.deepEqual(await counted(), {active: 1, inactive: 0, failed: 0});
});

test('MQTT clients bring one as their password', async () => {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${rabbit.mqttPort}`,
        {protocolVersion: 4, username: 'whoever', password: await provider.opaqueToken('sensor', SENSOR), reconnectPeriod: 0}, false);
    await client.publishAsync('sensors/1', 'here', {qos: 1});
    await client.endAsync();
});

test('the management API takes one as a password', async () => {
    const token = await work();
    assert.equal((await rabbit.http('/whoami', basic('whoever', token))).body.name, 'token-worker');
    assert.equal((await rabbit.http('/whoami', basic('local', 'a password of sixteen'))).status, 401, 'it has no tag');
});

test('update-secret takes another one of the same client', async () => {
    const connection = await rabbit.connect(await work());
    await connection.updateSecret(Buffer.from(await work()), 'renewal');
    assert.ok(await permitted(connection, declare('work')));
    await connection.close();
    const other = await rabbit.connect(await work());
    other.updateSecret(Buffer.from(await provider.opaqueToken('sensor', SENSOR)), 'renewal').catch(() => {});
    await eventually(() => other.isClosed, "the connection's end");
    assert.match(other.closedBy, /530|NOT.ALLOWED/i);
});

test("a user's password is never shown to the provider", async () => {
    const before = provider.introspections;
    await (await rabbit.connect('a password of sixteen', {username: 'local'})).close();
    await turnedAway(rabbit.connect('a wrong password of sixteen', {username: 'local'}));
    await turnedAway(rabbit.connect('JwsB-RNZciLuP3n_kbD4VB1JbOxRwimsZG0b3t79XUo'));
    assert.equal(provider.introspections, before);
});

test('a revoked token is refused when its answer is over; a connection that is there goes on', async () => {
    const token = await work();
    const running = await rabbit.connect(token);
    await provider.revoke('worker', token);
    await new Promise((resolve) => setTimeout(resolve, TTL_MS + 100));
    const from = rabbit.log.length;
    await turnedAway(rabbit.connect(token));
    await rabbit.logged(/authenticate refused reason=TOKEN_INACTIVE/, from);
    assert.ok(await permitted(running, declare('work')));
    await running.close();
    assert.equal((await counted()).inactive, 1);
});

test('a slow provider is waited for, beside others who are not held up', async () => {
    provider.introspectionTakes = 1500;
    const begun = Date.now();
    const slow = rabbit.connect(await work());
    await (await rabbit.connect('a password of sixteen', {username: 'local'})).close();
    const others = Date.now() - begun;
    await (await slow).close();
    provider.introspectionTakes = 0;
    assert.ok(Date.now() - begun >= 1500);
    assert.ok(others < 1400, `${others} ms`);
});

test('while the provider is down: known tokens and local users are in, a new one is refused in the end', async () => {
    const known = await work();
    const running = await rabbit.connect(known);
    const unknown = await work();
    provider.hangs = true;
    await (await rabbit.connect(known)).close();
    await (await rabbit.connect('a password of sixteen', {username: 'local'})).close();
    assert.ok(await permitted(running, declare('work')));
    await running.close();
    await turnedAway(rabbit.connect(unknown)).finally(() => { provider.hangs = false; });
    await rabbit.logged(/introspection at .* fails/);
    assert.ok((await counted()).failed > 0);
    const connection = await rabbit.connect(unknown);
    await connection.close();
});

test('fifty new tokens at once are all let in', async () => {
    const tokens = await Promise.all(Array.from({length: 50}, work));
    const before = provider.introspections;
    const begun = Date.now();
    const connections = await Promise.all(tokens.map((token) => rabbit.connect(token)));
    console.log(`# all in after ${Date.now() - begun} ms`);
    assert.equal(provider.introspections - before, 50);
    await Promise.all(connections.map((one) => one.close()));
});

test('a thousand clients with fifty tokens at once: one question each', async () => {
    const tokens = await Promise.all(Array.from({length: 50}, () => provider.opaqueToken('sensor', SENSOR)));
    const before = provider.introspections;
    const begun = Date.now();
    let again = 0;
    const clients = await Promise.all(Array.from({length: 1000}, (_, i) => eventually(() => (i % 2 === 0 ?
        mqtt.connectAsync(`mqtt://127.0.0.1:${rabbit.mqttPort}`, {protocolVersion: 4, username: 'whoever', password: tokens[i % 50],
            reconnectPeriod: 0, connectTimeout: 40_000}, false) : rabbit.connect(tokens[i % 50])).catch(() => { ++again; }),
    'a connection', 90_000, 500)));
    console.log(`# all in after ${Date.now() - begun} ms; ${again} connections had to come again; ` +
        `${provider.introspections - before} questions`);
    assert.ok(provider.introspections - before <= 50 * (1 + Math.ceil((Date.now() - begun) / TTL_MS)));
    await Promise.all(clients.map((one) => one.endAsync?.() ?? one.close()));
});

test('with a wrong secret no such token is let in, the log says what to mend, and has no secret or token', async () => {
    writeFileSync(secretFile, 'not the secret\n');
    assert.equal(await rabbit.evaluate('tokenward:reload().'), 'ok');
    await turnedAway(rabbit.connect(await work()));
    await rabbit.logged(/introspection at .* fails .*401.*introspection_client_id/);
    await (await rabbit.connect('a password of sixteen', {username: 'local'})).close();
    provider.assertNoSecretIn(rabbit.log, 'not the secret', 'a password of sixteen', 'a wrong password of sixteen');
});

await runAll(before, after);
