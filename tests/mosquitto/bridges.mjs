// Bridges: another Mosquitto that connects with a token, and one that our broker connects to.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client} from '../support/mosquitto.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const brokers = [];
let issuer;
let central;  // with the plugin

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    central = await start('central', {certificates: issuer.directory, ini: ini()});
}

async function after(failed) {
    for (const each of brokers) {
        await each.stop();
        if (failed) writeFileSync(2, each.log);
    }
    await issuer?.stop();
    directory.remove();
}

const ini = () => `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
jwks_min_refresh = 1
jwks_timeout = 1
clock_skew = 0
`;

async function start(name, settings) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const broker = await Broker.start({directory: folder, ...settings});
    brokers.push(broker);
    return broker;
}

/** Of the bridge named `name`; `secret`: the token, undefined for a bridge that sends nothing. */
const bridge = (name, port, secret, more = []) => [
    `connection ${name}`, `address 127.0.0.1:${port}`, `remote_clientid ${name}`, 'restart_timeout 1', 'cleansession false',
    'topic up/# out 1', 'topic private/# out 1', 'topic down/# in 1', 'topic hidden/# in 1',
    ...(secret === undefined ? [] : ['remote_username any', `remote_password ${secret}`]), ...more,
].join('\n') + '\n';

/** A broker without the plugin, with a bridge to the central one; write(TEXT) gives it another, for the next start. */
async function edge(name, text) {
    const folder = join(directory.path, `${name}-bridge`);
    mkdirSync(folder);
    const write = (content) => writeFileSync(join(folder, 'bridge.conf'), content, {mode: 0o600});
    write(text);
    const broker = await start(name, {options: ['persistence true', `persistence_location ${folder}/`, `include_dir ${folder}`]});
    broker.writeBridge = write;
    return broker;
}

const token = (sub, scope, options) => issuer.mint(sub, scope, options);
const denied = (id, what) => new RegExp(`authorize denied .*client_id="${id}" operation=write vhost="/" ${what}`);
const RIGHTS = 'write:%2F/up%2F* read:%2F/down*';

/** Listeners to everything and writers, at both ends. */
async function ends(broker) {
    const at = {
        central: await Client.connect(central.port, await token('anyone', 'read:*/* write:*/*')),
        edge: await Client.connect(broker.port, undefined, {username: undefined}),
    };
    for (const client of Object.values(at)) assert.ok(await client.subscribe('#'));
    return {...at, end: async () => { for (const client of Object.values(at)) await client.end(); }};
}

/** Messages that the bridge may pass arrive, the others don't. */
async function passes(at, payload) {
    for (const topic of ['private/1', 'up/1']) assert.ok(await at.edge.publish(topic, payload));
    for (const topic of ['hidden/1', 'down/1']) assert.ok(await at.central.publish(topic, payload));
    await at.central.receives(`up/1 ${payload}`);
    await at.edge.receives(`down/1 ${payload}`);
    assert.ok(!at.central.messages.includes(`private/1 ${payload}`));
    assert.ok(!at.edge.messages.includes(`hidden/1 ${payload}`));
}

for (const [what, more, tls] of [
    ['MQTT 3.1', ['bridge_protocol_version mqttv31']], ['MQTT 3.1.1', ['bridge_protocol_version mqttv311']],
    ['MQTT 5', ['bridge_protocol_version mqttv50']], ['no private protocol', ['try_private false']],
    ['a clean session', ['cleansession true']], ['TLS', () => [`bridge_cafile ${issuer.caFile}`, 'bridge_insecure true'], true],
]) {
    test(`a bridge passes what its token's scopes grant, in both directions: ${what}`, async () => {
        const name = `edge-${what.replaceAll(/[ .]/g, '-')}`;
        const lines = typeof more === 'function' ? more() : more;
        const broker = await edge(name, bridge(name, tls ? central.tlsPort : central.port, await token(name, RIGHTS), lines));
        await central.logged(new RegExp(`authenticate ok .*client_id="${name}"`));
        await central.logged(new RegExp(`Sending SUBACK to ${name}`));
        const at = await ends(broker);
        await passes(at, 'first');
        // It stays connected over a reload.
        const from = central.log.length;
        central.reload();
        await central.logged(/Reloading config/, from);
        await passes(at, 'second');
        assert.doesNotMatch(central.log.slice(from), new RegExp(`${name}.*disconnected|authenticate .*client_id="${name}"`));
        // The log says why; it has two such lines a second for each client.
        await eventually(async () => {
            await at.edge.publish('private/1', 'again');
            return denied(name, 'topic="private/1"').test(central.log);
        }, 'a line about private/1');
        await at.end();
        await broker.stop();
    });
}

