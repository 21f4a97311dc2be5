// Clients that bring an id and a secret instead of a token (RFC 6749 section 4.4), at a real LavinMQ and a real OpenID provider.
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

import {Lavin, basic, permitted, turnedAway} from '../support/lavinmq.mjs';
import {requests} from '../support/metrics.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
import {OpenIdProvider} from '../support/openid_provider.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const SCOPE = 'broker.configure:%2F/work broker.write:%2F/* broker.read:%2F/work broker.tag:management';
const [SERVER_UNAVAILABLE, NOT_AUTHORIZED] = [3, 5];
const PASSWORD = 'a password of sixteen';
const WRONG = 'a wrong secret of sixteen';
const GUEST = basic('guest', 'guest');
const SESSION_S = 60;

const directory = temporaryDirectory();
const metricsFile = join(directory.path, 'tokenward.prom');
let provider;
let lavin;
let oauth;

const ini = (prefix) => `[oauth]
ca_file = ${provider.caFile}
username_prefix = token-
jwks_timeout = 2
metrics_file = ${metricsFile}
client_credentials_prefix = ${prefix}
client_credentials_scope = ${SCOPE}
client_credentials_auth_method = client_secret_post
client_credentials_session = ${SESSION_S}
`;

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    const names = ['worker', 'other', ...Array.from({length: 40}, (_, i) => `device-${i}`)];
    provider = await OpenIdProvider.start({
        directory: join(directory.path, 'provider'), audience: 'broker', lifetime: 33,
        clients: Object.fromEntries(names.map((name) => [name, SCOPE])),
    });
    oauth = [`issuer = ${provider.issuer}`, 'resource_server_id = broker'];
    lavin = await Lavin.start({directory: directory.path, oauth, ini: ini('client:'), environment: {SSL_CERT_FILE: provider.caFile}});
    for (const name of ['local', 'client:old']) {
        const path = encodeURIComponent(name);
        await lavin.http(`/users/${path}`, GUEST, {method: 'PUT', body: {password: PASSWORD, tags: 'management'}});
        await lavin.http(`/permissions/%2F/${path}`, GUEST, {method: 'PUT', body: {configure: '.*', read: '.*', write: '.*'}});
    }
}

async function after(failed) {
    await lavin?.stop();
    if (failed && lavin) console.error(lavin.log.slice(-40_000));
    await provider?.stop();
    directory.remove();
}

const amqp = (username, secret = provider.secret) => lavin.connect(secret, {username});
const mqtt = (username, secret = provider.secret, options = {}) =>
    Client.connect(lavin.mqttPort, secret, {username, protocolVersion: 4, ...options});
const http = (username, secret = provider.secret) => lavin.http('/whoami', basic(username, secret));
const declare = (name) => (channel) => channel.assertQueue(name, {durable: false});
const aMoment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** How many requests `attempt` costs the provider. */
async function cost(attempt) {
    const before = provider.tokens;
    await attempt();
    return provider.tokens - before;
}

/** Runs from the first case to the last. */
let long;

test('AMQP: the first login waits for the token, the next ones need none, and they may do what it says', async () => {
    const begun = Date.now();
    long = {begun, amqp: await amqp('client:worker'), mqtt: await mqtt('/:client:worker')};
    assert.equal(provider.tokens, 1);
    assert.ok(await permitted(long.amqp, declare('work')));
    assert.equal(await permitted(long.amqp, declare('other')), false);
    assert.equal(await cost(async () => { for (let i = 0; i < 3; ++i) await (await amqp('client:worker')).close(); }), 0);
    await lavin.logged(/authenticate ok .*username="token-worker"/);
    const [line] = lavin.log.match(/authenticate ok .*username="token-worker".*/);
    assert.ok(line.includes(`issuer="${provider.issuer}"`), line);
    const left = Number(/expires_at=(\d+)/.exec(line)[1]) - begun / 1000;
    assert.ok(left > SESSION_S - 2 && left < SESSION_S + 3, `${left} s`);
});

test('MQTT: what stands before the first colon is the vhost; HTTP Basic: it is all of the name. Then nobody is asked', async () => {
    const asked = await cost(async () => {
        assert.equal(await refusal(mqtt('client:worker')), NOT_AUTHORIZED);
        assert.equal((await http('client:worker')).status, 401);
        const client = await mqtt('/:client:worker');
        assert.ok(await client.publish('sensors/1', 'here'));
        await client.end();
    });
    assert.equal(asked, 0);
});

test('a wrong secret is refused, the log has the word of the provider, and a second try asks nobody', async () => {
    const from = lavin.log.length;
    const asked = await cost(async () => {
        await turnedAway(amqp('client:worker', WRONG));
        assert.equal(await refusal(mqtt('/:client:worker', WRONG)), NOT_AUTHORIZED);
    });
    assert.equal(asked, 1);
    await lavin.logged(new RegExp(`authenticate refused reason=CLIENT_REFUSED issuer="${provider.issuer}".*"worker".*invalid_client`), from);
    await (await amqp('client:worker')).close();
});

