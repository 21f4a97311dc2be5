// denied_file: whom an operator denies is gone with the reload, without its will, and so is what it made and what would
// outlive it. Others feel nothing.
import assert from 'node:assert/strict';
import {existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync} from 'node:fs';
import {connect as tcp, createServer} from 'node:net';
import {join} from 'node:path';
import {createHash} from 'node:crypto';

import {amqpLogin} from '../support/amqp_frames.mjs';
import {Issuer} from '../support/issuer.mjs';
import {Lavin, basic, bearer, hasSignIn, permitted, turnedAway} from '../support/lavinmq.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIMIT_MS = 120_000;
const LOCAL = basic('guest', 'guest');
const ALL = 'broker.configure:*/* broker.read:*/* broker.write:*/*';
const MAKER = `${ALL} broker.tag:policymaker`;
const NOBODY = 'amqp://bob:secret@127.0.0.1:1/';
const SOON_MS = 3000;  // a second, and what a busy machine takes; a token's end gives ten seconds to close

const directory = temporaryDirectory();
const deniedFile = join(directory.path, 'denied');
const ownersFile = join(directory.path, 'data', 'tokenward_owners.json');
let issuer;
let lavin;
let logs = '';

async function start() {
    lavin = await Lavin.start({
        directory: directory.path, oauth: [`issuer = ${issuer.url}`, 'resource_server_id = broker'],
        ini: `[oauth]\nca_file = ${issuer.caFile}\nclock_skew = 0\njwks_min_refresh = 1\ndenied_file = ${deniedFile}\n`,
    });
}

async function stop() {
    await lavin.stop();
    logs += lavin.log;
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    deny();
    await start();
    await lavin.http('/users/mover', LOCAL, {method: 'PUT', body: {password: 'mover', tags: ''}});
    await lavin.http('/permissions/%2F/mover', LOCAL, {method: 'PUT', body: {configure: '.*', read: '.*', write: '.*'}});
}

async function after(failed) {
    await lavin?.stop();
    await issuer?.stop();
    if (failed && lavin) console.error(lavin.log.slice(-30_000));
    directory.remove();
}

function deny(...lines) {
    writeFileSync(deniedFile, lines.map((line) => `${line}\n`).join(''), {mode: 0o644});
}
/** The length of the log before. */
async function reload(...lines) {
    deny(...lines);
    const from = lavin.log.length;
    lavin.reload();
    await lavin.logged(/configuration reloaded|old configuration stays/, from);
    return from;
}
const soon = (condition, what) => eventually(condition, what, SOON_MS);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const token = (sub, more, scope = ALL) => issuer.mint(sub, scope, more);
const mqtt = async (sub, more, url = lavin.mqttPort) => Client.connect(url, await token(sub), {protocolVersion: 4, ...more});
const isIn = async (name) => (await lavin.http('/connections', LOCAL)).body.some(({user}) => user === name);

// ---- who is connected -----------------------------------------------------------------------------------

test('AMQP: a denied user is gone and refused; another feels nothing; allowed again, he comes in', async () => {
    const [alice, again, bob] = [await lavin.connect(await token('alice'), {name: 'a "phone"'}), await lavin.connect(await token('alice')),
                                 await lavin.connect(await token('bob'))];
    const from = await reload('username alice');
    for (const one of [alice, again]) await soon(() => one.isClosed, 'the end of the connection');
    assert.match(alice.closedBy, /CONNECTION.FORCED/);
    await lavin.logged(/amqp client 127\.0\.0\.1:\d+ connection_name="a \\"phone\\"" of user "alice" is disconnected: the operator denies it \(denied_file\)/, from);
    assert.equal(lavin.log.slice(from).match(/the operator denies it/g).length, 2);
    await turnedAway(lavin.connect(await token('alice')));
    await lavin.logged(/authenticate refused reason=DENIED_BY_OPERATOR .*alice/, from);
    assert.equal(await permitted(bob, (channel) => channel.assertQueue('q', {exclusive: true})), true);
    await reload();
    await (await lavin.connect(await token('alice'))).close();
    await bob.close();
}, LIMIT_MS);

for (const [what, webSocket] of [['AMQP', false], ['AMQP over WebSocket', true]]) {
    test(`${what}: a denied client that doesn't answer the close is cut off`, async () => {
        await reload();
        const ended = amqpLogin(webSocket ? lavin.httpPort : lavin.port, 'whoever', await token('deaf'), {deaf: true, webSocket});
        await eventually(() => isIn('deaf'), 'the client');
        await reload('username deaf');
        const began = Date.now();
        assert.match(await ended, /^320 /);
        assert.ok(Date.now() - began < SOON_MS);
    }, LIMIT_MS);
}

