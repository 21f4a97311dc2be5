// The end of a token, on a real broker: in every protocol, after the watch or the plugin was restarted, behind the broker's
// cache of logins, when the clock is set; and what a refresh may take and cost.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {amqpLogin} from '../support/amqp_frames.mjs';
import {Client} from '../support/mosquitto.mjs';
import {built, temporaryDirectory} from '../support/programs.mjs';
import {Rabbit, VERSION, permitted} from '../support/rabbitmq.mjs';
import {OK, StreamClient} from '../support/stream.mjs';
import {StompClient} from '../support/stomp.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIMIT_MS = 300_000;
const ALL = 'rabbit.configure:*/* rabbit.read:*/*/* rabbit.write:*/*/*';
const directory = temporaryDirectory();
const clock = join(directory.path, 'clock');
const denied = join(directory.path, 'denied');
let issuer, rabbit;

const setClock = (seconds) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds));
    writeFileSync(clock, bytes, {flag: 'r+'});
};

const start = (name, options) => {
    mkdirSync(join(directory.path, name));
    return Rabbit.start({
        directory: join(directory.path, name), plugins: [], ...options,
        conf: [`tokenward.issuer = ${issuer.url}`, `tokenward.ca_file = ${issuer.caFile}`,
            'tokenward.resource_server_id = rabbit', 'tokenward.audience = broker', 'tokenward.clock_skew = 0',
            'tokenward.jwks_min_refresh = 1', `tokenward.denied_file = ${denied}`, ...options.conf ?? []],
    });
};

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    writeFileSync(clock, Buffer.alloc(8));
    writeFileSync(denied, '');
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    rabbit = await start('broker', {
        plugins: ['rabbitmq_mqtt', 'rabbitmq_web_mqtt', 'rabbitmq_stomp', 'rabbitmq_stream'],
        environment: {LD_PRELOAD: built('tests/rabbitmq/step_clock.so'), TOKENWARD_TEST_CLOCK: clock},
    });
}

async function after(failed) {
    await rabbit?.stop();
    await issuer?.stop();
    if (failed && rabbit) console.error(rabbit.log.slice(-40_000));
    directory.remove();
}

const token = (name, lifetime = 300, scope = ALL) => issuer.mint(name, scope, {lifetime});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ended = (condition, what = "the connection's end", limit = 40_000) => eventually(condition, what, limit);
const mqtt = async (name, lifetime, options = {}) =>
    Client.connect(options.port ?? rabbit.mqttPort, await token(name, lifetime), {protocolVersion: 4, ...options});
const web = (name, lifetime) => mqtt(name, lifetime, {port: rabbit.webMqttPort, protocol: 'ws', path: '/ws'});

// ---- every protocol -------------------------------------------------------------------------------------------

test('streams: the connection is closed when the token ends, so it neither publishes nor subscribes any more', async () => {
    const other = await StreamClient.connect(rabbit.streamPort, await token('other'));
    assert.equal(await other.create('log'), OK);
    const client = await StreamClient.connect(rabbit.streamPort, await token('sue', 5));
    assert.equal(await client.declarePublisher('log'), OK);
    assert.equal(await client.subscribe('log'), OK);
    client.publish('x');
    await eventually(() => client.confirmed === 1, 'the confirm');
    await ended(() => { client.publish('x'); return client.isClosed; });
    assert.equal(await client.subscribe('log', 1), -1);
    assert.ok(!other.isClosed);
    other.end();
});

test('STOMP: the connection is closed when the token ends', async () => {
    const client = await StompClient.connect(rabbit.stompPort, await token('stan', 4));
    client.send('SUBSCRIBE', {id: '0', destination: '/queue/stomp'});
    await pause(1000);
    assert.ok(!client.isClosed);
    await ended(() => client.isClosed);
});

