// One token for several brokers, vhosts by listener, ways to authenticate, a short wait for keys.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, enhanced, refusal} from '../support/mosquitto.mjs';
import {freePort, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const brokers = [];
let issuer;
let style;

async function start(name, options = [], more = '', how = {}) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const broker = await Broker.start({
        directory: folder, options, ...how,
        ini: `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
jwks_min_refresh = 1
${more}`,
    });
    brokers.push(broker);
    return broker;
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    style = await start('style', ['plugin_opt_topic_style rabbitmq']);
}

async function after(failed) {
    for (const each of brokers) {
        await each.stop();
        if (failed) console.error(each.log);
    }
    await issuer?.stop();
    directory.remove();
}

const token = (scope, sub = 'alice') => issuer.mint(sub, scope);

// ---- plugin_opt_topic_style rabbitmq ----------------------------------------------------------------------

// scope, topic, granted
const publishes = [
    ['write:%2F/amq.topic/a.b', 'a/b', true],
    ['write:%2F/amq.topic/a.*', 'a/b/c', true],
    ['write:*/*/*', 'a/b/c', true],
    ['write:%2F/amq.topic/a.b', 'a/c', false],
    ['write:%2F/amq.topic/a%2Fb', 'a/b', false],
    ['write:%2F/other/a.b', 'a/b', false],
    ['write:%2F/a%2Fb', 'a/b', false],            // two parts: no routing key
    ['write:%2F/amq.topic', 'a/b', false],
    ['read:%2F/amq.topic/*', 'a/b', false],
    ['write:other/amq.topic/*', 'a/b', false],
    // A dot would be two words.
    ['write:%2F/amq.topic/a.b', 'a.b', false],
    ['write:%2F/amq.topic/*', 'a.b/c', false],
    ['write:*/*/*', 'x/a.b', false],
    // The broker's own topics are in no exchange.
    ['write:*/amq.topic/*', '$CONTROL/dynamic-security/v1', false],
    ['write:*/*/*', '$CONTROL/dynamic-security/v1', false],
    ['write:*/amq.topic/$CONTROL*', '$CONTROL/x', false],
    ['write:%2F/$CONTROL%2F*', '$CONTROL/x', true],
];
for (const [scope, topic, granted] of publishes) {
    test(`style of RabbitMQ: "${scope}" ${granted ? 'grants' : 'does not grant'} a publish to ${topic}`, async () => {
        const client = await Client.connect(style.port, await token(scope));
        assert.equal(await client.publish(topic, 'x'), granted);
        await client.end();
    });
}

// scope, filter, granted
const subscriptions = [
    ['read:%2F/amq.topic/a.b', 'a/b', true],
    ['read:%2F/amq.topic/a.*', 'a/+', true],
    ['read:%2F/amq.topic/a.*', 'a/b/#', true],
    ['read:%2F/amq.topic/a*', 'a/#', true],
    ['read:%2F/amq.topic/*', '#', true],
    ['read:%2F/amq.topic/*', '$share/g/a/+', true],
    ['read:%2F/amq.topic/a.*', 'a/#', false],       // matches "a", too
    ['read:%2F/amq.topic/a.*', '+/b', false],
    ['read:%2F/amq.topic/a.*', '#', false],
    ['read:%2F/amq.topic/a.b', 'a.b', false],
    ['read:%2F/amq.topic/*', 'a.b/#', false],
    ['read:*/*/*', '$SYS/#', false],
    ['read:*/amq.topic/*', '$SYS/broker/version', false],
    ['read:%2F/$SYS*', '$SYS/#', true],
    ['write:%2F/amq.topic/*', 'a/b', false],
];
for (const [scope, filter, granted] of subscriptions) {
    test(`style of RabbitMQ: "${scope}" ${granted ? 'grants' : 'does not grant'} the filter ${filter}`, async () => {
        const client = await Client.connect(style.port, await token(scope));
        assert.equal(await client.subscribe(filter), granted);
        await client.end();
    });
}