test('AMQP: a denied client that goes on reading takes no message out of its queue any more', async () => {
    await reload();
    const owner = await lavin.connect('guest', {username: 'guest'});
    const setup = await owner.createChannel();
    await setup.assertQueue('drained', {durable: false});
    const client = await lavin.connect(await token('drain'));
    await (await client.createChannel()).consume('drained', () => {}, {noAck: true});
    client.connection.accept = () => {};  // deaf
    await reload('username drain');
    for (let i = 0; i < 20; ++i) setup.sendToQueue('drained', Buffer.from(`${i}`));
    await eventually(async () => (await setup.checkQueue('drained')).messageCount === 20, 'all messages');
    await setup.deleteQueue('drained');
    await owner.close();
}, LIMIT_MS);

test("AMQP: update-secret with a fresh token doesn't bring a denied session back", async () => {
    await reload();
    const client = await lavin.connect(await token('una', {claims: {jti: 'first'}}));
    const fresh = Buffer.from(await token('una', {claims: {jti: 'second'}}));
    // Not before the reload: then it would be a session of the second token, which nobody denies.
    client.connection.accept = () => {};  // deaf, so that it is there until it is cut off
    await reload('jti first');
    const updating = setInterval(() => client.updateSecret(fresh, 'again').catch(() => {}), 5);
    await soon(async () => !await isIn('una'), 'the end').finally(() => clearInterval(updating));
    await (await lavin.connect(fresh.toString())).close();
}, LIMIT_MS);

for (const kind of ['TCP', 'WebSocket']) {
    test(`MQTT over ${kind}: a denied client is gone, without its will; another stays`, async () => {
        await reload();
        const url = kind === 'TCP' ? lavin.mqttPort : `ws://127.0.0.1:${lavin.httpPort}/mqtt`;
        const all = await mqtt('anyone');
        assert.equal(await all.subscribe('#'), true);
        const [alice, bob] = [await mqtt('alice', {clientId: 'phone', will: {topic: 'wills/alice', payload: 'gone', qos: 1}}, url),
                              await mqtt('bob', {will: {topic: 'wills/bob', payload: 'gone', qos: 1}}, url)];
        const from = await reload('username alice');
        await soon(() => alice.closed, 'the end of the connection');
        await lavin.logged(/mqtt client 127\.0\.0\.1:\d+ client_id="phone" of user "alice" is disconnected: the operator denies it \(denied_file\)/, from);
        await bob.publish('from', 'bob');
        await all.receives('from bob');
        assert.equal(bob.closed, false);
        assert.deepEqual(all.messages, ['from bob']);
        assert.equal(await refusal(mqtt('alice', {}, url)), 5);
        await lavin.logged(/authenticate refused reason=DENIED_BY_OPERATOR .*alice/, from);
        await bob.end();
        await all.end();
    }, LIMIT_MS);
}

test('MQTT over WebSocket: a denied client that reads no more is cut off', async () => {
    await reload();
    let socket;
    const wsOptions = {createConnection: (to) => { socket = tcp(to); return socket; }};
    const client = await mqtt('walt', {wsOptions}, `ws://127.0.0.1:${lavin.httpPort}/mqtt`);
    assert.equal(await client.subscribe('flood/#'), true);
    socket.pause();
    const sender = await mqtt('sender');
    for (let i = 0; i < 100; ++i) sender.mqtt.publish('flood/1', Buffer.alloc(200_000), {qos: 1});  // more than sockets hold
    assert.ok(await isIn('walt'));
    await reload('username walt');
    await soon(async () => !await isIn('walt'), "the connection's end");
    socket.destroy();
    await sender.end();
}, LIMIT_MS);

for (const [line, claims] of [['jti stolen', {jti: 'stolen'}], ['client_id sensor', {client_id: 'sensor'}], ['client_id app', {azp: 'app'}]]) {
    test(`the token of "${line}" ends, another of the same user doesn't`, async () => {
        await reload();
        const [client, other] = [await lavin.connect(await token('alice', {claims})), await lavin.connect(await token('alice'))];
        await reload(line);
        await soon(() => client.isClosed, 'the end');
        assert.equal(await permitted(other, (channel) => channel.assertQueue('q', {exclusive: true})), true);
        await turnedAway(lavin.connect(await token('alice', {claims})));
        await other.close();
    }, LIMIT_MS);
}

