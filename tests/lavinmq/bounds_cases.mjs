// Input that would end the broker, or keep it busy for ever. Each case looks afterwards whether the broker goes on.
import assert from 'node:assert/strict';

import {createServer} from 'node:net';

import {Client} from '../support/mosquitto.mjs';
import {bearer} from '../support/lavinmq.mjs';
import {eventually, test} from '../support/tap.mjs';
import {LOCAL, enter, everything, mint, world} from './world.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The HTTP API answers at once. It runs in LavinMQ's one thread, as everything else. */
async function goesOn(limit = 5000) {
    assert.ok(world.lavin.program.running, 'the broker ended');
    const answer = await Promise.race([world.lavin.http('/whoami', LOCAL), pause(limit)]);
    assert.equal(answer?.status, 200, 'the broker hangs');
}

// ---- AMQP tables ----------------------------------------------------------------------------------------

const DEEP = 26_000;
const long = (number) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(number); return bytes; };
const short = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const frame = (type, channel, payload) => Buffer.concat([Buffer.from([type, 0, channel]), long(payload.length), payload, Buffer.from([0xce])]);
const method = (channel, classId, methodId, ...parts) =>
    frame(1, channel, Buffer.concat([Buffer.from([0, classId, 0, methodId, 0, 0]), ...parts]));
const table = (key, value) => {
    const content = Buffer.concat([short(key), value]);
    return Buffer.concat([long(content.length), content]);
};
/** A value that is `depth` arrays in each other. */
const arrays = (depth) => Buffer.concat(Array.from({length: depth}, (_, level) =>
    Buffer.concat([Buffer.from('A'), long(5 * (depth - level - 1))])));
/** The same of tables with the one key "a". */
const tables = (depth) => Buffer.concat([...Array.from({length: depth - 1}, (_, level) =>
    Buffer.concat([Buffer.from('F'), long(7 * (depth - level - 1)), Buffer.from('\x01a')])), Buffer.from('F'), long(0)]);
/** An array whose inner ones all claim to be as long as the frame may be. */
const liars = (depth) => Buffer.concat([Buffer.from('A'), long(5),
    ...Array.from({length: depth}, () => Buffer.concat([Buffer.from('A'), long(100_000)]))]);

const publish = (key, value) => (channel) => Buffer.concat([
    method(channel, 60, 40, short('amq.fanout'), short('k'), Buffer.from([0])),
    frame(2, channel, Buffer.concat([Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 0]), table(key, value)])),
    frame(3, channel, Buffer.from('x'))]);
const declareExchange = (key, value) => (channel) =>
    method(channel, 40, 10, short('deep-x'), short('direct'), Buffer.from([0]), table(key, value));
const declareQueue = (key, value) => (channel) =>
    method(channel, 50, 10, short('deep-q'), Buffer.from([0]), table(key, value));

for (const [what, bytes] of [
    ['a message\'s header x-dead-letter-exchange', publish('x-dead-letter-exchange', arrays(DEEP))],
    ['a message\'s header CC', publish('CC', arrays(DEEP))],
    ['a message\'s header x-foo, in tables', publish('x-foo', tables(18_000))],
    ['a message\'s header CC, with false lengths', publish('CC', liars(DEEP))],
    ['an exchange\'s x-alternate-exchange', declareExchange('x-alternate-exchange', arrays(DEEP))],
    ['a queue\'s x-dead-letter-exchange', declareQueue('x-dead-letter-exchange', arrays(DEEP))],
    ['a queue\'s argument x-foo', declareQueue('x-foo', arrays(65))],
]) {
    for (const [who, come] of [
        ['a token\'s user', () => enter('deep', 'write:%2F/amq.fanout configure:%2F/deep-* read:%2F/deep-*')],
        ['a local user', everything],
    ]) {
        test(`Bounds: ${what} that is nested too deeply ends the connection of ${who}, not the broker`, async () => {
            const from = world.lavin.log.length;
            const connection = await come();
            const channel = await connection.createChannel();
            channel.on('error', () => {});
            connection.connection.stream.write(bytes(channel.ch));
            await world.lavin.logged(/nested more than 64 levels|A table is malformed/, from);
            await eventually(() => connection.isClosed, 'the end of the connection');
            await goesOn();
        });
    }
}

