// Mosquitto's own dynamic-security plugin, loaded before ours: a token must not get the rights of its users.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, refusal} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const NOT_AUTHORIZED = 135;
const CONTROL = '$CONTROL/dynamic-security/v1';
const ANSWER = '$CONTROL/dynamic-security/v1/response';
const LIBRARY = '/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so';

const directory = temporaryDirectory();
let issuer;
let broker;
let folders = 0;

const section = (name, more = '', url = issuer.url) => `[${name}]
issuer = ${url}
ca_file = ${issuer.caFile}
audience = ${name}
scope_prefix =
jwks_min_refresh = 1
${more}`;

/** A broker with dynamic-security in front (or behind), whose administrator is "admin" with the password "secret". */
async function chained(ini, options = ['plugin_opt_chain true'], behind = false) {
    const folder = join(directory.path, `broker-${++folders}`);
    mkdirSync(folder);
    const users = join(folder, 'dynamic-security.json');
    const {status, output} = await run('mosquitto_ctrl', ['dynsec', 'init', users, 'admin', 'secret']);
    assert.equal(status, 0, output);
    const dynamicSecurity = [`plugin ${LIBRARY}`, `plugin_opt_config_file ${users}`];
    broker = await Broker.start(behind ? {directory: folder, ini, options: [...options, ...dynamicSecurity]}
                                       : {directory: folder, ini, options, ahead: dynamicSecurity});
    return broker;
}

const token = (sub, scope) => issuer.mint(sub, scope, {claims: {aud: 'oauth'}});
const create = (username) => JSON.stringify({commands: [{command: 'createClient', username, password: 'x'}]});

/** The names of dynamic-security's users, asked by its administrator. */
async function users() {
    const admin = await Client.connect(broker.port, 'secret', {username: 'admin'});
    assert.ok(await admin.subscribe(ANSWER));
    assert.ok(await admin.publish(CONTROL, JSON.stringify({commands: [{command: 'listClients'}]})));
    const answer = await eventually(() => admin.messages.find((each) => each.startsWith(ANSWER)), 'the list');
    await admin.end();
    return JSON.parse(answer.slice(ANSWER.length + 1)).responses[0].data.clients;
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
}

async function after(failed) {
    if (failed && broker) console.error(broker.log);
    await broker?.stop();
    await issuer?.stop();
    directory.remove();
}

for (const [what, ini, named] of [
    ['the only section', () => section('oauth'), /username_prefix in \[oauth\] /],
    ['one of two sections', () => section('oauth', 'username_prefix = a:\n') + section('oauth.b', '', 'https://b.example'),
     /username_prefix in \[oauth\.b\] /],
]) {
    test(`in a chain the broker does not start if ${what} lacks a username_prefix`, async () => {
        await assert.rejects(chained(ini()), named);
        await assert.rejects(chained(ini(), ['plugin_opt_chain true', 'plugin_opt_shared_names false']), named);
    });
}

test("a token with the administrator's name has none of the administrator's rights", async () => {
    await chained(section('oauth', 'username_prefix = token:\n'));
    const client = await Client.connect(broker.port, await token('admin', 'read:%2F/x'));
    assert.equal(await client.publish(CONTROL, create('intruder')), false);
    assert.equal(await client.subscribe(ANSWER), false);
    assert.ok(await client.subscribe('x'));
    await client.end();
    assert.deepEqual(await users(), ['admin']);
});

test('a reload without the prefix changes nothing, and the log says why', async () => {
    const from = broker.log.length;
    broker.configure(section('oauth'));
    broker.reload();
    await broker.logged(/the old configuration stays in force: plugin_opt_chain true: .*username_prefix in \[oauth\] /, from);
    const client = await Client.connect(broker.port, await token('admin', 'read:%2F/x'), {clientId: 'after'});
    await broker.logged(/authenticate ok .*username="token:admin".*client_id="after"/, from);
    assert.equal(await client.publish(CONTROL, create('intruder')), false);
    await client.end();
    assert.deepEqual(await users(), ['admin']);
});

test('a reload with another prefix is taken', async () => {
    const from = broker.log.length;
    broker.configure(section('oauth', 'username_prefix = other:\n'));
    broker.reload();
    await broker.logged(/eload/, from);
    await eventually(async () => {
        await (await Client.connect(broker.port, await token('admin', 'read:%2F/x'))).end();
        return /authenticate ok .*username="other:admin"/.test(broker.log.slice(from));
    }, 'the new prefix');
    await broker.stop();
});

test('a wrong password of a dynamic-security user is refused, and so is a bad token', async () => {
    await chained(section('oauth', 'username_prefix = token:\n'));
    assert.equal(await refusal(Client.connect(broker.port, 'wrong', {username: 'admin'})), NOT_AUTHORIZED);
    const late = await issuer.mint('admin', 'read:*/*', {claims: {aud: 'oauth'}, lifetime: -100});
    assert.equal(await refusal(Client.connect(broker.port, late, {username: 'admin'})), NOT_AUTHORIZED);
    await broker.stop();
});

