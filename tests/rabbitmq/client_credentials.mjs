// Clients that bring an id and a secret instead of a token (RFC 6749 section 4.4), at a real RabbitMQ and a real OpenID provider, in
// a chain with RabbitMQ's own users.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {requests} from '../support/metrics.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
import {OpenIdProvider} from '../support/openid_provider.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {Rabbit, basic, permitted, turnedAway} from '../support/rabbitmq.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const SCOPE = 'broker.configure:%2F/work broker.write:%2F/*/* broker.read:%2F/work broker.tag:management';
const PASSWORD = 'a password of sixteen';
const WRONG = 'a wrong secret of sixteen';
const SESSION_S = 60;

const directory = temporaryDirectory();
const file = join(directory.path, 'tokenward.ini');
let provider;
let rabbit;

const configure = (prefix) => writeFileSync(file, `[oauth]
issuer = ${provider.issuer}
ca_file = ${provider.caFile}
resource_server_id = broker
username_prefix = token-
jwks_timeout = 2
client_credentials_prefix = ${prefix}
client_credentials_scope = ${SCOPE}
client_credentials_auth_method = client_secret_post
client_credentials_session = ${SESSION_S}
`, {mode: 0o644});

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    const names = ['worker', 'other', ...Array.from({length: 40}, (_, i) => `device-${i}`)];
    provider = await OpenIdProvider.start({
        directory: join(directory.path, 'provider'), audience: 'broker', lifetime: 33,
        clients: Object.fromEntries(names.map((name) => [name, SCOPE])),
    });
    configure('client~');
    rabbit = await Rabbit.start({directory: directory.path, conf: ['auth_backends.2 = internal', `tokenward.config.1 = ${file}`]});
    for (const name of ['local', 'client~old']) {
        const {status, output} = await rabbit.control(['add_user', name, PASSWORD]);
        assert.equal(status, 0, output);
        await rabbit.control(['set_permissions', name, '.*', '.*', '.*']);
    }
}

async function after(failed) {
    if (failed && rabbit) console.error(rabbit.log.slice(-40_000));
    await rabbit?.stop();
    await provider?.stop();
    directory.remove();
}

const amqp = (username, secret = provider.secret) => rabbit.connect(secret, {username});
const mqtt = (username, secret = provider.secret) => Client.connect(rabbit.mqttPort, secret, {username, protocolVersion: 4});
const http = (username, secret = provider.secret) => rabbit.http('/whoami', basic(username, secret));
const declare = (name) => (channel) => channel.assertQueue(name);
const aMoment = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** How many requests `attempt` costs the provider. */
async function cost(attempt) {
    const before = provider.tokens;
    await attempt();
    return provider.tokens - before;
}
const counted = async () =>
    requests(await rabbit.evaluate('{ok, Text} = tokenward:metrics(), io:format("~ts", [Text]).'), 'client_credentials');

/** Runs from the first case to the last. */
let long;

test('the first login waits for the token, the next ones of all protocols need none', async () => {
    const begun = Date.now();
    long = {begun, amqp: await amqp('client~worker'), mqtt: await mqtt('client~worker')};
    assert.ok(await permitted(long.amqp, declare('work')));
    assert.equal(await permitted(long.amqp, declare('other')), false);
    assert.ok(await long.mqtt.publish('sensors/1', 'here'));
    assert.equal((await http('client~worker')).body.name, 'token-worker');
    assert.equal(provider.tokens, 1);
    await rabbit.logged(/authenticate ok .*username="token-worker"/);
    const [line] = rabbit.log.match(/authenticate ok .*username="token-worker".*/);
    assert.ok(line.includes(`issuer="${provider.issuer}"`), line);
    const left = Number(/expires_at=(\d+)/.exec(line)[1]) - begun / 1000;
    assert.ok(left > SESSION_S - 2 && left < SESSION_S + 3, `${left} s`);
    assert.deepEqual(await counted(), {granted: 1, refused: 0, failed: 0});
});

test('a wrong secret is refused, the log has the word of the provider, and a second try asks nobody', async () => {
    const from = rabbit.log.length;
    const asked = await cost(async () => {
        await turnedAway(amqp('client~worker', WRONG));
        assert.equal((await http('client~worker', WRONG)).status, 401);
        assert.ok(await refusal(mqtt('client~worker', WRONG)) > 3);
    });
    assert.equal(asked, 1);
    await rabbit.logged(new RegExp(`authenticate refused reason=CLIENT_REFUSED issuer="${provider.issuer}".*"worker".*invalid_client`), from);
    await (await amqp('client~worker')).close();
    assert.equal((await counted()).refused, 1);
});