test('without the right to write it a bridge cannot say that it is there; with it, it can, also by its will', async () => {
    // Mosquitto says so itself, in a topic of $SYS, and makes it the bridge's will.
    const state = '$SYS/broker/connection/herald/state';
    const watcher = await Client.connect(central.port, await token('watcher', 'read:%2F/$SYS%2Fbroker%2Fconnection%2F*'));
    assert.ok(await watcher.subscribe('$SYS/broker/connection/+/state'));
    const text = async (scope) => bridge('herald', central.port, await token('herald', scope), [`notification_topic ${state}`]);
    const broker = await edge('herald', await text(RIGHTS));
    await central.logged(denied('herald', 'topic="\\$SYS/broker/connection/herald/state"'));
    await broker.stop();
    assert.deepEqual(watcher.messages, []);
    broker.writeBridge(await text(`${RIGHTS} write:%2F/$SYS%2Fbroker%2Fconnection%2Fherald%2F*`));
    await broker.startAgain();
    await watcher.receives(`${state} 1`);
    broker.program.child.kill('SIGKILL');
    await broker.program.ended;
    await watcher.receives(`${state} 0`);
    await watcher.end();
});

test('when its token ends a bridge is disconnected and refused, the other broker lives; a new token lets all through', async () => {
    const from = central.log.length;
    const broker = await edge('mortal', bridge('mortal', central.port, await token('mortal', RIGHTS, {lifetime: 4})));
    await central.logged(/Sending SUBACK to mortal/, from);
    const at = await ends(broker);
    await passes(at, 'before');
    await central.logged(/client 'mortal' is disconnected: its token ends/, from);
    // It tries again, after some seconds.
    await central.logged(/authenticate refused reason=TOKEN_EXPIRED .*client_id="mortal"/, from);
    for (const topic of ['up/1', 'private/1']) assert.ok(await at.edge.publish(topic, 'meanwhile'));
    for (const topic of ['down/1', 'hidden/1']) assert.ok(await at.central.publish(topic, 'meanwhile'));
    await at.edge.receives('up/1 meanwhile');  // at home it goes on
    assert.ok(!at.central.messages.includes('up/1 meanwhile'));
    assert.ok(!at.edge.messages.includes('down/1 meanwhile'));
    assert.ok(broker.program.running);
    await at.edge.end();
    await broker.stop();

    broker.writeBridge(bridge('mortal', central.port, await token('mortal', RIGHTS)));
    await broker.startAgain();
    // What waited on either side passes, by the rights of the new token.
    await at.central.receives('up/1 meanwhile');
    const again = await Client.connect(broker.port, undefined, {username: undefined});
    assert.ok(await again.subscribe('#'));
    await passes({central: at.central, edge: again}, 'after');
    assert.ok(!at.central.messages.includes('private/1 meanwhile'));
    await again.end();
    await at.central.end();
    await broker.stop();
});

test('what waits for a bridge that comes back is checked by its new token', async () => {
    const from = central.log.length;
    const broker = await edge('narrowed',
        bridge('narrowed', central.port, await token('narrowed', 'read:%2F/down* read:%2F/hidden*')));
    await central.logged(/Sending SUBACK to narrowed/, from);
    await eventually(() => central.log.slice(from).match(/Sending SUBACK to narrowed/g).length >= 2, 'both subscriptions');
    await broker.stop();
    await central.logged(/Client narrowed .*(disconnected|closed)/, from);
    const writer = await Client.connect(central.port, await token('anyone', 'read:*/* write:*/*'));
    for (const topic of ['hidden/1', 'down/1']) assert.ok(await writer.publish(topic, 'kept'));
    broker.writeBridge(bridge('narrowed', central.port, await token('narrowed', 'read:%2F/down*'), ['topic back/# out 1']));
    await broker.startAgain();
    await central.logged(/Sending PUBLISH to narrowed \([^)]*'down\/1'/, from);
    assert.doesNotMatch(central.log.slice(from), /Sending PUBLISH to narrowed \([^)]*'hidden\/1'/);
    await writer.end();
    await broker.stop();
});