test('MQTT and Web-MQTT: the connection is closed when the token ends', async () => {
    const clients = [await mqtt('max', 4), await web('moe', 4)];
    await Promise.all(clients.map((client) => client.subscribe('a/#')));
    assert.ok(clients.every((client) => !client.closed));
    await ended(() => clients.every((client) => client.closed));
});

// ---- restarts -------------------------------------------------------------------------------------------------

/** One client of each protocol, none of which asks for anything while it waits. */
async function everyProtocol(name, lifetime) {
    const secret = await token(name, lifetime);
    const connection = await rabbit.connect(secret);
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    await channel.consume((await channel.assertQueue('', {exclusive: true})).queue, () => {});
    const stream = await StreamClient.connect(rabbit.streamPort, secret);
    const stomp = await StompClient.connect(rabbit.stompPort, secret);
    const thing = await mqtt(name, lifetime);
    const page = await web(name, lifetime);
    return {amqp: () => connection.isClosed, stream: () => stream.isClosed, stomp: () => stomp.isClosed,
        mqtt: () => thing.closed, web: () => page.closed};
}
const EVERY = ['amqp', 'stream', 'stomp', 'mqtt', 'web'];
const opened = (clients) => Object.keys(clients).filter((name) => !clients[name]());

const restarted = (process) => rabbit.evaluate(`exit(whereis(${process}), kill), timer:sleep(500), ok.`);
async function disableAndEnable() {
    for (const verb of ['disable', 'enable']) {
        const {status, output} = await rabbit.control([verb, 'tokenward_rabbitmq'], 'rabbitmq-plugins');
        assert.equal(status, 0, output);
    }
}

for (const [what, disturb] of [
    ['the watch was restarted', () => restarted('tokenward_expiry')],
    ['the plugin was disabled and enabled', disableAndEnable],
]) {
    test(`idle connections of every protocol are closed after ${what}, and those whose token goes on stay`, async () => {
        const [ending, staying] = [await everyProtocol('ed', 40), await everyProtocol('st', 600)];
        assert.deepEqual(opened(ending), EVERY);
        await disturb();
        await ended(() => opened(ending).length === 0, 'the end of all', 80_000).catch((error) => {
            throw new Error(`${error.message}: ${opened(ending)} go on`);
        });
        assert.deepEqual(opened(staying), EVERY);
    }, 240_000);
}

// ---- denials ------------------------------------------------------------------------------------------------------

async function reload(...lines) {
    writeFileSync(denied, lines.map((line) => `${line}\n`).join(''));
    return rabbit.evaluate('tokenward:reload().');
}

test('whom the operator denies is gone in every protocol; others feel nothing, and a reload without the line lets them in', async () => {
    const [denied, staying] = [await everyProtocol('dan', 600), await everyProtocol('stan', 600)];
    const will = {topic: 'wills/dan', payload: 'gone', qos: 1};
    const willing = await mqtt('dan', 600, {will});
    const watcher = await mqtt('watcher', 600);
    await watcher.subscribe('wills/#');
    const bound = await rabbit.connect(await token('dan'));
    const from = rabbit.log.length;
    assert.equal(await reload('username dan'), 'ok');
    await ended(() => opened(denied).length === 0 && willing.closed && bound.isClosed, 'the end of all', 10_000).catch((error) => {
        throw new Error(`${error.message}: ${opened(denied)} go on`);
    });
    await rabbit.logged(/tokenward: closing .*: the operator denies it \(denied_file\)/, from);
    assert.deepEqual(opened(staying), EVERY);
    await assert.rejects(rabbit.connect(await token('dan')));
    await rabbit.logged(/authenticate refused reason=DENIED_BY_OPERATOR /, from);
    assert.equal(await reload(), 'ok');
    const again = await mqtt('dan', 600, {will: {...will, topic: 'wills/again'}});
    again.end(true);
    await watcher.receives('wills/again gone');
    assert.deepEqual(watcher.messages, ['wills/again gone']);
    await (await rabbit.connect(await token('dan'))).close();
}, 90_000);

