// Clients that want to do harm, with packets that no library makes. Whatever they send, they get what their scopes
// grant and no more, others' messages and wills arrive, no line of the log is theirs, and the broker goes on.
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync} from 'node:fs';
import {Agent, get} from 'node:http';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker} from '../support/mosquitto.mjs';
import {
    RawClient, authPacket, authenticationData, authenticationMethod, connectPacket, field, packet, properties,
    receiveMaximum, sessionExpiry, topicAlias, uint16, varint, willDelay,
} from '../support/mqtt_packets.mjs';
import {freePort, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const NOT_AUTHORIZED = 135;
const LONGEST = 65535;  // bytes in a field of MQTT
const FOREVER = 0xffffffff;
const MIB = 2 ** 20;

// Of the victims' wills: long enough for the floods of identifiers to come between, short enough to wait for.
const WILL_DELAY_S = 20;

const directory = temporaryDirectory();
let issuer;
let broker;
let tokens;
let writer;   // publishes for the victims between the attacks
let watcher;  // sees all that is published, but for $ topics, which it names

const connect = (options) => RawClient.connect(broker.port, options);
const oauthBearer = (token) => authenticationData(`n,,\x01auth=Bearer ${token}\x01\x01`);

/** A client that must get in. */
async function enters(options) {
    const client = await connect(options);
    assert.equal(client.code, 0, `CONNACK ${client.code}`);
    return client;
}

/** Runs `attack` for 0, 1, ... count - 1, a few at a time. */
async function repeat(count, attack) {
    let next = 0;
    await Promise.all(Array.from({length: 20}, async () => {
        while (next < count) await attack(next++);
    }));
}

/** Resident bytes of the broker. */
function memory() {
    const status = readFileSync(`/proc/${broker.program.child.pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]);
}

// ---- the victims ----------------------------------------------------------------------------------------

const victims = [
    ['MQTT 3.1.1', {clientId: 'victim-4', version: 4, clean: false}],
    ['MQTT 5', {clientId: 'victim-5', clean: false, more: [sessionExpiry(3600)]}],
    ['MQTT 5, never to expire', {clientId: 'victim-forever', clean: false, more: [sessionExpiry(FOREVER)]}],
    // The last one's token ends while it is away.
    ['MQTT 5, with a token that ends', {clientId: 'victim-mortal', clean: false, more: [sessionExpiry(3600)]}],
];
const wills = ['victim-will-1', 'victim-will-2'];
const sent = [];

/** Publishes one more message for the victims, after each attack: the broker still serves, and keeps it for them. */
async function note(what) {
    assert.ok(broker.program.running, `the broker ended: ${broker.program.status}`);
    const payload = `${sent.length} ${what}`;
    assert.equal(await writer.publish('victim/note', payload), 0);
    sent.push(`victim/note ${payload}`);
}

async function victimsLeave() {
    const victim = 'read:%2F/victim* write:%2F/victim%2Fwill*';
    for (const [what, options] of victims) {
        const password = await issuer.mint('victor', victim, {lifetime: what.endsWith('ends') ? 3 : 3600});
        const client = await enters({...options, password});
        assert.ok((await client.subscribe('victim/#'))[0] < 128);
        await client.end();
    }
    for (const [index, clientId] of wills.entries()) {
        // One is published by a client of a token that has ended by then.
        const password = await issuer.mint('victor', victim, {lifetime: index ? 3600 : 3});
        const client = await enters({
            clientId, password, more: [sessionExpiry(3600)],
            will: {topic: `victim/${clientId.slice(7)}`, properties: [willDelay(WILL_DELAY_S)]},
        });
        client.break();
    }
    for (let i = 0; i < 3; ++i) await note('before all');
}

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
    broker = await Broker.start({
        directory: directory.path,
        ini: ini(),
    });
    tokens = {
        nothing: await issuer.mint('mallory', ''),
        wide: await issuer.mint('wide', 'read:*/* write:*/*'),
        narrow: await issuer.mint('narrow', 'read:%2F/ok%2F* write:%2F/ok%2F*'),
        watcher: await issuer.mint('watcher', 'read:*/* read:*/$*'),
        writer: await issuer.mint('writer', 'write:%2F/victim%2F*'),
    };
    writer = await enters({clientId: 'writer', password: tokens.writer});
    watcher = await enters({clientId: 'watcher', password: tokens.watcher});
    for (const filter of ['#', '$CONTROL/#', '$edge/#', '$share/x/ok/z']) assert.ok((await watcher.subscribe(filter))[0] < 128, filter);
    await victimsLeave();
}

async function after(failed) {
    await broker?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log.slice(-20_000));
    directory.remove();
}

/** Registers an attack: the victims' next message comes after it. */
const attack = (name, run) => test(name, async () => { await run(); await note(name); }, 180_000);

/** What the watcher got since the last call, with all that was published before it. It keeps the victims' messages. */
async function published() {
    const mark = `mark ${Math.random()}`;
    const marker = await enters({clientId: 'marker', password: tokens.wide});
    assert.equal(await marker.publish('mark', mark), 0);
    await marker.end();
    await watcher.until(() => watcher.messages.includes(`mark ${mark}`), 'the mark');
    const all = watcher.messages.splice(0);
    watcher.messages.push(...all.filter((each) => each.startsWith('victim/')));
    return all.filter((each) => !each.startsWith('mark ') && !each.startsWith('victim/'));
}

// ---- client identifiers ---------------------------------------------------------------------------------

// A plugin that remembers a client by its identifier mustn't forget a victim for it. Clean sessions: once they have
// gone, the broker keeps nothing of them, and the plugin 64 KiB of names. The bound is for what malloc() doesn't give
// back; kept for good, the identifiers would be 36 MB and their keys as much again.
const IDENTIFIERS_BOUND = 16 * MIB;

attack('600 identifiers of 60000 bytes by a token that grants nothing', async () => {
    const start = memory();
    await repeat(600, async (i) => {
        const client = await enters({clientId: String(i).padEnd(60_000, 'x'), password: tokens.nothing});
        await client.end();
    });
    const grown = memory() - start;
    assert.ok(grown < IDENTIFIERS_BOUND, `${grown} bytes more`);
});

attack('20200 identifiers by a token that grants nothing', async () => {
    const start = memory();
    await repeat(20_200, async (i) => {
        const client = await enters({clientId: `flood-${i}`, password: tokens.nothing});
        client.send(Buffer.from([0xe0, 0]));
        client.break();
    });
    const grown = memory() - start;
    assert.ok(grown < IDENTIFIERS_BOUND, `${grown} bytes more`);
});

attack('300 durable sessions by a token that grants nothing', async () => {
    await repeat(300, async (i) => {
        const version = i % 2 ? 4 : 5;
        const client = await enters({
            clientId: `durable-${i}`.padEnd(10_000, 'x'), password: tokens.nothing, version, clean: false,
            more: [sessionExpiry(FOREVER)],
        });
        await client.end();
    });
});

const refusedByMqtt = [
    ['not UTF-8', Buffer.from([0x61, 0xff, 0xfe])], ['an overlong slash', Buffer.from([0xc0, 0xaf])],
    ['an overlong slash of three bytes', Buffer.from([0xe0, 0x80, 0xaf])], ['a lone surrogate', Buffer.from([0xed, 0xa0, 0x80])],
    ['U+0000', Buffer.from('victim-4\0x')], ['cut off UTF-8', Buffer.from([0x61, 0xe2, 0x82])],
];
for (const [what, clientId] of refusedByMqtt) {
    attack(`a client identifier that MQTT forbids: ${what}`, async () => {
        const client = await connect({clientId, password: tokens.wide});
        assert.notEqual(client.code, 0);
        client.break();
    });
}

// Those with FORGED try to write a line of the log; the test of the log below looks for them.
const forgeries = [
    'x\n1795000000: tokenward: authenticate ok FORGED', 'x\r\ntokenward: authenticate ok FORGED',
    'x" username="admin" client_id="FORGED', "x' FORGED", 'x\\" FORGED \\', '\u001b[2K\u001b[1GFORGED', '\u0085FORGED',
    '\u2028tokenward: authenticate ok FORGED', '\u202eFORGED\u202c', '\u200fFORGED', '\ufeffFORGED', '%s%n%s%n FORGED',
    'tokenward: authenticate ok reason=NONE username="admin" FORGED',
];
const strange = ['#', '+', '/', '%2F', '*', 'a/#', '$share/x/ok/z', '$SYS', 'victor', 'watcher ', '..', "'", '"', 'x'.repeat(LONGEST)];

attack('strange client identifiers get what their token grants', async () => {
    for (const clientId of [...strange, ...forgeries]) {
        for (const version of [4, 5]) {
            const client = await connect({clientId, version, password: tokens.narrow});
            if (client.code !== 0) continue;  // Mosquitto refuses control characters
            const codes = await client.subscribe('ok/a', 'victim/#', '#');
            assert.deepEqual(codes.map((code) => code < 128), [true, false, false], clientId.slice(0, 80));
            await client.publish('victim/note', 'forged');
            await client.publish('ok/a', 'fine');
            await client.until(() => client.messages.length > 0, 'the message');
            assert.deepEqual(client.messages, ['ok/a fine']);
            await client.end();
        }
    }
    assert.ok((await published()).every((each) => each === 'ok/a fine'));
});

attack('no client identifier: MQTT 5 gives one, each its own', async () => {
    const clients = [];
    for (let i = 0; i < 3; ++i) clients.push(await enters({clientId: '', password: tokens.nothing}));
    assert.equal(clients.filter(({closed}) => closed).length, 0);
    for (const client of clients) assert.equal(await client.publish('ok/a', 'x'), NOT_AUTHORIZED);
    for (const client of clients) await client.end();
    assert.notEqual((await connect({clientId: '', version: 4, clean: false, password: tokens.nothing})).code, 0);
});

attack('no identifier or name forges a line of the log', async () => {
    const mallory = {password: tokens.nothing};
    for (const clientId of forgeries) {
        const from = broker.log.length;
        // Who holds the identifier makes the plugin write it, also about the one who comes after.
        const first = await connect({clientId, password: tokens.narrow});
        if (first.code !== 0) continue;
        assert.equal((await connect({clientId, ...mallory, username: 'FORGED"'})).code, undefined);
        await first.subscribe('FORGED"/x\\');
        await first.publish('FORGED" topic="ok', 'x');
        await first.end();
        await broker.logged(/tokenward: client identifier '[^\n]*FORGED[^\n]* is connected with another username/, from);
    }
    const lines = broker.log.split('\n').filter((line) => line.includes('FORGED'));
    assert.ok(lines.some((line) => line.includes('tokenward: authenticate ok')), 'no line of a login to look at');
    for (const line of lines) {
        assert.match(line, /^\d+: /);
        // With log_type subscribe Mosquitto writes "CLIENT_ID QOS FILTER", and the identifier begins the line.
        if (/ 1 (ok\/a|FORGED"\/x\\)$/.test(line)) continue;
        assert.doesNotMatch(line, /^\d+: tokenward: authenticate ok FORGED/);
        if (!/^\d+: tokenward: /.test(line)) continue;
        // In the plugin's lines it stands in quotes.
        assert.ok(!line.replace(/"(\\.|[^"\\])*"?|'(\\.|[^'\\])*'?/g, '').includes('FORGED'), line);
        assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/, JSON.stringify(line));
    }
});

// ---- usernames and passwords ----------------------------------------------------------------------------

for (const [what, options, allowed] of [
    ['a NUL in the username', () => ({username: 'a\0b'}), [false]],
    ['a username that is not UTF-8', () => ({username: Buffer.from([0xff])}), [false]],
    ['a username of 65535 bytes', () => ({username: 'u'.repeat(LONGEST)}), [true, false]],
    ['a username like a victim', () => ({username: 'victor'}), [true]],
    ['a password without a username', () => ({username: null}), [true]],
    ['a password of 65535 bytes', () => ({password: 'e'.repeat(LONGEST)}), [false]],
    ['a password of NULs', () => ({password: Buffer.alloc(1000)}), [false]],
    ['a password that is not UTF-8', () => ({password: Buffer.alloc(1000, 0xff)}), [false]],
    ['garbage, a NUL and a token', () => ({password: `x\0${tokens.wide}`}), [false]],
    ['a NUL and a token', () => ({password: `\0${tokens.wide}`}), [false]],
    // The broker gives the password as a C string: what is behind the NUL never comes to a plugin.
    ['a token, a NUL and another token', () => ({password: `${tokens.narrow}\0${tokens.wide}`}), [true, false]],
    ['a token and garbage', () => ({password: `${tokens.narrow}x`}), [false]],
    ['a token and a new line', () => ({password: `${tokens.narrow}\n`}), [false]],
    ['a token with a NUL in it', () => ({password: tokens.narrow.replace('.', '.\0')}), [false]],
]) {
    attack(`${what}: no more than the token grants`, async () => {
        const client = await connect({clientId: 'odd', password: tokens.narrow, ...options()});
        assert.ok(allowed.includes(client.code === 0), `CONNACK ${client.code}`);
        if (client.code !== 0) return;
        assert.deepEqual((await client.subscribe('ok/a', 'a')).map((code) => code < 128), [true, false]);
        assert.equal(await client.publish('victim/note', 'forged'), NOT_AUTHORIZED);
        await client.end();
    });
}

attack('a password without a username in MQTT 3.1.1', async () => {
    const client = await connect({clientId: 'odd', version: 4, username: null, password: tokens.wide});
    assert.notEqual(client.code, 0);
});

// ---- topics ---------------------------------------------------------------------------------------------

const deep = (levels, first = 'a') => `${first}/` + Array(levels - 1).fill('b').join('/');

// topic, whether read:*/* write:*/* grants it, whether the narrow token does. undefined: Mosquitto may refuse it.
const topics = [
    ['a'.repeat(LONGEST), true, false], ['ok/'.padEnd(LONGEST, 'x'), true, true], [deep(200), true, false],
    [deep(200, 'ok'), true, true], [deep(201, 'ok')], [deep(30_000, 'ok')], ['/', true, false], ['//', true, false],
    ['ok//', true, true], ['ok', true, false], ['ok/', true, true], ['OK/a', true, false], ['/ok/a', true, false], ['ok/../a', true, true],
    ['ok%2Fa', true, false], ['*', true, false], ['ok/*', true, true], ['ok\u2215a', true, false], ['\u200bok/a', true, false],
    ['okk/a', true, false], ['$SYS/a', false, false], ['$', false, false], ['$ok/a', false, false], ['$edge/a', false, false],
    ['$CONTROL/dynamic-security/v1', false, false], ['$share/x/ok/a', false, false], ['\uff04SYS/a', true, false],
];
// Topics that MQTT forbids to publish to.
const malformed = ['ok/#', 'ok/+', '#', '+', '', 'ok/\0', Buffer.from([0x6f, 0x6b, 0x2f, 0xff]), Buffer.from([0x6f, 0x6b, 0xc0, 0xaf])];

for (const version of [4, 5]) {
    attack(`only what a scope grants is published, MQTT ${version === 4 ? '3.1.1' : '5'}`, async () => {
        await published();
        const expected = [];
        for (const [topic, ...granted] of [...topics, ...malformed.map((each) => [each])]) {
            for (const [index, who] of ['wide', 'narrow', 'nothing'].entries()) {
                const client = await enters({clientId: `topics-${who}`, version, password: tokens[who]});
                const code = await client.publish(topic, who);
                if (!(client.closed || granted[0] === undefined)) {
                    if (version === 5) assert.equal(code < 128, granted[index] ?? false, `${who} ${topic.slice(0, 80)}: ${code}`);
                    if (granted[index]) expected.push(`${topic} ${who}`);
                }
                client.break();
            }
        }
        const got = (await published()).filter((each) => !each.startsWith(`${deep(201, 'ok')}`));
        assert.deepEqual(got.map((each) => each.slice(0, 80)).sort(), expected.map((each) => each.slice(0, 80)).sort());
    });
}

attack('a topic alias is decided by the topic that it stands for', async () => {
    await published();
    const client = await enters({clientId: 'alias', password: tokens.narrow});
    const publish = (topic, payload, alias) => client.publish(topic, payload, [topicAlias(alias)]);
    assert.equal(await publish('secret', '1', 1), NOT_AUTHORIZED);
    assert.equal(await publish('', '2', 1), NOT_AUTHORIZED);
    assert.equal(await publish('ok/a', '3', 2), 0);
    assert.equal(await publish('', '4', 2), 0);
    assert.equal(await publish('secret', '5', 2), NOT_AUTHORIZED);
    assert.equal(await publish('', '6', 2), NOT_AUTHORIZED);
    assert.equal(await publish('ok/b', '7', 1), 0);
    assert.equal(await publish('', '8', 1), 0);
    assert.deepEqual(await published(), ['ok/a 3', 'ok/a 4', 'ok/b 7', 'ok/b 8']);
    for (const [topic, alias] of [['', 9], ['ok/a', 0], ['ok/a', 65535]]) {
        const other = await enters({clientId: 'alias', password: tokens.narrow});
        assert.ok((await other.publish(topic, 'x', [topicAlias(alias)]) ?? NOT_AUTHORIZED) >= 128);
        other.break();
    }
    assert.deepEqual(await published(), []);
});

// filter, whether read:*/* grants it, whether the narrow token does. undefined: Mosquitto may refuse it.
const filters = [
    ['#', true, false], ['+', true, false], ['+/+', true, false], ['ok/#', true, false], ['ok/+', true, true], ['ok/a/#', true, true],
    ['ok//#', true, true], ['/#', true, false], ['$SYS/#', false, false], ['$SYS/broker/+', false, false], ['$CONTROL/#', false, false],
    ['$edge/a', false, false], ['$share/x/$SYS/#', false, false], ['$share/x/#', true, false], ['$share/x/ok/+', true, true],
    ['$share/$SYS/ok/+', true, true], ['$share/ok/a', true, false], ['$share/x/$share/y/ok/a', false, false], [deep(200), true, false],
    // Not by the plugin, though Mosquitto takes some of them.
    ['$share/x', false, false], ['$share/x/', false, false], ['$share//ok/a', false, false], ['$share/', false, false], ['$share', false, false],
    // Mosquitto refuses these, or takes the filter behind the group: it must be granted.
    ['$share/+/ok/a', undefined, undefined], ['$share/#/ok/a', undefined, undefined], ['$share/+/secret', undefined, false],
    ['ok/#/a'], ['ok/a#'], ['ok/+a'], [deep(201, 'ok')], ['ok/'.padEnd(16_384, 'x'), true, true], ['a'.repeat(16_384), true, false],
    // The library reads no longer filters.
    ['ok/'.padEnd(LONGEST, 'x'), false, false], ['+/'.repeat(10_000), false, false],
    [Buffer.from([0x6f, 0x6b, 0x2f, 0xff]), false, false], ['ok/\0', false, false], ['', false, false],
];

for (const version of [4, 5]) {
    attack(`only what a scope grants is subscribed, MQTT ${version === 4 ? '3.1.1' : '5'}`, async () => {
        for (const [filter, ...granted] of filters) {
            for (const [index, who] of ['wide', 'narrow', 'nothing'].entries()) {
                const client = await enters({clientId: `filters-${who}`, version, password: tokens[who]});
                const code = (await client.subscribe(filter))?.[0] ?? 128;  // the end of the connection is a no, too
                const right = who === 'nothing' ? false : granted[index];
                if (right !== undefined) assert.equal(code < 128, right, `${who} ${filter.slice(0, 80)}: ${code}`);
                client.break();
            }
        }
    });
}

attack('5000 filters in a packet get 5000 answers, each its own', async () => {
    const list = Array.from({length: 5000}, (_, i) => i % 2 ? `ok/${i}` : `no/${i}`);
    const client = await enters({clientId: 'many', password: tokens.narrow});
    const codes = await client.subscribe(...list);
    assert.equal(codes.length, list.length);
    assert.ok(codes.every((code, i) => (code < 128) === (i % 2 === 1)));
    await client.end();
});

// ---- wills ----------------------------------------------------------------------------------------------

attack('a will is published only where the token may publish', async () => {
    await published();
    const big = 'w'.repeat(LONGEST);
    for (const version of [4, 5]) {
        for (const [topic, payload] of [
            ['victim/note', 'forged'], ['$CONTROL/dynamic-security/v1', '{}'], ['$edge/a', 'x'], ['$SYS/a', 'x'], ['secret', big],
            ['ok/#', 'x'], ['', 'x'], ['ok', 'x'], ['ok/will', big], ['no/'.padEnd(60_000, 'x'), 'x'],
        ]) {
            // Mosquitto may refuse the connection because of the topic.
            const client = await connect({clientId: `will-${version}`, version, password: tokens.narrow, will: {topic, payload}});
            client.break();
        }
        // One that the scopes allow, from a client whose connection is broken by a packet that makes no sense.
        const client = await enters({clientId: `last-${version}`, version, password: tokens.narrow, will: {topic: 'ok/last', payload: 'gone'}});
        client.send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
        await watcher.until(() => watcher.messages.filter((each) => each === 'ok/last gone').length >= (version === 5 ? 2 : 1), 'the will');
    }
    const got = await published();
    assert.deepEqual(got.map((each) => each.slice(0, 20)).sort(),
        ['ok/last gone', 'ok/last gone', ...Array(2).fill(`ok/will ${big}`.slice(0, 20))]);
});

// ---- the order of packets -------------------------------------------------------------------------------

attack('a second CONNECT on a connection gets nothing, and nobody is thrown out', async () => {
    const live = await enters({clientId: 'live', password: tokens.narrow});
    for (const [who, clientId] of [['nothing', 'live'], ['wide', 'twice'], ['wide', 'live'], ['narrow', 'live']]) {
        const client = await enters({clientId: 'twice', password: tokens.nothing});
        client.send(connectPacket({clientId, password: tokens[who]}), packet(0x32, field('victim/note'), uint16(9), properties(), Buffer.from('forged')));
        await client.ended();
        assert.equal(client.packets.filter(({type, body}) => type === 2 && body[1] === 0).length, 0, 'a second CONNACK');
    }
    assert.equal(live.closed, false);
    assert.equal(await live.publish('ok/a', 'still'), 0);
    await live.end();
});

attack('packets before CONNECT, or of no type, close the connection', async () => {
    for (const bytes of [
        packet(0x32, field('ok/a'), uint16(1), properties(), Buffer.from('x')), packet(0x82, uint16(1), properties(), field('#'), Buffer.from([0])),
        packet(0xf0), authPacket(0x19, authenticationMethod('OAUTHBEARER'), oauthBearer(tokens.wide)), authPacket(0x18), packet(0xc0), packet(0),
        packet(0x20, Buffer.from([0, 0])), Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]), Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ]) {
        const client = await RawClient.open(broker.port);
        client.send(bytes);
        await client.ended();
    }
    assert.deepEqual((await published()).filter((each) => each.endsWith(' x')), []);
});

// ---- enhanced authentication ----------------------------------------------------------------------------

const enhanced = (clientId, ...more) => ({clientId, username: null, more});

for (const [what, more] of [
    ['another method', () => [authenticationMethod('SCRAM-SHA-256'), oauthBearer(tokens.wide)]],
    ['a method in lower case', () => [authenticationMethod('oauthbearer'), oauthBearer(tokens.wide)]],
    ['an empty method', () => [authenticationMethod(''), oauthBearer(tokens.wide)]],
    ['no data', () => [authenticationMethod('OAUTHBEARER')]],
    ['empty data', () => [authenticationMethod('OAUTHBEARER'), authenticationData('')]],
    ['data without a method', () => [oauthBearer(tokens.wide)]],
    ['65535 bytes of data', () => [authenticationMethod('OAUTHBEARER'), authenticationData(Buffer.alloc(LONGEST, 1))]],
    ['a NUL in the data', () => [authenticationMethod('OAUTHBEARER'), authenticationData(`n,,\x01auth=Bearer ${tokens.wide}\0\x01\x01`)]],
    ['two tokens', () => [authenticationMethod('OAUTHBEARER'), authenticationData(`n,,\x01auth=Bearer ${tokens.wide}\x01auth=Bearer ${tokens.narrow}\x01\x01`)]],
]) {
    attack(`enhanced authentication with ${what} is refused`, async () => {
        const client = await connect(enhanced('enhanced', ...more()));
        assert.notEqual(client.code, 0);
        client.break();
    });
}

attack('AUTH without enhanced authentication changes nothing', async () => {
    for (const version of [4, 5]) {
        const client = await enters({clientId: 'plain', version, password: tokens.nothing});
        client.send(authPacket(0x19, authenticationMethod('OAUTHBEARER'), oauthBearer(tokens.wide)));
        await client.ended();
    }
});

attack('a client re-authenticates as itself only', async () => {
    const own = authenticationMethod('OAUTHBEARER');
    const other = await issuer.mint('narrow', 'write:%2F/more');
    const begin = () => enters(enhanced('again', own, oauthBearer(tokens.narrow)));
    const client = await begin();
    client.send(authPacket(0x19, own, oauthBearer(other)));
    assert.equal((await client.answer(15))?.body[0] ?? 0, 0);
    assert.equal(await client.publish('more', 'x'), 0);
    assert.equal(await client.publish('ok/a', 'x'), NOT_AUTHORIZED, 'the old token is over');
    await client.end();
    for (const bytes of [
        authPacket(0x19, own, oauthBearer(tokens.wide)), authPacket(0x19, own), authPacket(0x19, own, authenticationData(Buffer.alloc(LONGEST))),
        authPacket(0x19, authenticationMethod('PLAIN'), oauthBearer(tokens.narrow)), authPacket(0x19), authPacket(0, own, oauthBearer(tokens.wide)),
        authPacket(0x18, own, oauthBearer(tokens.wide)), authPacket(0x77, own, oauthBearer(tokens.wide)),
    ]) {
        const each = await begin();
        each.send(bytes, packet(0x32, field('victim/note'), uint16(9), properties(), Buffer.from('forged')));
        // Whether it is thrown out or goes on as before, it has no other's rights.
        const code = await each.publish('secret', 'forged');
        assert.ok(code === undefined || code === NOT_AUTHORIZED, `PUBACK ${code}`);
        each.break();
    }
    assert.ok((await published()).every((each) => !each.includes('forged')));
});

// Mosquitto takes AUTH without a body for a first login's next step, also from a client that is in. If nobody answers
// it, the broker frees the client's identifier and keeps it in its table: 2.0.11 ends up in an endless loop.
test('an empty AUTH packet of a client that is in harms nobody', async () => {
    const folder = join(directory.path, 'empty-auth');
    mkdirSync(folder);
    const other = await Broker.start({directory: folder, ini: ini(), options: ['sys_interval 1']});
    try {
        const all = {clientId: 'all', password: await issuer.mint('all', 'read:%2F/$SYS%2F*')};
        for (let i = 0; i < 200; ++i) {
            const options = enhanced(`empty-${i % 7}`, sessionExpiry(i % 2 ? FOREVER : 0), authenticationMethod('OAUTHBEARER'), oauthBearer(tokens.nothing));
            const client = await RawClient.connect(other.port, {...options, clean: i % 3 > 0});
            assert.equal(client.code, 0);
            client.send(packet(0xf0));
            await client.until(() => client.closed || client.packets.length > 0, 'an answer');
            client.break();
        }
        // Whoever comes under the same identifiers gets in, and leaves nothing behind.
        for (let i = 0; i < 7; ++i) {
            const client = await RawClient.connect(other.port, {clientId: `empty-${i}`, password: tokens.nothing});
            assert.equal(client.code, 0);
            await client.end();
        }
        const client = await RawClient.connect(other.port, all);
        assert.equal(client.code, 0);
        await client.subscribe('$SYS/broker/clients/total');
        await client.until(() => client.messages.at(-1) === '$SYS/broker/clients/total 1', 'a table of one client').catch((error) => {
            throw new Error(`${error.message}; the last said ${client.messages.at(-1)}`);
        });
        client.break();
    } finally {
        other.program.child.kill('SIGKILL');  // it may hang
    }
}, 90_000);

// ---- sessions that stay, readers that don't read --------------------------------------------------------

attack('a client that never reads, and one that never acknowledges, hold up nobody', async () => {
    const lazy = await enters({clientId: 'lazy', password: tokens.narrow, clean: false, more: [sessionExpiry(FOREVER)]});
    assert.ok((await lazy.subscribe('ok/+'))[0] < 128);
    lazy.socket.pause();
    const one = await enters({clientId: 'one', password: tokens.narrow, clean: false, more: [sessionExpiry(FOREVER), receiveMaximum(1)]});
    assert.ok((await one.subscribe('ok/+'))[0] < 128);
    one.acknowledge = false;
    const client = await enters({clientId: 'floods', password: tokens.narrow});
    const payload = 'f'.repeat(16_384);
    for (let i = 0; i < 300; ++i) assert.equal(await client.publish('ok/flood', payload), 0);
    assert.equal(one.messages.length, 1, 'Receive Maximum');
    await client.end();
    await one.end();
    lazy.break();
});

// ---- CONNECTs that never end ----------------------------------------------------------------------------

attack('200 CONNECTs that announce 256 MB and never end', async () => {
    const start = memory();
    const half = [];
    const head = Buffer.concat([Buffer.from([0x10]), varint(268_435_455), field('MQTT'), Buffer.from([5, 0xc2, 0, 0, 0])]);
    for (let i = 0; i < 200; ++i) {
        const client = await RawClient.open(broker.port);
        // Some say no more than that there will be something.
        client.send(i % 3 ? head : head.subarray(0, 1 + i % 7));
        half.push(client);
    }
    for (let round = 0; round < 5; ++round) {
        for (const client of half) if (!client.closed) client.send(Buffer.from('drip'));
        const good = await enters({clientId: 'good', password: tokens.narrow});
        assert.equal(await good.publish('ok/a', 'x'), 0);
        await good.end();
    }
    // Announced bytes that haven't come cost addresses, not memory.
    const grown = memory() - start;
    assert.ok(grown < 32 * MIB, `${grown} bytes more`);
    for (const client of half) client.break();
});

// ---- the HTTP API of Mosquitto 2.1 ----------------------------------------------------------------------

// It asks the plugin from a thread of its own, about a made-up client "http-api" that never disconnects. Whether the
// plugin lets anybody in there or not: MQTT clients don't feel it.
const hasHttpApi = () => !/mosquitto version 2\.0\./.test(broker.log);
const agent = new Agent({keepAlive: true, maxSockets: 16});

/** The status of a request with this password, or the error's code. */
const ask = (port, password) => new Promise((resolve) => {
    get({host: '127.0.0.1', port, path: '/api/v1/version', agent, auth: `any:${password}`},
        (response) => response.resume().on('end', () => resolve(response.statusCode)))
        .on('error', (error) => resolve(error.code));
});

async function withHttpApi(name, run) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const port = await freePort();
    const started = Broker.start({directory: folder, ini: ini(), options: [`listener ${port} 127.0.0.1`, 'protocol http_api']});
    if (!hasHttpApi()) return assert.rejects(started, /http_api|protocol/);
    const other = await started;
    try {
        await run(other, port);
    } finally {
        other.program.child.kill('SIGKILL');
    }
}

const mayAsk = (sub, options) => issuer.mint(sub, 'read:%2F/%2Fapi*', options);

test('requests to the HTTP API while MQTT clients come and go', () => withHttpApi('http', async (other, port) => {
    const passwords = [await mayAsk('http-1'), await mayAsk('http-2'), 'hunter2', await mayAsk('http-3')];
    let requests = 0;
    let logins = 0;
    const goesOn = () => requests < 20_000 && other.program.running;
    await Promise.all([
        ...Array.from({length: 16}, async (_, i) => {
            for (; goesOn(); ++requests) await ask(port, passwords[i % passwords.length]);
        }),
        ...Array.from({length: 16}, async (_, i) => {
            for (; goesOn(); ++logins) {
                const client = await RawClient.connect(other.port, {
                    clientId: `client-${i}-${logins}`, password: tokens.narrow, more: [sessionExpiry(logins % 2)],
                });
                assert.equal(client.code, 0);
                assert.deepEqual(await client.subscribe(`ok/${i}`, 'no'), [1, NOT_AUTHORIZED]);
                assert.ok((await client.publish(`ok/${i}`, 'x')) < 128);
                assert.equal(await client.publish('no', 'x'), NOT_AUTHORIZED);
                await client.end();
            }
        }),
    ]).catch(async (error) => {
        const status = await Promise.race([other.program.ended, new Promise((resolve) => setTimeout(resolve, 1000))]);
        throw new Error(`${error.message}; the broker: ${status ?? 'runs'}`);
    });
    assert.ok(other.program.running, `the broker ended: ${other.program.status}`);
    assert.ok(logins > 0);
}));

test('an MQTT client by the name of the HTTP API', () => withHttpApi('http-name', async (other, port) => {
    const clientId = 'http-api';
    const good = await mayAsk('admin');
    const usual = await ask(port, good);
    const enter = async (password) => RawClient.connect(other.port, {clientId, password});
    // Somebody who may do nothing takes the identifier: requests are answered as before.
    const mallory = await enter(tokens.nothing);
    assert.equal(mallory.code, 0, 'after a request');
    assert.equal(await ask(port, good), usual, 'a client that takes the name shuts the API');
    await mallory.end();
    // Requests of its own identity neither free the identifier for others, nor end the client with their token.
    const admin = await enter(good);
    assert.equal(admin.code, 0);
    await ask(port, good);
    assert.equal((await enter(tokens.nothing)).code, undefined, "another's token takes over");
    assert.equal(admin.closed, false);
    await ask(port, await mayAsk('admin', {lifetime: 2}));
    const mark = other.log.length;
    const mortal = await RawClient.connect(other.port, {clientId: 'mortal', password: await mayAsk('mortal', {lifetime: 3})});
    await mortal.ended();  // later than the request's token
    assert.equal(admin.closed, false, other.log.slice(mark));
    admin.break();
}));

// ---- after all ------------------------------------------------------------------------------------------

test('a delayed will of a victim is published, also that of an ended token', async () => {
    for (const topic of ['victim/will-1', 'victim/will-2']) {
        await eventually(() => watcher.messages.includes(`${topic} gone`), topic, 1000 * (WILL_DELAY_S + 20));
        sent.push(`${topic} gone`);
    }
    await note('after all');
});

for (const [what, options] of victims) {
    test(`all messages were kept for a victim, ${what}`, async () => {
        const client = await enters({...options, password: await issuer.mint('victor', 'read:%2F/victim*')});
        assert.ok(client.sessionPresent, 'the session is gone');
        await client.until(() => client.messages.length >= sent.length, `${sent.length} messages; it got ${client.messages.length}`)
            .catch(() => {});
        const missing = sent.filter((each) => !client.messages.includes(each));
        assert.deepEqual(missing, []);
        assert.deepEqual(client.messages.filter((each) => !sent.includes(each)), [], 'forged');
        await client.end();
    });
}

test("the broker is still there, and hasn't grown without bounds", () => {
    assert.ok(broker.program.running);
    // It keeps 300 durable sessions with names of 10000 bytes, and 300 messages of 16 KB for two that are away: 9 MB. The
    // rest of the bound is for tables, the cache of verified tokens and what malloc() doesn't give back.
    assert.ok(memory() < 96 * MIB, `${memory()} bytes`);
});

await runAll(before, after);
