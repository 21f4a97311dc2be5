// per_listener_settings true: Mosquitto calls no tick of the plugin then, before 2.0.15.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, durable, enhanced, refusal} from '../support/mosquitto.mjs';
import {built, freePort, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIFETIME = 3;  // seconds; long enough to connect

const directory = temporaryDirectory();
let issuer;
let broker;
let otherPort;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    otherPort = await freePort();
    broker = await Broker.start({
        directory: directory.path, perListener: true,
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
clock_skew = 0
`,
        options: [
            `listener ${otherPort} 127.0.0.1`, 'allow_anonymous false',
            `plugin ${built('plugin/mosquitto/mosquitto_tokenward.so')}`,
            `plugin_opt_config ${join(directory.path, 'tokenward.ini')}`,
            `plugin_opt_library ${built('src/capi/libtokenward.so.1')}`,
        ],
    });
}

async function after(failed) {
    await broker?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log);
    directory.remove();
}

const token = (sub, scope = 'read:%2F/* write:%2F/*', options = {}) => issuer.mint(sub, scope, options);
const mortal = (sub, scope) => token(sub, scope, {lifetime: LIFETIME});
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** The third number of a Mosquitto 2.0; later ones are above all of them. */
const patch = () => Number(/mosquitto version 2\.0\.(\d+)/.exec(broker.log)?.[1] ?? Infinity);
/** 2.0.21 loses what waits for a client that is away at SIGHUP, also without a plugin; 2.0.23 says that it mended that. */
const forgetsAway = () => patch() > 11 && patch() < 23;

test('a client whose token has ended is disconnected, and its will published', async () => {
    const all = await Client.connect(broker.port, await token('all'));
    assert.ok(await all.subscribe('wills/#'));
    const clients = [];
    for (const port of [broker.port, otherPort]) {
        clients.push(await Client.connect(port, await mortal(`m${port}`), {will: {topic: `wills/${port}`, payload: 'gone', qos: 1}}));
        clients.push(await Client.connect(port, undefined, {
            ...enhanced(await mortal(`e${port}`)), will: {topic: `wills/e${port}`, payload: 'gone', qos: 1},
        }));
    }
    await pause(LIFETIME);
    // Without ticks another client's message is the occasion, on whatever listener.
    await all.publish('anything', 'x');
    for (const client of clients) await eventually(() => client.closed, 'the end');
    await eventually(() => all.messages.length === 4, 'four wills');
    assert.deepEqual(all.messages.sort(),
        [broker.port, otherPort].flatMap((port) => [`wills/${port} gone`, `wills/e${port} gone`]).sort());
    await all.end();
});

test('another login is an occasion, too', async () => {
    const client = await Client.connect(broker.port, await mortal('lonely'));
    await pause(LIFETIME);
    await (await Client.connect(broker.port, await token('newcomer'))).end();
    await eventually(() => client.closed, 'the end');
});

test('an expired member of a shared subscription takes no message from the others', async () => {
    const members = [
        await Client.connect(broker.port, await mortal('short')), await Client.connect(otherPort, await token('long')),
    ];
    for (const member of members) assert.ok(await member.subscribe('$share/group/work'));
    await pause(LIFETIME);
    const writer = await Client.connect(broker.port, await token('writer'));
    for (let i = 0; i < 20; ++i) assert.ok(await writer.publish('work', String(i)));
    await eventually(() => members[1].messages.length === 20, 'twenty messages');
    assert.equal(members[0].messages.length, 0);
    await members[1].end();
    await writer.end();
});

test('SIGHUP disconnects nobody, and lets nobody in', async () => {
    const waiting = await Client.connect(broker.port, await token('waiting'), {...durable('waiting'), clean: false});
    assert.ok(await waiting.subscribe('reloads'));
    await waiting.end();
    const clients = [];
    for (const [password, options] of [
        [await token('v5'), {}], [await token('v4'), {protocolVersion: 4}], [undefined, enhanced(await token('enhanced'))],
    ]) clients.push(await Client.connect(broker.port, password, {clientId: `reload-${clients.length}`, ...options}));
    const ended = await mortal('ended');
    for (let i = 1; i <= 3; ++i) {
        const from = broker.log.length;
        broker.reload();
        await broker.logged(/Reloading config/, from);
        assert.ok(await clients[0].publish('reloads', String(i)));
        // The names of clients that are there, or away, are no way in.
        for (const [username, clientId] of [['v5', 'reload-0'], ['enhanced', 'reload-2'], ['waiting', 'waiting']])
            assert.equal(await refusal(Client.connect(broker.port, 'no-token', {username, clientId})), 135);
    }
    for (const client of clients) assert.equal(client.closed, false);
    for (const client of clients) await client.end();
    await eventually(async () => await refusal(Client.connect(broker.port, ended)).catch(() => 0) === 135, 'the end of a token');
    const back = await Client.connect(broker.port, await token('waiting'), {...durable('waiting'), clean: false});
    assert.ok(back.sessionPresent);
    if (!forgetsAway()) {
        await back.receives('reloads 3');
        assert.deepEqual(back.messages, ['reloads 1', 'reloads 2', 'reloads 3']);
    }
    await back.end();
});

test('the log tells of a broker without ticks', async () => {
    await pause(3);
    await (await Client.connect(broker.port, await token('late'))).end();
    if (patch() < 15) assert.match(broker.log, /this broker calls no tick/);
    else assert.doesNotMatch(broker.log, /calls no tick/);
    assert.ok(broker.program.running);
});

await runAll(before, after);
