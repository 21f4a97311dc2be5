// Real clients (npm mqtt, mosquitto_pub, mosquitto_sub) on a real Mosquitto with the plugin: who gets in, what
// they may do, until when.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, enhanced, refusal} from '../support/mosquitto.mjs';
import {run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const NOT_AUTHORIZED = 135;    // MQTT 5
const NOT_AUTHORIZED_3 = 5;    // MQTT 3.1.1

const directory = temporaryDirectory();
let issuer;
let broker;
let quiet;

const connect = (token, options) => Client.connect(broker.port, token, options);

/** A client that may do anything but reach $ topics. */
async function anyone(options) {
    return connect(await issuer.mint('anyone', 'read:*/* write:*/*'), options);
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    broker = await Broker.start({directory: directory.path, certificates: issuer.directory, ini: ini()});
}

const ini = () => `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
clock_skew = 0
jwks_min_refresh = 1
`;

async function after(failed) {
    await broker?.stop();
    await quiet?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log);
    if (failed && quiet) console.error(quiet.log);
    directory.remove();
}

// ---- who gets in ----------------------------------------------------------------------------------------

for (const protocolVersion of [4, 5]) {
    test(`a token as the password lets a client in, MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}`, async () => {
        const from = broker.log.length;
        const client = await connect(await issuer.mint('alice', 'read:*/*'), {protocolVersion, clientId: `in-${protocolVersion}`});
        await client.end();
        await broker.logged(new RegExp(`alice.*in-${protocolVersion}|in-${protocolVersion}.*alice`), from);
    });
}

for (const algorithm of ['RS256', 'PS512', 'ES384', 'ES512', 'EdDSA']) {
    test(`a token signed with ${algorithm}`, async () => {
        // The RSA key names RS256 as its algorithm, so that PS512 is refused (rule 3).
        const token = await issuer.mint('alice', 'read:*/*', {alg: algorithm});
        if (algorithm === 'PS512') assert.equal(await refusal(connect(token)), NOT_AUTHORIZED);
        else await (await connect(token)).end();
    });
}

const refused = [
    ['an expired token', 'TOKEN_EXPIRED', {lifetime: -1}],
    ['a token signed by a stranger under our kid', 'BAD_SIGNATURE', {signer: 'stranger'}],
    ['a token under an unknown kid', 'UNKNOWN_KEY', {kid: 'made-up'}],
    ['a token for another audience', 'WRONG_AUDIENCE', {claims: {aud: 'another'}}],
    ['a token of another issuer', 'WRONG_ISSUER', {claims: {iss: 'https://elsewhere.example'}}],
    ['an ID token', 'NOT_AN_ACCESS_TOKEN', {claims: {typ: 'ID'}}],
    ['a token without an expiry', 'NO_EXPIRY', {claims: {exp: undefined}}],
    ['a token with crit', 'CRITICAL_HEADER', {header: {crit: ['exp']}}],
    ['a token with alg none', 'ALGORITHM_NOT_ALLOWED', {header: {alg: 'none'}}],
    ['a token with alg HS256', 'ALGORITHM_NOT_ALLOWED', {header: {alg: 'HS256'}}],
];
for (const [what, reason, options] of refused) {
    test(`${what} is refused, and the log says ${reason}`, async () => {
        const from = broker.log.length;
        // A key that isn't known is fetched first: until then the broker closes without a word, and the client
        // asks again.
        const token = await issuer.mint('alice', 'read:*/*', options);
        for (const [protocolVersion, code] of [[5, NOT_AUTHORIZED], [4, NOT_AUTHORIZED_3]]) {
            await eventually(async () => await refusal(connect(token, {protocolVersion})) === code, 'a refusal');
        }
        await broker.logged(new RegExp(reason), from);
    });
}

