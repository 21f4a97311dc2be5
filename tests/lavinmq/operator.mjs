// A LavinMQ with the add-on as its operator sees it: without configuration, with a wrong one, at reload, while keys are
// being fetched, in a chain; metrics.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Lavin, NotStarted, basic, bearer, hasSignIn, permitted, turnedAway} from '../support/lavinmq.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIMIT_MS = 120_000;
const ALL = 'broker.configure:*/* broker.read:*/* broker.write:*/* broker.tag:management';

const directory = temporaryDirectory();
let issuer;
let count = 0;

const newDirectory = () => {
    const path = join(directory.path, `broker-${++count}`);
    mkdirSync(path);
    return path;
};

/** Starts a broker, and stops it whatever happens. */
async function withBroker(options, use) {
    const lavin = await Lavin.start({directory: newDirectory(), ...options});
    try {
        await use(lavin);
    } catch (error) {
        console.error(lavin.log.slice(-20_000));
        throw error;
    } finally {
        await lavin.stop();
    }
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
}

async function after() {
    await issuer?.stop();
    directory.remove();
}

const token = (options) => issuer.mint('alice', ALL, options);
const oauth = () => [`issuer = ${issuer.url}`, 'resource_server_id = broker'];
const ini = (more = '') => `[oauth]\nca_file = ${issuer.caFile}\nclock_skew = 0\njwks_min_refresh = 1\n${more}`;

/** The lines of the add-on and the library. */
const ownLines = (lavin, from) => lavin.log.slice(from).split('\n').filter((line) => line.includes('lmq.tokenward'));

// ---- what is configured ---------------------------------------------------------------------------------

test('without auth_backends and [oauth] the broker is as ever, and no token is taken', async () => {
    await withBroker({backends: ''}, async (lavin) => {
        await (await lavin.connect('guest', {username: 'guest'})).close();
        await turnedAway(lavin.connect(await token()));
        assert.equal((await lavin.http('/whoami', bearer(await token()))).status, 401);
        assert.equal((await lavin.http('/whoami', basic('guest', 'guest'))).status, 200);
        assert.doesNotMatch(lavin.log, /lmq\.tokenward|libtokenward/);
    });
}, LIMIT_MS);

test('oauth in auth_backends without any configuration: a warning; no token is taken', async () => {
    await withBroker({}, async (lavin) => {
        await lavin.logged(/auth_backends has oauth, but there is no \[oauth\] in lavinmq\.ini and TOKENWARD_CONFIG names no file/);
        await turnedAway(lavin.connect(await token()));
        await (await lavin.connect('guest', {username: 'guest'})).close();
    });
}, LIMIT_MS);

test('TOKENWARD_CONFIG without oauth in auth_backends: a warning, and no token is taken', async () => {
    await withBroker({backends: 'local', oauth: oauth(), ini: ini()}, async (lavin) => {
        await lavin.logged(/TOKENWARD_CONFIG is set, but auth_backends has no oauth: tokens are not accepted/);
        await turnedAway(lavin.connect(await token()));
    });
}, LIMIT_MS);

test('[oauth] in tokenward.ini alone does', async () => {
    await withBroker({ini: ini(`${oauth().join('\n')}\n`)}, async (lavin) => {
        await (await lavin.connect(await token())).close();
    });
}, LIMIT_MS);

test('tokenward.ini wins over [oauth] of lavinmq.ini, key by key', async () => {
    await withBroker({oauth: [...oauth(), 'audience = another'], ini: ini('audience = broker\n')}, async (lavin) => {
        await (await lavin.connect(await token())).close();
    });
}, LIMIT_MS);

test('without local in auth_backends a local user does not get in', async () => {
    await withBroker({backends: 'oauth', oauth: oauth(), ini: ini()}, async (lavin) => {
        await turnedAway(lavin.connect('guest', {username: 'guest'}));
        await (await lavin.connect(await token())).close();
    });
}, LIMIT_MS);