test('a denied token is not revived by update-secret, and one of its own is closed alone', async () => {
    const stolen = await issuer.mint('una', ALL, {claims: {jti: 'stolen'}});
    const connection = await rabbit.connect(stolen);
    const other = await rabbit.connect(await token('una'));
    const refreshed = await rabbit.connect(stolen);
    await refreshed.updateSecret(Buffer.from(await token('una')), 'a new one');
    assert.equal(await reload('jti stolen'), 'ok');
    connection.updateSecret(Buffer.from(await token('una')), 'too late').catch(() => {});
    await ended(() => connection.isClosed, 'the end', 10_000);
    await pause(2000);
    for (const one of [other, refreshed]) {
        assert.ok(!one.isClosed);
        await one.close();
    }
    assert.equal(await reload(), 'ok');
}, 60_000);

for (const [what, disturb] of [
    ['its backend has failed', () => restarted('tokenward_backend')],
    ['the plugin was disabled and enabled', disableAndEnable],
]) {
    test(`connections from before ${what} are met by a denial, after that and meanwhile`, async () => {
        const [denied1, denied2, staying] = await Promise.all(['dave', 'deb', 'stan'].map((name) => everyProtocol(name, 600)));
        const from = rabbit.log.length;
        writeFileSync(denied, 'username deb\n');
        await disturb();
        const gone = (clients, what) => ended(() => opened(clients).length === 0, what, 40_000).catch((error) => {
            throw new Error(`${error.message}: ${opened(clients)} go on`);
        });
        await gone(denied2, 'the end of who was denied meanwhile');
        await rabbit.logged(/tokenward: closing .*: the operator denies it \(denied_file\)/, from);
        assert.deepEqual(opened(denied1), EVERY);
        assert.equal(await reload('username dave'), 'ok');
        await gone(denied1, 'the end of who was denied after that');
        assert.deepEqual(opened(staying), EVERY);
        assert.equal(await reload(), 'ok');
    }, 120_000);
}

test('update-secret doesn\'t let a denied session go on as one of the plugin\'s next start', async () => {
    const connection = await rabbit.connect(await token('rosa'));
    const other = await rabbit.connect(await token('rolf'));
    await disableAndEnable();
    await rabbit.evaluate('sys:suspend(tokenward_expiry).');  // else it closes the connection before that asks
    try {
        const now = new Date(Math.ceil(Date.now() / 1000) * 1000);
        await pause(1500);
        assert.equal(await reload(`issued_before ${now.toISOString()} username rosa`), 'ok');
        const from = rabbit.log.length;
        connection.updateSecret(Buffer.from(await token('rosa')), 'newer').catch(() => {});
        await rabbit.logged(/refresh refused reason=DENIED_BY_OPERATOR .*the operator denies the session that the client has/, from);
        await other.updateSecret(Buffer.from(await token('rolf')), 'newer');
        await (await rabbit.connect(await token('rosa'))).close();
    } finally {
        await rabbit.evaluate('sys:resume(tokenward_expiry).');
    }
    await ended(() => connection.isClosed, 'the end', 10_000);
    await other.close();
    assert.equal(await reload(), 'ok');
}, 90_000);

test('a line that isn\'t understood refuses the reload', async () => {
    assert.match(await reload('usrname dan'), /error.*denied_file.*:1: the line begins with/s);
    await (await rabbit.connect(await token('dan'))).close();
    assert.equal(await reload(), 'ok');
}, 60_000);

// ---- the clock --------------------------------------------------------------------------------------------------

test('a clock that is set forward ends tokens at once, whatever Erlang makes of it', async () => {
    const connection = await rabbit.connect(await token('clara', 1800));
    const staying = await rabbit.connect(await token('claus', 86400));
    await pause(1000);
    setClock(3600);
    try {
        await ended(() => connection.isClosed);
        await eventually(async () => await permitted(staying, (channel) => channel.prefetch(1)), 'the other one');
    } finally {
        setClock(0);
    }
    await staying.close();
}, 90_000);

