// What the end of a token leaves behind: wills are published, messages for durable sessions are kept.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, durable as durableSession} from '../support/mosquitto.mjs';
import {Program, freePort, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIFETIME = 3;  // seconds; long enough to connect

const directory = temporaryDirectory();
let issuer;
let broker;
let listeners;

const ini = () => `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
clock_skew = 0
`;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    const webSockets = await freePort();
    const unix = join(directory.path, 'socket');
    broker = await Broker.start({
        directory: directory.path,
        certificates: issuer.directory,
        ini: ini(),
        options: ['check_retain_source true', `listener ${webSockets} 127.0.0.1`, 'protocol websockets', `listener 0 ${unix}`],
    });
    listeners = {
        tcp: `mqtt://127.0.0.1:${broker.port}`, tls: `mqtts://127.0.0.1:${broker.tlsPort}`,
        websockets: `ws://127.0.0.1:${webSockets}`, unix,
    };
}

async function after(failed) {
    await broker?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log);
    directory.remove();
}

const anyone = async () => Client.connect(broker.port, await issuer.mint('anyone', 'read:*/* write:*/*'));
/** A listener to everything. */
async function watcher() {
    const client = await anyone();
    assert.ok(await client.subscribe('#'));
    return client;
}
const mortal = (sub, scope = 'write:%2F/wills%2F*', lifetime = LIFETIME) => issuer.mint(sub, scope, {lifetime});
const will = (topic, more = {}) => ({topic, payload: 'gone', qos: 1, ...more});

// ---- wills ----------------------------------------------------------------------------------------------

for (const kind of ['tcp', 'tls', 'websockets']) {
    for (const protocolVersion of [4, 5]) {
        test(`allowed wills are published when the token ends: ${kind}, MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}`, async () => {
            const all = await watcher();
            const clients = [];
            for (let i = 0; i < 10; ++i) {
                const name = `${kind}-${protocolVersion}-${i}`;
                clients.push(await Client.connect(listeners[kind], await mortal(name),
                    {protocolVersion, rejectUnauthorized: false, will: will(`wills/${name}`)}));
                clients.push(await Client.connect(listeners[kind], await mortal(`${name}-x`),
                    {protocolVersion, rejectUnauthorized: false, will: will(`forbidden/${name}`)}));
            }
            for (const client of clients) await eventually(() => client.closed, 'the end of the connection');
            await eventually(() => all.messages.length >= 10, 'ten wills');
            // What is published now comes after them.
            await all.publish('after', 'all');
            await all.receives('after all');
            assert.deepEqual(all.messages.sort(), ['after all', ...Array.from({length: 10}, (_, i) =>
                `wills/${kind}-${protocolVersion}-${i} gone`)]);
            await all.end();
        });
    }
}

test('allowed wills are published when the token ends: unix socket', async () => {
    const all = await watcher();
    const client = new Program('mosquitto_sub', ['--unix', listeners.unix, '-u', 'any', '-P',
        await mortal('unix', 'write:%2F/wills%2F* read:%2F/x'), '-t', 'x', '--will-topic', 'wills/unix', '--will-payload', 'gone']);
    await all.receives('wills/unix gone');
    await client.stop();
    await all.end();
});

test('a delayed will whose time comes after the end of the token is published', async () => {
    const all = await watcher();
    const dies = async (name, topic, how) => {
        const client = await Client.connect(broker.port, await mortal(name), {
            clientId: name, properties: {sessionExpiryInterval: 60}, will: will(topic, {properties: {willDelayInterval: 4}}),
        });
        await how(client);
    };
    const broken = (client) => client.end(true);
    const kicked = (client) => eventually(() => client.closed, 'the end of the connection');
    await dies('broken-x', 'forbidden/broken', broken);
    await dies('broken', 'wills/broken', broken);
    await dies('kicked-x', 'forbidden/kicked', kicked);
    await dies('kicked', 'wills/kicked', kicked);
    await all.receives('wills/broken gone');
    await all.receives('wills/kicked gone');
    assert.deepEqual(all.messages.sort(), ['wills/broken gone', 'wills/kicked gone']);
    await all.end();
});

test('a client that says goodbye takes its will with it, whatever its token does', async () => {
    const all = await watcher();
    const client = await Client.connect(broker.port, await mortal('polite'), {will: will('wills/polite')});
    await client.end();
    const other = await Client.connect(broker.port, await mortal('impolite'), {will: will('wills/impolite')});
    await all.receives('wills/impolite gone');
    assert.deepEqual(all.messages, ['wills/impolite gone']);
    await other.end();
    await all.end();
});

// ---- durable sessions -----------------------------------------------------------------------------------

for (const protocolVersion of [4, 5]) {
    const durable = (clientId) => ({
        clientId, clean: false, protocolVersion, ...(protocolVersion === 5 && {properties: {sessionExpiryInterval: 300}}),
    });
    const mqttVersion = protocolVersion === 4 ? '3.1.1' : '5';

    for (const [what, leave] of [
        ['is disconnected at the end of its token', (client) => eventually(() => client.closed, 'the end')],
        ['leaves before', (client) => client.end()],
        ['breaks off before', (client) => client.end(true)],
    ]) {
        test(`messages for a durable client that ${what} wait for it, MQTT ${mqttVersion}`, async () => {
            const id = `durable-${protocolVersion}-${what}`.replaceAll(' ', '-');
            const first = await Client.connect(broker.port, await mortal('dora', 'read:%2F/d%2F*'), durable(id));
            assert.ok(await first.subscribe('d/+'));
            await leave(first);
            await new Promise((resolve) => setTimeout(resolve, 1000 * (LIFETIME + 1)));
            const writer = await anyone();
            for (const topic of ['d/1', 'd/2', 'd/secret']) assert.ok(await writer.publish(topic, 'kept'));
            // Each is checked once more by the token with which the client comes back.
            const scope = 'read:%2F/d%2F1 read:%2F/d%2F2';
            const second = await Client.connect(broker.port, await issuer.mint('dora', scope), durable(id));
            assert.ok(second.sessionPresent);
            await second.receives('d/2 kept');
            await writer.publish('d/1', 'new');
            await second.receives('d/1 new');
            assert.deepEqual(second.messages, ['d/1 kept', 'd/2 kept', 'd/1 new']);
            await second.end();
            await writer.end();
        });
    }
}