test('local first, then oauth; a password that neither takes is a line of the last one', async () => {
    await withBroker({backends: 'local,oauth', oauth: oauth(), ini: ini()}, async (lavin) => {
        await (await lavin.connect('guest', {username: 'guest'})).close();
        await turnedAway(lavin.connect('swordfish', {username: 'guest'}));
        await lavin.logged(/authenticate not_a_token reason=NOT_A_TOKEN protocol="amqp"/);
        await (await lavin.connect(await token(), {username: 'guest'})).close();
        await lavin.logged(/Connection established for user=alice/);
    });
}, LIMIT_MS);

test('the start says that MQTT checks tokens though permission_check_enabled is off', async () => {
    await withBroker({oauth: oauth(), ini: ini()}, (lavin) => lavin.logged(/MQTT: permission_check_enabled is off/));
}, LIMIT_MS);

for (const [what, options, message] of [
    ['a misspelt option', () => ({oauth: oauth(), ini: ini('isuer = https://id.example\n')}), /isuer/],
    ['an issuer without TLS', () => ({oauth: ['issuer = http://id.example', 'resource_server_id = broker'], ini: ini()}), /https/],
    ['a file that is not there', () => ({oauth: oauth(), environment: {TOKENWARD_CONFIG: '/nonexistent/tokenward.ini'}}),
     /\/nonexistent\/tokenward\.ini/],
    ['a library that is not there', () => ({oauth: oauth(), ini: ini(), environment: {TOKENWARD_LIBRARY: '/nonexistent/lib.so'}}),
     /can't load \/nonexistent\/lib\.so/],
]) {
    test(`${what} keeps the broker from starting, and the message names it`, async () => {
        await assert.rejects(Lavin.start({directory: newDirectory(), ...options()}), (error) =>
            error instanceof NotStarted && message.test(error.message) && /Error: tokenward: /.test(error.message) &&
            !/from .*\.cr:\d+/.test(error.message));
    }, LIMIT_MS);
}

// ---- reload ---------------------------------------------------------------------------------------------

test('SIGHUP: what changes holds for the next login, live connections go on; a wrong file changes nothing', async () => {
    await withBroker({oauth: oauth(), ini: ini()}, async (lavin) => {
        const before = await lavin.connect(await token());
        lavin.configure([...oauth(), 'audience = another'], ini());
        let from = lavin.log.length;
        lavin.reload();
        await lavin.logged(/configuration reloaded/, from);
        assert.equal(ownLines(lavin, from).length, 1, lavin.log.slice(from));
        await turnedAway(lavin.connect(await token()));
        assert.equal(await permitted(before, (channel) => channel.assertQueue('q', {exclusive: true})), true);

        lavin.configure([...oauth(), 'audience = broker'], ini('nonsense = 1\n'));
        from = lavin.log.length;
        lavin.reload();
        await lavin.logged(/the old configuration stays: .*nonsense/, from);
        assert.equal(ownLines(lavin, from).length, 1, lavin.log.slice(from));
        await turnedAway(lavin.connect(await token()));

        lavin.configure(oauth(), ini());
        from = lavin.log.length;
        lavin.reload();
        await lavin.logged(/configuration reloaded/, from);
        await (await lavin.connect(await token())).close();
        await before.close();
    });
}, LIMIT_MS);

// LavinMQ before 2.9 ends itself at a lavinmq.ini that it can't read.
for (const [what, change, line] of [
    ...(hasSignIn ? [
        ['a typo in lavinmq.ini', (lavin) => writeFileSync(lavin.config, '[main\n'), /stays as it was: \S+lavinmq\.ini: .+/],
        ['no lavinmq.ini any more', (lavin) => rmSync(lavin.config), /stays as it was: .*lavinmq\.ini.*No such file/],
        ['bytes in lavinmq.ini that are no text', (lavin) => writeFileSync(lavin.config, Buffer.from([0x5b, 0xff, 0xfe, 0x00])),
         /stays as it was: \S+lavinmq\.ini: .+/],
    ] : []),
    ['a typo in tokenward.ini', (lavin) => writeFileSync(lavin.ownConfig, '[oauth\n'), /stays: .*tokenward\.ini/],
    ['no tokenward.ini any more', (lavin) => rmSync(lavin.ownConfig), /stays: .*tokenward\.ini/],
]) {
    test(`SIGHUP: ${what}: one line, the broker goes on as it was`, async () => {
        await withBroker({oauth: oauth(), ini: ini()}, async (lavin) => {
            const open = await lavin.connect(await token());
            await lavin.logged(/authenticate ok/);
            change(lavin);
            const from = lavin.log.length;
            lavin.reload();
            await lavin.logged(line, from);
            assert.equal(ownLines(lavin, from).length, 1, lavin.log.slice(from));
            assert.equal(await permitted(open, (channel) => channel.assertQueue('q', {exclusive: true})), true);
            await (await lavin.connect(await token())).close();
            await open.close();
            assert.equal(await lavin.stop(), 0);
        });
    }, LIMIT_MS);
}

test('SIGHUP: [oauth] has gone and there is no other file: one line, the broker goes on as it was', async () => {
    await withBroker({oauth: oauth()}, async (lavin) => {
        lavin.configure([]);
        const from = lavin.log.length;
        lavin.reload();
        await lavin.logged(/stays as it was: \[oauth\] has gone from lavinmq\.ini, and there is no other file/, from);
        await (await lavin.connect('guest', {username: 'guest'})).close();
    });
}, LIMIT_MS);

// ---- the default file, which may be another program's ---------------------------------------------------

/** A program that runs the broker with a file more in /etc; null if the tests may not mount. */
function brokerWithDefaultFile(text) {
    const etc = join(newDirectory(), 'etc');
    mkdirSync(join(etc, 'tokenward'), {recursive: true});
    writeFileSync(join(etc, 'tokenward', 'tokenward.ini'), text, {mode: 0o644});
    const mount = ['-m', 'sh', '-c', `mount -t overlay overlay -o lowerdir=${etc}:/etc /etc && exec "$0" "$@"`];
    if (spawnSync('unshare', [...mount, 'true']).status !== 0) return null;
    const script = join(etc, 'broker');
    const words = ['unshare', ...mount, process.env.TOKENWARD_LAVINMQ].map((word) => `'${word}'`).join(' ');
    writeFileSync(script, `#!/bin/sh\nexec ${words} "$@"\n`, {mode: 0o755});
    return script;
}

test('the default file counts, and a warning names it; not if TOKENWARD_CONFIG is set to nothing', async () => {
    const binary = brokerWithDefaultFile(ini('audience = another\n'));
    if (!binary) return;  // takes root, and a kernel that lets root mount
    await withBroker({binary, oauth: oauth()}, async (lavin) => {
        await lavin.logged(/WARN.* \/etc\/tokenward\/tokenward\.ini is there, so it is read/);
        await lavin.logged(/configured by \S+lavinmq\.ini, \/etc\/tokenward\/tokenward\.ini/);
    });
    await withBroker({binary, oauth: oauth(), environment: {TOKENWARD_CONFIG: ''}}, async (lavin) => {
        await lavin.logged(/configured by \S+lavinmq\.ini$/m);
        assert.doesNotMatch(lavin.log, /etc\/tokenward/);
    });
}, LIMIT_MS);

// ---- keys that aren't there yet -------------------------------------------------------------------------

test('the broker starts while the provider is down; an attempt waits, others go on; then it is let in', async () => {
    await issuer.flip('/network', {state: 'down'});
    await withBroker({oauth: oauth(), ini: ini()}, async (lavin) => {
        const waiting = lavin.connect(await token());
        let settled = false;
        waiting.then(() => { settled = true; }, () => { settled = true; });
        await new Promise((resolve) => setTimeout(resolve, 700));
        for (let i = 0; i < 5; ++i) await (await lavin.connect('guest', {username: 'guest'})).close();
        const mqtt = await Client.connect(lavin.mqttPort, 'guest', {username: 'guest', protocolVersion: 4});
        await mqtt.end();
        assert.ok(!settled, 'the others came in while it waited');
        await issuer.flip('/network', {state: 'up'});
        await (await waiting).close();
    });
}, LIMIT_MS);

test('keys that do not come within 10 s: AMQP is closed without a refusal, MQTT says unavailable, HTTP 503', async () => {
    await issuer.flip('/network', {state: 'down'});
    try {
        await withBroker({oauth: oauth(), ini: ini()}, async (lavin) => {
            const secret = await token();
            const [amqpError, code, answer] = await Promise.all([
                turnedAway(lavin.connect(secret)),
                refusal(Client.connect(lavin.mqttPort, secret, {protocolVersion: 4, connectTimeout: 20_000})),
                lavin.http('/whoami', bearer(secret)),
            ]);
            assert.doesNotMatch(amqpError.message, /ACCESS.REFUSED|403/i);
            assert.equal(code, 3);  // server unavailable
            assert.equal(answer.status, 503);
            assert.equal(answer.headers.get('retry-after'), '1');
            await lavin.logged(/authenticate try_again reason=KEYS_PENDING .*protocol="amqp"/);
            if (!hasSignIn) return;
            const cookie = await lavin.http('/whoami', undefined, {cookie: `oauth_token=${secret}`});
            assert.equal(cookie.status, 503);
            assert.equal(cookie.headers.get('set-cookie'), null);
        });
    } finally {
        await issuer.flip('/network', {state: 'up'});
    }
}, LIMIT_MS);

test('after a restart the provider may be down: the key cache file has the keys', async () => {
    const cache = join(directory.path, 'keys.json');
    const more = `jwks_cache_file = ${cache}\n`;
    await withBroker({oauth: oauth(), ini: ini(more)}, async (lavin) => {
        await (await lavin.connect(await token())).close();
        await eventually(() => existsSync(cache), 'the cache file');
    });
    const secret = await token();
    await issuer.flip('/network', {state: 'down'});
    try {
        await withBroker({oauth: oauth(), ini: ini(more)}, async (lavin) => {
            await (await lavin.connect(secret)).close();
        });
    } finally {
        await issuer.flip('/network', {state: 'up'});
    }
}, LIMIT_MS);

// ---- metrics --------------------------------------------------------------------------------------------

test('metrics_file counts what happened', async () => {
    const file = join(directory.path, 'tokenward.prom');
    await withBroker({oauth: oauth(), ini: ini(`metrics_file = ${file}\n`)}, async (lavin) => {
        await (await lavin.connect(await token())).close();
        await turnedAway(lavin.connect(await token({lifetime: -5})));
        await eventually(() => existsSync(file) && /TOKEN_EXPIRED/.test(readFileSync(file, 'utf8')), 'the metrics', 40_000);
    });
}, LIMIT_MS);

test('SIGTERM ends the broker while connections are open and a key is being fetched', async () => {
    await issuer.flip('/network', {state: 'blackhole'});
    try {
        await withBroker({oauth: oauth(), ini: ini()}, async (lavin) => {
            const open = await lavin.connect('guest', {username: 'guest'});
            turnedAway(lavin.connect(await token())).catch(() => {});
            await new Promise((resolve) => setTimeout(resolve, 500));
            const status = await lavin.stop();
            assert.equal(status, 0);
            await eventually(() => open.isClosed, "the connection's end");
        });
    } finally {
        await issuer.flip('/network', {state: 'up'});
    }
}, LIMIT_MS);

await runAll(before, after);