// ---- many at a time ---------------------------------------------------------------------------------------------

test('many connections whose tokens end together are all closed, with one line', async () => {
    const secret = await token('crowd', 20);
    const from = rabbit.log.length;
    await Promise.allSettled(Array.from({length: 300}, () => amqpLogin(rabbit.port, 'whoever', secret, {deaf: true})));
    if (VERSION[0] === 4 && VERSION[1] >= 3) return;  // the broker closes them
    const text = rabbit.log.slice(from);
    const counted = [...text.matchAll(/tokenward: closing (\d+) connections/g)].reduce((sum, [, n]) => sum + Number(n), 0);
    const single = text.match(/tokenward: closing amqp connection/g)?.length ?? 0;
    assert.equal(counted + single, 300);
    assert.ok(single <= 20 && counted > 0, `${single} lines of their own`);
}, 120_000);

// ---- a refresh --------------------------------------------------------------------------------------------------

// Later ones drop the tag.
if (VERSION[0] === 3 || VERSION[0] === 4 && VERSION[1] === 0) {
    test('update-secret that takes a tag away closes the connection, where the broker would keep the tag', async () => {
        const impersonator = `${ALL} rabbit.tag:impersonator`;
        const connection = await rabbit.connect(await token('ian', 300, impersonator));
        await connection.updateSecret(Buffer.from(await token('ian', 300, `${impersonator} rabbit.tag:management`)), 'more');
        assert.ok(!connection.isClosed);
        connection.updateSecret(Buffer.from(await token('ian')), 'less').catch(() => {});
        await ended(() => connection.isClosed);
        await rabbit.logged(/the new token lacks the tags \[impersonator,management\], which this version of RabbitMQ would keep/);
    });
}

test('update-secret with a key that nobody knows, and a provider that hangs, holds the connection for 3 s at most', async () => {
    const connection = await rabbit.connect(await token('kate'));
    const unknown = await issuer.mint('kate', ALL, {kid: 'nobody-knows'});
    await issuer.flip('/fault', {endpoint: 'jwks', number: 100, fault: 'hang'});
    try {
        connection.updateSecret(Buffer.from(unknown), 'new key').catch(() => {});
        const from = Date.now();
        await ended(() => connection.isClosed, 'the refusal', 30_000);
        assert.ok(Date.now() - from < 7000, `it was held for ${Date.now() - from} ms`);
    } finally {
        await issuer.flip('/heal');
    }
});

test('while a hundred logins wait for keys that nobody knows, further ones are refused at once', async () => {
    const unknown = await issuer.mint('flood', ALL, {kid: 'nobody-knows-either'});
    await issuer.flip('/fault', {endpoint: 'jwks', number: 100, fault: 'hang'});
    try {
        const answer = await rabbit.evaluate(`Self = self(), Count = 400,
            Login = fun() -> Begin = erlang:monotonic_time(millisecond),
                {refused, _, _} = rabbit_auth_backend_tokenward:user_login_authentication(<<"u">>,
                    [{password, <<"${unknown}">>}]),
                Self ! {took, erlang:monotonic_time(millisecond) - Begin} end,
            [spawn(Login) || _ <- lists:seq(1, Count)],
            Took = [receive {took, Ms} -> Ms end || _ <- lists:seq(1, Count)],
            {length([1 || Ms <- Took, Ms > 5000]), lists:max(Took) < 15000}.`);
        const [, waited, bounded] = answer.match(/\{(\d+),(true|false)\}/);
        assert.ok(Number(waited) > 0 && Number(waited) <= 100, `${waited} waited to the end`);
        assert.equal(bounded, 'true');
    } finally {
        await issuer.flip('/heal');
    }
}, 90_000);