for (const [reason, options] of [
    ['TOKEN_EXPIRED', {lifetime: -1}], ['WRONG_AUDIENCE', {claims: {aud: 'another'}}],
    ['NOT_YET_VALID', {claims: {nbf: 4_000_000_000}}], ['NOT_AN_ACCESS_TOKEN', {claims: {typ: 'ID'}}],
    ['SENDER_CONSTRAINED', {claims: {cnf: {jkt: 'x'}}}],
]) {
    test(`a verified token that is refused is logged with its username and its jti: ${reason}`, async () => {
        const {claims = {}, ...more} = options;
        const token = await issuer.mint('nora', 'read:*/*', {claims: {...claims, jti: `jti-${reason}`}, ...more});
        const from = broker.log.length;
        assert.equal(await refusal(connect(token, {clientId: `named-${reason}`})), NOT_AUTHORIZED);
        await broker.logged(new RegExp(`authenticate refused reason=${reason} .*username="nora".*jti="jti-${reason}".*client_id="named-${reason}"`), from);
    });
}

for (const [what, password] of [
    ['no password', undefined], ['an empty password', ''], ['an ordinary password', 'hunter2'],
    ['half a token', 'eyJhbGciOiJFUzI1NiJ9.'], ['five segments', 'eyJhbGciOiJFUzI1NiJ9.a.b.c.d'],
    ['a large password', 'x'.repeat(60_000)],
]) {
    test(`a client with ${what} is refused`, async () => {
        assert.equal(await refusal(connect(password)), NOT_AUTHORIZED);
    });
}

test('an anonymous client is refused', async () => {
    const code = await refusal(connect(undefined, {username: undefined}));
    assert.ok(code === NOT_AUTHORIZED || code === 134, `CONNACK ${code}`);
});

// ---- what they may do -----------------------------------------------------------------------------------

for (const qos of [0, 1, 2]) {
    test(`publishing with QoS ${qos} is decided by scopes`, async () => {
        const listener = await anyone();
        assert.ok(await listener.subscribe('#'));
        const client = await connect(await issuer.mint('alice', 'write:%2F/sensors%2F*'));
        assert.equal(await client.publish('secret/plan', 'no', {qos}), qos === 0);  // QoS 0 has no answer
        assert.equal(await client.publish('sensorsx', 'no', {qos}), qos === 0);
        assert.ok(await client.publish(`sensors/q${qos}`, 'yes', {qos}));
        await listener.receives(`sensors/q${qos} yes`);
        assert.deepEqual(listener.messages, [`sensors/q${qos} yes`]);
        await client.end();
        await listener.end();
    });
}

test('a refused publish of MQTT 3.1.1 is not delivered, and the client stays', async () => {
    const listener = await anyone();
    assert.ok(await listener.subscribe('#'));
    const client = await connect(await issuer.mint('alice', 'write:%2F/ok'), {protocolVersion: 4});
    await client.publish('secret', 'no', {retain: true});
    await client.publish('ok', 'yes');
    await listener.receives('ok yes');
    assert.deepEqual(listener.messages, ['ok yes']);
    assert.equal(client.closed, false);
    await client.end();
    await listener.end();
});

// scope, filter, granted
const subscriptions = [
    ['read:%2F/a%2F*', 'a/b', true],
    ['read:%2F/a%2F*', 'a/+', true],
    ['read:%2F/a%2F*', 'a/+/c', true],
    ['read:%2F/a%2F*', 'a/b/#', true],
    ['read:%2F/a%2F*', 'a/#', false],          // matches "a" too
    ['read:%2F/a*', 'a/#', true],
    ['read:%2F/a%2F*', '+/b', false],
    ['read:%2F/a%2F*', '#', false],
    ['read:%2F/*', '#', true],
    ['read:%2F/a%2Fb', 'a/+', false],
    ['read:%2F/a%2F*%2Fc', 'a/+/c', true],
    ['read:%2F/a%2F*%2Fc', 'a/+/d', false],
    ['read:%2F/a* read:%2F/b*', '+', false],   // no one scope grants all of it
    ['read:%2F/a%2F*', '$share/group/a/b', true],
    ['read:%2F/a%2F*', '$share/group/b', false],
    ['write:%2F/a%2F*', 'a/b', false],
    ['read:other/a%2F*', 'a/b', false],
    ['read:*/*', '$SYS/broker/version', false],
    ['read:*/*', '$SYS/#', false],
    ['read:%2F/$SYS*', '$SYS/broker/version', true],
    ['read:%2F/$SYS*', '$SYS/#', true],
    ['', 'a/b', false],
];
for (const [scope, filter, granted] of subscriptions) {
    test(`"${scope}" ${granted ? 'grants' : 'does not grant'} the filter ${filter}`, async () => {
        const client = await connect(await issuer.mint('bob', scope));
        assert.equal(await client.subscribe(filter), granted);
        await client.end();
    });
}

