// SIGHUP while messages flow: nobody is disconnected, no message is lost, nobody gets in or gets more than before.
import assert from 'node:assert/strict';
import {copyFileSync, mkdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, Refused, enhanced, refusal} from '../support/mosquitto.mjs';
import {built, run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const NOT_AUTHORIZED = 135;
const SERVER_RELOADS = 'Reloading config';

const directory = temporaryDirectory();
const brokers = [];
let issuer;
let broker;   // without a chain, all kinds of listeners
let chain;    // password_file and a second plugin behind ours

const ini = (more = '', ca = issuer.caFile) => `[oauth]
issuer = ${issuer.url}
ca_file = ${ca}
audience = broker
scope_prefix =
jwks_min_refresh = 1
jwks_timeout = 1
clock_skew = 0
${more}`;

async function start(name, settings) {
    const folder = join(directory.path, name);
    mkdirSync(folder);
    const started = await Broker.start({directory: folder, ...settings});
    brokers.push(started);
    return started;
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    broker = await start('broker', {ini: ini(), certificates: issuer.directory, more: true});

    // A copy is a plugin of its own.
    const second = join(directory.path, 'second.so');
    copyFileSync(built('plugin/mosquitto/mosquitto_tokenward.so'), second);
    writeFileSync(secondIni(), ini('username_prefix = second:\n'));
    const passwords = join(directory.path, 'passwords');
    const rules = join(directory.path, 'rules');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    writeFileSync(rules, 'user local\ntopic readwrite traffic/#\n', {mode: 0o600});
    chain = await start('chain', {
        ini: ini('username_prefix = token:\n'),
        options: ['plugin_opt_chain true', `password_file ${passwords}`, `acl_file ${rules}`,
                  `plugin ${second}`, `plugin_opt_config ${secondIni()}`,
                  `plugin_opt_library ${built('src/capi/libtokenward.so.1')}`, 'plugin_opt_chain true'],
    });
}
const secondIni = () => join(directory.path, 'second.ini');

async function after(failed) {
    for (const each of brokers) {
        await each.stop();
        if (failed) writeFileSync(2, each.log);
    }
    await issuer?.stop();
    directory.remove();
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const token = (sub, scope = 'read:%2F/traffic* write:%2F/traffic*', options = {}) => issuer.mint(sub, scope, options);

/** SIGHUP, and what the log says until the reload has been done (`lines` must be found). */
async function reload(at, ...lines) {
    const from = at.log.length;
    at.reload();
    await at.logged(new RegExp(SERVER_RELOADS), from);
    for (const line of lines) await at.logged(line, from);
    // The broker answers again: it is through with the reload.
    await refusal(Client.connect(at.port, 'hunter2'));
    if (!lines.length) assert.doesNotMatch(at.log.slice(from), /the old configuration stays in force/);
}

// ---- messages that flow -------------------------------------------------------------------------------------

/** Clients of all kinds, by what they are called. */
async function everyKind() {
    const options = {rejectUnauthorized: false};
    return {
        'MQTT 3.1.1': await Client.connect(broker.port, await token('a'), {protocolVersion: 4}),
        'MQTT 5': await Client.connect(broker.port, await token('b')),
        'enhanced authentication': await Client.connect(broker.port, undefined, enhanced(await token('c'))),
        TLS: await Client.connect(broker.urls.tls, await token('d'), options),
        'TLS, enhanced': await Client.connect(broker.urls.tls, undefined, {...options, ...enhanced(await token('e'))}),
        websockets: await Client.connect(broker.urls.websockets, await token('f')),
        'websockets, MQTT 3.1.1': await Client.connect(broker.urls.websockets, await token('g'), {protocolVersion: 4}),
        'websockets, enhanced': await Client.connect(broker.urls.websockets, undefined, enhanced(await token('h'))),
        'unix socket': await Client.connect(broker.urls.unix, await token('i')),
    };
}

async function chainedKinds() {
    return {
        'password file': await Client.connect(chain.port, 'secret', {username: 'local'}),
        'password file, MQTT 3.1.1': await Client.connect(chain.port, 'secret', {username: 'local', protocolVersion: 4}),
        token: await Client.connect(chain.port, await token('a')),
        'enhanced authentication': await Client.connect(chain.port, undefined, enhanced(await token('b'))),
    };
}

/**
 * While `what` runs, the clients publish numbers, one after the other, and all receive them. Then: each has each of them once
 * and in order, nobody was disconnected, and what nobody may publish has come to nobody.
 */
async function underTraffic(clients, what) {
    const all = Object.entries(clients);
    for (const [name, client] of all) {
        assert.ok(await client.subscribe('traffic/#'), name);
        // acl_file grants every filter and denies what comes by it.
        await client.subscribe('secret/#');
    }
    let count = 0;
    let going = true;
    const publisher = (async () => {
        while (going) {
            const [, client] = all[count % all.length];
            await client.publish('traffic/n', String(++count));
            // Nobody may publish this.
            await client.publish('secret/n', String(count), {qos: 0});
            await pause(2);
        }
    })();
    publisher.catch(() => {});  // told below, unless something else fails before
    // What a client publishes when its connection has ended has no answer.
    const gone = new Promise((_, reject) => {
        for (const [name, client] of all) client.mqtt.once('close', () => reject(new Error(`${name} was disconnected`)));
    });
    gone.catch(() => {});
    const traffic = async () => {
        await eventually(() => count >= 20, 'traffic');
        await what();
        const soFar = count;
        await eventually(() => count >= soFar + 20, 'traffic that goes on');
        going = false;
        await publisher;
    };
    try {
        await Promise.race([traffic(), gone]);
    } finally {
        going = false;
    }
    const expected = Array.from({length: count}, (_, i) => `traffic/n ${i + 1}`);
    for (const [name, client] of all) {
        await eventually(() => client.messages.length >= count, `${count} messages for ${name}`);
        assert.deepEqual(client.messages, expected, name);
        assert.equal(client.closed, false, name);
    }
    for (const [, client] of all) await client.end();
}

const cases = [
    {what: 'the same configuration', prepare: () => broker.configure(ini())},
    {what: 'another good one', prepare: () => broker.configure(ini('max_token_bytes = 8192\n'))},
    {what: 'a broken one', prepare: () => broker.configure(ini('audiense = broker\n')),
     says: [/the old configuration stays in force: .*tokenward\.ini.*audiense/]},
    {what: 'a value out of range', prepare: () => broker.configure(ini('max_session = never\n')),
     says: [/the old configuration stays in force: .*tokenward\.ini.*max_session/]},
    {what: 'a missing file', prepare: () => rmSync(join(broker.directory, 'tokenward.ini')),
     says: [/the old configuration stays in force: .*tokenward\.ini/]},
    {what: 'a missing CA file', prepare: () => broker.configure(ini('', '/nowhere/ca.pem')),
     says: [/the old configuration stays in force: .*\/nowhere\/ca\.pem/]},
    {what: 'a provider that is down', prepare: async () => {
        broker.configure(ini());
        await issuer.flip('/network', {state: 'down'});
    }, restore: () => issuer.flip('/network', {state: 'up'})},
];
for (const {what, prepare, says = [], restore = () => {}} of cases) {
    test(`messages flow and everybody stays: ${what}`, async () => {
        await underTraffic(await everyKind(), async () => {
            try {
                await prepare();
                for (let i = 0; i < 3; ++i) await reload(broker, ...says);
                // Under the old configuration or the same new one, and with the old keys.
                const client = await Client.connect(broker.port, await token('new', 'write:%2F/other'));
                assert.ok(await client.publish('other', 'x'));
                assert.equal(await client.publish('secret', 'x'), false);
                await client.end();
            } finally {
                await restore();
            }
        });
    });
}

test('messages flow and everybody stays: a chain, and the plugin behind is reloaded, too', async () => {
    await underTraffic(await chainedKinds(), async () => {
        await reload(chain);
        writeFileSync(secondIni(), ini('audiense = broker\n'));
        await reload(chain, /the old configuration stays in force: .*second\.ini.*audiense/);
        chain.configure(ini('audiense = broker\n'));
        await reload(chain, /the old configuration stays in force: .*tokenward\.ini.*audiense/,
                     /the old configuration stays in force: .*second\.ini.*audiense/);
        chain.configure(ini('username_prefix = token:\n'));
        writeFileSync(secondIni(), ini('username_prefix = second:\n'));
        await reload(chain);
    });
});

for (const [what, which, clients] of [
    ['all listeners', () => broker, everyKind], ['a chain', () => chain, chainedKinds],
]) {
    test(`many reloads in quick succession: ${what}`, async () => {
        const at = which();
        const from = at.log.length;
        await underTraffic(await clients(), async () => {
            // Signals that come while one waits are one: on a busy machine it takes more of them.
            const reloads = () => at.log.slice(from).split(SERVER_RELOADS).length - 1;
            for (let i = 0; i < 60 || (reloads() < 10 && i < 2000); ++i) {
                at.reload();
                await pause(i % 12);
            }
            assert.ok(reloads() >= 10);
        });
        assert.doesNotMatch(at.log.slice(from), /the old configuration stays in force/);
    });
}

// ---- who gets in, and what they may -------------------------------------------------------------------------

test('who comes without a good token during reloads is refused, also under the names of others', async () => {
    // Somebody who is there, somebody durable who is away, and somebody who comes and goes; in the chain the first two are of the
    // password file.
    const durably = {clean: false, properties: {sessionExpiryInterval: 300}};
    const there = await Client.connect(broker.port, await token('there'), {clientId: 'there'});
    const away = await Client.connect(broker.port, await token('away'), {clientId: 'away', ...durably});
    const local = await Client.connect(chain.port, 'secret', {username: 'local', clientId: 'there'});
    const localAway = await Client.connect(chain.port, 'secret', {username: 'local', clientId: 'away', ...durably});
    for (const client of [away, localAway]) {
        assert.ok(await client.subscribe('traffic/#'));
        await client.end();
    }
    const secrets = [undefined, '', 'hunter2', await token('there', 'read:*/*', {lifetime: -10}),
                     await token('there', 'read:*/*', {signer: 'stranger'}),
                     await token('there', 'read:*/*', {claims: {aud: 'x'}})];
    let going = true;
    let attempts = 0;
    const intrude = async (url, clientId, secret, options) => {
        attempts += 1;
        const settings = {username: clientId, clientId, clean: false, rejectUnauthorized: false, ...options};
        const client = await Client.connect(url, secret, settings).catch((error) => {
            if (!(error instanceof Refused)) throw error;
        });
        if (!client) return;
        await client.end();
        throw new Error(`${clientId} got in at ${url} with ${secret}`);
    };
    const intruders = Object.entries(broker.urls).map(async ([kind, url]) => {
        for (let i = 0; going; ++i) {
            const secret = secrets[i % secrets.length];
            const guest = `guest-${kind}`;
            await (await Client.connect(url, await token(guest), {clientId: guest, rejectUnauthorized: false})).end();
            for (const id of [guest, 'there', 'away', `nobody-${kind}`]) {
                await intrude(url, id, secret, {protocolVersion: i % 2 ? 5 : 4});
            }
            if (secret) await intrude(url, 'away', undefined, enhanced(secret));
            await intrude(url, 'away', undefined, {username: undefined});
        }
    });
    intruders.push((async () => {
        for (let i = 0; going; ++i) {
            for (const clientId of ['there', 'away', 'nobody']) {
                for (const username of ['local', 'token:away']) {
                    const secret = secrets[i % secrets.length];
                    await intrude(chain.urls.tcp, clientId, secret, {username, protocolVersion: i % 2 ? 5 : 4});
                }
            }
        }
    })());
    const reloads = (async () => {
        for (let i = 0; going && i < 150; ++i) {
            broker.reload();
            chain.reload();
            await pause(10);
        }
        going = false;
    })();
    try {
        await Promise.all([...intruders, reloads]);
    } finally {
        going = false;
    }
    assert.ok(attempts > 100, `${attempts} attempts`);
    for (const client of [there, local]) {
        assert.equal(client.closed, false);
        await client.end();
    }
});

for (const [what, owner, other] of [
    ['a token, tcp', async (options) => Client.connect(broker.port, await token('dora'), options),
     async (options) => Client.connect(broker.port, await token('bob'), options)],
    ['a token, websockets', async (options) => Client.connect(broker.urls.websockets, await token('dora'), options),
     async (options) => Client.connect(broker.urls.websockets, await token('bob'), options)],
    ['the password file', (options) => Client.connect(chain.port, 'secret', {username: 'local', ...options}),
     async (options) => Client.connect(chain.port, await token('bob'), options)],
]) {
    test(`the identifier of a durable client that is away is its own after a reload as before: ${what}`, async () => {
        const clientId = `free-${what}`;
        const away = await owner({clientId, clean: false, properties: {sessionExpiryInterval: 300}});
        await away.end();
        for (let i = 0; i < 2; ++i) {
            assert.equal(await refusal(other({clientId})), undefined);
            await reload(broker);
            await reload(chain);
        }
        assert.equal(await refusal(other({clientId})), undefined);
        await (await owner({clientId})).end();  // a clean start, and nothing is left behind
        await (await other({clientId})).end();
    });
}

test('a reload gives a client nothing more until it logs in again', async () => {
    const secret = await token('ada', 'extra');
    broker.configure(ini());
    await reload(broker);
    const client = await Client.connect(broker.port, secret);
    assert.equal(await client.publish('extra', 'no'), false);
    broker.configure(ini('scope_aliases.extra = write:%2F/extra\n'));
    await reload(broker);
    assert.equal(await client.publish('extra', 'no'), false);
    const again = await Client.connect(broker.port, secret);
    assert.ok(await again.publish('extra', 'yes'));
    // And takes nothing away.
    broker.configure(ini());
    await reload(broker);
    assert.ok(await again.publish('extra', 'still'));
    assert.equal(await (await Client.connect(broker.port, secret)).publish('extra', 'no'), false);
    await client.end();
    await again.end();
});

test('another CA file and a provider that is down: who is in stays, who is new is told to come back', async () => {
    const other = join(directory.path, 'other-ca.pem');
    copyFileSync(issuer.caFile, other);
    await issuer.flip('/network', {state: 'down'});
    await underTraffic(await everyKind(), async () => {
        broker.configure(ini('', other));
        await reload(broker);
        const secret = await token('new');
        for (const options of [{}, {protocolVersion: 4}]) {
            assert.equal(await refusal(Client.connect(broker.port, secret, options)), undefined);  // no CONNACK
        }
        await issuer.flip('/network', {state: 'up'});
        await (await eventually(() => Client.connect(broker.port, secret).catch(() => undefined), 'the keys')).end();
    });
    broker.configure(ini());
    await reload(broker);
});

test('the end of a token still ends the connection after reloads', async () => {
    const client = await Client.connect(broker.port, await token('mayfly', 'read:*/*', {lifetime: 3}));
    for (let i = 0; i < 5; ++i) broker.reload();
    await eventually(() => client.closed, 'the end of the connection');
});

// ---- who is away --------------------------------------------------------------------------------------------

const durable = (clientId, protocolVersion) => ({
    clientId, clean: false, protocolVersion, rejectUnauthorized: false,
    ...(protocolVersion === 5 && {properties: {sessionExpiryInterval: 300}}),
});

/** A durable client with a will, which a client of MQTT 5 has delayed. */
async function withWill({listener, protocolVersion, sasl, id, lifetime}) {
    const secret = await token('dora', 'read:%2F/d%2F* write:%2F/wills%2F*', {lifetime});
    const {properties, ...options} = {...durable(id, protocolVersion), ...(sasl && enhanced(secret))};
    return Client.connect(broker.urls[listener], sasl ? undefined : secret, {
        ...options, ...(protocolVersion === 5 && {properties: {sessionExpiryInterval: 300, ...properties}}),
        will: {topic: `wills/${id}`, payload: 'gone', qos: 1, ...(protocolVersion === 5 && {properties: {willDelayInterval: 3}})},
    });
}

for (const [what, kinds] of [
    ['tcp, TLS, unix socket', [
        {listener: 'tcp', protocolVersion: 4}, {listener: 'tcp', protocolVersion: 5},
        {listener: 'tcp', protocolVersion: 5, sasl: true}, {listener: 'tls', protocolVersion: 4},
        {listener: 'tls', protocolVersion: 5}, {listener: 'unix', protocolVersion: 5},
    ]],
    ['websockets', [
        {listener: 'websockets', protocolVersion: 4}, {listener: 'websockets', protocolVersion: 5},
        {listener: 'websockets', protocolVersion: 5, sasl: true},
    ]],
]) {
    test(`durable clients that are away have their messages and their wills after reloads: ${what}`, async () => {
        // The token of every second one ends meanwhile, before a delayed will is due.
        const all = [2, 300].flatMap((lifetime) => kinds.map((kind) => ({
            ...kind, lifetime, id: `${kind.listener}-${kind.protocolVersion}${kind.sasl ? '-enhanced' : ''}-${lifetime}`,
        })));
        const watcher = await Client.connect(broker.port, await token('watcher', 'read:*/* write:*/*'));
        assert.ok(await watcher.subscribe('wills/#'));
        const say = async (payload) => {
            for (const {id} of all) assert.ok(await watcher.publish(`d/${id}`, payload));
        };
        await Promise.all(all.map(async (each) => {
            const client = await withWill(each);
            assert.ok(await client.subscribe(`d/${each.id}`));
            await client.end(true);
        }));
        for (const {id} of all) await broker.logged(new RegExp(`Client ${id} .*(disconnected|closed)`));
        await say('before');
        await reload(broker);
        await say('between');
        await eventually(() => watcher.messages.length >= all.length, 'the wills').catch(() => {});
        assert.deepEqual(watcher.messages.sort(), all.map(({id}) => `wills/${id} gone`).sort());
        await reload(broker);
        await say('after');
        const seen = {};
        const expected = {};
        for (const each of all) {
            const client = await withWill({...each, lifetime: 300});
            await eventually(() => client.messages.length >= 3, 'three messages', 3000).catch(() => {});
            seen[each.id] = [client.sessionPresent, ...client.messages];
            expected[each.id] = [true, ...['before', 'between', 'after'].map((payload) => `d/${each.id} ${payload}`)];
            await client.end();
        }
        assert.deepEqual(seen, expected);
        await watcher.end();
    });
}

test('a durable client of the password file has its messages after reloads', async () => {
    const options = {username: 'local', ...durable('local-durable', 5)};
    const first = await Client.connect(chain.port, 'secret', options);
    assert.ok(await first.subscribe('traffic/#'));
    await first.end();
    const writer = await Client.connect(chain.port, await token('writer'));
    for (const payload of ['one', 'two']) {
        assert.ok(await writer.publish('traffic/1', payload));
        await reload(chain);
    }
    assert.equal(await refusal(Client.connect(chain.port, 'wrong', options)), NOT_AUTHORIZED);
    const again = await Client.connect(chain.port, 'secret', options);
    await again.receives('traffic/1 two');
    assert.deepEqual(again.messages, ['traffic/1 one', 'traffic/1 two']);
    await again.end();
    await writer.end();
});

test('the brokers are still there', () => {
    for (const each of brokers) assert.ok(each.program.running);
});

await runAll(before, after);
