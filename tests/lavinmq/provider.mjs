// End to end with a real OpenID provider (npm oidc-provider): client credentials into AMQP, MQTT and HTTP; new keys.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Lavin, bearer, hasSignIn, permitted, turnedAway} from '../support/lavinmq.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
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
        oauth: [`issuer = ${provider.issuer}`, 'resource_server_id = broker', 'client_id = pages',
                'mgmt_base_url = http://localhost'],
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

if (hasSignIn) {
    test("HTTP: signing in to LavinMQ's pages at the provider: its token becomes the cookie, and the cookie lets in", async () => {
        assert.deepEqual((await lavin.http('/oauth/enabled')).body, {enabled: true});
        const begin = await lavin.http('/oauth/authorize');
        const there = new URL(begin.body.authorize_url);
        assert.equal(there.origin, provider.issuer);
        // The browser's way through the provider's pages is left out: the code that comes of it is worth a token.
        const token = await provider.token('app', APP);
        provider.tokenForCode = token;
        const state = begin.headers.get('set-cookie').split(';')[0];
        const back = await lavin.http(`/oauth/callback?code=c&state=${there.searchParams.get('state')}`, undefined, {cookie: state});
        assert.equal(back.status, 302);
        assert.match(back.headers.get('set-cookie'), new RegExp(`oauth_token=${token}`));
        const {status, body} = await lavin.http('/whoami', undefined, {cookie: `oauth_token=${token}`});
        assert.equal(status, 200);
        assert.equal(body.name, 'app');
    });
}

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
    await (await lavin.connect(await provider.token('app', APP))).close();
    assert.ok(!steady.isClosed);
    await turnedAway(lavin.connect(old));
    await steady.close();
});

test('the provider takes new keys and hangs: 200 clients with a token of the new ones wait, and none is refused', async () => {
    provider.rotate({keepOld: true});
    const fresh = await provider.token('app', APP);
    provider.hangs = true;
    const many = (count, one) => Promise.all(Array.from({length: count}, one));
    const attempts = Promise.all([
        many(100, () => turnedAway(lavin.connect(fresh))),
        many(50, () => refusal(Client.connect(lavin.mqttPort, fresh, {protocolVersion: 4, connectTimeout: 30_000}))),
        many(50, () => lavin.http('/whoami', bearer(fresh))),
    ]);
    await (await lavin.connect('guest', {username: 'guest'})).close();
    const [amqp, mqtt, http] = await attempts;
    assert.deepEqual(amqp.filter(({message}) => /403|ACCESS.REFUSED/i.test(message)), []);
    assert.deepEqual([...new Set(mqtt)], [3]);
    assert.deepEqual([...new Set(http.map(({status}) => status))], [503]);
    provider.hangs = false;
    await (await lavin.connect(fresh)).close();
}, 120_000);

await runAll(before, after);