test("a user of RabbitMQ's own is none of the provider's, unless the name has the prefix", async () => {
    const asked = await cost(async () => {
        await (await amqp('local', PASSWORD)).close();
        await turnedAway(amqp('local', WRONG));
        await turnedAway(amqp('worker'));
        await turnedAway(amqp('client~'));
    });
    assert.equal(asked, 0);
    // RabbitMQ goes on with the next backend, but the provider was asked.
    const from = rabbit.log.length;
    assert.equal(await cost(async () => (await amqp('client~old', PASSWORD)).close()), 1);
    await rabbit.logged(/reason=CLIENT_REFUSED .*"old"/, from);
});

test('update-secret takes a token of the same client, and no secret', async () => {
    const renewed = await amqp('client~worker');
    await renewed.updateSecret(Buffer.from(await provider.token('worker', SCOPE)), 'renewal');
    assert.ok(await permitted(renewed, declare('work')));
    await renewed.close();
    for (const secret of [provider.secret, await provider.token('other', SCOPE)]) {
        const connection = await amqp('client~worker');
        connection.updateSecret(Buffer.from(secret), 'renewal').catch(() => {});
        await eventually(() => connection.isClosed, "the connection's end");
        assert.match(connection.closedBy, /530|NOT.ALLOWED/i);
    }
});

test('while the provider is down: known clients and local users are in, an unknown one is refused in the end', async () => {
    await (await amqp('client~device-1')).close();
    provider.hangs = true;
    const unknown = turnedAway(amqp('client~device-2'));
    const begun = Date.now();
    await (await amqp('client~device-1')).close();
    await (await amqp('local', PASSWORD)).close();
    assert.ok(await permitted(long.amqp, declare('work')));
    assert.ok(Date.now() - begun < 5000, 'nobody else waits');
    await unknown.finally(() => { provider.hangs = false; });
    await rabbit.logged(/client_credentials at .* fails/);
    assert.ok((await counted()).failed > 0);
    await (await eventually(() => amqp('client~device-2').catch(() => {}), 'a connection')).close();
});

test('two hundred connections of forty clients at once: one request each', async () => {
    const begun = Date.now();
    let clients, again = 0;
    // RabbitMQ has no "try again": on a machine that is busy, whom it turns away after 8 seconds comes once more.
    const asked = await cost(async () => {
        clients = await Promise.all(Array.from({length: 200}, (_, i) => eventually(
            () => (i % 2 === 0 ? mqtt : amqp)(`client~device-${i % 40}`).catch(() => void ++again), 'a connection', 90_000, 500)));
    });
    console.log(`# all in after ${Date.now() - begun} ms; ${again} came again; ${asked} requests`);
    // Where the provider was slower than jwks_timeout, it was asked anew.
    assert.ok(asked <= 40 * (1 + Math.floor((Date.now() - begun) / 2000)), `${asked}`);
    await Promise.all(clients.map((each) => each instanceof Client ? each.end() : each.close()));
});

test('with a colon in the prefix AMQP works, and MQTT takes what stands before it for the vhost', async () => {
    configure('client:');
    assert.equal(await rabbit.evaluate('tokenward:reload().'), 'ok');
    await (await amqp('client:other')).close();
    const asked = await cost(async () => {
        assert.ok(await refusal(mqtt('client:other')) > 3);
        assert.ok(await refusal(mqtt('/:client:other')) > 3);
        assert.equal((await http('client:other')).status, 401);
    });
    assert.equal(asked, 0);
});

test('a session lasts client_credentials_session, however short its token lives', async () => {
    await aMoment(Math.max(0, long.begun + 46_000 - Date.now()));  // its token, with clock_skew, ended three seconds ago
    if (Date.now() - long.begun < (SESSION_S - 2) * 1000) {
        assert.ok(await permitted(long.amqp, declare('work')));
        assert.ok(await long.mqtt.publish('sensors/1', 'still here'));
    }
    await eventually(() => long.amqp.isClosed && long.mqtt.closed, 'the end of both', 60_000);
    const lasted = (Date.now() - long.begun) / 1000;
    assert.ok(lasted > SESSION_S - 2, `${lasted} s`);
}, 120_000);

test('no secret or token stands in the log', () => provider.assertNoSecretIn(rabbit.log, WRONG, PASSWORD));

await runAll(before, after);