test('Bounds: a table with 60 levels comes through, and one with every type of field', async () => {
    const connection = await everything();
    const channel = await connection.createChannel();
    await channel.assertQueue('levels', {durable: false});
    let deep = 'bottom';
    for (let level = 0; level < 59; ++level) deep = level % 2 ? [deep] : {deep};
    const headers = {
        deep, text: 'x'.repeat(400), yes: true, nothing: null, bytes: Buffer.from('bytes'), small: 5, medium: 500, large: 70_000,
        huge: 2 ** 40, half: 0.5, list: [1, 'two', [3]], time: {'!': 'timestamp', value: 1_700_000_000},
        decimal: {'!': 'decimal', value: {digits: 123, places: 2}}, float: {'!': 'float', value: 0.25},
    };
    channel.sendToQueue('levels', Buffer.from('x'), {headers});
    const message = await eventually(() => channel.get('levels', {noAck: true}), 'the message');
    assert.deepEqual(message.properties.headers, {...headers, float: 0.25});
    await channel.deleteQueue('levels');
    await connection.close();
});

// ---- MQTT topics ----------------------------------------------------------------------------------------

const levels = (count, one) => Array(count).fill(one).join('/');
const mqtt = async (password, options) => Client.connect(world.lavin.mqttPort, await password,
    {protocolVersion: 4, reconnectPeriod: 0, ...options});

for (const [what, send] of [
    ['a retained PUBLISH', (client) => client.mqtt.publish(levels(30_000, 'a'), 'x', {retain: true})],
    ['a SUBSCRIBE', (client) => client.mqtt.subscribe(levels(30_000, '+'), () => {})],
    ['an UNSUBSCRIBE', (client) => client.mqtt.unsubscribe(levels(30_000, '+'), () => {})],
]) {
    for (const [who, password, options] of [
        ['a token\'s user', () => mint('levels', 'read:%2F/mqtt.* write:%2F/mqtt.*'), {}],
        ['a local user', () => 'guest', {username: 'guest'}],
    ]) {
        test(`Bounds: ${what} with 30000 levels ends the connection of ${who}, not the broker`, async () => {
            const from = world.lavin.log.length;
            const client = await mqtt(password(), options);
            client.mqtt.on('error', () => {});
            send(client);
            await world.lavin.logged(/more than 200 '\/'/, from);
            await eventually(() => client.closed, 'the end of the connection');
            await goesOn();
        });
    }
}

test('Bounds: a client whose will has 30000 levels does not get in', async () => {
    await assert.rejects(mqtt('guest', {username: 'guest', will: {topic: levels(30_000, 'a'), payload: 'x', retain: true}}));
    await goesOn();
});

test('Bounds: 201 levels come through', async () => {
    const client = await mqtt('guest', {username: 'guest'});
    assert.equal(await client.subscribe(levels(201, '+')), true);
    await client.publish(levels(201, ''), 'x'); // LavinMQ takes 255 bytes
    await client.receives(`${levels(201, '')} x`);
    await client.end();
});

for (const [verb, id] of [['SUBSCRIBE', 'many-subscribe'], ['UNSUBSCRIBE', 'many-unsubscribe']]) {
    test(`Bounds: ${verb} with 3000 filters does not hold up the others`, async () => {
        const filters = Array.from({length: 3000}, (_, number) => `${number}/+`);
        const client = await mqtt(mint(id, 'read:%2F/mqtt.* write:%2F/mqtt.*'), {clientId: id});
        const sent = (method) => new Promise((resolve) => { client.mqtt[method](filters, () => resolve(true)); });
        let answered = false;
        const subscribed = sent('subscribe').then(() => { answered = verb === 'SUBSCRIBE'; });
        if (verb === 'UNSUBSCRIBE') {
            await subscribed;
            sent('unsubscribe').then(() => { answered = true; });
        }
        while (!answered) {
            await goesOn(3000);
            await pause(100);
        }
        await client.end();
        await goesOn();
    }, 120_000);
}

