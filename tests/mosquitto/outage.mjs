// The provider's keys were rotated while it doesn't answer: clients with good tokens must come back by themselves.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, enhanced as enhancedAuthentication} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const SERVER_UNAVAILABLE = 136;  // MQTT 5

const directory = temporaryDirectory();
const brokers = [];
let issuer;
let broker;

const ini = () => `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
jwks_min_refresh = 1
jwks_timeout = 1
`;

async function start(name, options) {
    mkdirSync(join(directory.path, name));
    const started = await Broker.start({directory: join(directory.path, name), ini: ini(), options});
    brokers.push(started);
    return started;
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    broker = await start('broker');
}

async function after(failed) {
    for (const each of brokers) {
        await each.stop();
        if (failed) console.error(each.log);
    }
    await issuer?.stop();
    directory.remove();
}

const faults = {
    'answers 503': () => issuer.flip('/fault', {endpoint: 'jwks', fault: 'status', number: 503}),
    hangs: () => issuer.flip('/fault', {endpoint: 'jwks', fault: 'hang', number: 600}),
    'is gone': () => issuer.flip('/network', {state: 'down'}),
};

/** The keys are new and can't be fetched; a token that a new key has signed. */
async function outage(fault) {
    await faults[fault]();
    await issuer.flip('/rotate', {keep_old: false});
    return issuer.mint('alice', 'read:%2F/* write:%2F/*');
}

const kinds = {
    'MQTT 3.1.1': (token) => [token, {protocolVersion: 4}],
    'MQTT 5': (token) => [token, {}],
    'enhanced authentication': (token) => [undefined, enhancedAuthentication(token)],
};

for (const fault of Object.keys(faults)) {
    test(`keys rotate while the provider ${fault}: clients come back when it does`, async () => {
        const token = await outage(fault);
        const clients = [];
        for (const [kind, how] of Object.entries(kinds)) {
            for (let i = 0; i < 12; ++i) {
                const client = Client.patient(broker.port, ...how(token));
                client.kind = kind;
                clients.push(client);
            }
        }
        try {
            // Also after the first fetch has failed.
            for (const client of clients) await eventually(() => client.ends >= 10, `10 ends of ${client.kind}`);
            await issuer.flip('/heal');
            await issuer.flip('/network', {state: 'up'});
            for (const client of clients) {
                await eventually(() => client.mqtt.connected, `${client.kind}, which was told ${client.codes}`);
                assert.deepEqual(client.codes, [], client.kind);
            }
        } finally {
            for (const client of clients) client.mqtt.end(true);
        }
    });
}

test('mosquitto_sub comes back, too', async () => {
    const token = await outage('answers 503');
    const from = broker.log.length;
    const at = ['-h', '127.0.0.1', '-p', String(broker.port), '-V', '5', '-u', 'any', '-P', token, '-i', 'sub'];
    const heard = run('mosquitto_sub', [...at, '-t', 'a', '-C', '1', '-W', '30']);
    await broker.logged(/authenticate try_again .*client_id="sub"/, from);
    await issuer.flip('/heal');
    await broker.logged(/\tsub|sub 0 a|Sending SUBACK to sub/, from);
    const writer = await Client.connect(broker.port, token);
    assert.ok(await writer.publish('a', 'hello'));
    await writer.end();
    assert.deepEqual(await heard, {status: 0, output: 'hello\n'});
});

test('a re-authentication that can\'t be decided yet ends the connection without a word of refusal, and the client comes back', async () => {
    const old = await issuer.mint('alice', 'read:%2F/* write:%2F/*');
    const client = await Client.connect(broker.port, undefined, {...enhancedAuthentication(old), will: {topic: 'w', payload: 'x', qos: 0}});
    const token = await outage('answers 503');
    assert.equal(await client.reauthenticate(token), false);
    assert.ok([undefined, 128].includes(client.disconnectCode), `DISCONNECT ${client.disconnectCode}`);  // 128: unspecified, by 2.1
    const again = Client.patient(broker.port, ...kinds['enhanced authentication'](token));
    await eventually(() => again.ends >= 2, 'the outage');
    await issuer.flip('/heal');
    await eventually(() => again.mqtt.connected, 'the client');
    assert.deepEqual(again.codes, []);
    again.mqtt.end(true);
});

test('plugin_opt_try_again 136: Mosquitto 2.1 says "server unavailable" to MQTT 5, everything else is as before', async () => {
    const telling = await start('telling', ['plugin_opt_try_again 136']);
    const token = await outage('answers 503');
    const codes = {};
    for (const [kind, how] of Object.entries(kinds)) {
        const client = Client.patient(telling.port, ...how(token));
        await eventually(() => client.ends >= 1, kind);
        client.mqtt.end(true);
        codes[kind] = client.codes;
    }
    await issuer.flip('/heal');
    const told = /mosquitto version 2\.0\./.test(telling.log) ? [] : [SERVER_UNAVAILABLE];
    assert.deepEqual(codes, {'MQTT 3.1.1': [], 'MQTT 5': told, 'enhanced authentication': []});
});

await runAll(before, after);