test('behind another plugin it is the same without plugin_opt_chain', async () => {
    await assert.rejects(chained(section('oauth'), []),
        /the plugin '\S*dynamic_security\S*' is loaded before this one.*load this plugin first, or set username_prefix in \[oauth\] /);
    await chained(section('oauth', 'username_prefix = token:\n'), []);
    const client = await Client.connect(broker.port, await token('admin', 'read:%2F/x'));
    assert.equal(await client.publish(CONTROL, create('intruder')), false);
    await client.end();
    await broker.stop();
});

test('in front of the other plugin no name is shared: it is not asked about clients with tokens', async () => {
    await chained(section('oauth'), [], true);
    const client = await Client.connect(broker.port, await token('admin', 'read:%2F/x'));
    assert.equal(await client.publish(CONTROL, create('intruder')), false);
    assert.equal(await client.subscribe(ANSWER), false);
    assert.ok(await client.subscribe('x'));
    await client.end();
    assert.equal(await refusal(Client.connect(broker.port, 'secret', {username: 'admin'})), NOT_AUTHORIZED);
    assert.doesNotMatch(broker.log, /createClient/);
    await broker.stop();
});

test('acl_file gives a token nothing without plugin_opt_chain', async () => {
    const folder = join(directory.path, 'acl');
    mkdirSync(folder);
    const rules = join(folder, 'rules');
    writeFileSync(rules, 'user admin\ntopic readwrite #\n', {mode: 0o600});
    broker = await Broker.start({directory: folder, ini: section('oauth'), options: [`acl_file ${rules}`]});
    const client = await Client.connect(broker.port, await token('admin', 'read:%2F/x'));
    assert.equal(await client.publish('y', 'no'), false);
    assert.equal(await client.subscribe('y'), false);
    assert.ok(await client.subscribe('x'));
    await client.end();
    await broker.stop();
});

test('in a chain acl_file is for clients that came by password_file; without it they may do nothing', async () => {
    const folder = join(directory.path, 'passwords');
    mkdirSync(folder);
    const passwords = join(folder, 'passwords');
    const rules = join(folder, 'rules');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    writeFileSync(rules, 'user local\ntopic readwrite y\nuser token:admin\ntopic readwrite y\n', {mode: 0o600});
    for (const [granted, options] of [[false, []], [true, [`acl_file ${rules}`]]]) {
        broker = await Broker.start({
            directory: folder, ini: section('oauth', 'username_prefix = token:\n'),
            options: ['plugin_opt_chain true', `password_file ${passwords}`, ...options],
        });
        const local = await Client.connect(broker.port, 'secret', {username: 'local'});
        assert.equal(await local.publish('y', 'hello'), granted);
        assert.equal(await local.publish('x', 'no'), false);
        await local.end();
        const client = await Client.connect(broker.port, await token('admin', 'read:%2F/x'));
        assert.equal(await client.publish('y', 'no'), false);
        await client.end();
        await broker.stop();
    }
});

test("after a restart messages wait for both backends' durable clients, each checked by its own", async () => {
    const folder = join(directory.path, 'restart');
    mkdirSync(folder);
    const passwords = join(folder, 'passwords');
    const rules = join(folder, 'rules');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    writeFileSync(rules, 'user local\ntopic readwrite y/#\n', {mode: 0o600});
    const start = () => Broker.start({
        directory: folder, ini: section('oauth', 'username_prefix = token:\n'),
        options: ['plugin_opt_chain true', `password_file ${passwords}`, `acl_file ${rules}`,
                  'persistence true', `persistence_location ${folder}/`],
    });
    const comeBack = async () => [
        await Client.connect(broker.port, 'secret', {username: 'local', clientId: 'one', clean: false, protocolVersion: 4}),
        await Client.connect(broker.port, await token('alice', 'read:%2F/y%2F*'), {clientId: 'two', clean: false, protocolVersion: 4}),
    ];
    broker = await start();
    for (const client of await comeBack()) {
        assert.ok(await client.subscribe('y/+'));
        await client.end();
    }
    await broker.stop();
    broker = await start();
    const writer = await Client.connect(broker.port, await token('writer', 'write:*/*'));
    assert.ok(await writer.publish('y/1', 'kept'));
    await writer.end();
    for (const client of await comeBack()) {
        assert.ok(client.sessionPresent);
        await client.receives('y/1 kept');
        await client.end();
    }
    await broker.stop();
});

test('plugin_opt_shared_names true: the names of tokens are those of dynamic-security, as the operator says', async () => {
    await chained(section('oauth'), ['plugin_opt_chain true', 'plugin_opt_shared_names true']);
    const client = await Client.connect(broker.port, await token('admin', 'read:%2F/x'));
    assert.ok(await client.publish(CONTROL, create('invited')));
    await client.end();
    await eventually(async () => (await users()).includes('invited'), 'the new user');
    await broker.stop();
});

await runAll(before, after);