test('Bounds: many messages that each match many filters of a client do not hold up the others', async () => {
    const filters = Array.from({length: 512}, (_, number) => Array.from({length: 9}, (_, bit) => number >> bit & 1 ? '+' : 'a').join('/'));
    const auth = mint('many', 'read:%2F/mqtt.* write:%2F/mqtt.*');
    const [listener, sender] = [await mqtt(auth), await mqtt(auth)];
    await new Promise((resolve) => { listener.mqtt.subscribe(filters, resolve); });
    const publish = Buffer.from(`\x30\x14\x00\x11${levels(9, 'a')}x`);
    sender.mqtt.stream.write(Buffer.concat(Array(3000).fill(publish)));
    for (let time = 0; time < 5; ++time) {
        await pause(200);
        await goesOn(2000);
    }
    listener.mqtt.stream.destroy();
    await listener.end();
    await sender.end();
    await goesOn();
}, 120_000);

// ---- JSON of the HTTP API --------------------------------------------------------------------------------

const QUEUE = '/queues/%2F/nested-q';
const EXCHANGE = '/exchanges/%2F/nested-x';
const NESTED = [
    ['a queue', QUEUE, 'PUT', (deep) => ({arguments: {deep}})],
    ['an exchange', EXCHANGE, 'PUT', (deep) => ({type: 'fanout', arguments: {deep}})],
    ['a binding', '/bindings/%2F/e/amq.fanout/q/nested-q', 'POST', (deep) => ({routing_key: '', arguments: {deep}})],
    ['a parameter', '/parameters/nested/%2F/nested-p', 'PUT', (deep) => ({value: {deep}})],
    ['a global parameter', '/global-parameters/nested-g', 'PUT', (deep) => ({value: {deep}})],
];
const nested = (depth) => depth ? [nested(depth - 1)] : 'bottom';

for (const [who, auth] of [
    ['a token\'s user', async () => bearer(await mint('nested', 'configure:%2F/* read:%2F/* write:%2F/* tag:administrator'))],
    ['a local user', () => LOCAL],
]) {
    test(`Bounds: JSON of ${who} that is nested too deeply is refused, and no list fails because of it`, async () => {
        const from = await auth();
        for (const [what, path, method, body] of NESTED) {
            for (const depth of [63, 99, 400]) {
                const {status, body: answer} = await world.lavin.http(path, from, {method, body: body(nested(depth))});
                assert.equal(status, 400, `${what}, ${depth} levels`);
                assert.match(answer.reason, /nested more than 64 levels deep/);
            }
            const {status} = await world.lavin.http(path, from, {method, body: body(nested(62))});
            assert.ok(status === 201 || status === 204, `${what}: ${status}`);
        }
        for (const list of ['/queues', '/exchanges', '/bindings', '/parameters', '/global-parameters', '/definitions']) {
            const {status, body} = await world.lavin.http(list, LOCAL);
            assert.deepEqual([list, status, typeof body], [list, 200, 'object']);
        }
        for (const [, path, method] of NESTED) {
            if (method === 'PUT') await world.lavin.http(path, LOCAL, {method: 'DELETE'});
        }
    });
}

// ---- what costs time or memory --------------------------------------------------------------------------

test('Bounds: a binding key with many # costs little', async () => {
    const connection = await enter('hash', 'configure:%2F/hash-* read:%2F/hash-* write:%2F/hash-*');
    const channel = await connection.createChannel();
    await channel.assertExchange('hash-t', 'topic', {durable: false});
    await channel.assertQueue('hash-q', {durable: false});
    await channel.bindQueue('hash-q', 'hash-t', `${Array(30).fill('#.a').join('.')}.b`);
    channel.publish('hash-t', Array(120).fill('a').join('.'), Buffer.from('no'));
    await goesOn();
    channel.publish('hash-t', `${Array(120).fill('a').join('.')}.b`, Buffer.from('yes'));
    assert.equal((await eventually(() => channel.get('hash-q', {noAck: true}), 'the message')).content.toString(), 'yes');
    await channel.deleteExchange('hash-t');
    await channel.deleteQueue('hash-q');
    await connection.close();
});

/** What a binding key means, in the plainest way. */
const matches = (key, words) => {
    if (!key.length) return !words.length;
    if (key[0] === '#') return matches(key.slice(1), words) || (words.length > 0 && matches(key, words.slice(1)));
    return words.length > 0 && (key[0] === '*' || key[0] === words[0]) && matches(key.slice(1), words.slice(1));
};

