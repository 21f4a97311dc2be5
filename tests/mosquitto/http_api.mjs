// The HTTP API of Mosquitto 2.1: requests with a token, beside MQTT clients. The broker asks the plugin about them on another
// thread. 2.0 has none.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, version} from '../support/mosquitto.mjs';
import {freePort, run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const brokers = [];
let issuer;

async function start(name, options = [], more = '', ownListener = [], ahead = []) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const http = await freePort();
    const broker = await Broker.start({
        directory: folder, ahead,
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
${more}`,
        options: [...options, `listener ${http} 127.0.0.1`, 'protocol http_api', ...ownListener],
    });
    brokers.push(broker);
    broker.http = `http://127.0.0.1:${http}`;
    return broker;
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
}

async function after(failed) {
    for (const each of brokers) {
        await each.stop();
        if (failed) console.error(each.log);
    }
    await issuer?.stop();
    directory.remove();
}

const basic = (username, password) => ({headers: {Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`}});
const status = async (broker, path, options) => {
    const response = await fetch(broker.http + path, options);
    await response.arrayBuffer();
    return response.status;
};

if ((await version()).startsWith('2.0.')) {
    test('Mosquitto 2.0 has no HTTP API', () => assert.rejects(start('old'), /http_api/));
} else {
    test('a request is decided by the scopes of its token', async () => {
        const broker = await start('plain');
        const version = await issuer.mint('alice', 'read:%2F/%2Fapi%2Fv1%2Fversion');
        const get = (path, password, username = 'any') => status(broker, path, basic(username, password));
        assert.equal(await get('/api/v1/version', version), 200);
        assert.equal(await get('/api/v1/listeners', version), 401);
        assert.equal(await get('/api/v1/listeners', await issuer.mint('alice', 'read:%2F/%2Fapi%2F*')), 200);
        assert.equal(await get('/api/v1/version', await issuer.mint('alice', 'write:*/*')), 401);
        assert.equal(await get('/api/v1/version', await issuer.mint('alice', 'read:*/*', {lifetime: -100})), 401);
        assert.equal(await get('/api/v1/version', 'hunter2'), 401);
        assert.equal(await status(broker, '/api/v1/version', {}), 401);
        assert.equal(await status(broker, '/api/v1/version', {}), 401);
        await broker.logged(/tokenward: authenticate ok .*username="alice" .*protocol="http"/);
        await broker.logged(/tokenward: authorize denied .*username="alice" .*protocol="http" .*topic="\/api\/v1\/listeners"/);
    });

    test('in a chain a request with a password is the other backends\'', async () => {
        const passwords = join(directory.path, 'passwords');
        assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
        const rules = join(directory.path, 'rules');
        writeFileSync(rules, 'user local\ntopic read /api/v1/version\nuser token:alice\ntopic read /api/v1/version\n', {mode: 0o600});
        const broker = await start('chain', ['plugin_opt_chain true', `password_file ${passwords}`, `acl_file ${rules}`],
                                   'username_prefix = token:\n');
        assert.equal(await status(broker, '/api/v1/version', basic('local', 'secret')), 200);
        assert.equal(await status(broker, '/api/v1/version', basic('local', 'wrong')), 401);
        assert.equal(await status(broker, '/api/v1/version', basic('any', await issuer.mint('alice', 'read:%2F/x'))), 401);
        assert.equal(await status(broker, '/api/v1/version', basic('local', await issuer.mint('alice', 'read:%2F/x'))), 401);
        assert.equal(await status(broker, '/api/v1/version', basic('any', await issuer.mint('alice', 'read:%2F/%2Fapi*'))), 200);
    });

    test('a plugin ahead knows a request by the name in its token, not by the one that was sent', async () => {
        const rules = join(directory.path, 'rules-ahead');
        writeFileSync(rules, 'user boss\ntopic read /api/v1/version\n', {mode: 0o600});
        const broker = await start('ahead', ['plugin_opt_chain true'], 'username_prefix = token:\n', [],
                                   ['plugin /usr/lib/x86_64-linux-gnu/mosquitto/mosquitto_acl_file.so', `plugin_opt_acl_file ${rules}`]);
        assert.equal(await status(broker, '/api/v1/version', basic('boss', await issuer.mint('alice', 'read:%2F/x'))), 401);
    });

    test('requests beside MQTT clients that come, publish and go', async () => {
        const broker = await start('both');
        const good = await issuer.mint('alice', 'read:%2F/* write:%2F/*');
        const end = Date.now() + 8000;
        const counts = {requests: 0, clients: 0};
        const goesOn = () => Date.now() < end || counts.requests <= 100 || counts.clients <= 20;
        const requests = async (password, expected) => {
            while (goesOn()) {
                assert.equal(await status(broker, '/api/v1/version', basic('any', password)), expected);
                counts.requests += 1;
            }
        };
        const clients = async (name) => {
            while (goesOn()) {
                const client = await Client.connect(broker.port, good, {clientId: name, properties: {sessionExpiryInterval: 5}});
                assert.ok(await client.subscribe(name));
                assert.ok(await client.publish(name, 'x'));
                await client.receives(`${name} x`);
                await client.end(counts.clients % 2 === 0);
                counts.clients += 1;
            }
        };
        await Promise.all([
            requests(good, 200), requests(good, 200), requests('wrong', 401), requests(await issuer.mint('bob', 'read:%2F/x'), 401),
            clients('a'), clients('b'), clients('c'),
        ]);
        assert.ok(broker.program.running);
        // A made-up client is no client: nobody has its identifier.
        await (await eventually(() => Client.connect(broker.port, good, {clientId: 'http-api'}), 'a client of that name')).end();
    }, 90_000);
}

await runAll(before, after);