test('update-secret makes a channel forget its permissions, and copies nothing of its messages', async () => {
    const connection = await rabbit.connect(await token('fred'));
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const {queue} = await channel.assertQueue('', {exclusive: true});
    for (let i = 0; i < 20_000; ++i) channel.sendToQueue(queue, Buffer.from('x'));
    let received = 0;
    await channel.consume(queue, () => { received += 1; });
    await eventually(() => received === 20_000, 'the messages', 40_000);
    // Whoever asks the channel for something that holds its state gets a copy of that. A tracer sees what is sent.
    await rabbit.evaluate(`[Channel] = [Pid || Pid <- rabbit_channel:list_local(),
            proplists:get_value(messages_unacknowledged, rabbit_channel:info(Pid, [messages_unacknowledged])) > 19000],
        Self = self(), spawn(fun() -> register(sizes, self()), erlang:trace(Channel, true, [send]), Self ! traced,
            Collect = fun Collect(Sizes) -> receive
                {answer, To} -> To ! {sizes, length(Sizes), lists:max(Sizes)};
                Trace -> Collect([erts_debug:flat_size(element(4, Trace)) | Sizes])
            end end, Collect([]) end), receive traced -> ok end.`);
    await connection.updateSecret(Buffer.from(await token('fred', 300, 'rabbit.read:*/*')), 'narrower');
    await assert.rejects(async () => {
        for (let i = 0; i < 50; ++i) {
            channel.sendToQueue(queue, Buffer.from('x'));
            await channel.prefetch(1);
            await pause(20);
        }
    }, /403|ACCESS.REFUSED|closed/i);
    const [, messages, words] = (await rabbit.evaluate('sizes ! {answer, self()}, receive {sizes, N, Most} -> {N, Most} end.'))
        .match(/\{(\d+),(\d+)\}/).map(Number);
    assert.ok(messages > 0 && words < 5000, `${messages} messages, the largest of ${words} words`);
    await connection.close();
}, 90_000);

// ---- the broker's cache of logins -------------------------------------------------------------------------------

test('behind the cache backend, all logins of a token are closed when it ends', async () => {
    const cached = await start('cached', {
        plugins: ['rabbitmq_auth_backend_cache', 'rabbitmq_mqtt'],
        conf: ['auth_backends.1 = rabbit_auth_backend_cache', 'auth_cache.cached_backend = rabbit_auth_backend_tokenward',
            'auth_cache.cache_ttl = 600000'],
    });
    try {
        const dora = await token('dora', 600);
        const denies = await cached.connect(dora);
        await (await cached.connect(dora)).close();
        writeFileSync(denied, 'username dora\n');
        assert.equal(await cached.evaluate('tokenward:reload().'), 'ok');
        await assert.rejects(cached.connect(dora), undefined, 'the cache has forgotten the login');
        await ended(() => denies.isClosed, 'the end of the denied connection', 10_000);
        writeFileSync(denied, '');
        assert.equal(await cached.evaluate('tokenward:reload().'), 'ok');
        const secret = await token('cora', 40);
        const logins = async () => {
            await pause(1000);  // lines come a little later
            return cached.log.match(/authenticate ok .*username="cora"/g).length;
        };
        const connections = [await cached.connect(secret)];
        const first = await logins();
        for (let i = 0; i < 2; ++i) connections.push(await cached.connect(secret));
        assert.equal(await logins(), first, 'the cache answered for us');
        const thing = () => Client.connect(cached.mqttPort, secret, {protocolVersion: 4, clientId: 'thing'});
        await (await thing()).end();
        const second = await logins();
        const again = await thing();
        assert.equal(await logins(), second, 'the cache answered for us');
        const open = () => connections.filter((one) => !one.isClosed).length + (again.closed ? 0 : 1);
        assert.equal(open(), 4);
        await ended(() => open() === 0, 'the end of all', 60_000);
    } finally {
        await cached.stop();
    }
}, LIMIT_MS);

await runAll(before, after);