test('Bounds: binding keys of topic exchanges mean what they meant', async () => {
    const connection = await everything();
    const channel = await connection.createChannel();
    await channel.assertExchange('mean-t', 'topic', {durable: false});
    const pick = (of, seed) => { // all lists of 1 to 4 words
        const all = [];
        for (let length = 1; length <= seed; ++length) {
            for (let n = 0; n < of.length ** length; ++n) {
                all.push(Array.from({length}, (_, place) => of[Math.floor(n / of.length ** place) % of.length]));
            }
        }
        return all;
    };
    const topics = pick(['a', 'b'], 4);
    for (const key of pick(['a', '*', '#'], 4)) {
        const {queue} = await channel.assertQueue('', {exclusive: true});
        await channel.bindQueue(queue, 'mean-t', key.join('.'));
        for (const topic of topics) channel.publish('mean-t', topic.join('.'), Buffer.from(topic.join('.')));
        const expected = topics.filter((topic) => matches(key, topic)).length;
        assert.equal((await channel.checkQueue(queue)).messageCount, expected, key.join('.'));
        await channel.deleteQueue(queue);
    }
    await channel.deleteExchange('mean-t');
    await connection.close();
});

test('Bounds: a weight above 10000 at an x-consistent-hash exchange is refused', async () => {
    const auth = bearer(await mint('weight', 'configure:%2F/weight-* read:%2F/weight-* write:%2F/weight-* tag:management'));
    const call = (path, method, body) => world.lavin.http(path, auth, {method, body});
    await call('/queues/%2F/weight-q', 'PUT', {durable: false});
    await call('/exchanges/%2F/weight-x', 'PUT', {type: 'x-consistent-hash', durable: false});
    const bind = async (key) => {
        const answer = await Promise.race([call('/bindings/%2F/e/weight-x/q/weight-q', 'POST', {routing_key: key}), pause(5000)]);
        await goesOn();
        return answer.status;
    };
    assert.equal(await bind('10000'), 201);
    for (const key of ['10001', '100000000', '4294967295']) assert.equal(await bind(key), 400);
    const connection = await everything();
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await assert.rejects(channel.bindQueue('weight-q', 'weight-x', '100000000'), /PRECONDITION.FAILED.*10000/);
    await goesOn();
    await call('/exchanges/%2F/weight-x', 'DELETE');
    await call('/queues/%2F/weight-q', 'DELETE');
    await connection.close();
});

test('Bounds: a large x-cache-size takes no memory before there are messages', async () => {
    const auth = bearer(await mint('cache', 'configure:%2F/cache-* tag:management'));
    const body = {durable: false, arguments: {'x-message-deduplication': true, 'x-cache-size': 4_000_000_000}};
    for (const path of ['/queues/%2F/cache-q', '/exchanges/%2F/cache-x']) {
        const answer = await Promise.race([world.lavin.http(path, auth, {method: 'PUT', body: {...body, type: 'topic'}}), pause(5000)]);
        await goesOn();
        assert.equal(answer.status, 201);
        await world.lavin.http(path, auth, {method: 'DELETE'});
    }
});

test("Bounds: a bad update-secret costs a connection one refusal, however often it comes", async () => {
    const from = world.lavin.log.length;
    const client = await enter('flood', 'read:%2F/none');
    client.connection.accept = () => {};
    client.connection.stream.on('error', () => {});
    const text = Buffer.from('swordfish');
    const one = frame(1, 0, Buffer.concat([Buffer.from([0, 10, 0, 70]), long(text.length), text, Buffer.from([0])]));
    client.connection.stream.write(Buffer.concat(Array(2000).fill(one)));
    await world.lavin.logged(/Closing, ACCESS_REFUSED/, from);
    await pause(1000);
    assert.equal(world.lavin.log.slice(from).match(/Closing, ACCESS_REFUSED/g).length, 1);
    client.connection.stream.destroy();
    await goesOn();
});

