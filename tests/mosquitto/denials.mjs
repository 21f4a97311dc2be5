// denied_file: whom an operator denies is gone with the reload; its will and what is kept for it go nowhere.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, durable, enhanced, refusal} from '../support/mosquitto.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const deniedFile = join(directory.path, 'denied');
let issuer;
let broker;
let noTicks;  ///< per_listener_settings true: Mosquitto 2.0 calls no tick of the plugin then

const ini = () => `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
denied_file = ${deniedFile}
`;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    deny();
    broker = await Broker.start({
        directory: directory.path, certificates: issuer.directory, more: true, ini: ini(), options: ['check_retain_source true'],
    });
    mkdirSync(join(directory.path, 'other'));
    noTicks = await Broker.start({directory: join(directory.path, 'other'), perListener: true, ini: ini()});
}

async function after(failed) {
    await broker?.stop();
    await noTicks?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log, noTicks?.log);
    directory.remove();
}

function deny(...lines) {
    writeFileSync(deniedFile, lines.map((line) => `${line}\n`).join(''), {mode: 0o644});
}
/** The broker has done what follows a reload when this ends. */
async function reload(lines, of = broker) {
    deny(...lines);
    const from = of.log.length;
    of.reload();
    await of.logged(/configuration reloaded|old configuration stays/, from);
    return from;
}
const anyone = async (of = broker) => {
    const client = await Client.connect(of.port, await issuer.mint('anyone', 'read:*/* write:*/*'));
    assert.ok(await client.subscribe('#'));
    return client;
};
const token = (sub, more) => issuer.mint(sub, 'read:%2F/* write:%2F/*', more);

for (const kind of ['tcp', 'tls', 'websockets']) {
    for (const protocolVersion of [4, 5]) {
        test(`a denied client is gone, without its will: ${kind}, MQTT ${protocolVersion}`, async () => {
            await reload([]);
            const all = await anyone();
            const connect = async (sub, how = {}) => Client.connect(broker.urls[kind], await token(sub), {
                protocolVersion, rejectUnauthorized: false, will: {topic: `wills/${sub}`, payload: 'gone', qos: 1}, ...how,
            });
            const [alice, again, bob] = [await connect('alice'), await connect('alice'), await connect('bob')];
            const from = await reload(['username alice']);
            for (const client of [alice, again]) await eventually(() => client.closed, 'the end of the connection', 5_000);
            await broker.logged(/client 'test-[^']*' is disconnected: the operator denies it \(denied_file\)/, from);
            assert.ok(await bob.publish('from', 'bob'));
            await all.receives('from bob');
            assert.ok(!bob.closed);
            assert.deepEqual(all.messages, ['from bob']);
            await assert.rejects(connect('alice'));
            await broker.logged(/authenticate refused reason=DENIED_BY_OPERATOR [^\n]*the username [^\n]*alice/, from);
            await reload([]);
            for (const client of [await connect('alice'), bob, all]) await client.end();
        });
    }
}

for (const [line, claims, header] of [['jti stolen', {jti: 'stolen'}], ['client_id sensor', {client_id: 'sensor'}], ['client_id app', {azp: 'app'}]]) {
    test(`the token of "${line}" ends, another of the same user doesn't`, async () => {
        await reload([]);
        const client = await Client.connect(broker.port, await token('alice', {claims, header}));
        const other = await Client.connect(broker.port, await token('alice'));
        await reload([line]);
        await eventually(() => client.closed, 'the end');
        assert.ok(await other.publish('from', 'other'));
        assert.equal(await refusal(Client.connect(broker.port, await token('alice', {claims, header}))), 135);
        await other.end();
    });
}

test('tokens that were issued before the theft end, and a new one is taken', async () => {
    await reload([]);
    const now = Math.floor(Date.now() / 1000);
    const client = await Client.connect(broker.port, await token('alice', {claims: {iat: now - 60}}));
    const other = await Client.connect(broker.port, await token('bob', {claims: {iat: now - 60}}));
    await reload([`issued_before ${new Date((now - 30) * 1000).toISOString()} username alice`]);
    await eventually(() => client.closed, 'the end');
    assert.equal(await refusal(Client.connect(broker.port, await token('alice', {claims: {iat: now - 60}}))), 135);
    await (await Client.connect(broker.port, await token('alice', {claims: {iat: now - 1}}))).end();
    assert.ok(await other.publish('from', 'other'));
    await other.end();
});

