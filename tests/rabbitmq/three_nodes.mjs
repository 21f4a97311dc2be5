// A cluster of three nodes over time: user records everywhere, a node that restarts, a rolling reload, a node with another
// configuration, the provider down.
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Client} from '../support/mosquitto.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {Rabbit, bearer, permitted, turnedAway} from '../support/rabbitmq.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIMIT_MS = 600_000;
const ALL = 'rabbit.tag:administrator rabbit.configure:*/* rabbit.read:*/*/* rabbit.write:*/*/*';
const directory = temporaryDirectory();
const nodes = [];
let issuer;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    for (const name of ['one', 'two', 'three']) {
        mkdirSync(join(directory.path, name));
        const ini = join(directory.path, name, 'tokenward.ini');
        writeFileSync(ini, `[oauth]\nissuer = ${issuer.url}\nca_file = ${issuer.caFile}\nresource_server_id = rabbit\n` +
            'audience = broker\njwks_min_refresh = 1\n', {mode: 0o600});
        const node = await Rabbit.start({directory: join(directory.path, name), neighbour: nodes[0],
            conf: [`tokenward.config.1 = ${ini}`, 'cluster_partition_handling = ignore']});
        node.ini = ini;
        if (nodes.length > 0) await node.join(nodes[0]);
        nodes.push(node);
    }
}

async function after(failed) {
    for (const node of [...nodes].reverse()) await node.stop();
    await issuer?.stop();
    if (failed) nodes.forEach((node) => console.error(node.log.slice(-20_000)));
    directory.remove();
}

let count = 0;
/** Each node's management API declares a queue on each node, and AMQP clients of each node use it. */
async function everywhere(who) {
    const token = await issuer.mint(who, ALL);
    for (const at of nodes) {
        const connection = await at.connect(token);
        for (const node of nodes) {
            const name = `q-${++count}`;
            const {status} = await at.http(`/queues/%2F/${name}`, bearer(token),
                {method: 'PUT', body: {durable: true, node: node.node}});
            assert.equal(status, 201, `${who}: ${at.node} asks ${node.node}`);
            assert.equal(await permitted(connection, async (channel) => {
                channel.sendToQueue(name, Buffer.from('x'));
                assert.ok(await eventually(() => channel.get(name, {noAck: true}), 'the message'));
                await channel.deleteQueue(name);
            }), true);
        }
        await connection.close();
    }
}

test('three nodes: a user record works on every node, wherever a queue is', () => everywhere('ann'), LIMIT_MS);

test('three nodes: MQTT clients of all nodes reach each other', async () => {
    const clients = [];
    for (const [index, node] of nodes.entries()) {
        clients.push(await Client.connect(node.mqttPort, await issuer.mint(`mqtt${index}`, ALL), {protocolVersion: 4}));
        await clients[index].subscribe('all/#');
    }
    for (const [index, client] of clients.entries()) await client.publish(`all/${index}`, 'hello');
    for (const client of clients) for (const index of clients.keys()) await client.receives(`all/${index} hello`);
    await Promise.all(clients.map((client) => client.end()));
}, LIMIT_MS);

test('three nodes: one is restarted; clients of the others go on, and it takes part again', async () => {
    const connection = await nodes[0].connect(await issuer.mint('rick', ALL));
    await nodes[1].program.stop();
    const token = await issuer.mint('rick', ALL);
    const {status} = await nodes[0].http('/queues/%2F/none', bearer(token),
        {method: 'PUT', body: {durable: true, node: nodes[1].node}});
    assert.ok(status >= 400 && status < 500, `the management API says ${status}`);
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('', {exclusive: true})), true);
    await nodes[1].startAgain();
    await everywhere('rick');
    await connection.close();
}, LIMIT_MS);

test('three nodes: a reload of one after the other disturbs nobody', async () => {
    const connections = [];
    for (const node of nodes) connections.push(await node.connect(await issuer.mint('rolf', ALL)));
    let stop = false;
    const work = Promise.all(connections.map(async (connection) => {
        let rounds = 0;
        while (!stop || rounds === 0) {
            assert.equal(await permitted(connection, (channel) => channel.assertQueue('', {exclusive: true})), true);
            rounds += 1;
        }
    }));
    for (const node of nodes) {
        writeFileSync(node.ini, readFileSync(node.ini, 'utf8') + '# changed\n');
        assert.equal(await node.evaluate('tokenward:reload().'), 'ok');
        await everywhere('rolf');
    }
    stop = true;
    await work;
    await Promise.all(connections.map((connection) => connection.close()));
}, LIMIT_MS);

test('three nodes: with another configuration on one, the node of the login decides, on every node', async () => {
    const configuration = readFileSync(nodes[2].ini, 'utf8');
    writeFileSync(nodes[2].ini, `${configuration}scope_prefix = other.\n`);
    assert.equal(await nodes[2].evaluate('tokenward:reload().'), 'ok');
    try {
        const token = await issuer.mint('otto', ALL);
        const declare = async (at, node, name) => (await at.http(`/queues/%2F/${name}`, bearer(token),
            {method: 'PUT', body: {durable: true, node: node.node}})).status;
        assert.equal(await declare(nodes[0], nodes[2], 'otto'), 201);
        assert.equal(await declare(nodes[2], nodes[0], 'otto2'), 401);
        await turnedAway(nodes[2].connect(token));
        const theirs = await issuer.mint('otto', ALL.replaceAll('rabbit.', 'other.'));
        const {status} = await nodes[2].http('/queues/%2F/otto3', bearer(theirs),
            {method: 'PUT', body: {durable: true, node: nodes[0].node}});
        assert.equal(status, 201);
    } finally {
        writeFileSync(nodes[2].ini, configuration);
        assert.equal(await nodes[2].evaluate('tokenward:reload().'), 'ok');
    }
}, LIMIT_MS);

test('three nodes: while the provider is down, everything goes on', async () => {
    await everywhere('dora');
    await issuer.flip('/network', {state: 'down'});
    try {
        await everywhere('dora');
    } finally {
        await issuer.flip('/network', {state: 'up'});
    }
}, LIMIT_MS);

await runAll(before, after);