test("Bounds: a shovel's server announces a table of 2 GB, and LavinMQ takes no memory for it", async () => {
    const start = Buffer.concat([Buffer.from([1, 0, 0]), long(100), Buffer.from([0, 10, 0, 10, 0, 9]), long(2_000_000_000)]);
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.write(start)));
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    const uri = `amqp://bob:secret@127.0.0.1:${server.address().port}/`;
    const from = world.lavin.log.length;
    const auth = bearer(await mint('bob', 'read:%2F/none tag:policymaker'));
    const value = {'src-uri': uri, 'src-queue': 'a', 'dest-uri': uri, 'dest-queue': 'b'};
    assert.equal((await world.lavin.http('/parameters/shovel/%2F/large', auth, {method: 'PUT', body: {value}})).status, 201);
    await world.lavin.logged(/A table of 2000000000 bytes is longer than 16777216/, from);
    await goesOn();
    await world.lavin.http('/parameters/shovel/%2F/large', LOCAL, {method: 'DELETE'});
    server.close();
});

// ---- what LavinMQ keeps ---------------------------------------------------------------------------------

const writers = [
    ["a token's user", async () => bearer(await mint('keeper', 'configure:%2F/* tag:administrator'))],
    ['a local user', () => LOCAL],
];

for (const [who, header] of writers) {
    test(`Bounds: ${who} gives nothing a name that isn't UTF-8: LavinMQ wouldn't start any more`, async () => {
        const auth = await header();
        for (const [path, body] of [
            ['/parameters/anything/%2F/%FF', {value: 1}], ['/global-parameters/a%FF', {value: 1}],
            ['/policies/%2F/%C3', {pattern: '^x$', definition: {'max-length': 1}}],
        ]) {
            const answer = await world.lavin.http(path, auth, {method: 'PUT', body});
            assert.equal(answer.status, 400, path);
            assert.equal(answer.body.reason, 'The path is not UTF-8');
        }
        assert.equal((await world.lavin.http('/global-parameters/%C3%A9', auth, {method: 'PUT', body: {value: 1}})).status, 201);
        assert.equal((await world.lavin.http('/global-parameters/%C3%A9', auth, {method: 'DELETE'})).status, 204);
    });
}

/** An administrator's file of definitions, whose JSON LavinMQ reads by another way than that of a body. */
async function upload(header, definitions) {
    const body = new FormData();
    body.append('file', new Blob([JSON.stringify(definitions)]), 'definitions.json');
    return fetch(`http://127.0.0.1:${world.lavin.httpPort}/api/definitions/upload`, {method: 'POST', headers: {authorization: header}, body});
}

for (const [who, header] of [
    ["a token's user", async () => bearer(await mint('keeper', 'tag:administrator configure:%2F/*'))],
    ['a local user', () => LOCAL],
]) {
    test(`Bounds: definitions that ${who} uploads, nested too deeply, are refused, and no list fails because of them`, async () => {
        const auth = await header();
        for (const [path, definitions] of [
            ['/parameters/anything/%2F', (name, deep) => ({parameters: [{component: 'anything', vhost: '/', name, value: {deep}}]})],
            ['/global-parameters', (name, deep) => ({global_parameters: [{name, value: {deep}}]})],
            ['/queues/%2F', (name, deep) => ({queues: [{name, vhost: '/', durable: false, auto_delete: false, arguments: {deep}}]})],
        ]) {
            const answer = await upload(auth, definitions('deep', nested(97)));
            assert.equal(answer.status, 400);
            assert.match((await answer.json()).reason, /nested more than 64 levels deep/);
            assert.equal((await world.lavin.http(`${path}/deep`, auth)).status, 404);
            assert.equal((await upload(auth, definitions('flat', nested(50)))).status, 200);
            assert.equal((await world.lavin.http(`${path}/flat`, auth)).status, 200);
            assert.equal((await world.lavin.http(`${path}/flat`, auth, {method: 'DELETE'})).status, 204);
        }
        assert.equal((await world.lavin.http('/definitions', LOCAL)).status, 200);
    });
}

test('Bounds: a refusal of a long pattern is short, in the answer and in the log', async () => {
    const from = world.lavin.log.length;
    const {status, body} = await world.lavin.http('/policies/%2F/long', bearer(await mint('long', 'read:%2F/none tag:policymaker')),
        {method: 'PUT', body: {pattern: `^${'\u00e9'.repeat(100_000)}`, definition: {'max-length': 1}}});
    assert.equal(status, 403);
    assert.ok(body.reason.length < 1100, `${body.reason.length}`);
    await world.lavin.logged(/HTTP: refused to user "long"/, from);
    assert.ok(world.lavin.log.length - from < 10_000);
});
