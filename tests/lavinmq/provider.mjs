// End to end with a real OpenID provider (npm oidc-provider): client credentials into AMQP, MQTT and HTTP; new keys.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Lavin, bearer, permitted, turnedAway} from '../support/lavinmq.mjs';
import {Client} from '../support/mosquitto.mjs';
import {OpenIdProvider} from '../support/openid_provider.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const APP = 'broker.configure:%2F/orders broker.write:%2F/* broker.read:%2F/orders broker.tag:management';
const SENSOR = 'broker.write:%2F/mqtt.default';

const directory = temporaryDirectory();
let provider;
let lavin;

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    provider = await OpenIdProvider.start({
        directory: join(directory.path, 'provider'), audience: 'broker', clients: {app: APP, sensor: SENSOR},
    });
    lavin = await Lavin.start({
        directory: directory.path,
        oauth: [`issuer = ${provider.issuer}`, 'resource_server_id = broker'],
        ini: `[oauth]\nca_file = ${provider.caFile}\njwks_min_refresh = 1\n`,
        environment: {SSL_CERT_FILE: provider.caFile},
    });
}

async function after(failed) {
    await lavin?.stop();
    if (failed && lavin) console.error(lavin.log.slice(-20_000));
    await provider?.stop();
    directory.remove();
}

for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    test(`AMQP: a token of the provider, signed with ${algorithm}`, async () => {
        provider.algorithm = algorithm;
        const connection = await lavin.connect(await provider.token('app', APP));
        provider.algorithm = 'RS256';
        assert.equal(await permitted(connection, (channel) => channel.assertQueue('orders', {durable: false})), true);
        assert.equal(await permitted(connection, (channel) => channel.assertQueue('secret', {durable: false})), false);
        assert.equal(await permitted(connection, (channel) => channel.consume('orders', () => {})), true);
        await connection.close();
    });
}

test('MQTT: a token of the provider publishes and may not subscribe', async () => {
    const client = await Client.connect(lavin.mqttPort, await provider.token('sensor', SENSOR), {protocolVersion: 4});
    assert.ok(await client.publish('sensors/1', '21.5'));
    client.mqtt.subscribe('#', () => {});
    await eventually(() => client.closed, "the connection's end");
});

test('HTTP: a token of the provider as Bearer', async () => {
    const {status, body} = await lavin.http('/whoami', bearer(await provider.token('app', APP)));
    assert.equal(status, 200);
    assert.equal(body.name, 'app');
});

test('AMQP: update-secret with a newer token of the provider', async () => {
    const connection = await lavin.connect(await provider.token('app', APP));
    await connection.updateSecret(Buffer.from(await provider.token('app', 'broker.read:%2F/orders')), 'narrower');
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('orders2', {durable: false})), false);
    await connection.close();
});

test('the provider takes new keys: the broker learns them, and nobody is dropped', async () => {
    const steady = await lavin.connect(await provider.token('app', APP));
    const old = await provider.token('app', APP);
    provider.rotate();
    const token = await provider.token('app', APP);
    const connection = await eventually(() => lavin.connect(token).catch(() => undefined), 'the new key', 30_000);
    await connection.close();
    assert.ok(!steady.isClosed);
    await turnedAway(lavin.connect(old));
    await steady.close();
});

await runAll(before, after);