test('a topic that begins with $ is granted only by a pattern that does', async () => {
    const watcher = await connect(await issuer.mint('watcher', 'read:%2F/$edge*'));
    assert.ok(await watcher.subscribe('$edge/#'));
    const client = await anyone();
    assert.equal(await client.publish('$edge/1', 'no'), false);
    assert.equal(await client.publish('$CONTROL/dynamic-security/v1', '{}'), false);  // Mosquitto's own controls
    const operator = await connect(await issuer.mint('operator', 'write:%2F/$edge%2F* write:%2F/$CONTROL%2F*'));
    assert.ok(await operator.publish('$CONTROL/dynamic-security/v1', '{}'));
    assert.ok(await operator.publish('$edge/1', 'yes'));
    await watcher.receives('$edge/1 yes');
    assert.deepEqual(watcher.messages, ['$edge/1 yes']);
    for (const each of [watcher, client, operator]) await each.end();
});

test('unsubscribing is always possible', async () => {
    const client = await connect(await issuer.mint('bob', 'read:%2F/a'));
    assert.ok(await client.subscribe('a'));
    await new Promise((resolve, reject) => {
        client.mqtt.unsubscribe('a', (error) => (error ? reject(error) : resolve()));
    });
    await client.end();
});

test('delivery is decided anew: a durable subscription does not outlive its rights', async () => {
    const options = {clientId: 'durable', clean: false, properties: {sessionExpiryInterval: 300}};
    const first = await connect(await issuer.mint('bob', 'read:%2F/*'), options);
    assert.ok(await first.subscribe('#'));
    await first.end();
    const second = await connect(await issuer.mint('bob', 'read:%2F/narrow'), options);
    assert.ok(second.sessionPresent);
    const writer = await anyone();
    await writer.publish('wide', 'no');
    await writer.publish('narrow', 'yes');
    await second.receives('narrow yes');
    assert.deepEqual(second.messages, ['narrow yes']);
    await second.end();
    await writer.end();
});

test('a will is decided by scopes, though its client is gone', async () => {
    const listener = await anyone();
    assert.ok(await listener.subscribe('#'));
    const token = await issuer.mint('mortal', 'write:%2F/wills%2F*');
    for (const topic of ['forbidden/will', 'wills/last']) {
        const client = await connect(token, {will: {topic, payload: 'gone', qos: 1}}).catch(() => undefined);
        await client?.end(true);
    }
    await listener.receives('wills/last gone');
    assert.deepEqual(listener.messages, ['wills/last gone']);
    await listener.end();
});

// ---- until when -----------------------------------------------------------------------------------------

for (const protocolVersion of [4, 5]) {
    test(`a client is disconnected when its token ends, MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}`, async () => {
        const token = await issuer.mint('mayfly', 'read:*/*', {lifetime: 2});
        const client = await connect(token, {protocolVersion});
        assert.ok(await client.subscribe('a/b'));
        await eventually(() => client.closed, 'the end of the connection');
        assert.equal(await refusal(connect(token)), NOT_AUTHORIZED);
    });
}

test('a client of enhanced authentication stays with a new token of its identity', async () => {
    const token = (sub, scope, lifetime) => issuer.mint(sub, scope, {lifetime});
    const client = await connect(undefined, {clientId: 'renews', ...enhanced(await token('ren', 'read:%2F/a read:%2F/b', 3))});
    assert.ok(await client.subscribe('a'));
    assert.ok(await client.subscribe('b'));
    const from = broker.log.length;
    assert.equal(await client.reauthenticate(await token('ren', 'read:%2F/a', 300)), true);
    await broker.logged(/tokenward: refresh ok .*username="ren"/, from);
    await new Promise((resolve) => setTimeout(resolve, 3500));
    const writer = await anyone();
    for (const topic of ['b', 'a']) assert.ok(await writer.publish(topic, 'still'));
    await client.receives('a still');
    assert.deepEqual(client.messages, ['a still'], 'the rights are those of the new token');
    assert.equal(client.closed, false);
    await client.end();
    await writer.end();
});

