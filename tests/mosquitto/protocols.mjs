// Every version of MQTT over every kind of listener: who gets in, what they may do, what their will is allowed.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, enhanced, refusal} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
let issuer;
let broker;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    broker = await Broker.start({
        directory: directory.path, certificates: issuer.directory, more: true,
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
`,
    });
}

async function after(failed) {
    await broker?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log);
    directory.remove();
}

const token = (scope) => issuer.mint('alice', scope);

/** A listener to everything. */
async function watcher() {
    const client = await Client.connect(broker.port, await issuer.mint('watcher', 'read:*/* write:*/*'));
    assert.ok(await client.subscribe('#'));
    return client;
}

// refused: the code of the CONNACK. puback, suback: this version has answers that say no; without them a client takes its
// message for published, its filter for granted, and nothing comes of it.
const versions = {
    'MQTT 3.1': {options: {protocolVersion: 3, protocolId: 'MQIsdp'}, refused: 5},
    'MQTT 3.1.1': {options: {protocolVersion: 4}, refused: 5, suback: true},
    'MQTT 5': {options: {protocolVersion: 5}, refused: 135, suback: true, puback: true},
    'MQTT 5, enhanced authentication': {options: {protocolVersion: 5}, refused: 135, suback: true, puback: true, sasl: true},
};

const bad = [
    ['no token', async () => 'hunter2'],
    ['a token that has ended', () => issuer.mint('alice', 'read:*/*', {lifetime: -100})],
    ["a stranger's token", () => issuer.mint('alice', 'read:*/*', {signer: 'stranger'})],
];

for (const listener of ['tcp', 'tls', 'websockets', 'unix']) {
    for (const [version, {options, refused, puback = false, suback = false, sasl = false}] of Object.entries(versions)) {
        const connect = (secret, more = {}) => Client.connect(broker.urls[listener], sasl ? undefined : secret,
            {rejectUnauthorized: false, ...options, ...(sasl && enhanced(secret)), ...more});
        const name = `${listener}, ${version}`;
        const topic = (last) => `${listener}/${options.protocolVersion}${sasl ? 'e' : ''}/${last}`;
        const scope = (verb, last) => `${verb}:%2F/${topic(last).replaceAll('/', '%2F')}`;

        test(`${name}: a good token gets in, no other password does`, async () => {
            const clientId = topic('in').replaceAll('/', '-');
            await (await connect(await token('read:%2F/x'), {clientId})).end();
            await broker.logged(new RegExp(`authenticate ok .*username="alice".*client_id="${clientId}"`));
            for (const [what, make] of bad) assert.equal(await refusal(connect(await make())), refused, what);
        });

        test(`${name}: scopes decide who publishes and who subscribes`, async () => {
            const all = await watcher();
            const client = await connect(await token(`${scope('write', 'up')} ${scope('read', 'down*')}`));
            for (const qos of [0, 1, 2]) {
                assert.equal(await client.publish(topic('secret'), 'no', {qos}), !puback || qos === 0);
                assert.ok(await client.publish(topic('up'), `qos ${qos}`, {qos}));
                await all.receives(`${topic('up')} qos ${qos}`);
            }
            assert.equal(await client.subscribe(topic('secret')), !suback);
            assert.equal(await client.subscribe('#'), !suback);
            await all.publish(topic('secret'), 'no');
            await all.publish(topic('down/0'), 'too early');
            assert.ok(await client.subscribe(topic('down/#')));
            await all.publish(topic('down/1'), 'yes');
            await client.receives(`${topic('down/1')} yes`);
            assert.deepEqual(client.messages, [`${topic('down/1')} yes`]);
            assert.deepEqual(all.messages.filter((each) => each.startsWith(topic('secret'))), [`${topic('secret')} no`]);
            assert.equal(client.closed, false);
            await client.end();
            await all.end();
        });

        test(`${name}: scopes decide about the will`, async () => {
            const all = await watcher();
            const secret = await token(scope('write', 'will'));
            for (const last of ['secret', 'will']) {
                const client = await connect(secret, {will: {topic: topic(last), payload: 'gone', qos: 1}});
                await client.end(true);
            }
            await all.receives(`${topic('will')} gone`);
            assert.deepEqual(all.messages, [`${topic('will')} gone`]);
            await all.end();
        });
    }
}

// ---- Mosquitto's own clients --------------------------------------------------------------------------------

for (const [kind, at] of [['tcp', () => ['-h', '127.0.0.1', '-p', String(broker.port)]],
                          ['unix', () => ['--unix', join(directory.path, 'socket')]]]) {
    for (const version of ['31', '311', '5']) {
        test(`mosquitto_pub and mosquitto_sub: ${kind}, -V ${version}`, async () => {
            const from = broker.log.length;
            const name = `${kind}-${version}`;
            const program = (which, secret, ...args) => run(which, [...at(), '-V', version, '-u', 'any', '-P', secret, ...args]);
            const reader = await issuer.mint('bob', `read:%2F/${name}`);
            const writer = await issuer.mint('alice', `write:%2F/${name}`);
            const heard = program('mosquitto_sub', reader, '-i', `sub-${name}`, '-t', name, '-C', '1', '-W', '20');
            await broker.logged(new RegExp(`Sending SUBACK to sub-${name}`), from);
            const said = (secret, topic) => program('mosquitto_pub', secret, '-q', '1', '-t', topic, '-m', `to ${topic}`);
            const denied = await said(writer, 'secret');
            if (version === '5') assert.match(denied.output, /not authori[sz]ed/i);
            assert.deepEqual(await said(writer, name), {status: 0, output: ''});
            assert.deepEqual(await heard, {status: 0, output: `to ${name}\n`});
            assert.notEqual((await said('hunter2', name)).status, 0);
            assert.doesNotMatch(broker.log.slice(from), /Sending PUBLISH to \S+ \([^)]*'secret'/);
        });
    }
}

test('a client that sends neither a username nor a password is refused over every listener', async () => {
    for (const [listener, url] of Object.entries(broker.urls)) {
        const nobody = Client.connect(url, undefined, {username: undefined, protocolVersion: 4, rejectUnauthorized: false});
        assert.equal(await refusal(nobody), 5, listener);
    }
    assert.ok(broker.program.running);
});

await runAll(before, after);