test('HTTP: the live log of a denied user ends, the one of a local user goes on; requests are refused', async () => {
    await reload();
    const open = async (header) => {
        const response = await fetch(`http://127.0.0.1:${lavin.httpPort}/api/livelog`, {headers: {authorization: header}});
        const log = {reader: response.body.getReader(), ended: false};
        const read = async () => { while (!(await log.reader.read()).done); };
        read().catch(() => {}).then(() => { log.ended = true; });
        return log;
    };
    const header = bearer(await token('ada', {}, 'broker.tag:administrator'));
    const [ofToken, ofLocal] = [await open(header), await open(LOCAL)];
    await pause(500);
    assert.equal(ofToken.ended, false);
    const from = await reload('username ada');
    await soon(() => ofToken.ended, 'the end of the log');
    await lavin.logged(/http client 127\.0\.0\.1:\d+ of user "ada" is disconnected: the operator denies it/, from);
    assert.equal(ofLocal.ended, false);
    assert.equal((await lavin.http('/whoami', header)).status, 401);
    await ofLocal.reader.cancel();
}, LIMIT_MS);

test('HTTP: a request whose body comes after the denial does nothing', async () => {
    await reload();
    const text = JSON.stringify({durable: false});
    const socket = tcp(lavin.httpPort, '127.0.0.1');
    let answer = '';
    socket.on('data', (part) => { answer += part; });
    socket.write(`PUT /api/queues/%2F/late HTTP/1.1\r\nHost: broker\r\nAuthorization: ${bearer(await token('alice', {}, MAKER))}\r\n` +
        `Content-Type: application/json\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text.slice(0, 2)}`);
    await lavin.logged(/authenticate ok .*username="alice".*protocol="http"/);
    await reload('username alice');
    socket.write(text.slice(2));
    await eventually(() => socket.destroyed || socket.readableEnded, 'the answer');
    assert.match(answer, /^HTTP\/1\.1 401 [^]*"token_expired"/);
    assert.equal((await lavin.http('/queues/%2F/late', LOCAL)).status, 404);
}, LIMIT_MS);

// ---- what is wrong --------------------------------------------------------------------------------------

