// Two nodes of a cluster: what a follower passes on to the leader, what it has when it leads. Needs etcd in the PATH.
import assert from 'node:assert/strict';
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Lavin, NotStarted, basic, bearer, freePorts, permitted, turnedAway} from '../support/lavinmq.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
import {Program, freePort, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIMIT_MS = 120_000;
const LOCAL = basic('guest', 'guest');
const URI = 'amqp://bob:secret@127.0.0.1:1/';
const POLICYMAKER = 'broker.configure:*/* broker.read:*/* broker.write:*/* broker.tag:policymaker';

const directory = temporaryDirectory();
let etcd;
let etcdPort;
let issuer;
let ports;
let leader;
let follower;

const ini = (more = '') => `[oauth]\nca_file = ${issuer.caFile}\nclock_skew = 0\njwks_min_refresh = 1\n${more}`;
const oauth = () => [`issuer = ${issuer.url}`, 'resource_server_id = broker'];

/** A follower passes bytes on to the leader's address and its own port, so each node has an address. */
async function node(number, own = ini()) {
    const path = join(directory.path, `node-${number}`);
    mkdirSync(path, {recursive: true});
    const host = `127.0.0.${number}`;
    const lavin = await Lavin.start({
        directory: path, host, ports, oauth: oauth(), ini: own, logLevel: 'info', clustering: [
            'enabled = true', `etcd_endpoints = 127.0.0.1:${etcdPort}`, `advertised_uri = tcp://${host}:${ports.clusteringPort}`],
    });
    lavin.mqttClient = (password) => Client.connect(`mqtt://${host}:${lavin.mqttPort}`, password, {protocolVersion: 4});
    lavin.owners = () => {
        const file = join(path, 'data', 'tokenward_owners.json');
        const entries = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
        return entries.map(({name, username}) => `${name} ${username}`).join(', ');
    };
    return lavin;
}

async function startFollower(number) {
    follower = await node(number);
    await follower.logged(/Streaming changes/);
}

/** When a leader stops in order, LavinMQ may take the follower out of the in-sync set in the last moment, and none leads. */
async function failover() {
    const from = follower.log.length;
    leader.program.child.kill('SIGKILL');
    await eventually(() => /Finished startup/.test(follower.log.slice(from)), 'the new leader', 40_000);
    [leader, follower] = [follower, undefined];
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    ports = await freePorts();
    etcdPort = await freePort();
    const [client, peer] = [etcdPort, await freePort()].map((port) => `http://127.0.0.1:${port}`);
    etcd = new Program('etcd', ['--data-dir', join(directory.path, 'etcd'),
        '--listen-client-urls', client, '--advertise-client-urls', client,
        '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`]);
    await eventually(() => fetch(`${client}/health`).then(({ok}) => ok, () => false), 'etcd');
    leader = await node(1);
    assert.equal((await put(leader, await header('alice'), 'early')).status, 201);
    assert.equal((await put(leader, LOCAL, 'local')).status, 201);
    await startFollower(2);
}

async function after(failed) {
    await follower?.stop();
    await leader?.stop();
    await etcd?.stop();
    await issuer?.stop();
    if (failed) for (const lavin of [leader, follower]) console.error(lavin?.log.slice(-20_000));
    directory.remove();
}

const mint = (sub, scope, options) => issuer.mint(sub, scope, options);
const header = async (sub) => bearer(await mint(sub, POLICYMAKER));
const path = (name) => `/parameters/federation-upstream/%2F/${name}`;
const put = (lavin, who, name) => lavin.http(path(name), who, {method: 'PUT', body: {value: {uri: URI}}});
const drop = (lavin, who, name) => lavin.http(path(name), who, {method: 'DELETE'});
/** The address as *sub* sees it: the password is shown to who made the upstream. */
const seen = async (lavin, sub, name) => (await lavin.http(path(name), await header(sub))).body.value.uri;
const MASKED = URI.replace('secret', '***');

test("AMQP by a follower's port: the token's rights, its end, a new token, a wrong one; the log has the client's address", async () => {
    const from = leader.log.length;
    const connection = await follower.connect(await mint('carol', 'broker.configure:%2F/q broker.read:%2F/q'));
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('q', {durable: false})), true);
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('secret', {durable: false})), false);
    const {localAddress, localPort} = connection.connection.stream;
    await leader.logged(new RegExp(`authorize denied .*username="carol" .*peer="${localAddress}:${localPort}" .*resource="secret"`), from);
    await connection.updateSecret(Buffer.from(await mint('carol', 'broker.read:%2F/q', {lifetime: 3})), 'narrower');
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('q', {durable: false})), false);
    await eventually(() => connection.isClosed, "the connection's end");
    assert.match(connection.closedBy, /token expired/);
    const {message} = await turnedAway(follower.connect(await mint('mallory', POLICYMAKER, {lifetime: -5})));
    assert.match(message, /ACCESS.REFUSED/);
    assert.doesNotMatch(follower.log, /authenticate/);
}, LIMIT_MS);