test('style of RabbitMQ: each message is decided, wills too, and a denial names exchange and routing key', async () => {
    const client = await Client.connect(style.port, await token('read:%2F/amq.topic/a.* write:%2F/amq.topic/a.1'), {clientId: 'styled'});
    assert.ok(await client.subscribe('a/+'));
    const writer = await Client.connect(style.port, await token('write:%2F/amq.topic/*', 'writer'),
        {will: {topic: 'a/will', payload: 'gone', qos: 1}});
    assert.ok(await writer.publish('a/1', 'x'));
    await writer.end(true);
    await client.receives('a/will gone');
    assert.deepEqual(client.messages, ['a/1 x', 'a/will gone']);
    // What other tests denied may have used up the lines of this second.
    for (const [topic, line] of [
        ['a/2', /authorize denied .*username="alice".*client_id="styled".*"write:%2F\/amq\.topic\/a\.2"/],
        ['a/x.y', /client 'styled', .*may not publish to 'a\/x\.y': with plugin_opt_topic_style rabbitmq a level has no dot/],
    ]) {
        await eventually(async () => {
            assert.equal(await client.publish(topic, 'no'), false);
            return line.test(style.log);
        }, `${line}`);
    }
    await client.end();
});

// ---- ways to authenticate -------------------------------------------------------------------------------

for (const method of ['OAUTH2-JWT', 'CUSTOM-JWT']) {
    test(`enhanced authentication ${method}: the data is the token alone`, async () => {
        const bare = (jwt) => ({
            username: undefined, properties: {authenticationMethod: method, authenticationData: Buffer.from(jwt)},
        });
        const client = await Client.connect(style.port, undefined, bare(await token('write:%2F/amq.topic/a')));
        assert.ok(await client.publish('a', 'x'));
        assert.equal(await client.reauthenticate(await token('write:%2F/amq.topic/b'), bare), true);
        assert.ok(await client.publish('b', 'x'));
        assert.equal(await client.publish('a', 'x'), false);
        await client.end();
        assert.equal(await refusal(Client.connect(style.port, undefined, bare('no.token.'))), 135);
        assert.equal(await refusal(Client.connect(style.port, undefined, bare(''))), 135);
        const framed = enhanced(await token('write:*/*')).properties.authenticationData;
        assert.equal(await refusal(Client.connect(style.port, undefined, bare(framed))), 135);
    });
}

// ---- {mqtt:client_id} and {session:username} in scopes ----------------------------------------------------

test('scopes with the client identifier, where plugin_opt_client_id binds it', async () => {
    const broker = await start('variables', ['plugin_opt_client_id {username}/*'], 'expand_connection = true\n');
    const scope = 'write:%2F/dev%2F{mqtt:client_id}%2F* write:%2F/user%2F{session:username}';
    const one = await token(scope);
    // The same token under two identifiers, and one that is made to look like more.
    for (const [clientId, allowed, denied] of [
        ['alice/1', ['dev/alice/1/x', 'user/alice'], ['dev/alice/2/x', 'dev/alice/1', 'user/bob', 'user/alice/1']],
        ['alice/2', ['dev/alice/2/x'], ['dev/alice/1/x']],
        ['alice/*', [], ['dev/alice/1/x', 'dev/alice/x/y']],
        ['alice/%2A', ['dev/alice/%2A/x'], ['dev/alice/1/x', 'dev/alice/x/y', 'dev/bob/x']],
        ['alice/..', ['dev/alice/../x'], ['dev/alice/1/x', 'dev/x']],
        ['alice/-1', ['dev/alice/-1/x'], ['dev/alice/1/x']],
        ['alice/{vhost}', ['dev/alice/{vhost}/x'], ['dev/alice///x', 'dev/alice/1/x']],
    ]) {
        const client = await Client.connect(broker.port, one, {clientId});
        for (const topic of allowed) assert.ok(await client.publish(topic, 'x'), `${clientId} to ${topic}`);
        for (const topic of denied) assert.equal(await client.publish(topic, 'x'), false, `${clientId} to ${topic}`);
        await client.end();
    }
    const renewed = await Client.connect(broker.port, undefined, {clientId: 'alice/3', ...enhanced(one)});
    assert.ok(await renewed.publish('dev/alice/3/x', 'x'));
    assert.equal(await renewed.reauthenticate(await token(`${scope} write:%2F/more`)), true);
    for (const topic of ['dev/alice/3/x', 'more']) assert.ok(await renewed.publish(topic, 'x'));
    assert.equal(await renewed.publish('dev/alice/1/x', 'x'), false);
    await renewed.end();
});