test('a line that isn\'t understood leaves the old ones in force, and is named', async () => {
    await reload('username alice');
    const bob = await lavin.connect(await token('bob'));
    const from = await reload('username alice', 'usrname bob');
    assert.match(lavin.log.slice(from), /the old configuration stays: .*denied\\?":2: the line begins with/);
    await pause(500);
    assert.equal(await permitted(bob, (channel) => channel.assertQueue('q', {exclusive: true})), true);
    await turnedAway(lavin.connect(await token('alice')));
    await bob.close();
}, LIMIT_MS);

// ---- what they made -------------------------------------------------------------------------------------

const header = async (sub) => bearer(await token(sub, {}, MAKER));
const path = (component, name) => `/parameters/${component}/%2F/${name}`;
async function make(who, component, name, value) {
    const {status, body} = await lavin.http(path(component, name), who, {method: 'PUT', body: {value}});
    assert.equal(status, 201, JSON.stringify(body));
}
const there = async () => (await lavin.http('/parameters', LOCAL)).body.map(({name}) => name).sort();
const owners = () => existsSync(ownersFile) ? JSON.parse(readFileSync(ownersFile, 'utf8')).map(({name}) => name).sort() : [];
/** A local user, as whom shovels and links connect. */
const mover = (port = lavin.port) => `amqp://mover:mover@127.0.0.1:${port}/`;
const shovel = (uri = NOBODY) => ({'src-uri': uri, 'src-queue': 'from', 'dest-uri': uri, 'dest-queue': 'to'});
const LINE = (component, name) => new RegExp(`${component} "${name}" in "/", made by "mallory" of https://\\S+, is deleted: the operator denies its maker`);
/** A set's entry that is an upstream of its own; to 2.8 LavinMQ fails at it. */
const entry = (upstream, uri = NOBODY) => hasSignIn ? {upstream, uri} : {upstream};
/** Nobody is denied, and nothing is left of the row before. */
async function clear() {
    const from = await reload();
    for (const {component, name} of (await lavin.http('/parameters', LOCAL)).body) await lavin.http(path(component, name), LOCAL, {method: 'DELETE'});
    for (const {name} of (await lavin.http('/policies', LOCAL)).body) await lavin.http(`/policies/%2F/${name}`, LOCAL, {method: 'DELETE'});
    return from;
}

test('the shovels, upstreams and upstream sets of a denied maker are deleted; those of others stay', async () => {
    await clear();
    const [mallory, bob] = [await header('mallory'), await header('bob')];
    for (const [who, tail] of [[mallory, ''], [bob, '-bob'], [LOCAL, '-local']]) {
        await make(who, 'federation-upstream', `up${tail}`, {uri: NOBODY});
        await make(who, 'federation-upstream-set', `set${tail}`, [entry(`up${tail}`)]);
        await make(who, 'shovel', `shovel${tail}`, shovel());
    }
    await make(mallory, 'anything', 'other', {a: 1});
    const from = await reload('username mallory');
    const left = ['other', 'set-bob', 'set-local', 'shovel-bob', 'shovel-local', 'up-bob', 'up-local'];
    await soon(async () => (await there()).join() === left.join(), 'the end of what mallory made');
    for (const [component, name] of [['shovel', 'shovel'], ['federation-upstream', 'up'], ['federation-upstream-set', 'set']]) {
        await lavin.logged(LINE(component, name), from);
    }
    assert.equal(lavin.log.slice(from).match(/denies its maker/g).length, 3);
    await soon(() => owners().join() === 'set-bob,shovel-bob,up-bob', 'the end of the records');
    assert.deepEqual((await lavin.http('/shovels', LOCAL)).body.map(({name}) => name).sort(), ['shovel-bob', 'shovel-local']);
}, LIMIT_MS);

/** Passes connections on to the broker; while `hold` is true it leaves new ones alone. `deafen` keeps what comes from LavinMQ. */
async function proxy() {
    const passed = new Map();
    const held = new Set();
    const self = {passed, held, hold: false};
    const pass = (socket) => {
        const to = tcp(lavin.port, '127.0.0.1').on('error', () => {});
        passed.set(socket, to);
        socket.pipe(to).pipe(socket);
        socket.on('close', () => { passed.delete(socket); to.destroy(); });
        to.on('close', () => socket.destroy());
    };
    const server = createServer((socket) => {
        socket.on('error', () => {});
        if (self.hold) held.add(socket);
        else pass(socket);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    self.port = server.address().port;
    self.release = () => {
        self.hold = false;
        held.forEach(pass);
        held.clear();
    };
    self.deafen = () => {
        self.hold = true;
        passed.forEach((to, socket) => socket.unpipe(to).resume());
    };
    self.stop = () => {
        for (const socket of [...held, ...passed.keys()]) socket.destroy();
        server.close();
    };
    return self;
}

test("running shovels and links of a denied maker end, whatever the servers at the other end do", async () => {
    const from = await clear();
    const mallory = await header('mallory');
    const between = await proxy();
    const owner = await lavin.connect('guest', {username: 'guest'});
    const channel = await owner.createChannel();
    for (const queue of ['from', 'to']) await channel.assertQueue(queue, {durable: false});
    await make(mallory, 'federation-upstream', 'up', {uri: mover(between.port), 'reconnect-delay': 1});
    await make(mallory, 'federation-upstream-set', 'set', [entry('up', mover(between.port))]);
    for (const [exchange, key, linked] of [['x1', 'federation-upstream', 'up'], ['x2', 'federation-upstream', 'up'],
                                           ...(hasSignIn ? [['x3', 'federation-upstream-set', 'set']] : [])]) {
        await channel.assertExchange(exchange, 'fanout');
        await lavin.http(`/policies/%2F/${exchange}`, LOCAL,
            {method: 'PUT', body: {pattern: `^${exchange}$`, definition: {[key]: linked}, 'apply-to': 'exchanges'}});
    }
    await make(mallory, 'shovel', 'shovel', {...shovel(mover(between.port)), 'dest-uri': mover(), 'ack-mode': 'no-ack'});
    channel.sendToQueue('from', Buffer.from('before'));
    await eventually(async () => (await channel.checkQueue('to')).messageCount === 1, 'the moved message');
    const linked = () => lavin.log.slice(from).match(/state change from=\S+ to=Running/g)?.length;
    await eventually(() => linked() === (hasSignIn ? 3 : 2), 'the links');
    between.deafen();
    await reload('username mallory');
    await soon(() => between.passed.size === 0, 'the end of the connections');
    await soon(async () => (await there()).length === 0 && !await isIn('mover'), 'the end of the shovel');
    channel.sendToQueue('from', Buffer.from('after'));
    await pause(1500);
    assert.equal((await channel.checkQueue('from')).messageCount, 1);
    assert.equal(await isIn('mover'), false);
    between.stop();
    for (const exchange of ['x1', 'x2', 'x3']) await channel.deleteExchange(exchange);
    for (const queue of ['from', 'to']) await channel.deleteQueue(queue);
    await owner.close();
}, LIMIT_MS);

test('the link of a denied maker that is still connecting does not begin', async () => {
    await clear();
    const between = await proxy();
    between.hold = true;
    await lavin.http('/exchanges/%2F/x1', LOCAL, {method: 'PUT', body: {type: 'fanout'}});
    await make(await header('mallory'), 'federation-upstream', 'up', {uri: mover(between.port)});
    await lavin.http('/policies/%2F/x1', LOCAL,
        {method: 'PUT', body: {pattern: '^x1$', definition: {'federation-upstream': 'up'}, 'apply-to': 'exchanges'}});
    await eventually(() => between.held.size === 1, 'the link');
    await reload('username mallory');
    await soon(async () => (await there()).length === 0, 'the end of the upstream');
    await eventually(() => between.held.size >= 2, 'what LavinMQ cleans up by');
    between.release();
    await soon(async () => between.passed.size === 0 && !await isIn('mover'), 'the end of both');
    await lavin.http('/exchanges/%2F/x1', LOCAL, {method: 'DELETE'});
    between.stop();
}, LIMIT_MS);

test('issued_before deletes what was made with an older token, also after that time, and nothing of a newer one', async () => {
    await clear();
    const [old, bobs] = [await header('alice'), await header('bob')];
    await make(old, 'federation-upstream', 'early', {uri: NOBODY});
    await pause(2100);
    const time = new Date(Date.now() - 1000).toISOString();
    await make(old, 'federation-upstream', 'meanwhile', {uri: NOBODY});
    await make(await header('alice'), 'federation-upstream', 'late', {uri: NOBODY});
    await make(bobs, 'federation-upstream', 'bobs', {uri: NOBODY});
    await reload(`issued_before ${time} username alice`);
    await soon(async () => (await there()).join() === 'bobs,late', 'the end of what the older token made');
    await pause(500);
    assert.deepEqual(await there(), ['bobs', 'late']);
}, LIMIT_MS);

test('a record of who made it that an earlier version of the add-on wrote counts by when it was made', async () => {
    await clear();
    const made = Date.now();
    await make(await header('alice'), 'federation-upstream', 'up', {uri: NOBODY});
    await stop();
    const file = join(directory.path, 'data', 'tokenward_owners.json');
    const records = JSON.parse(readFileSync(file, 'utf8'));
    for (const record of records) delete record.issued_at;
    writeFileSync(file, JSON.stringify(records));
    await start();
    const line = (ms) => `issued_before ${new Date(ms).toISOString()} username alice`;
    await reload(line(made - 60_000));
    await pause(500);
    assert.deepEqual(await there(), ['up']);
    await reload(line(made + 60_000));
    await soon(async () => (await there()).length === 0, 'its end');
    await reload();
}, LIMIT_MS);

test('what a user made who is denied while the broker is down is deleted at the start, before it begins', async () => {
    await clear();
    const [mallory, bob] = [await header('mallory'), await header('bob')];
    for (const [who, tail] of [[mallory, ''], [bob, '-bob'], [LOCAL, '-local']]) {
        await make(who, 'federation-upstream', `up${tail}`, {uri: NOBODY});
        await make(who, 'shovel', `shovel${tail}`, shovel());
    }
    await stop();
    deny('username mallory');
    await start();
    await lavin.logged(LINE('shovel', 'shovel'));
    await lavin.logged(LINE('federation-upstream', 'up'));
    await lavin.logged(/Upstream 'up-bob' created/);
    assert.doesNotMatch(lavin.log, /Upstream 'up' created/);
    assert.deepEqual(await there(), ['shovel-bob', 'shovel-local', 'up-bob', 'up-local']);
    assert.deepEqual(owners(), ['shovel-bob', 'up-bob']);
    await stop();
    deny();
    await start();
    assert.deepEqual(await there(), ['shovel-bob', 'shovel-local', 'up-bob', 'up-local']);
}, LIMIT_MS);

test("what can't be deleted from LavinMQ's file is stopped, and is deleted at the next start", async () => {
    await clear();
    await make(await header('mallory'), 'shovel', 'shovel', shovel());
    const temporary = join(directory.path, 'data', createHash('sha1').update('/').digest('hex'), 'parameters.json.tmp');
    mkdirSync(temporary);
    const from = await reload('username mallory');
    await lavin.logged(/shovel "shovel" in "\/" can't be deleted, and is stopped: /, from);
    assert.deepEqual((await lavin.http('/shovels', LOCAL)).body, []);
    assert.deepEqual(owners(), ['shovel']);
    rmdirSync(temporary);
    await stop();
    await start();
    await lavin.logged(LINE('shovel', 'shovel'));
    await eventually(() => owners().length === 0, 'the end of the record');
    assert.deepEqual(await there(), []);
}, LIMIT_MS);

/** An exchange that a policy links to an upstream or a set. */
async function link(exchange, key, name) {
    await lavin.http(`/exchanges/%2F/${exchange}`, LOCAL, {method: 'PUT', body: {type: 'fanout'}});
    await lavin.http(`/policies/%2F/${exchange}`, LOCAL,
        {method: 'PUT', body: {pattern: `^${exchange}$`, definition: {[key]: name}, 'apply-to': 'exchanges'}});
}
const remove = (who, component, name, vhost = '%2F') => lavin.http(`/parameters/${component}/${vhost}/${name}`, who, {method: 'DELETE'});
const unlink = (...exchanges) => Promise.all(exchanges.map((one) => lavin.http(`/exchanges/%2F/${one}`, LOCAL, {method: 'DELETE'})));
const count = async (queue) => (await lavin.http(`/queues/%2F/${queue}`, LOCAL)).body.messages;
async function queues(...names) {
    for (const one of names) await lavin.http(`/queues/%2F/${one}`, LOCAL, {method: 'PUT', body: {durable: true}});
}
const drop = (...names) => Promise.all(names.map((one) => lavin.http(`/queues/%2F/${one}`, LOCAL, {method: 'DELETE'})));
const send = (queue) => lavin.http('/exchanges/%2F/amq.default/publish', LOCAL,
    {method: 'POST', body: {properties: {}, routing_key: queue, payload: queue, payload_encoding: 'string'}});

for (const what of hasSignIn ? ['replaced', 'deleted'] : []) {
    test(`the links of an upstream set that is ${what} end`, async () => {
        await clear();
        const mallory = await header('mallory');
        const between = await proxy();
        await make(mallory, 'federation-upstream', 'up', {uri: NOBODY});
        await make(mallory, 'federation-upstream-set', 'set', [entry('up', mover(between.port))]);
        await link('x1', 'federation-upstream-set', 'set');
        await eventually(() => between.passed.size === 1, 'the link');
        if (what === 'deleted') await remove(mallory, 'federation-upstream-set', 'set');
        else await lavin.http(path('federation-upstream-set', 'set'), mallory, {method: 'PUT', body: {value: [entry('up')]}});
        await soon(() => between.passed.size === 0, 'the end of the link');
        between.stop();
        await unlink('x1');
    }, LIMIT_MS);
}

for (const what of ['deleted', 'replaced', 'paused']) {
    test(`what a token's user made and is ${what} ends, though its servers don't confirm the close`, async () => {
        const from = await clear();
        const mallory = await header('mallory');
        const between = await proxy();
        await queues('from', 'to');
        const made = {'federation-upstream': {uri: mover(between.port)}, shovel: shovel(mover(between.port))};
        if (what === 'paused') delete made['federation-upstream'];
        for (const [component, value] of Object.entries(made)) await make(mallory, component, 'one', value);
        for (const one of ['x1', 'x2']) await link(one, 'federation-upstream', 'one');
        const links = what === 'paused' ? 0 : 2;
        const linked = () => lavin.log.slice(from).match(/state change from=\S+ to=Running/g)?.length ?? 0;
        const running = async () => (await lavin.http('/shovels', LOCAL)).body[0]?.state === 'Running';
        await eventually(async () => linked() === links && await running(), 'the links and the shovel');
        between.deafen();
        for (const component of Object.keys(made)) {
            const done = what === 'paused' ? lavin.http('/shovels/%2F/one/pause', mallory, {method: 'PUT'}) :
                what === 'deleted' ? remove(mallory, component, 'one') :
                    lavin.http(path(component, 'one'), mallory, {method: 'PUT', body: {value: component === 'shovel' ? shovel() : {uri: NOBODY}}});
            done.catch(() => {});
        }
        await soon(() => between.passed.size === 0, 'the end of the connections');
        if (what === 'deleted') assert.deepEqual(await there(), []);
        between.stop();
        if (what === 'paused') await lavin.http('/shovels/%2F/one/resume', LOCAL, {method: 'PUT'});
        await clear();
        await unlink('x1', 'x2');
        await drop('from', 'to');
    }, LIMIT_MS);
}

test("a shovel that waited for its maker's server over the denial doesn't begin, also under a name that another uses by now", async () => {
    await clear();
    const [mallory, bob] = [await header('mallory'), await header('bob')];
    const [between, second] = [await proxy(), await proxy()];
    await queues('from', 'to', 'secret', 'bobs');
    await make(mallory, 'shovel', 'one', {...shovel(mover()), 'dest-uri': mover(between.port)});
    await eventually(() => between.passed.size === 1, 'the shovel');
    between.deafen();
    const waiting = lavin.http(path('shovel', 'one'), mallory,
        {method: 'PUT', body: {value: {...shovel(mover()), 'src-queue': 'secret', 'dest-uri': mover(second.port)}}});
    await pause(300);
    await reload('username mallory');
    await soon(async () => (await there()).length === 0, 'the end of the shovel');
    await make(bob, 'shovel', 'one', {...shovel(mover()), 'src-queue': 'bobs'});
    between.stop();
    assert.equal((await waiting).status, 401);
    await send('secret');
    await send('bobs');
    await eventually(async () => await count('to') === 1, "bob's message");
    await pause(500);
    assert.equal(await count('secret'), 1);
    assert.equal(second.passed.size, 0);
    assert.deepEqual((await lavin.http('/shovels', LOCAL)).body.map(({name}) => name), ['one']);
    assert.deepEqual(owners(), ['one']);
    second.stop();
    await clear();
    await drop('from', 'to', 'secret', 'bobs');
}, LIMIT_MS);

test('an import of definitions that waits over the denial makes nothing more', async () => {
    await clear();
    const ada = bearer(await token('ada', {}, `${ALL} broker.tag:administrator`));
    const between = await proxy();
    await queues('from', 'to');
    const value = {...shovel(mover()), 'src-uri': mover(between.port)};
    await make(ada, 'shovel', 'a', value);
    await eventually(() => between.passed.size === 1, 'the shovel');
    between.deafen();
    const parameters = ['a', 'b'].map((name) => ({vhost: '/', component: 'shovel', name, value}));
    const waiting = lavin.http('/definitions', ada, {method: 'POST', body: {parameters}});
    await pause(300);
    await reload('username ada');
    assert.equal((await waiting).status, 401);
    await soon(async () => (await there()).length === 0, 'the end of the shovel');
    await pause(500);
    assert.deepEqual([await there(), owners(), between.passed.size], [[], [], 0]);
    between.stop();
    await drop('from', 'to');
}, LIMIT_MS);

test('shovels of a vhost that is deleted end, whatever their servers do', async () => {
    await clear();
    const mallory = await header('mallory');
    const between = await proxy();
    await queues('a', 'b', 'to');
    await lavin.http('/vhosts/gone', LOCAL, {method: 'PUT', body: {}});
    for (const name of ['a', 'b']) {
        await lavin.http(`/parameters/shovel/gone/${name}`, mallory, {method: 'PUT', body: {value: {...shovel(mover(between.port)), 'src-queue': name, 'dest-uri': mover()}}});
    }
    await eventually(async () => (await lavin.http('/shovels', LOCAL)).body.filter(({state}) => state === 'Running').length === 2, 'the shovels');
    between.deafen();
    lavin.http('/vhosts/gone', LOCAL, {method: 'DELETE'}).catch(() => {});
    await soon(() => between.passed.size === 0, 'the end of the connections');
    await pause(500);
    assert.equal(between.passed.size, 0);
    between.stop();
    await drop('a', 'b', 'to');
}, LIMIT_MS);

test('a request that began before its vhost was deleted makes nothing in it', async () => {
    await clear();
    await lavin.http('/vhosts/gone', LOCAL, {method: 'PUT', body: {}});
    const text = JSON.stringify({value: shovel()});
    const socket = tcp(lavin.httpPort, '127.0.0.1');
    let answer = '';
    socket.on('data', (part) => { answer += part; });
    const from = lavin.log.length;
    socket.write(`PUT /api/parameters/shovel/gone/late HTTP/1.1\r\nHost: broker\r\nAuthorization: ${await header('mallory')}\r\n` +
        `Content-Type: application/json\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text.slice(0, 2)}`);
    await lavin.logged(/authenticate ok .*username="mallory".*protocol="http"/, from);
    await pause(300);
    for (const method of ['DELETE', 'PUT']) await lavin.http('/vhosts/gone', LOCAL, {method, body: {}});
    socket.write(text.slice(2));
    await eventually(() => socket.destroyed || socket.readableEnded, 'the answer');
    assert.match(answer, /^HTTP\/1\.1 404 [^]*"the vhost was deleted meanwhile"/);
    await lavin.http('/vhosts/gone', LOCAL, {method: 'DELETE'});
}, LIMIT_MS);

test('the end of many things that a denied user made keeps nobody else waiting', async () => {
    await clear();
    const ada = bearer(await token('ada', {}, `${ALL} broker.tag:administrator`));
    const parameters = Array.from({length: 400}, (_, i) => ({vhost: '/', component: 'federation-upstream', name: `up${i}`, value: {uri: NOBODY}}));
    const began = Date.now();
    const {status, body} = await lavin.http('/definitions', ada, {method: 'POST', body: {parameters}});
    assert.equal(status, 200, JSON.stringify(body));
    if (hasSignIn) assert.ok(Date.now() - began < SOON_MS); // to 2.8 LavinMQ itself writes its file each time
    assert.equal(owners().filter((name) => name.startsWith('up')).length, 400);
    let [longest, isOver] = [0, false];
    const others = (async () => {
        while (!isOver) {
            const asked = Date.now();
            await fetch(`http://127.0.0.1:${lavin.httpPort}/`);
            longest = Math.max(longest, Date.now() - asked);
            await pause(10);
        }
    })();
    await reload('username ada');
    await eventually(async () => (await there()).length === 0, 'the end of all');
    isOver = true;
    await others;
    assert.ok(longest < 1500, `${longest} ms`);
    await eventually(() => !owners().some((name) => name.startsWith('up')), 'the end of the records');
}, LIMIT_MS);

test("another user's set that names an upstream of a denied maker stays, without it, also after a start", async () => {
    await clear();
    const [mallory, bob] = [await header('mallory'), await header('bob')];
    await make(mallory, 'federation-upstream', 'up', {uri: NOBODY});
    await make(bob, 'federation-upstream', 'up-bob', {uri: NOBODY});
    for (const [who, name] of [[bob, 'set-bob'], [LOCAL, 'set-local']]) {
        await make(who, 'federation-upstream-set', name, [{upstream: 'up-bob'}, {upstream: 'up'}]);
    }
    await reload('username mallory');
    await soon(async () => !(await there()).includes('up'), 'the end of the upstream');
    // It stands behind the sets then.
    await remove(bob, 'federation-upstream', 'up-bob');
    await make(bob, 'federation-upstream', 'up-bob', {uri: NOBODY});
    await stop();
    await start();
    await lavin.logged(/federation-upstream-set "set-bob" in "\/": an entry is left out, since its upstream "up" isn't there any more/);
    await lavin.logged(/federation-upstream-set "set-local" in "\/": an entry is left out, since its upstream "up" isn't/);
    assert.doesNotMatch(lavin.log, /could not be applied|can't be applied|its upstream "up-bob"/);
    assert.deepEqual(await there(), ['set-bob', 'set-local', 'up-bob']);
}, LIMIT_MS);

test('HTTP: an answer that a denied user reads slowly ends', async () => {
    await clear();
    const header = bearer(await token('ada', {}, `${ALL} broker.tag:administrator`));
    const parameters = Array.from({length: 15}, (_, i) => ({vhost: '/', component: 'any', name: `big${i}`, value: {a: 'z'.repeat(1_500_000)}}));
    assert.equal((await lavin.http('/definitions', LOCAL, {method: 'POST', body: {parameters}})).status, 200);
    const read = async (denied) => {
        const socket = tcp(lavin.httpPort, '127.0.0.1').on('error', () => {});
        let [length, closed] = [0, false];
        socket.on('data', (part) => { length += part.length; }).on('close', () => { closed = true; });
        socket.write(`GET /api/definitions HTTP/1.1\r\nHost: broker\r\nConnection: close\r\nAuthorization: ${header}\r\n\r\n`);
        socket.pause();
        await pause(1000);
        await reload(...denied);
        socket.resume();
        await eventually(() => closed, 'the end');
        return length;
    };
    assert.ok(await read([]) > 22_500_000);
    assert.ok(await read(['username ada']) < 20_000_000);
    await clear();
}, LIMIT_MS);

test('nothing of any token stands in the logs', async () => {
    const tokens = issuer.minted;
    assert.ok(tokens.length > 30);
    for (const one of tokens) assert.ok(![logs, lavin.log].some((log) => log.includes(one.split('.')[2])));
});

await runAll(before, after);