test('a local user is a local user, unless the name has the prefix', async () => {
    const asked = await cost(async () => {
        await (await amqp('local', PASSWORD)).close();
        await (await mqtt('local', PASSWORD)).end();
        assert.equal((await http('local', PASSWORD)).body.name, 'local');
        await turnedAway(amqp('worker'));
        await turnedAway(amqp('client:'));
    });
    assert.equal(asked, 0);
    const from = lavin.log.length;
    assert.equal(await cost(() => turnedAway(amqp('client:old', PASSWORD))), 1);
    await lavin.logged(/reason=CLIENT_REFUSED .*"old"/, from);
});

test('update-secret takes a token of the same client, and no secret', async () => {
    const renewed = await amqp('client:worker');
    await renewed.updateSecret(Buffer.from(await provider.token('worker', SCOPE)), 'renewal');
    assert.ok(await permitted(renewed, declare('work')));
    await renewed.close();
    for (const [secret, reason] of [[provider.secret, 'OPAQUE_TOKEN'], [await provider.token('other', SCOPE), 'IDENTITY_CHANGED']]) {
        await aMoment(1100);  // of a client the log takes two refusals a second
        const from = lavin.log.length;
        const connection = await amqp('client:worker');
        connection.updateSecret(Buffer.from(secret), 'renewal').catch(() => {});
        await eventually(() => connection.isClosed, "the connection's end");
        await lavin.logged(new RegExp(`refresh refused reason=${reason}`), from);
    }
});

test('a prefix without a colon is the same for all protocols', async () => {
    const from = lavin.log.length;
    lavin.configure(oauth, ini('client~'));
    lavin.reload();
    await lavin.logged(/configuration reloaded/, from);
    const asked = await cost(async () => {
        await (await amqp('client~other')).close();
        const client = await mqtt('client~other');
        assert.ok(await client.publish('sensors/1', 'here'));
        await client.end();
        assert.equal((await http('client~other')).body.name, 'token-other');
    });
    assert.equal(asked, 1);
    await turnedAway(amqp('client:other'));
    assert.equal((await http('client~other', WRONG)).status, 401);
});

test('while the provider is down: known clients and local users are in, an unknown one is told to try again', async () => {
    await (await amqp('client~device-1')).close();
    provider.hangs = true;
    const begun = Date.now();
    const waiting = [turnedAway(amqp('client~device-2')), refusal(mqtt('client~device-2')), http('client~device-2')];
    await (await amqp('client~device-1')).close();
    await (await amqp('local', PASSWORD)).close();
    assert.ok(await permitted(long.amqp, declare('work')));
    assert.ok(Date.now() - begun < 5000, 'nobody else waits');
    const [error, code, {status}] = await Promise.all(waiting);
    assert.doesNotMatch(String(error), /403|ACCESS.REFUSED/);
    assert.deepEqual([code, status], [SERVER_UNAVAILABLE, 503]);
    await lavin.logged(/client_credentials at .* fails/);
    provider.hangs = false;
    await (await eventually(() => amqp('client~device-2').catch(() => {}), 'a connection')).close();
});

test('four hundred connections of forty clients at once: one request each', async () => {
    let again = 0;
    const begun = Date.now();
    let clients;
    const asked = await cost(async () => {
        clients = await Promise.all(Array.from({length: 400}, (_, i) => eventually(() =>
            (i % 2 === 0 ? mqtt : amqp)(`client~device-${i % 40}`).catch((error) => {
                assert.ok(error.code === SERVER_UNAVAILABLE || !/403|ACCESS.REFUSED|refused with/.test(error.message), error);
                ++again;
            }), 'a connection', 40_000)));
    });
    console.log(`# all in after ${Date.now() - begun} ms; ${again} connections had to come again; ${asked} requests`);
    // Where the provider was slower than jwks_timeout, it was asked anew.
    assert.ok(asked <= 40 * (1 + Math.floor((Date.now() - begun) / 2000)), `${asked}`);
    await Promise.all(clients.map((each) => each instanceof Client ? each.end() : each.close()));
});

test('a session lasts client_credentials_session, however short its token lives', async () => {
    await aMoment(Math.max(0, long.begun + 46_000 - Date.now()));  // its token, with clock_skew, ended three seconds ago
    if (Date.now() - long.begun < (SESSION_S - 2) * 1000) {
        assert.ok(await permitted(long.amqp, declare('work')));
        assert.ok(await long.mqtt.publish('sensors/1', 'still here'));
    }
    await eventually(() => long.amqp.isClosed && long.mqtt.closed, 'the end of both', 40_000);
    const lasted = (Date.now() - long.begun) / 1000;
    assert.ok(lasted > SESSION_S - 2 && lasted < SESSION_S + 15, `${lasted} s`);
    assert.match(long.amqp.closedBy, /token expired/);
}, 90_000);

test('metrics_file counts the requests by result, and no secret or token stands in the log', async () => {
    const counted = await eventually(() => {
        const now = requests(readFileSync(metricsFile, 'utf8'), 'client_credentials');
        return now.granted > 40 && now.failed > 0 && now;
    }, 'the numbers', 40_000);
    assert.ok(counted.refused >= 1, JSON.stringify(counted));  // after the reload
    provider.assertNoSecretIn(lavin.log, WRONG, PASSWORD);
});

await runAll(before, after);
