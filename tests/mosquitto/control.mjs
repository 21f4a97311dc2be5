// mosquitto_ctrl administers dynamic-security: with a token whose scopes reach $CONTROL, and as dynamic-security's own
// administrator, whichever plugin is loaded first. That a token gets nothing by an administrator's name is in chain.mjs.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, refusal} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const NOT_AUTHORIZED = 135;
const LIBRARY = '/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so';
const SEND = 'write:%2F/$CONTROL%2F*';
const HEAR = 'read:%2F/$CONTROL%2F*';

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

/** A broker with dynamic-security in front or behind, whose administrator is "admin" with the password "secret". */
async function start(name, options, front) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const users = join(folder, 'dynamic-security.json');
    const {status, output} = await run('mosquitto_ctrl', ['dynsec', 'init', users, 'admin', 'secret']);
    assert.equal(status, 0, output);
    const dynamicSecurity = [`plugin ${LIBRARY}`, `plugin_opt_config_file ${users}`];
    const broker = await Broker.start({
        directory: folder, options: front ? options : [...options, ...dynamicSecurity], ahead: front ? dynamicSecurity : [],
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
username_prefix = token:
`,
    });
    brokers.push(broker);
    return broker;
}

/** Runs a command of dynamic-security; what it said. It waits without an end for an answer that it may not hear. */
async function control(broker, username, password, ...command) {
    const {output} = await run('timeout', ['2', 'mosquitto_ctrl', '-h', '127.0.0.1', '-p', String(broker.port), '-u', username,
                                           '-P', password, 'dynsec', ...command]);
    return output.replace(/^(Warning: You are running mosquitto_ctrl without encryption|This means all of the).*\n/gm, '').trim();
}
const admin = (broker, ...command) => control(broker, 'admin', 'secret', ...command);
const withToken = async (broker, scope, ...command) => control(broker, 'any', await issuer.mint('operator', scope), ...command);
/** Sends a command without mosquitto_ctrl; true if the broker took it. */
async function commands(broker, scope, command) {
    const client = await Client.connect(broker.port, await issuer.mint('operator', scope));
    const taken = await client.publish('$CONTROL/dynamic-security/v1', JSON.stringify({commands: [command]}));
    await client.end();
    return taken;
}
const names = (output) => output.split('\n').filter((each) => each).sort();

for (const [what, options, front] of [
    ['dynamic-security in front, in a chain', ['plugin_opt_chain true'], true],
    ['dynamic-security behind, in a chain', ['plugin_opt_chain true'], false],
    ['dynamic-security in front, no chain', [], true],
]) {
    let broker;

    test(`${what}: its administrator is let in and administers`, async () => {
        broker = await start(what.replaceAll(/[, ]+/g, '-'), options, front);
        assert.deepEqual(names(await admin(broker, 'listClients')), ['admin']);
        assert.equal(await admin(broker, 'createClient', 'dora', '-p', 'pass'), '');
        assert.equal(await admin(broker, 'createRole', 'doors'), '');
        for (const kind of ['publishClientSend', 'publishClientReceive', 'subscribePattern']) {
            assert.equal(await admin(broker, 'addRoleACL', 'doors', kind, 'doors/#', 'allow'), '');
        }
        assert.equal(await admin(broker, 'addClientRole', 'dora', 'doors'), '');
        assert.deepEqual(names(await admin(broker, 'listClients')), ['admin', 'dora']);
        assert.match(await control(broker, 'admin', 'wrong', 'listClients'), /not authori[sz]ed/i);
    });

    test(`${what}: a token whose scopes reach $CONTROL administers, others don't`, async () => {
        assert.deepEqual(names(await withToken(broker, `${SEND} ${HEAR}`, 'listClients')), ['admin', 'dora']);
        assert.equal(await withToken(broker, `${SEND} ${HEAR}`, 'createClient', 'emil', '-p', 'pass'), '');
        assert.deepEqual(names(await admin(broker, 'listClients')), ['admin', 'dora', 'emil']);
        // Who may only hear answers, may do everything else, or may only reach another control, changes nothing.
        // (mosquitto_ctrl subscribes to the answers first, and gives up if that is denied.)
        for (const scope of [HEAR, 'read:*/* write:*/*', `${HEAR} write:%2F/$CONTROL%2Fother%2F*`, '']) {
            assert.doesNotMatch(await withToken(broker, scope, 'listClients'), /admin/, scope);
            for (const command of [{command: 'createClient', username: 'intruder', password: 'x'},
                                   {command: 'deleteClient', username: 'emil'}]) {
                assert.equal(await commands(broker, scope, command), false, scope);
            }
        }
        assert.deepEqual(names(await admin(broker, 'listClients')), ['admin', 'dora', 'emil']);
        // Who may only send hears nothing, but is obeyed.
        assert.equal(await commands(broker, SEND, {command: 'deleteClient', username: 'emil'}), true);
        assert.deepEqual(names(await admin(broker, 'listClients')), ['admin', 'dora']);
    });

    test(`${what}: its clients have the rights of their roles, tokens those of their scopes`, async () => {
        const dora = await Client.connect(broker.port, 'pass', {username: 'dora', clientId: 'dora'});
        const secret = await issuer.mint('dora', 'read:%2F/rooms* write:%2F/rooms%2F*');
        const token = await Client.connect(broker.port, secret, {clientId: 'token'});
        assert.ok(await dora.subscribe('doors/#'));
        assert.equal(await token.subscribe('doors/#'), false);
        assert.ok(await token.subscribe('rooms/#'));
        assert.equal(await dora.subscribe('rooms/#'), false);
        assert.equal(await token.publish('doors/1', 'by token'), false);
        assert.equal(await dora.publish('rooms/1', 'by dora'), false);
        assert.ok(await dora.publish('doors/1', 'by dora'));
        assert.ok(await token.publish('rooms/1', 'by token'));
        await dora.receives('doors/1 by dora');
        await token.receives('rooms/1 by token');
        const from = broker.log.length;
        broker.reload();
        await broker.logged(/Reloading config/, from);
        assert.ok(await dora.publish('doors/1', 'again'));
        assert.ok(await token.publish('rooms/1', 'again'));
        await dora.receives('doors/1 again');
        assert.deepEqual(dora.messages, ['doors/1 by dora', 'doors/1 again']);
        assert.equal(token.closed, false);
        assert.equal(await refusal(Client.connect(broker.port, 'wrong', {username: 'dora'})), NOT_AUTHORIZED);

        // The administrator puts a client out, which says nothing about a token of its name.
        assert.equal(await admin(broker, 'disableClient', 'dora'), '');
        await eventually(() => dora.closed, "the end of dora's connection");
        assert.equal(await refusal(Client.connect(broker.port, 'pass', {username: 'dora'})), NOT_AUTHORIZED);
        assert.ok(await token.publish('rooms/1', 'still'));
        await token.receives('rooms/1 still');
        await token.end();
        await broker.stop();
    });
}

test('dynamic-security behind, no chain: tokens administer it by their scopes, its own administrator is not let in', async () => {
    const broker = await start('behind', [], false);
    assert.match(await admin(broker, 'listClients'), /not authori[sz]ed/i);
    assert.deepEqual(names(await withToken(broker, `${SEND} ${HEAR}`, 'listClients')), ['admin']);
    assert.equal(await withToken(broker, `${SEND} ${HEAR}`, 'createClient', 'emil', '-p', 'pass'), '');
    assert.deepEqual(names(await withToken(broker, `${SEND} ${HEAR}`, 'listClients')), ['admin', 'emil']);
    assert.doesNotMatch(await withToken(broker, 'read:*/* write:*/*', 'listClients'), /admin/);
    await broker.stop();
});

await runAll(before, after);