test('enhanced authentication: the client is gone, and a fresh token brings nothing back', async () => {
    await reload([]);
    const client = await Client.connect(broker.port, undefined, enhanced(await token('alice', {claims: {jti: 'first'}})));
    await reload(['jti first']);
    await eventually(() => client.closed, 'the end');
    await (await Client.connect(broker.port, undefined, enhanced(await token('alice', {claims: {jti: 'second'}})))).end();
});

test('the delayed will of a denied client that left before isn\'t published', async () => {
    await reload([]);
    const all = await anyone();
    for (const sub of ['alice', 'bob']) {
        const client = await Client.connect(broker.port, await token(sub), {
            clientId: `delayed-${sub}`, properties: {sessionExpiryInterval: 60},
            will: {topic: `wills/${sub}`, payload: 'gone', qos: 1, properties: {willDelayInterval: 3}},
        });
        await client.end(true);
    }
    await reload(['username alice']);
    await all.receives('wills/bob gone');
    await all.publish('after', 'all');
    await all.receives('after all');
    assert.deepEqual(all.messages, ['wills/bob gone', 'after all']);
    await all.end();
});

test('nothing is kept for a denied durable session, and its retained message isn\'t sent', async () => {
    await reload([]);
    const all = await anyone();
    for (const sub of ['alice', 'bob']) {
        const client = await Client.connect(broker.port, await token(sub), durable(`durable-${sub}`));
        assert.ok(await client.subscribe('kept'));
        assert.ok(await client.publish(`retained/${sub}`, 'x', {retain: true}));
        await client.end();
    }
    // Of a client that has left for good the plugin knows nothing but the name.
    const left = await Client.connect(broker.port, await token('alice'), {protocolVersion: 4});
    assert.ok(await left.publish('retained/left', 'x', {retain: true}));
    await left.end();
    await reload(['username alice']);
    assert.ok(await all.publish('kept', 'during'));
    const late = await Client.connect(broker.port, await token('late'));
    assert.ok(await late.subscribe('retained/+'));
    await late.receives('retained/bob x');
    assert.ok(await late.publish('retained/end', 'y'));
    await late.receives('retained/end y');
    assert.deepEqual(late.messages, ['retained/bob x', 'retained/end y']);
    await reload([]);
    const back = {};
    for (const sub of ['alice', 'bob']) {
        back[sub] = await Client.connect(broker.port, await token(sub), {...durable(`durable-${sub}`), clean: false});
    }
    assert.ok(await all.publish('kept', 'after'));
    for (const [sub, expected] of [['alice', ['kept after']], ['bob', ['kept during', 'kept after']]]) {
        await back[sub].receives('kept after');
        assert.deepEqual(back[sub].messages, expected);
        await back[sub].end();
    }
    for (const name of ['alice', 'bob', 'left']) await all.publish(`retained/${name}`, '', {retain: true});
    await late.end();
    await all.end();
});

test('a line that isn\'t understood leaves the old ones in force, and is named', async () => {
    await reload(['username alice']);
    const bob = await Client.connect(broker.port, await token('bob'));
    const from = await reload(['username alice', 'usrname bob']);
    assert.match(broker.log.slice(from), /denied_file \\?"[^"]*denied\\?":2: the line begins with/);
    assert.ok(await bob.publish('from', 'bob'));
    assert.equal(await refusal(Client.connect(broker.port, await token('alice'))), 135);
    await bob.end();
});

test('where the broker calls no tick, the denied client goes with the reload, too', async () => {
    await reload([], noTicks);
    const all = await anyone(noTicks);
    const alice = await Client.connect(noTicks.port, await token('alice'), {will: {topic: 'wills/alice', payload: 'gone', qos: 1}});
    const bob = await Client.connect(noTicks.port, await token('bob'));
    await reload(['username alice'], noTicks);
    await eventually(() => alice.closed, 'the end');
    assert.ok(await bob.publish('from', 'bob'));
    await all.receives('from bob');
    assert.deepEqual(all.messages, ['from bob']);
    await bob.end();
    await all.end();
});

test('no token is in the logs', () => {
    for (const token of issuer.minted) {
        assert.ok(!broker.log.includes(token.split('.')[2]) && !noTicks.log.includes(token.split('.')[2]));
    }
});

runAll(before, after);