for (const [what, sub, options] of [
    ['of another identity', 'someone', {}], ['that has expired', 'ren', {lifetime: -1}], ['by a stranger', 'ren', {signer: 'stranger'}],
]) {
    test(`a new token ${what} ends the connection`, async () => {
        const client = await connect(undefined, enhanced(await issuer.mint('ren', 'read:%2F/a')));
        assert.equal(await client.reauthenticate(await issuer.mint(sub, 'read:*/* write:*/*', options)), false);
        await eventually(() => client.closed, 'the end of the connection');
    });
}

test('keys rotate: who is in stays in, and who comes with a new token gets in', async () => {
    const old = await anyone();
    await issuer.flip('/rotate', {keep_old: false});
    const token = await issuer.mint('alice', 'write:*/*');
    const client = await eventually(() => connect(token).catch(() => undefined), 'the new key');
    assert.ok(await old.subscribe('after/rotation'));
    assert.ok(await client.publish('after/rotation', 'hello'));
    await old.receives('after/rotation hello');
    await client.end();
    await old.end();
});

// ---- beside others --------------------------------------------------------------------------------------

test('forged tokens do not harm an idle TLS client', async () => {
    const token = await issuer.mint('idle', 'read:%2F/* write:%2F/*');
    const idle = await Client.connect(`mqtts://127.0.0.1:${broker.tlsPort}`, token,
        {rejectUnauthorized: false, keepalive: 60});
    assert.ok(await idle.subscribe('for/idle'));
    const good = await anyone();
    const forged = [
        await issuer.mint('x', 'read:*/*', {signer: 'stranger', alg: 'ES256'}),
        await issuer.mint('x', 'read:*/*', {signer: 'stranger', alg: 'RS256'}),
        await issuer.mint('x', 'read:*/*', {signer: 'stranger', alg: 'EdDSA'}),
        (await issuer.mint('x', 'read:*/*', {alg: 'RS256'})).replace(/\.[^.]*$/, '.AAAA'),
    ];
    for (let round = 0; round < 10; ++round) {
        for (const each of forged) await refusal(connect(each));
        // The broker reads from and writes to the TLS client while leftovers, if any, are there.
        await idle.publish('from/idle', String(round));
        await good.publish('for/idle', String(round));
        await idle.receives(`for/idle ${round}`);
    }
    assert.equal(idle.closed, false);
    await idle.end();
    await good.end();
});

