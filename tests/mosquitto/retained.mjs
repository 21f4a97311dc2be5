// Retained messages: who receives them, and what becomes of them when their publisher has other rights, is gone, or is forgotten
// by a restart, with and without check_retain_source.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const brokers = [];
let issuer;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
}

async function after(failed) {
    for (const each of brokers) {
        await each.stop();
        if (failed) writeFileSync(2, each.log);
    }
    await issuer?.stop();
    directory.remove();
}

async function start(name, options, more = '') {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const broker = await Broker.start({
        directory: folder, options: [...options, 'persistence true', `persistence_location ${folder}/`],
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
clock_skew = 0
${more}`,
    });
    brokers.push(broker);
    return broker;
}

const token = (sub, scope, options) => issuer.mint(sub, scope, options);

/** The retained messages that a client with this scope gets by this filter. */
async function retained(broker, scope = 'read:%2F/*', filter = 'r/#', options = {}) {
    const reader = await Client.connect(broker.port, await token('reader', `${scope} read:%2F/end write:%2F/end`), options);
    assert.ok(await reader.subscribe(filter));
    // What is published now comes behind everything that was retained.
    assert.ok(await reader.subscribe('end'));
    assert.ok(await reader.publish('end', 'now'));
    await reader.receives('end now');
    await reader.end();
    return reader.messages.filter((each) => each !== 'end now').sort();
}

const wide = 'write:%2F/r%2F*';
const narrow = 'write:%2F/elsewhere';

// What happens after a publisher with the wide token has retained its message: the connections that it has one after the
// other, and whether it stays connected in the last.
const publishers = {
    'stays': {then: [], stays: true},
    'leaves': {then: []},
    'token-ends': {then: [], lifetime: 2},
    'durable-leaves': {then: [], durable: true},
    'narrower': {then: [narrow], stays: true, taken: true},
    'narrower-leaves': {then: [narrow]},  // nothing is remembered of a client without a durable session
    'narrower-ends': {then: [narrow], lifetime: 2},
    'durable-narrower-leaves': {then: [narrow], durable: true, taken: true},
    'narrower-and-wider': {then: [narrow, wide], stays: true},
    'narrower-and-wider-leaves': {then: [narrow, wide]},
};
const payloads = (names) => names.map((name) => `r/${name} kept`).sort();
const allNames = Object.keys(publishers);

async function connect(broker, name, scope, last = false) {
    const {durable, lifetime} = publishers[name];
    return Client.connect(broker.port, await token('rita', scope, {lifetime: last && lifetime ? lifetime : 300}), {
        clientId: name, ...(durable ? {clean: false, properties: {sessionExpiryInterval: 300}} : {protocolVersion: 4}),
    });
}

for (const [setting, options] of Object.entries({
    'no check_retain_source': [], 'check_retain_source false': ['check_retain_source false'],
    'check_retain_source true': ['check_retain_source true'],
})) {
    const checked = setting.endsWith('true');
    let broker;

    const condition = checked ? 'unless its last token forbids the topic' : 'whatever its next token says';

    test(`${setting}: what a publisher has retained is delivered ${condition}`, async () => {
        broker = await start(setting.replaceAll(' ', '-'), options);
        for (const [name, {then, stays, lifetime}] of Object.entries(publishers)) {
            const scopes = [wide, ...then];
            for (const [i, scope] of scopes.entries()) {
                const last = i === scopes.length - 1;
                const client = await connect(broker, name, scope, last);
                if (i === 0) assert.ok(await client.publish(`r/${name}`, 'kept', {retain: true}));
                if (last && lifetime) await eventually(() => client.closed, 'the end of the token');
                else if (!last || !stays) await client.end();
            }
        }
        const expected = payloads(checked ? allNames.filter((name) => !publishers[name].taken) : allNames);
        assert.deepEqual(await retained(broker), expected);
        assert.deepEqual(await retained(broker, 'read:%2F/*', 'r/#', {protocolVersion: 4}), expected);
    });

    test(`${setting}: readers without rights get nothing`, async () => {
        assert.deepEqual(await retained(broker, 'read:%2F/other*', 'other/#'), []);
        const reader = await Client.connect(broker.port, await token('reader', 'read:%2F/r%2Fleaves'));
        assert.equal(await reader.subscribe('r/#'), false);
        assert.equal(await reader.subscribe('r/stays'), false);
        assert.ok(await reader.subscribe('r/leaves'));
        await reader.receives('r/leaves kept');
        assert.deepEqual(reader.messages, ['r/leaves kept']);
        await reader.end();
    });

    test(`${setting}: only a token with the right to write takes a retained message away or puts another there`, async () => {
        const before = await retained(broker);
        const nobody = await Client.connect(broker.port, await token('nobody', narrow));
        assert.equal(await nobody.publish('r/leaves', '', {retain: true}), false);
        assert.equal(await nobody.publish('r/stays', 'mine', {retain: true}), false);
        await nobody.publish('r/leaves', '', {retain: true, qos: 0});
        const old = await Client.connect(broker.port, await token('nobody', narrow), {protocolVersion: 4});
        await old.publish('r/leaves', '', {retain: true});
        assert.deepEqual(await retained(broker), before);
        await nobody.end();
        await old.end();
        const owner = await Client.connect(broker.port, await token('owner', wide));
        assert.ok(await owner.publish('r/new', 'there', {retain: true}));
        assert.deepEqual(await retained(broker), [...before, 'r/new there'].sort());
        assert.ok(await owner.publish('r/new', '', {retain: true}));
        assert.deepEqual(await retained(broker), before);
        await owner.end();
    });

    test(`${setting}: a retained will`, async () => {
        for (const [name, topic] of [['yes', 'r/will'], ['no', 'forbidden/will']]) {
            const client = await Client.connect(broker.port, await token('mortal', wide),
                {clientId: `will-${name}`, will: {topic, payload: 'gone', qos: 1, retain: true}});
            await client.end(true);
            await broker.logged(new RegExp(`Client will-${name} .*(disconnected|closed)`));
        }
        await eventually(async () => (await retained(broker, 'read:%2F/*', 'r/will')).length, 'the will');
        assert.deepEqual((await retained(broker, 'read:%2F/*', '#')).filter((each) => each.endsWith('gone')), ['r/will gone']);
        const owner = await Client.connect(broker.port, await token('owner', wide));
        await owner.publish('r/will', '', {retain: true});
        await owner.end();
    });

    test(`${setting}: a restart forgets publishers, which takes nothing back; they come again with narrower tokens`, async () => {
        await broker.stop();
        await broker.startAgain();
        assert.deepEqual(await retained(broker), payloads(allNames));
        for (const name of ['leaves', 'durable-leaves']) await (await connect(broker, name, narrow)).end();
        const still = await connect(broker, 'stays', narrow);
        const taken = ['durable-leaves', 'stays'];
        assert.deepEqual(await retained(broker), payloads(checked ? allNames.filter((name) => !taken.includes(name)) : allNames));
        await still.end();
        for (const name of [...taken, 'leaves']) await (await connect(broker, name, wide)).end();
        assert.deepEqual(await retained(broker), payloads(allNames));
        await broker.stop();
    });
}

test('check_retain_source true in a chain: scopes decide about tokens, acl_file about others, also after a restart', async () => {
    const passwords = join(directory.path, 'passwords');
    const rules = join(directory.path, 'rules');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    writeFileSync(rules, 'user local\ntopic readwrite r/local\n', {mode: 0o600});
    const broker = await start('chain', [
        'check_retain_source true', 'plugin_opt_chain true', `password_file ${passwords}`, `acl_file ${rules}`,
    ], 'username_prefix = token:\n');
    const publish = async (topic, secret, username = 'any') => {
        const client = await Client.connect(broker.port, secret, {username, clientId: topic});
        assert.ok(await client.publish(topic, 'kept', {retain: true}));
        await client.end();
    };
    await publish('r/local', 'secret', 'local');
    await publish('r/token', await token('rita', wide));
    assert.deepEqual(await retained(broker), ['r/local kept', 'r/token kept']);
    await broker.stop();
    await broker.startAgain();
    assert.deepEqual(await retained(broker), ['r/local kept', 'r/token kept']);
    // A line of acl_file is taken back.
    writeFileSync(rules, 'user local\ntopic read r/local\n', {mode: 0o600});
    const from = broker.log.length;
    broker.reload();
    await broker.logged(/Reloading config/, from);
    assert.deepEqual(await retained(broker), ['r/token kept']);
    await broker.stop();
});

await runAll(before, after);
