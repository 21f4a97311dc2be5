// Clients that came without a token, by a way on which the broker asks no plugin who they are, and what is told of them.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, durable} from '../support/mosquitto.mjs';
import {Program, freePort, run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
let issuer;
let broker;
let pskPort;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    const keys = join(directory.path, 'keys');
    writeFileSync(keys, 'device:00112233\n', {mode: 0o600});
    pskPort = await freePort();
    broker = await Broker.start({
        directory: directory.path,
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
`,
        options: [`psk_file ${keys}`, `listener ${pskPort} 127.0.0.1`, 'psk_hint hint', 'use_identity_as_username true'],
    });
}

async function after(failed) {
    await broker?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log);
    directory.remove();
}

const at = () => ['-h', '127.0.0.1', '-p', String(pskPort), '--psk', '00112233', '--psk-identity', 'device', '-V', '5'];
const token = (sub, scope = 'read:%2F/* write:%2F/*') => issuer.mint(sub, scope);

test('a client with a pre-shared key may do nothing, and the log says so', async () => {
    const all = await Client.connect(broker.port, await token('all'));
    assert.ok(await all.subscribe('#'));
    const {output} = await run('mosquitto_pub', [...at(), '-i', 'psk-pub', '-q', '1', '-t', 'x', '-m', 'no']);
    assert.match(output, /not authori[sz]ed/i);
    await broker.logged(/tokenward: client 'psk-pub', username 'device', may not publish to 'x': it did not log in with a token/);
    const listener = new Program('mosquitto_sub', [...at(), '-i', 'psk-sub', '-t', 'x']);
    await broker.logged(/tokenward: client 'psk-sub', username 'device', may not subscribe to 'x': it did not log in with a token/);
    assert.ok(await all.publish('x', 'hello'));
    await all.receives('x hello');
    assert.deepEqual(all.messages, ['x hello']);
    assert.doesNotMatch(listener.output, /hello/);
    await listener.stop();
    await all.end();
});

test('neither does it have what a client with a token of its name left', async () => {
    const options = {...durable('heir'), clean: false};
    const device = await Client.connect(broker.port, await token('device'), options);
    assert.ok(await device.subscribe('x'));
    await device.end();
    const listener = new Program('mosquitto_sub', [...at(), '-i', 'heir', '-c', '-x', '300', '-t', 'x']);
    await broker.logged(/client 'heir', username 'device', may not subscribe to 'x'/);
    const writer = await Client.connect(broker.port, await token('writer'));
    assert.ok(await writer.publish('x', 'secret'));
    await broker.logged(/client 'heir', username 'device', may not receive 'x'/);
    await writer.end();
    await listener.stop();
    assert.doesNotMatch(listener.output, /secret/);
});

test('a flood of such denials is counted, not written', async () => {
    const from = broker.log.length;
    const input = Array.from({length: 200}, (_, i) => `${i}\n`).join('');
    await run('mosquitto_pub', [...at(), '-i', 'flood', '-q', '1', '-t', 'x', '-l'], input);
    await eventually(async () => {
        await run('mosquitto_pub', [...at(), '-i', 'flood', '-q', '1', '-t', 'x', '-m', 'more']);
        return /client 'flood'.*\[\d+ more lines like this were left out\]/.test(broker.log.slice(from));
    }, 'the count');
    const lines = broker.log.slice(from).split('\n').filter((each) => each.includes("may not publish to 'x'"));
    assert.ok(lines.length < 150, `${lines.length} lines`);
});

test('a will of which the session was forgotten is told', async () => {
    const all = await Client.connect(broker.port, await token('all'));
    assert.ok(await all.subscribe('wills/+'));
    // 64 of one username are remembered.
    const fleet = await token('fleet', 'write:%2F/wills%2F*');
    const clients = [];
    for (let i = 0; i < 66; ++i) {
        clients.push(await Client.connect(broker.port, fleet, {
            ...durable(`fleet-${i}`), will: {topic: `wills/${i}`, payload: 'gone', qos: 1, properties: {willDelayInterval: 2}},
        }));
    }
    for (const client of clients) await client.end(true);
    await eventually(() => all.messages.length >= 64, '64 wills');
    const [, number] = (await broker.logged(/client 'fleet-\d+', .*may not publish to 'wills\/\d+': the session that its will is judged by was forgotten/),
                        /client 'fleet-(\d+)'.*was forgotten/.exec(broker.log));
    assert.ok(!all.messages.includes(`wills/${number} gone`));
    await eventually(() => (broker.log.match(/was forgotten/g) ?? []).length === 2, 'two lines');
    assert.equal(all.messages.length, 64);
    await all.end();
});

test('messages are kept for each durable client of a username, however many it has', async () => {
    const many = await token('many', 'read:%2F/news');
    const options = (i) => ({...durable(`many-${i}`), clean: false});
    for (let i = 0; i < 70; ++i) {
        const client = await Client.connect(broker.port, many, options(i));
        assert.ok(await client.subscribe('news'));
        await client.end();
    }
    const writer = await Client.connect(broker.port, await token('writer'));
    assert.ok(await writer.publish('news', 'for all'));
    await writer.end();
    for (let i = 0; i < 70; ++i) {
        const client = await Client.connect(broker.port, many, options(i));
        assert.ok(client.sessionPresent);
        await client.receives('news for all');
        await client.end();
    }
});

test('the broker is still there', () => assert.ok(broker.program.running));

await runAll(before, after);