test('a bridge without a good token passes nothing', async () => {
    for (const [name, secret, reason] of [
        ['none', undefined, 'NOT_A_TOKEN'], ['wrong', 'hunter2', 'NOT_A_TOKEN'],
        ['ended', await token('ended', RIGHTS, {lifetime: -10}), 'TOKEN_EXPIRED'],
        ['forged', await token('forged', RIGHTS, {signer: 'stranger'}), 'BAD_SIGNATURE'],
    ]) {
        const from = central.log.length;
        const broker = await edge(name, bridge(name, central.port, secret));
        const at = await ends(broker);
        await broker.logged(new RegExp(`Client local.${name} .*(disconnected|closed)`));
        await central.logged(new RegExp(`authenticate .*reason=${reason} .*client_id="${name}"`), from);
        for (const topic of ['up/1', 'private/1']) assert.ok(await at.edge.publish(topic, 'no'));
        for (const topic of ['down/1', 'hidden/1']) assert.ok(await at.central.publish(topic, 'no'));
        await at.edge.receives('private/1 no');
        await at.central.receives('hidden/1 no');
        assert.deepEqual(at.edge.messages.sort(), ['private/1 no', 'up/1 no']);
        assert.deepEqual(at.central.messages.sort(), ['down/1 no', 'hidden/1 no']);
        assert.ok(!central.log.slice(from).includes(`as ${name} (`));
        await at.end();
        await broker.stop();
    }
});

test('a bridge comes back by itself when the keys, which nobody could fetch, are there', async () => {
    await issuer.flip('/network', {state: 'down'});
    await issuer.flip('/rotate', {keep_old: false});
    const from = central.log.length;
    const broker = await edge('early', bridge('early', central.port, await token('early', RIGHTS)));
    await central.logged(/authenticate try_again .*client_id="early"/, from);
    await issuer.flip('/network', {state: 'up'});
    await central.logged(/Sending SUBACK to early/, from);
    const at = await ends(broker);
    await passes(at, 'hello');
    await at.end();
    await broker.stop();
});

// ---- the other way round ------------------------------------------------------------------------------------

test('nobody asks the plugin about a bridge that our own broker makes; its clients have their rights and no more', async () => {
    const other = await start('other', {});
    const text = (protocol) => ['connection ours', `address 127.0.0.1:${other.port}`, 'restart_timeout 1', 'remote_clientid ours',
        `bridge_protocol_version ${protocol}`, 'topic up/# out 1', 'topic down/# in 1'];
    for (const protocol of ['mqttv311', 'mqttv50']) {
        const broker = await start(`ours-${protocol}`, {ini: ini(), options: text(protocol)});
        const there = await Client.connect(other.port, undefined, {username: undefined});
        assert.ok(await there.subscribe('#'));
        const writer = await Client.connect(broker.port, await token('writer', 'write:%2F/up%2F1'));
        const reader = await Client.connect(broker.port, await token('reader', 'read:%2F/down%2F1'));
        assert.ok(await reader.subscribe('down/1'));
        assert.equal(await reader.subscribe('down/#'), false);
        await other.logged(/Sending SUBACK to ours/, 0);
        for (const round of ['first', 'second']) {
            const payload = `${protocol} ${round}`;
            assert.equal(await writer.publish('up/2', payload), false);
            assert.ok(await writer.publish('up/1', payload));
            await there.receives(`up/1 ${payload}`);
            assert.ok(!there.messages.includes(`up/2 ${payload}`));
            for (const topic of ['down/2', 'down/1']) assert.ok(await there.publish(topic, payload));
            await reader.receives(`down/1 ${payload}`);
            assert.ok(!reader.messages.includes(`down/2 ${payload}`));
            const from = broker.log.length;
            broker.reload();
            await broker.logged(/Reloading config/, from);
        }
        assert.doesNotMatch(broker.log, /tokenward: (authenticate|authorize) .*client_id="(local\.)?ours"/);
        for (const client of [there, writer, reader]) await client.end();
        await broker.stop();
    }
    await other.stop();
});

test('the central broker is still there', () => assert.ok(central.program.running));

await runAll(before, after);
