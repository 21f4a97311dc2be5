// The broker is stopped and started again while the provider doesn't answer: what clients left in it is still there, and who may
// come back at once depends on jwks_cache_file.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, Refused, enhanced, refusal} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const NOT_AUTHORIZED = 135;

const directory = temporaryDirectory();
const brokers = [];
let issuer;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
}

async function after(failed) {
    for (const each of brokers) {
        await each.stop();
        if (failed) writeFileSync(2, each.log);
    }
    await issuer?.stop();
    directory.remove();
}

async function start(name, more = '', options = []) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const broker = await Broker.start({
        directory: folder, certificates: issuer.directory, more: true,
        options: ['plugin_opt_startup_wait 1', ...options, 'persistence true', `persistence_location ${folder}/`],
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
jwks_min_refresh = 1
jwks_timeout = 1
clock_skew = 0
${more}`,
    });
    brokers.push(broker);
    return broker;
}

const kinds = [
    {name: 'MQTT 3.1.1', listener: 'tcp', protocolVersion: 4}, {name: 'MQTT 5', listener: 'tcp', protocolVersion: 5},
    {name: 'enhanced', listener: 'tcp', protocolVersion: 5, sasl: true}, {name: 'TLS', listener: 'tls', protocolVersion: 5},
    {name: 'websockets', listener: 'websockets', protocolVersion: 5}, {name: 'unix', listener: 'unix', protocolVersion: 4},
];

/** A client with a durable session. */
function durable(broker, {name, listener, protocolVersion, sasl}, secret, more = {}) {
    const {properties = {}, ...options} = sasl ? enhanced(secret) : {};
    return Client.connect(broker.urls[listener], sasl ? undefined : secret, {
        clientId: name, clean: false, protocolVersion, rejectUnauthorized: false, ...options, ...more,
        ...(protocolVersion === 5 && {properties: {sessionExpiryInterval: 300, ...properties}}),
    });
}

const token = (sub, scope, options) => issuer.mint(sub, scope, options);
const anyone = async (broker) => Client.connect(broker.port, await token('anyone', 'read:*/* write:*/*'));
const will = (topic, delay) => ({topic, payload: 'gone', qos: 1, ...(delay && {properties: {willDelayInterval: delay}})});

/** What clients leave behind; then the provider is gone, and the broker is stopped and started. */
async function leaveAndRestart(broker) {
    for (const [i, kind] of kinds.entries()) {
        // Every second one's token has ended before the restart.
        const client = await durable(broker, kind, await token('dora', 'read:%2F/d%2F*', {lifetime: i % 2 ? 2 : 300}));
        assert.ok(await client.subscribe('d/+'));
        await client.end();
    }
    const keeper = {name: 'keeper', listener: 'tcp', protocolVersion: 5};
    const wills = await durable(broker, keeper, await token('keeper', 'read:%2F/wills%2F*'));
    assert.ok(await wills.subscribe('wills/+'));
    await wills.end();
    const writer = await anyone(broker);
    for (const topic of ['d/1', 'd/2', 'd/secret']) {
        for (const qos of [1, 2]) assert.ok(await writer.publish(topic, `qos ${qos}`, {qos}));
    }
    for (const topic of ['r/1', 'r/secret']) assert.ok(await writer.publish(topic, 'retained', {retain: true}));
    await new Promise((resolve) => setTimeout(resolve, 2500));  // until the short tokens have ended

    // They are connected, or gone with a delayed will, when the broker stops; then their wills are due.
    const secret = await token('mortal', 'write:%2F/wills%2Fyes*');
    for (const topic of ['wills/yes1', 'wills/no1']) {
        await Client.connect(broker.port, secret, {clientId: topic, will: will(topic)});
    }
    for (const topic of ['wills/yes2', 'wills/no2']) {
        const client = await Client.connect(broker.port, secret,
            {clientId: topic, will: will(topic, 200), properties: {sessionExpiryInterval: 300}});
        await client.end(true);
        await broker.logged(new RegExp(`Client ${topic} .*(disconnected|closed)`));
    }
    await issuer.flip('/network', {state: 'down'});
    await broker.stop();
    await broker.startAgain();
    // After SIGHUP the broker asks about every session that it has read from its file, too.
    const from = broker.log.length;
    broker.reload();
    await broker.logged(/Reloading config/, from);
    return keeper;
}

/** Everybody comes back, with rights for a part of what they had; nobody else gets anything. */
async function everythingIsThere(broker, keeper) {
    // Who publishes after the restart finds the subscriptions of those who are still away.
    const writer = await anyone(broker);
    for (const topic of ['d/2', 'd/secret']) assert.ok(await writer.publish(topic, 'new'));
    const seen = {};
    const expected = {};
    for (const kind of kinds) {
        const client = await durable(broker, kind, await token('dora', 'read:%2F/d%2F1 read:%2F/d%2F2'));
        await eventually(() => client.messages.length >= 5, 'five messages', 3000).catch(() => {});
        seen[kind.name] = [client.sessionPresent, ...client.messages];
        expected[kind.name] = [true, 'd/1 qos 1', 'd/1 qos 2', 'd/2 qos 1', 'd/2 qos 2', 'd/2 new'];
        await client.end();
    }
    assert.deepEqual(seen, expected);

    const wills = await durable(broker, keeper, await token('keeper', 'read:%2F/wills%2F*'));
    await eventually(() => wills.messages.length >= 2, 'two wills');
    await writer.publish('wills/after', 'all');
    await wills.receives('wills/after all');
    assert.deepEqual(wills.messages.sort(), ['wills/after all', 'wills/yes1 gone', 'wills/yes2 gone']);
    await wills.end();

    const reader = await Client.connect(broker.port, await token('reader', 'read:%2F/r%2F1 read:%2F/r%2F2'));
    assert.equal(await reader.subscribe('r/+'), false);
    assert.ok(await reader.subscribe('r/1'));
    assert.ok(await reader.subscribe('r/2'));
    await reader.receives('r/1 retained');
    await writer.publish('r/2', 'after');
    await reader.receives('r/2 after');
    assert.deepEqual(reader.messages, ['r/1 retained', 'r/2 after']);
    await reader.end();
    await writer.end();
}

/** No bad token and no other password is let in; before the keys are there, the answer may be that it should come again. */
async function nobodyElse(broker) {
    const bad = [undefined, 'hunter2', await token('dora', 'read:*/*', {lifetime: -10}),
                 await token('dora', 'read:*/*', {signer: 'stranger'}), await token('dora', 'read:*/*', {claims: {aud: 'other'}})];
    for (const secret of bad) {
        for (const kind of kinds) {
            if (kind.sasl && !secret) continue;
            await assert.rejects(durable(broker, kind, secret, {username: 'dora'}), Refused);
        }
    }
}

test('with jwks_cache_file good tokens get in at once though the provider is down', async () => {
    const broker = await start('cache', `jwks_cache_file = ${join(directory.path, 'keys.json')}\n`);
    const keeper = await leaveAndRestart(broker);
    await (await anyone(broker)).end();
    await nobodyElse(broker);
    assert.equal(await refusal(Client.connect(broker.port, await token('x', 'read:*/*', {lifetime: -10}))), NOT_AUTHORIZED);
    await everythingIsThere(broker, keeper);
    await issuer.flip('/network', {state: 'up'});
    await broker.stop();
});

test('without it they are told to come back, and get in when the provider is there', async () => {
    const broker = await start('none');
    const keeper = await leaveAndRestart(broker);
    for (const kind of kinds) {
        const secret = await token('dora', 'read:%2F/d%2F*');
        assert.equal(await refusal(durable(broker, kind, secret)), undefined, `${kind.name}: no CONNACK`);
    }
    await nobodyElse(broker);
    await issuer.flip('/network', {state: 'up'});
    await (await eventually(() => anyone(broker).catch(() => undefined), 'the keys')).end();
    await nobodyElse(broker);
    await everythingIsThere(broker, keeper);
    await broker.stop();
});

test('a client that connects again by itself comes through a restart with what was published meanwhile', async () => {
    const broker = await start('patient');
    const client = Client.patient(broker.port, await token('paul', 'read:%2F/p'),
        {clientId: 'patient', clean: false, properties: {sessionExpiryInterval: 300}});
    const messages = [];
    client.mqtt.on('message', (topic, payload) => messages.push(String(payload)));
    await eventually(() => client.mqtt.connected, 'the connection');
    await client.mqtt.subscribeAsync('p', {qos: 1});
    await issuer.flip('/network', {state: 'down'});
    await broker.stop();
    await broker.startAgain();
    await eventually(() => client.ends >= 3, 'the keys are not there');
    await issuer.flip('/network', {state: 'up'});
    const writer = await eventually(() => anyone(broker).catch(() => undefined), 'the keys');
    await writer.publish('p', 'hello');
    await eventually(() => messages.includes('hello'), 'the message');
    // Nothing but "connection refused" by the machine, while no broker listened.
    assert.deepEqual(client.codes.filter((code) => code !== 'ECONNREFUSED'), []);
    client.mqtt.end(true);
    await writer.end();
    await broker.stop();
});

test('in a chain, durable clients with tokens and of the password file have their messages after a restart', async () => {
    const passwords = join(directory.path, 'passwords');
    const rules = join(directory.path, 'rules');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    writeFileSync(rules, 'user local\ntopic readwrite c/1\n', {mode: 0o600});
    const broker = await start('chain', 'username_prefix = token:\n',
        ['plugin_opt_chain true', `password_file ${passwords}`, `acl_file ${rules}`]);
    const kind = {listener: 'tcp', protocolVersion: 5};
    const connect = {
        local: () => durable(broker, {...kind, name: 'local'}, 'secret', {username: 'local'}),
        token: async () => durable(broker, {...kind, name: 'token'}, await token('dora', 'read:%2F/c%2F1')),
    };
    for (const name of Object.keys(connect)) {
        const client = await connect[name]();
        assert.ok(await client.subscribe('c/1'));
        await client.end();
    }
    const publish = async (payload) => {
        const writer = await anyone(broker);
        assert.ok(await writer.publish('c/1', payload));
        await writer.end();
    };
    await publish('before');
    await broker.stop();
    await broker.startAgain();
    await publish('after');
    const seen = {};
    for (const name of Object.keys(connect)) {
        const client = await connect[name]();
        await eventually(() => client.messages.length >= 2, 'two messages', 3000).catch(() => {});
        seen[name] = client.messages;
        await client.end();
    }
    assert.deepEqual(seen, {local: ['c/1 before', 'c/1 after'], token: ['c/1 before', 'c/1 after']});
    await assert.rejects(durable(broker, {...kind, name: 'token'}, 'wrong', {username: 'token:dora'}), Refused);
    await broker.stop();
});

await runAll(before, after);