test('without plugin_opt_client_id such a scope grants nothing, and the log says why', async () => {
    const broker = await start('unbound', [], 'expand_connection = true\n');
    const client = await Client.connect(broker.port, await token('write:%2F/dev%2F{mqtt:client_id} write:%2F/{session:username}'),
        {clientId: 'alice'});
    assert.equal(await client.publish('dev/alice', 'x'), false);
    assert.ok(await client.publish('alice', 'x'));
    await broker.logged(/mqtt:client_id.*bound|bound.*mqtt:client_id|plugin_opt_client_id/);
    await client.end();
});

// ---- vhosts by listener ---------------------------------------------------------------------------------

test('plugin_opt_vhost_PORT: the vhost of a listener; Mosquitto 2.0 does not start with it, and says what to do', async () => {
    const port = await freePort();
    const starting = start('vhosts', [`plugin_opt_vhost_${port} tenant`, `listener ${port} 127.0.0.1`]);
    if (style.isOld) {
        await assert.rejects(starting, /plugin_opt_vhost_PORT needs Mosquitto 2\.1.*per_listener_settings true/);
        return;
    }
    const broker = await starting;
    for (const [where, scope, granted] of [
        [broker.port, 'write:%2F/a', true], [broker.port, 'write:tenant/a', false],
        [port, 'write:tenant/a', true], [port, 'write:%2F/a', false],
    ]) {
        const all = await Client.connect(broker.port, await token('read:*/*', 'all'));
        assert.ok(await all.subscribe('#'));
        const client = await Client.connect(where, await token(scope), {will: {topic: 'a', payload: 'will', qos: 1}});
        assert.equal(await client.publish('a', 'x'), granted, `${scope} on ${where}`);
        await client.end(true);
        if (granted) await all.receives('a will');
        await all.publish('x', 'y').catch(() => {});
        assert.equal(all.messages.length, granted ? 2 : 0);
        await all.end();
    }
});

test('per_listener_settings: each listener has a vhost of its own on both versions', async () => {
    const broker = await start('own', ['plugin_opt_vhost tenant'], '', {perListener: true});
    const client = await Client.connect(broker.port, await token('write:tenant/a write:%2F/b'));
    assert.ok(await client.publish('a', 'x'));
    assert.equal(await client.publish('b', 'x'), false);
    await client.end();
});

// ---- max_wait -------------------------------------------------------------------------------------------

test('plugin_opt_max_wait: the first login with a new key is let in at once', async () => {
    const waits = await start('waits', ['plugin_opt_max_wait 200']);
    const closes = await start('closes');
    await issuer.flip('/rotate', {keep_old: false});
    const fresh = await token('write:*/*');
    await (await Client.connect(waits.port, fresh)).end();
    assert.equal(await refusal(Client.connect(closes.port, fresh)), undefined);
    await (await eventually(() => Client.connect(closes.port, fresh).catch(() => undefined), 'the new key')).end();
});

test('the brokers are still there', () => { for (const each of brokers) assert.ok(each.program.running); });

await runAll(before, after);
