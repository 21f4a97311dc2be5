// Clients that bring an id and a secret instead of a token (RFC 6749 section 4.4), at a real Mosquitto and a real OpenID provider, in
// a chain with a password file.
import assert from 'node:assert/strict';
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {requests} from '../support/metrics.mjs';
import {Broker, Client, refusal} from '../support/mosquitto.mjs';
import {OpenIdProvider} from '../support/openid_provider.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const SENSOR = 'broker.write:%2F/sensors%2F*';
const NOT_AUTHORIZED = 135;

const directory = temporaryDirectory();
const metricsFile = join(directory.path, 'tokenward.prom');
let provider;
let broker;

async function before() {
    mkdirSync(join(directory.path, 'provider'));
    const clients = {sensor: SENSOR, ...Object.fromEntries(Array.from({length: 40}, (_, i) => [`device-${i}`, SENSOR]))};
    provider = await OpenIdProvider.start({directory: join(directory.path, 'provider'), audience: 'broker', clients, lifetime: 33});
    const passwords = join(directory.path, 'passwords');
    writeFileSync(passwords, '');
    chmodSync(passwords, 0o600);
    const {status, output} = await run('mosquitto_passwd', ['-b', passwords, 'local', 'a password']);
    assert.equal(status, 0, output);
    broker = await Broker.start({directory: directory.path, options: ['plugin_opt_chain true', `password_file ${passwords}`], ini: `[oauth]
issuer = ${provider.issuer}
ca_file = ${provider.caFile}
resource_server_id = broker
username_prefix = token:
jwks_timeout = 2
metrics_file = ${metricsFile}
client_credentials_prefix = client:
client_credentials_scope = ${SENSOR}
client_credentials_auth_method = client_secret_post
client_credentials_session = 60
`});
}

async function after(failed) {
    await broker?.stop();
    if (failed && broker) console.error(broker.log.slice(-40_000));
    await provider?.stop();
    directory.remove();
}

const enter = (id, secret) => Client.connect(broker.port, secret, {username: `client:${id}`});
/** As a client does that comes again: closed without a CONNACK isn't final. */
const comeAgain = (id, secret, everyMs) => eventually(() => enter(id, secret).catch(({code}) => {
    assert.equal(code, undefined, `good credentials were refused with ${code}`);
}), 'a connection', 60_000, everyMs);

test('the first login must come again, the next ones are in at once, and they may do what the token says', async () => {
    assert.equal(await refusal(enter('sensor', provider.secret)), undefined);
    const client = await comeAgain('sensor', provider.secret);
    assert.ok(await client.publish('sensors/1', 'here'));
    assert.equal(await client.publish('actuators/1', 'on'), false);
    await client.end();
    const asked = provider.tokens;
    for (let i = 0; i < 3; ++i) await (await enter('sensor', provider.secret)).end();
    assert.equal(provider.tokens, asked);
    await broker.logged(new RegExp(`authenticate ok .*issuer="${provider.issuer}" username="token:sensor"`));
});

test('a wrong secret is refused, and the log has the word of the provider', async () => {
    const from = broker.log.length;
    await eventually(async () => await refusal(enter('sensor', 'a wrong one')) === NOT_AUTHORIZED, 'the refusal');
    await broker.logged(/reason=CLIENT_REFUSED .*"sensor".*invalid_client/, from);
});

test('a local user with such a password is a local user', async () => {
    const asked = provider.tokens;
    await (await Client.connect(broker.port, 'a password', {username: 'local'})).end();
    assert.equal(await refusal(Client.connect(broker.port, provider.secret, {username: 'sensor'})), NOT_AUTHORIZED);
    assert.equal(provider.tokens, asked);
});

test('a session lasts client_credentials_session, however short its token lives', async () => {
    const from = Math.floor(Date.now() / 1000);
    const offset = broker.log.length;
    const client = await comeAgain('device-0', provider.secret);
    await broker.logged(/authenticate ok .*device-0.*expires_at=/, offset);
    const [, end] = /authenticate ok [^\n]*device-0[^\n]*expires_at=(\d+)/.exec(broker.log.slice(offset));
    assert.ok(end - from >= 59 && end - from <= 75, `${end - from} s`);
    await new Promise((resolve) => setTimeout(resolve, 45_000));  // its token, with clock_skew, ended two seconds ago
    assert.ok(await client.publish('sensors/1', 'still here'));
    await client.end();
}, 90_000);

test('while the provider is down: known clients and local users are in, an unknown one must come again', async () => {
    await (await comeAgain('device-1', provider.secret)).end();
    provider.hangs = true;
    await (await enter('device-1', provider.secret)).end();
    await (await Client.connect(broker.port, 'a password', {username: 'local'})).end();
    assert.equal(await refusal(enter('device-2', provider.secret)), undefined);
    await broker.logged(/client_credentials at .* fails/);
    provider.hangs = false;
    await (await comeAgain('device-2', provider.secret)).end();
});

test('four hundred connections of forty clients at once: one request each', async () => {
    const before = provider.tokens;
    const begun = Date.now();
    const clients = await Promise.all(Array.from({length: 400}, (_, i) => comeAgain(`device-${i % 40}`, provider.secret, 500)));
    console.log(`# all in after ${Date.now() - begun} ms; ${provider.tokens - before} requests`);
    // Where the provider was slower than jwks_timeout, it was asked anew.
    assert.ok(provider.tokens - before <= 40 * (1 + Math.floor((Date.now() - begun) / 2000)));
    await Promise.all(clients.map((each) => each.end()));
});

test('metrics_file counts the requests by result, and no secret or token stands in the log', async () => {
    const counted = await eventually(() => {
        const now = requests(readFileSync(metricsFile, 'utf8'), 'client_credentials');
        return now.granted + now.refused + now.failed >= provider.tokens && now;
    }, 'the numbers', 40_000);
    assert.ok(counted.refused === 1 && counted.failed >= 1, JSON.stringify(counted));
    provider.assertNoSecretIn(broker.log, 'a wrong one');
});

await runAll(before, after);