test("MQTT by a follower's port: the token's rights, its end, a wrong one", async () => {
    const rights = 'broker.read:%2F/mqtt.default broker.write:%2F/mqtt.*';
    const client = await follower.mqttClient(await mint('mona', rights, {lifetime: 4}));
    assert.ok(await client.subscribe('t'));
    assert.ok(await client.publish('t', 'x'));
    await client.receives('t x');
    const reader = await follower.mqttClient(await mint('rita', 'broker.read:%2F/mqtt.default'));
    reader.publish('t', 'y').catch(() => {});
    await eventually(() => reader.closed, 'the end of who may not publish');
    assert.equal(await refusal(follower.mqttClient(await mint('mallory', rights, {lifetime: -5}))), 5);
    await eventually(() => client.closed, "the end of the token's client");
    assert.deepEqual(client.messages, ['t x']);
}, LIMIT_MS);

test("HTTP by a follower's port: the token's tags and rights, a wrong one", async () => {
    const reader = bearer(await mint('rita', 'broker.read:*/* broker.tag:management'));
    assert.equal((await follower.http('/whoami', reader)).body.name, 'rita');
    assert.equal((await put(follower, reader, 'no')).status, 403);
    assert.equal((await follower.http('/whoami', bearer(await mint('mallory', POLICYMAKER, {lifetime: -5})))).status, 401);
}, LIMIT_MS);

test('a follower has the owners: of before it came, of what is made, and not of what is deleted', async () => {
    const alice = await header('alice');
    assert.equal(follower.owners(), 'early alice');
    assert.equal((await put(follower, alice, 'late')).status, 201);
    await eventually(() => follower.owners() === 'early alice, late alice', 'the new owner');
    assert.equal((await drop(follower, alice, 'early')).status, 204);
    await eventually(() => follower.owners() === 'late alice', "the owner's end");
}, LIMIT_MS);

test("a node with a wrong configuration doesn't join, so it never leads; the message says what is wrong", async () => {
    await assert.rejects(node(3, ini('isuer = https://id.example\n')), (error) => error instanceof NotStarted &&
        /Error: tokenward: .*isuer/.test(error.message) && !/Following/.test(error.message));
}, LIMIT_MS);

test('SIGHUP at a follower: its own files count; a wrong one is a line', async () => {
    for (const [more, line] of [['audience = another\n', /configuration reloaded/], ['', /configuration reloaded/],
                                ['nonsense = 1\n', /the old configuration stays: .*nonsense/]]) {
        const from = follower.log.length;
        follower.configure(oauth(), ini(more));
        follower.reload();
        await follower.logged(line, from);
    }
}, LIMIT_MS);

test('the leader is killed while the provider is down: the follower leads with keys, owners and the configuration that it read', async () => {
    const [good, bad] = [await mint('alice', POLICYMAKER), await mint('mallory', POLICYMAKER, {lifetime: -5})];
    const [alice, eve] = [bearer(good), await header('eve')];
    await issuer.flip('/network', {state: 'down'});
    try {
        await failover();
        await (await leader.connect(good)).close();
        await (await leader.mqttClient(good)).end();
        assert.match((await turnedAway(leader.connect(bad))).message, /ACCESS.REFUSED/);
        assert.equal((await leader.http(path('late'), alice)).body.value.uri, URI);
        assert.equal((await leader.http(path('late'), eve)).body.value.uri, MASKED);
        assert.equal(leader.owners(), 'late alice');
        const lines = leader.log.match(/.*were not made with a token.*/g);
        assert.equal(lines?.length, 1);
        assert.match(lines[0], / 1 shovels, .*federation-upstream "local" in "\/"\. /);
    } finally {
        await issuer.flip('/network', {state: 'up'});
    }
}, LIMIT_MS);

test('a former leader follows, and leads again with the owners of now', async () => {
    await startFollower(1);
    assert.equal(follower.owners(), 'late alice');
    assert.equal((await put(leader, LOCAL, 'early')).status, 201);
    assert.equal((await put(leader, await header('carol'), 'late')).status, 204);
    await eventually(() => follower.owners() === 'late carol', 'the new owner');
    await failover();
    assert.equal(leader.owners(), 'late carol');
    assert.equal(await seen(leader, 'carol', 'late'), URI);
    assert.equal(await seen(leader, 'alice', 'late'), MASKED);
    assert.equal(await seen(leader, 'alice', 'early'), MASKED);
    assert.equal((await put(leader, await header('dave'), 'late')).status, 204);
}, LIMIT_MS);

test('a follower has the owners that came while it was down, and new keys of the provider', async () => {
    await startFollower(2);
    assert.equal(follower.owners(), 'late dave');
    await issuer.flip('/rotate', {keep_old: false});
    const from = follower.log.length;
    follower.reload();
    await follower.logged(/keys of .*: \d+ keys from/, from);
    const fresh = await mint('alice', POLICYMAKER);
    await issuer.flip('/network', {state: 'down'});
    try {
        await failover();
        await (await leader.connect(fresh)).close();
    } finally {
        await issuer.flip('/network', {state: 'up'});
    }
}, LIMIT_MS);

await runAll(before, after);
