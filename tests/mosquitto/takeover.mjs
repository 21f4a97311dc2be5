// A client identifier that is in use: whose token may take it over.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, durable, enhanced, refusal} from '../support/mosquitto.mjs';
import {freePort, run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const brokers = [];
let issuer;

async function start(name, options = [], more = '') {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const broker = await Broker.start({
        directory: folder, options,
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
${more}`,
    });
    brokers.push(broker);
    return broker;
}

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

const token = (sub) => issuer.mint(sub, 'read:%2F/* write:%2F/*');
test("another identity's token doesn't throw a live client out", async () => {
    const broker = await start('same');
    const alice = await Client.connect(broker.port, await token('alice'), {clientId: 'kitchen'});
    assert.ok(await alice.subscribe('a'));
    for (const [password, options] of [
        [await token('mallory'), {}], [await token('mallory'), {protocolVersion: 4}], [undefined, enhanced(await token('mallory'))],
    ]) {
        // No CONNACK: it isn't final.
        assert.equal(await refusal(Client.connect(broker.port, password, {clientId: 'kitchen', ...options})), undefined);
    }
    assert.match(broker.log, /client identifier 'kitchen' is connected with another username than 'mallory'/);
    assert.ok(await alice.publish('a', 'still here'));
    await alice.receives('a still here');
    assert.equal(alice.closed, false);

    // The same identity takes over, and whoever comes when the identifier is free has it.
    const again = await Client.connect(broker.port, await token('alice'), {clientId: 'kitchen'});
    await eventually(() => alice.closed, 'the end of the old connection');
    assert.equal(await refusal(Client.connect(broker.port, await token('mallory'), {clientId: 'kitchen'})), undefined);
    await again.end();
    const bob = await eventually(async () => Client.connect(broker.port, await token('bob'), {clientId: 'kitchen'})
        .catch(() => undefined), 'the free identifier');
    assert.equal(await refusal(Client.connect(broker.port, await token('alice'), {clientId: 'kitchen'})), undefined);
    await bob.end(true);
    await (await eventually(async () => Client.connect(broker.port, await token('alice'), {clientId: 'kitchen'})
        .catch(() => undefined), 'the free identifier')).end();
});

test("a token doesn't throw out a client of the password file", async () => {
    const passwords = join(directory.path, 'passwords');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    const broker = await start('chain', ['plugin_opt_chain true', `password_file ${passwords}`], 'username_prefix = token:\n');
    const local = await Client.connect(broker.port, 'secret', {username: 'local', clientId: 'kitchen'});
    assert.equal(await refusal(Client.connect(broker.port, await token('mallory'), {clientId: 'kitchen'})), undefined);
    assert.equal(local.closed, false);
    await local.end();
    await (await eventually(async () => Client.connect(broker.port, await token('mallory'), {clientId: 'kitchen'})
        .catch(() => undefined), 'the free identifier')).end();
});

test('plugin_opt_takeover any: the last one has the identifier', async () => {
    const broker = await start('any', ['plugin_opt_takeover any']);
    const alice = await Client.connect(broker.port, await token('alice'), {clientId: 'kitchen'});
    const bob = await Client.connect(broker.port, await token('bob'), {clientId: 'kitchen'});
    await eventually(() => alice.closed, 'the end of the old connection');
    await bob.end();
});

const away = (broker, password, options) => Client.connect(broker.port, password, {...options, clean: false});

for (const protocolVersion of [4, 5]) {
    test(`another identity's token gets nothing of a session that is away, MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}`, async () => {
        const broker = await start(`away-${protocolVersion}`);
        const alice = await away(broker, await token('alice'), durable('hall', protocolVersion));
        assert.ok(await alice.subscribe('a/+'));
        await alice.end();
        const writer = await Client.connect(broker.port, await token('writer'));
        assert.ok(await writer.publish('a/1', 'kept'));
        for (const clean of [false, true]) {
            for (const [password, options] of [
                [await token('mallory'), {}], [await token('mallory'), {protocolVersion: 4}],
                [undefined, enhanced(await token('mallory'))],
            ]) {
                assert.equal(await refusal(Client.connect(broker.port, password, {clientId: 'hall', clean, ...options})), undefined);
            }
        }
        assert.match(broker.log, /client identifier 'hall' has a session that waits for another username than 'mallory'/);
        // Whoever has no token at all doesn't either, and doesn't make it free.
        assert.ok([4, 5, 134, 135].includes(await refusal(Client.connect(broker.port, 'no-token', {clientId: 'hall', username: 'alice'}))));
        assert.equal(await refusal(Client.connect(broker.port, await token('mallory'), {clientId: 'hall'})), undefined);
        assert.ok(await writer.publish('a/2', 'kept'));
        const back = await away(broker, await token('alice'), durable('hall', protocolVersion));
        assert.ok(back.sessionPresent);
        await back.receives('a/2 kept');
        assert.deepEqual(back.messages, ['a/1 kept', 'a/2 kept']);
        await back.end();
        await writer.end();
    });
}

test('an identifier is free when its session has ended', async () => {
    const broker = await start('ended');
    const short = {clientId: 'door', properties: {sessionExpiryInterval: 1}};
    await (await Client.connect(broker.port, await token('alice'), short)).end();
    assert.equal(await refusal(Client.connect(broker.port, await token('bob'), {clientId: 'door'})), undefined);
    await (await eventually(async () => Client.connect(broker.port, await token('bob'), {clientId: 'door'})
        .catch(() => undefined), 'the end of the session')).end();
    // One that wasn't durable leaves nothing.
    for (const sub of ['alice', 'bob', 'alice'])
        await (await Client.connect(broker.port, await token(sub), {clientId: 'door'})).end();
});

test("in a chain it is the same for the other backend's clients, and who is refused there takes nothing", async () => {
    const folder = join(directory.path, 'chained');
    mkdirSync(folder);
    const passwords = join(folder, 'passwords');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    const rules = join(folder, 'rules');
    writeFileSync(rules, 'user local\ntopic readwrite #\n', {mode: 0o600});
    const broker = await start('chained-broker', ['plugin_opt_chain true', `password_file ${passwords}`, `acl_file ${rules}`],
                               'username_prefix = token:\n');
    const local = await away(broker, 'secret', {username: 'local', ...durable('cellar', 4)});
    assert.ok(await local.subscribe('b'));
    const alice = await away(broker, await token('alice'), durable('attic', 4));
    assert.ok(await alice.subscribe('b'));
    await eventually(async () => {
        await (await Client.connect(broker.port, await token('tick'))).end();
        return true;
    }, 'a pass of the broker');
    await local.end();
    await alice.end();
    assert.equal(await refusal(Client.connect(broker.port, await token('mallory'), {clientId: 'cellar'})), undefined);
    for (const username of ['alice', 'token:alice', 'local'])
        assert.equal(await refusal(Client.connect(broker.port, 'wrong', {username, clientId: 'attic'})), 135);
    assert.equal(await refusal(Client.connect(broker.port, await token('mallory'), {clientId: 'attic'})), undefined);
    const writer = await Client.connect(broker.port, await token('writer'));
    assert.ok(await writer.publish('b', 'kept'));
    await writer.end();
    for (const [password, options] of [['secret', {username: 'local', ...durable('cellar', 4)}], [await token('alice'), durable('attic', 4)]]) {
        const back = await away(broker, password, options);
        await back.receives('b kept');
        await back.end();
    }
});

test('in a chain nobody who is refused takes an identifier, by whatever way of authentication and on whatever listener', async () => {
    const folder = join(directory.path, 'refused');
    mkdirSync(folder);
    const passwords = join(folder, 'passwords');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    const webSockets = await freePort();
    const broker = await start('refused-broker', ['plugin_opt_chain true', `password_file ${passwords}`,
        `listener ${webSockets} 127.0.0.1`, 'protocol websockets'], 'username_prefix = token:\n');
    const alice = await away(broker, await token('alice'), durable('garage'));
    assert.ok(await alice.subscribe('a'));
    const method = (authenticationMethod, more = {}) => ({properties: {authenticationMethod, ...more}, clientId: 'garage'});
    for (let round = 0; round < 5; ++round) {
        assert.equal(await refusal(Client.connect(broker.port, undefined, {username: undefined, ...method('SCRAM-SHA-1')})), 140);
        assert.ok([135, 140].includes(await refusal(Client.connect(broker.port, undefined,
            {username: undefined, ...method('OAUTHBEARER', {authenticationData: Buffer.from('no token')})}))));
        // The end of a refused websocket client is told later.
        for (const protocolVersion of [4, 5]) {
            await Promise.all(Array.from({length: 20}, () => refusal(Client.connect(`ws://127.0.0.1:${webSockets}`, 'wrong',
                {username: 'local', clientId: 'garage', protocolVersion}))));
        }
        for (const sub of ['mallory', 'mallory'])
            assert.equal(await refusal(Client.connect(broker.port, await token(sub), {clientId: 'garage', clean: false})), undefined);
        assert.ok(await alice.publish('a', String(round)));
        await alice.receives(`a ${round}`);
    }
    assert.equal(alice.closed, false);
    await alice.end();
    const back = await away(broker, await token('alice'), durable('garage'));
    assert.ok(back.sessionPresent);
    await back.end();
});

test('plugin_opt_client_id binds identifiers to usernames', async () => {
    const broker = await start('bound', ['plugin_opt_client_id {username}/*']);
    await (await Client.connect(broker.port, await token('alice'), {clientId: 'alice/1'})).end();
    await (await Client.connect(broker.port, undefined, {clientId: 'alice/2', ...enhanced(await token('alice'))})).end();
    await (await Client.connect(broker.port, await token('a/b'), {clientId: 'a%2Fb/1'})).end();
    for (const [sub, clientId] of [['mallory', 'alice/1'], ['alice', 'alice'], ['alice', 'alice2/1'], ['alice', 'ALICE/1'], ['a/b', 'a/b/1'],
                                   ['alice', 'test'], ['alice/1', 'alice/1']]) {
        for (const protocolVersion of [4, 5]) {
            const code = await refusal(Client.connect(broker.port, await token(sub), {clientId, protocolVersion}));
            assert.equal(code, protocolVersion === 5 ? 135 : 5, `${sub} as ${clientId}`);
        }
    }
    assert.match(broker.log, /client identifier 'alice\/1' is refused for 'mallory': plugin_opt_client_id wants 'mallory\/\*'/);
    await assert.rejects(start('unbound', ['plugin_opt_client_id {username}-*']), /plugin_opt_client_id: \{username\} must be followed by \//);
});

test('the brokers are still there', () => { for (const each of brokers) assert.ok(each.program.running); });

await runAll(before, after);
