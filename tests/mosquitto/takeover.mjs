// A client identifier that is in use: whose token may take it over.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, refusal} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
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
const enhanced = async (sub) => ({
    username: undefined,
    properties: {authenticationMethod: 'OAUTHBEARER', authenticationData: Buffer.from(`n,,\x01auth=Bearer ${await token(sub)}\x01\x01`)},
});

test("another identity's token doesn't throw a live client out", async () => {
    const broker = await start('same');
    const alice = await Client.connect(broker.port, await token('alice'), {clientId: 'kitchen'});
    assert.ok(await alice.subscribe('a'));
    for (const [password, options] of [
        [await token('mallory'), {}], [await token('mallory'), {protocolVersion: 4}], [undefined, await enhanced('mallory')],
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

await runAll(before, after);