test('messages wait for a durable client that left with a narrower token, and each token gets what it may read', async () => {
    const options = {clientId: 'narrowed', clean: false, properties: {sessionExpiryInterval: 300}};
    const connect = async (scope) => Client.connect(broker.port, await issuer.mint('nora', scope), options);
    const wide = await connect('read:%2F/n%2F*');
    assert.ok(await wide.subscribe('n/+'));
    await wide.end();
    await (await connect('read:%2F/n%2F1')).end();
    const writer = await anyone();
    for (const topic of ['n/1', 'n/2']) assert.ok(await writer.publish(topic, 'kept'));
    const again = await connect('read:%2F/n%2F*');
    await again.receives('n/2 kept');
    assert.deepEqual(again.messages, ['n/1 kept', 'n/2 kept']);
    await again.end();
    for (const topic of ['n/2', 'n/1']) assert.ok(await writer.publish(topic, 'more'));
    const narrow = await connect('read:%2F/n%2F1');
    await narrow.receives('n/1 more');
    assert.deepEqual(narrow.messages, ['n/1 more']);
    await narrow.end();
    await writer.end();
});

for (const protocolVersion of [4, 5]) {
    test(`of a stream of messages none is lost at the end of the token, MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}`, async () => {
        const options = {...durableSession(`stream-${protocolVersion}`, protocolVersion), clean: false};
        const first = await Client.connect(broker.port, await mortal('sam', 'read:%2F/s'), options);
        assert.ok(await first.subscribe('s'));
        const writer = await anyone();
        let sent = 0;
        const end = eventually(() => first.closed, 'the end').then(() => Date.now());
        let ended;
        end.then((at) => { ended = at; });
        while (!ended || Date.now() < ended + 700) {
            assert.ok(await writer.publish('s', String(sent++)));
            await new Promise((resolve) => setTimeout(resolve, 2));  // the broker queues a thousand
        }
        const second = await Client.connect(broker.port, await issuer.mint('sam', 'read:%2F/s'), options);
        assert.ok(second.sessionPresent);
        assert.ok(await writer.publish('s', String(sent++)));
        await second.receives(`s ${sent - 1}`);
        const got = new Set([...first.messages, ...second.messages]);
        assert.deepEqual(Array.from({length: sent}, (_, i) => `s ${i}`).filter((each) => !got.has(each)), []);
        assert.ok(first.messages.length > 0 && second.messages.length > 1);
        await second.end();
        await writer.end();
    });
}

// ---- retained messages ----------------------------------------------------------------------------------

test('the end of a token changes nothing for what its client has published and retained', async () => {
    const first = await Client.connect(broker.port, await mortal('rita', 'write:%2F/r%2F*'), {clientId: 'rita'});
    assert.ok(await first.publish('r/1', 'kept', {retain: true}));
    assert.ok(await first.publish('r/2', 'kept', {retain: true}));
    await eventually(() => first.closed, 'the end');
    const reader = await anyone();
    assert.ok(await reader.subscribe('r/#'));
    await eventually(() => reader.messages.length === 2, 'two messages');
    await reader.end();
    // A narrower token takes one of them back, also while its durable session is away.
    const second = await Client.connect(broker.port, await mortal('rita', 'write:%2F/r%2F2'),
        {clientId: 'rita', properties: {sessionExpiryInterval: 60}});
    await eventually(() => second.closed, 'the end');
    const seen = async () => {
        const other = await anyone();
        assert.ok(await other.subscribe('r/#'));
        await other.publish('r/after', 'new');
        await other.receives('r/after new');
        await other.end();
        return other.messages.sort();
    };
    assert.deepEqual(await seen(), ['r/2 kept', 'r/after new']);
    // Without one nothing is remembered of it: what was published under an earlier token was allowed then.
    await (await Client.connect(broker.port, await mortal('rita', 'write:%2F/r%2F2'), {clientId: 'rita', protocolVersion: 4})).end();
    await eventually(async () => (await seen()).includes('r/1 kept'), 'the message of the earlier token');
});

// ---- a broker without traffic ---------------------------------------------------------------------------

test('a client is disconnected at the end of its token also where nothing else happens', async () => {
    const folder = join(directory.path, 'idle');
    mkdirSync(folder);
    const idle = await Broker.start({directory: folder, ini: ini(), options: ['sys_interval 0']});
    try {
        const client = await Client.connect(idle.port, await mortal('idle', 'read:%2F/x'), {keepalive: 0});
        await eventually(() => client.closed, 'the end of the connection', 10_000);
        await idle.logged(/is disconnected: its token ends/);
    } finally {
        await idle.stop();
    }
});

test('the broker is still there', () => assert.ok(broker.program.running));

await runAll(before, after);
