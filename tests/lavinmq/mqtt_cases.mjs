// MQTT 3.1.1. LavinMQ knows no rights by topic: publishing takes write on mqtt.default, subscribing read on it and write
// on mqtt.CLIENTID.
import assert from 'node:assert/strict';
import {createConnection} from 'node:net';

import {generate as mqttPacket} from 'mqtt-packet';

import {Client, refusal} from '../support/mosquitto.mjs';
import {eventually, test} from '../support/tap.mjs';
import {ALL, LOCAL, mint, world} from './world.mjs';

const NOT_AUTHORIZED = 5;

const connect = async (token, options) =>
    Client.connect(world.lavin.mqttPort, await token, {protocolVersion: 4, ...options});

/** A denied subscription ends the connection: MQTT 3.1.1 has no other way to say it. */
const subscribed = (client, filter) => new Promise((resolve) => {
    client.mqtt.subscribe(filter, {qos: 1}, (error, granted) => resolve(!error && granted[0].qos < 128));
    client.mqtt.once('close', () => resolve(false));
});
const published = (client, topic) => Promise.race([
    client.publish(topic, 'x').then(() => true, () => false),
    eventually(() => client.closed, 'the end').then(() => false, () => false),
]);

/** A WebSocket by hand, which reads nothing. */
function webSocket() {
    return new Promise((resolve) => {
        const socket = createConnection(world.lavin.httpPort, '127.0.0.1').on('error', () => {});
        socket.write('GET /mqtt HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
        socket.once('data', () => resolve(socket.pause()));
    });
}
const webSocketFrame = (opcode, payload) => Buffer.concat([
    Buffer.from([0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]), payload]);
const connectFrame = (clientId, password) => {
    const packet = {cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId, keepalive: 0, username: 'any', password};
    return webSocketFrame(2, mqttPacket(packet));
};
/** Sends pings until LavinMQ waits for somebody to read the answers. */
async function stall(socket, first = Buffer.alloc(0)) {
    const pings = Buffer.concat(Array(8000).fill(webSocketFrame(9, Buffer.alloc(125))));
    socket.write(Buffer.concat([first, pings]));
    let left = 0;
    let since = Date.now();
    await eventually(() => {
        // No more than it takes: LavinMQ answers what it has got before others have their turn.
        if (socket.writableLength === 0) socket.write(pings);
        if (socket.writableLength !== left) [left, since] = [socket.writableLength, Date.now()];
        return Date.now() - since > 500;
    }, 'a WebSocket that is full', 30_000);
}
const isIn = async (name) => (await world.lavin.http('/connections', LOCAL)).body.some(({user}) => user === name);

test('MQTT: a token as the password lets a client in, which sends and receives', async () => {
    const from = world.lavin.log.length;
    const client = await connect(mint('mia', ALL), {clientId: 'mia-1'});
    await world.lavin.logged(/authenticate ok .*username="mia".*protocol="mqtt".*peer="127\.0\.0\.1.*mia-1/, from);
    assert.equal(await client.subscribe('sensors/#'), true);
    await client.publish('sensors/one', 'hello');
    await client.receives('sensors/one hello');
    await client.end();
});

test('MQTT: a local user comes in as ever', async () => {
    const client = await connect('guest', {username: 'guest'});
    assert.equal(await subscribed(client, '#'), true);
    await client.end();
});

for (const [what, reason, password] of [
    ['an expired token', 'TOKEN_EXPIRED', () => mint('mike', ALL, {lifetime: -5})],
    ['a forged token', 'BAD_SIGNATURE', () => mint('mike', ALL, {signer: 'stranger', kid: 'p256-1'})],
]) {
    test(`MQTT: ${what} is refused, and the log says ${reason} and whose connection it was`, async () => {
        const from = world.lavin.log.length;
        assert.equal(await refusal(connect(password(), {clientId: `mike-${reason}`})), NOT_AUTHORIZED);
        await world.lavin.logged(new RegExp(`authenticate refused reason=${reason} .*protocol="mqtt" peer="127\\.0\\.0\\.1:\\d+" client_id="mike-${reason}": .+hint`), from);
    });
}

test('MQTT: a password that is no token is refused', async () => {
    assert.equal(await refusal(connect('swordfish')), NOT_AUTHORIZED);
});

for (const [username, scope, expected] of [
    ['whoever', 'read:%2F/*', true],
    ['whoever', 'read:asia/*', false],
    ['asia:whoever', 'read:asia/*', true],
    ['asia:whoever', 'read:%2F/*', false],
    ['asia:whoever', 'read:*/*', true],
    ['eu-west:whoever', 'read:eu-*/*', true],
    ['nowhere:whoever', 'read:*/*', false],
]) {
    test(`MQTT: ${scope} ${expected ? 'opens' : 'does not open'} the vhost of the username ${username}`, async () => {
        const attempt = connect(mint('max', scope), {username});
        if (expected) await (await attempt).end();
        else assert.equal(await refusal(attempt), NOT_AUTHORIZED);
    });
}

for (const [scope, expected] of [
    ['write:*/mqtt.default', true],
    ['write:*/mqtt.*', true],
    ['write:*/other read:*/*', false],
    ['write:other/mqtt.default read:*/*', false],
]) {
    test(`MQTT: ${scope} ${expected ? 'grants' : 'denies'} publishing, without permission_check_enabled too`, async () => {
        const from = world.lavin.log.length;
        const client = await connect(mint('mona', `${scope} read:%2F/unused`));
        assert.equal(await published(client, 'sensors/one'), expected);
        if (!expected) await world.lavin.logged(/authorize denied reason=\w+ .*username="mona" protocol="mqtt" .*operation=write vhost="\/" resource="mqtt\.default"/, from);
        await client.end(true);
    });
}

for (const [scope, clientId, expected] of [
    ['read:*/mqtt.default write:*/mqtt.nina', 'nina', true],
    ['read:*/mqtt.default', 'nora', false],
    ['write:*/mqtt.nell', 'nell', false],
    ['read:*/mqtt.default write:*/mqtt.someone', 'nick', false],
]) {
    test(`MQTT: ${scope} ${expected ? 'grants' : 'denies'} subscribing as the client ${clientId}`, async () => {
        const client = await connect(mint('nina', scope), {clientId});
        assert.equal(await subscribed(client, 'a/b'), expected);
        await client.end(true);
    });
}

test("MQTT: a session that is there delivers only to who may subscribe with its client id", async () => {
    const options = {clientId: 'durable', clean: false};
    const owner = await connect(mint('owner', 'read:*/mqtt.default write:*/mqtt.durable'), options);
    assert.equal(await subscribed(owner, 'private/#'), true);
    await owner.end();
    const sender = await connect(mint('sender', 'write:*/mqtt.default'));
    await sender.publish('private/1', 'for the owner');
    assert.equal(await refusal(connect(mint('thief', 'read:*/unused'), options)), NOT_AUTHORIZED);
    // A clean one would end it.
    assert.equal(await refusal(connect(mint('thief', 'read:*/unused'), {clientId: 'durable'})), NOT_AUTHORIZED);
    const again = await connect(mint('owner', 'read:*/mqtt.default write:*/mqtt.durable'), options);
    await again.receives('private/1 for the owner');
    await again.end();
    await sender.end();
});

for (const [what, scope, expected] of [
    ['another identity without the right to subscribe with it', 'read:*/mqtt.default write:*/mqtt.other', false],
    ['another identity that may subscribe with it', 'read:*/mqtt.default write:*/mqtt.live', true],
]) {
    test(`MQTT: a live client's id is ${expected ? '' : 'not '}taken over by ${what}`, async () => {
        const owner = await connect(mint('lena', 'write:*/mqtt.default'), {clientId: 'live'});
        const attempt = connect(mint('lars', scope), {clientId: 'live'});
        if (expected) await (await attempt).end();
        else assert.equal(await refusal(attempt), NOT_AUTHORIZED);
        assert.equal(owner.closed, expected);
        await owner.end(true);
    });
}

test("MQTT: a local user's live client is not taken over by a token, but by itself", async () => {
    const owner = await connect('guest', {username: 'guest', clientId: 'local'});
    assert.equal(await refusal(connect(mint('guest', 'write:*/mqtt.default'), {clientId: 'local'})), NOT_AUTHORIZED);
    assert.ok(!owner.closed);
    const again = await connect('guest', {username: 'guest', clientId: 'local'});
    await eventually(() => owner.closed, 'the end of the first');
    await again.end();
});

test('MQTT: a client takes its own id over, without a right to subscribe', async () => {
    const first = await connect(mint('luna', 'write:*/mqtt.default'), {clientId: 'own'});
    const second = await connect(mint('luna', 'write:*/mqtt.default'), {clientId: 'own'});
    await eventually(() => first.closed, 'the end of the first');
    await second.end();
});

for (const [what, thief, waits] of [
    ['its CONNACK to be read', 'late-1', async (token) => {
        for (;;) {
            const socket = await webSocket();
            const from = world.lavin.log.length;
            await stall(socket, connectFrame('late-1', token));
            await world.lavin.logged(/authenticate ok .*late-1/, from);
            if (!await isIn('late-1')) return () => { socket.resume(); };
            socket.destroy(); // LavinMQ came to the CONNACK before it had to wait
            await eventually(async () => !await isIn('late-1'), 'its end');
        }
    }],
    ['the end of its own client, a WebSocket, with that client id', 'late-2', async (token) => {
        const socket = await webSocket();
        socket.write(connectFrame('late-2', token));
        await eventually(() => isIn('late-2'), 'the first client');
        await stall(socket);
        const second = await connect(token, {clientId: 'late-2'});
        await eventually(async () => !await isIn('late-2'), 'the end of the first client');
        return () => { socket.destroy(); return second; };
    }],
]) {
    test(`MQTT: who waits for ${what} doesn't get the session that another made meanwhile`, async () => {
        const goOn = await waits(await mint(thief, 'read:*/unused'));
        const from = world.lavin.log.length;
        const owner = await connect('guest', {username: 'guest', clientId: thief, clean: false});
        assert.equal(await subscribed(owner, 'private/#'), true);
        const second = await goOn();
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const sender = await connect(mint('sender', 'write:*/mqtt.default'));
        await sender.publish('private/2', 'for the owner');
        await owner.receives('private/2 for the owner');
        assert.deepEqual([owner.closed, await isIn(thief), second?.closed ?? true], [false, false, true]);
        await world.lavin.logged(/another client has taken the client id meanwhile/, from);
        await sender.end();
        await owner.end();
        await (await connect('guest', {username: 'guest', clientId: thief})).end(); // ends the session
    });
}

for (const [scope, expected] of [[ALL, true], ['read:*/*', false]]) {
    test(`MQTT: the connection is closed when the token ends; its will is ${expected ? 'published' : 'not: it may not write'}`, async () => {
        const watcher = await connect(mint('watcher', ALL));
        assert.equal(await subscribed(watcher, 'wills/#'), true);
        const topic = `wills/${expected}`;
        const client = await connect(mint('oscar', scope, {lifetime: 3}), {will: {topic, payload: 'gone', qos: 1}});
        await eventually(() => client.closed, "the connection's end", 30_000);
        if (expected) await watcher.receives(`${topic} gone`);
        else await new Promise((resolve) => setTimeout(resolve, 1000));
        assert.deepEqual(watcher.messages, expected ? [`${topic} gone`] : []);
        await watcher.end();
    });
}

test('MQTT: the will of a connection that breaks is published', async () => {
    const watcher = await connect(mint('watcher', ALL));
    assert.equal(await subscribed(watcher, 'wills/#'), true);
    const client = await connect(mint('olga', ALL), {will: {topic: 'wills/broken', payload: 'gone', qos: 1}});
    await client.end(true);
    await watcher.receives('wills/broken gone');
    await watcher.end();
});

test("MQTT over WebSocket: rights as ever; a client that reads no more is cut off after its token's end", async () => {
    const url = `ws://127.0.0.1:${world.lavin.httpPort}/mqtt`;
    const denied = await Client.connect(url, await mint('wanda', 'write:*/other'), {protocolVersion: 4});
    assert.equal(await published(denied, 'flood/1'), false);
    let socket;
    const wsOptions = {createConnection: (to) => { socket = createConnection(to); return socket; }};
    const client = await Client.connect(url, await mint('walt', ALL, {lifetime: 4}), {protocolVersion: 4, wsOptions});
    assert.equal(await client.subscribe('flood/#'), true);
    socket.pause();
    const sender = await connect(mint('sender', ALL));
    for (let i = 0; i < 100; ++i) sender.mqtt.publish('flood/1', Buffer.alloc(200_000), {qos: 1});  // more than sockets hold
    const here = async () => (await world.lavin.http('/connections', LOCAL)).body.some(({user}) => user === 'walt');
    assert.ok(await here());
    await eventually(async () => !await here(), "the connection's end", 30_000);
    socket.destroy();
    await sender.end();
});