test('mosquitto_pub and mosquitto_sub', async () => {
    const at = ['-h', '127.0.0.1', '-p', String(broker.port), '-V', '5', '-u', 'anything'];
    const reader = await issuer.mint('bob', 'read:%2F/sensors*');
    const writer = await issuer.mint('alice', 'write:%2F/sensors%2F*');
    const heard = run('mosquitto_sub', [...at, '-P', reader, '-t', 'sensors/#', '-C', '1', '-W', '20', '-i', 'sub-cli']);
    await broker.logged(/sub-cli.*sensors\/#|sensors\/#.*sub-cli/);
    const publish = (topic, token) => run('mosquitto_pub', [...at, '-P', token, '-q', '1', '-t', topic, '-m', 'hello']);
    assert.match((await publish('secret', writer)).output, /not authori[sz]ed/i);
    assert.equal((await publish('sensors/1', writer)).output, '');
    assert.deepEqual(await heard, {status: 0, output: 'hello\n'});
    const late = await issuer.mint('alice', 'write:*/*', {lifetime: -1});
    assert.notEqual((await publish('sensors/1', late)).status, 0);
});

test('in a chain, credentials that are no token go to the password file; a bad token goes nowhere', async () => {
    const folder = join(directory.path, 'chain');
    mkdirSync(folder);
    const passwords = join(folder, 'passwords');
    assert.equal((await run('mosquitto_passwd', ['-b', '-c', passwords, 'local', 'secret'])).status, 0);
    const late = await issuer.mint('local', 'write:*/*', {lifetime: -1});
    const chain = await Broker.start({
        directory: folder, ini: ini() + 'username_prefix = token:\n',
        options: ['plugin_opt_chain true', `password_file ${passwords}`],
    });
    try {
        const local = await Client.connect(chain.port, 'secret', {username: 'local'});
        await local.end();
        assert.equal(await refusal(Client.connect(chain.port, 'wrong', {username: 'local'})), NOT_AUTHORIZED);
        assert.equal(await refusal(Client.connect(chain.port, late, {username: 'local'})), NOT_AUTHORIZED);
        await chain.logged(/TOKEN_EXPIRED/);
        assert.doesNotMatch(chain.log, /NOT_A_TOKEN/, 'the password file has its say, and the broker its line');
        const alice = await Client.connect(chain.port, await issuer.mint('alice', 'write:v/x'));
        await alice.end();
        assert.ok(chain.program.running, chain.log);
    } finally {
        await chain.stop();
    }
});

test('a broker with an option that the plugin does not know does not start', async () => {
    const folder = join(directory.path, 'misspelt');
    mkdirSync(folder);
    await assert.rejects(Broker.start({directory: folder, ini: ini(), options: ['plugin_opt_vhots /']}),
                         /plugin_opt_vhots: is not an option of this plugin/);
});

test('a reload reads the configuration again, and live clients go on', async () => {
    const client = await anyone();
    const before = broker.log.length;
    broker.configure(`[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = somebody-else
scope_prefix =
clock_skew = 0
jwks_min_refresh = 1
`);
    broker.reload();
    await broker.logged(/reload/i, before);
    const token = await issuer.mint('alice', 'read:*/*', {claims: {aud: 'somebody-else'}});
    await (await eventually(() => connect(token).catch(() => undefined), 'the new audience')).end();
    assert.ok(await client.subscribe('still/there'));
    await client.end();
});

// ---- what the log says ----------------------------------------------------------------------------------

/** A broker of their own: what other tests deny would use up the limits. */
async function quietBroker() {
    const folder = join(directory.path, 'quiet');
    if (!quiet) mkdirSync(folder);
    quiet ??= await Broker.start({directory: folder, ini: ini(), options: ['log_dest topic']});
    return quiet;
}

test('a denial is a line that names the client, the scope that would grant it and the nearest one', async () => {
    const from = (await quietBroker()).log.length;
    const client = await Client.connect(quiet.port, await issuer.mint('carol', 'write:%2F/sensors%2F*'), {clientId: 'denied-1'});
    assert.equal(await client.publish('secret/plan', 'no'), false);
    await quiet.logged(/tokenward: authorize denied reason=NO_MATCHING_SCOPE .*\n/, from);
    const line = quiet.log.slice(from).split('\n').find((each) => each.includes('authorize denied'));
    for (const part of [`issuer="${issuer.url}"`, 'username="carol"', 'protocol="mqtt"', 'peer="127.0.0.1"',
                        'client_id="denied-1"', 'operation=write vhost="/" topic="secret/plan"',
                        ': it needs "write:%2F/secret%2Fplan", nearest is "write:%2F/sensors%2F*"']) {
        assert.ok(line.includes(part), `no ${part} in ${line}`);
    }
    await client.end();
});

test('a subscription and a will are denied with a line too', async () => {
    const from = (await quietBroker()).log.length;
    const token = await issuer.mint('dave', 'write:%2F/wills%2F*');
    const client = await Client.connect(quiet.port, token, {clientId: 'denied-2', will: {topic: 'no/will', payload: 'x', qos: 1}});
    assert.equal(await client.subscribe('$share/group/a/+'), false);
    await quiet.logged(/authorize denied .*client_id="denied-2" operation=read vhost="\/" filter="a\/\+": it needs/, from);
    await client.end(true);
    await quiet.logged(/authorize denied .*client_id="denied-2" operation=write vhost="\/" topic="no\/will"/, from);
});

test('a password that is no token is a line without a chain', async () => {
    const from = (await quietBroker()).log.length;
    assert.equal(await refusal(Client.connect(quiet.port, 'hunter2', {clientId: 'no-token'})), NOT_AUTHORIZED);
    await quiet.logged(
        /tokenward: authenticate not_a_token reason=NOT_A_TOKEN protocol="mqtt" peer="127\.0\.0\.1" client_id="no-token": .+hint/,
        from);
});

test('what was sent in place of a token is named without a chain', async () => {
    const token = await issuer.mint('alice', 'read:*/*');
    for (const [clientId, username, password, line] of [
        ['bearer', 'u', `Bearer ${token}`, 'the password has the word Bearer in front \\(hint: send what stands behind it\\)'],
        ['answer', 'u', JSON.stringify({access_token: token}), 'the whole answer of the token endpoint \\(JSON\\) was sent as the password'],
        ['username', token, undefined, 'the token stands in the username, and there is no password'],
        ['nothing', 'u', undefined, 'the client sent no password \\(hint: send the access token as the password\\)'],
    ]) {
        const from = (await quietBroker()).log.length;
        assert.equal(await refusal(Client.connect(quiet.port, password, {clientId, username})), NOT_AUTHORIZED);
        await quiet.logged(
            new RegExp(`authenticate not_a_token reason=NOT_A_TOKEN protocol="mqtt" .*client_id="${clientId}": ${line}`), from);
        assert.ok(!quiet.log.includes(token));
    }
});

test('a line has its level in the broker: a login is an information, a denial a warning', async () => {
    const {port} = await quietBroker();
    const watcher = await Client.connect(port, await issuer.mint('watcher', 'read:%2F/$SYS%2Fbroker%2Flog%2F*'));
    assert.ok(await watcher.subscribe('$SYS/broker/log/W/#'));
    assert.ok(await watcher.subscribe('$SYS/broker/log/I/#'));
    const client = await Client.connect(port, await issuer.mint('alice', 'read:%2F/a'), {clientId: 'noisy'});
    assert.equal(await client.publish('secret', 'no'), false);
    const said = (level, text) => eventually(() => watcher.messages.find((each) =>
        each.startsWith(`$SYS/broker/log/${level} `) && text.test(each)), `${text} at ${level}`);
    await said('I', /tokenward: authenticate ok .*client_id="noisy"/);
    await said('W', /tokenward: authorize denied .*client_id="noisy"/);
    assert.equal(await refusal(Client.connect(port, 'hunter2', {clientId: 'no-token-2'})), NOT_AUTHORIZED);
    await said('W', /tokenward: authenticate not_a_token .*client_id="no-token-2"/);
    await client.end();
    await watcher.end();
});

test('a flood of denials is counted, not written', async () => {
    const from = (await quietBroker()).log.length;
    const client = await Client.connect(quiet.port, await issuer.mint('erin', 'read:%2F/nothing'), {clientId: 'flood'});
    for (let i = 0; i < 50; ++i) await client.publish('secret', 'no');
    await quiet.logged(/authorize denied .*client_id="flood".*/, from);
    // The next line of this reason tells the count; which client it is about doesn't matter.
    await eventually(async () => {
        await client.publish('secret', 'no');
        return /authorize denied .*\[\d+ more lines of this reason were left out/.test(quiet.log.slice(from));
    }, 'the count of the lines that were left out');
    const lines = quiet.log.slice(from).split('\n').filter((each) => each.includes('authorize denied'));
    assert.ok(lines.length < 50, `${lines.length} lines`);
    await client.end();
});

test('no token, payload or signature stands in the log', () => {
    for (const token of issuer.minted) {
        for (const part of token.split('.').slice(1)) {
            if (part.length > 16) assert.ok(!(broker.log + quiet.log).includes(part), 'a part of a token is in the log');
        }
    }
    assert.ok(!(broker.log + quiet.log).includes('hunter2'));
});

test('the broker is still there', () => assert.ok(broker.program.running));

await runAll(before, after);
