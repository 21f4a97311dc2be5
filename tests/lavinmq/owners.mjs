// Who made a shovel, an upstream or an upstream set: the add-on's file, over a restart.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Lavin, basic, bearer, hasSignIn} from '../support/lavinmq.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const LIMIT_MS = 120_000;
const LOCAL = basic('guest', 'guest');
const URI = 'amqp://bob:secret@127.0.0.1:1/';
const SHOVEL = {'src-uri': URI, 'src-queue': 'a', 'dest-uri': URI, 'dest-queue': 'b'};

const directory = temporaryDirectory();
const file = join(directory.path, 'data', 'tokenward_owners.json');
let issuer;
let lavin;

async function start() {
    lavin = await Lavin.start({
        directory: directory.path, oauth: [`issuer = ${issuer.url}`, 'resource_server_id = broker'],
        ini: `[oauth]\nca_file = ${issuer.caFile}\njwks_min_refresh = 1\n`, logLevel: 'info',
    });
}

async function restart() {
    await lavin.stop();
    await start();
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    await start();
}

async function after(failed) {
    await lavin?.stop();
    await issuer?.stop();
    if (failed && lavin) console.error(lavin.log.slice(-20_000));
    directory.remove();
}

const header = async (sub) => bearer(await issuer.mint(sub, 'broker.read:*/* broker.tag:policymaker'));
const put = (who, component, name, value) =>
    lavin.http(`/parameters/${component}/%2F/${name}`, who, {method: 'PUT', body: {value}});
const drop = (who, component, name) => lavin.http(`/parameters/${component}/%2F/${name}`, who, {method: 'DELETE'});
const owners = () => JSON.parse(readFileSync(file, 'utf8'));
const ownerOf = (name) => owners().find((owner) => owner.name === name)?.username;

test("what a local user makes leaves no file", async () => {
    assert.equal((await put(LOCAL, 'federation-upstream', 'local', {uri: URI, 'prefetch-count': 5})).status, 201);
    assert.ok(!existsSync(file));
}, LIMIT_MS);

test("what a token's user makes or changes is recorded with issuer, name and time, for the broker's eyes only", async () => {
    const alice = await header('alice');
    assert.equal((await put(alice, 'shovel', 's', SHOVEL)).status, 201);
    assert.equal((await put(alice, 'federation-upstream', 'u', {uri: URI})).status, 201);
    assert.equal((await put(alice, 'federation-upstream-set', 'set', [{upstream: 'u'}])).status, 201);
    assert.equal((await put(alice, 'federation-upstream', 'to-be-bobs', {uri: URI})).status, 201);
    assert.equal((await put(await header('bob'), 'federation-upstream', 'to-be-bobs', {uri: URI})).status, 204);
    assert.deepEqual(owners().map(({component, name, vhost, username}) => [component, name, vhost, username]).sort(), [
        ['federation-upstream', 'to-be-bobs', '/', 'bob'],
        ['federation-upstream', 'u', '/', 'alice'],
        ['federation-upstream-set', 'set', '/', 'alice'],
        ['shovel', 's', '/', 'alice'],
    ]);
    for (const {issuer: by, made_at: when} of owners()) {
        assert.equal(by, issuer.url);
        assert.ok(Math.abs(Date.now() - Date.parse(when)) < 60_000, when);
    }
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(file, 'utf8'), /secret/);
}, LIMIT_MS);

test('a refused parameter, an unknown component and a global parameter are not recorded', async () => {
    const alice = await header('alice');
    assert.equal((await put(alice, 'shovel', 'bad', {...SHOVEL, 'src-uri': 'amqp://'})).status, 400);
    assert.equal((await put(alice, 'federation-upstream-set', 'bad', [{upstream: 'not there'}])).status, 400);
    assert.equal((await put(alice, 'unheard-of', 'other', {})).status, 201);
    assert.equal(owners().length, 4);
}, LIMIT_MS);

test('the record goes when a local user changes the parameter, or anybody deletes it', async () => {
    await put(LOCAL, 'federation-upstream', 'to-be-bobs', {uri: URI});
    assert.equal(ownerOf('to-be-bobs'), undefined);
    await drop(await header('bob'), 'shovel', 's');
    assert.equal(ownerOf('s'), undefined);
    assert.equal(ownerOf('u'), 'alice');
}, LIMIT_MS);

test('after a restart owners are known; what is gone or was changed is dropped; what has no owner is one line', async () => {
    // The last one: as if a local user had changed it while the broker ran without the add-on.
    const more = [...owners(), {...owners()[0], name: 'gone'}, {...owners()[0], vhost: 'gone'}, {...owners()[0], name: 'local'}];
    assert.equal(more[0].component, 'federation-upstream');
    await lavin.stop();
    writeFileSync(file, JSON.stringify(more), {mode: 0o600});
    await start();
    assert.deepEqual(owners().map(({name}) => name).sort(), ['set', 'u']);
    const lines = lavin.log.match(/.*were not made with a token.*/g);
    assert.equal(lines.length, 1);
    assert.match(lines[0], /2 shovels, upstreams or upstream sets were not made with a token and stay as they are: /);
    assert.match(lines[0], /federation-upstream "local" in "\/"/);
    assert.match(lines[0], /federation-upstream "to-be-bobs" in "\/"/);
    assert.match(lines[0], /addresses without a user or a host/);
}, LIMIT_MS);

// Without its temporary file LavinMQ stores nothing, as if it ended in that moment.
for (const [what, change] of [
    ['is changed by somebody else', async () => put(await header('bob'), 'federation-upstream', 'u', {uri: `${URI}other`})],
    ['is deleted', async () => drop(await header('alice'), 'federation-upstream', 'u')],
]) {
    test(`the broker ends while a parameter ${what}: what is there afterwards has its maker`, async () => {
        const temporary = join(directory.path, 'data', createHash('sha1').update('/').digest('hex'), 'parameters.json.tmp');
        mkdirSync(temporary);
        assert.notEqual((await change()).status, 204);
        rmdirSync(temporary);
        await restart();
        const shown = await lavin.http('/parameters/federation-upstream/%2F/u', await header('alice'));
        assert.equal(shown.body.value.uri, URI);
        assert.deepEqual(owners().filter(({name}) => name === 'u').map(({username}) => username), ['alice']);
    }, LIMIT_MS);
}

// To 2.8 LavinMQ fails at an entry that changes anything.
if (hasSignIn) test("a set's other exchange by one's own upstream ends when somebody else makes that upstream anew", async () => {
    const bob = await header('bob');
    const ada = bearer(await issuer.mint('ada', 'broker.read:*/* broker.tag:administrator'));
    const changing = [{upstream: 'bobs', exchange: 'payroll'}];
    // Links of changed upstreams are not among /api/federation-links.
    const links = () => (lavin.log.match(/lmq\.federation\.link.* upstream: "bobs"\] Starting$/gm) ?? []).length;
    const left = () => lavin.log.match(/federation-upstream-set .* an entry is left out.*/g);
    for (const name of ['x1', 'x2']) {
        await lavin.http(`/exchanges/%2F/${name}`, LOCAL, {method: 'PUT', body: {type: 'fanout', durable: true}});
    }
    assert.equal((await put(bob, 'federation-upstream', 'bobs', {uri: URI})).status, 201);
    assert.equal((await put(bob, 'federation-upstream-set', 'changing', changing)).status, 201);
    assert.equal((await put(ada, 'federation-upstream-set', 'adas', changing)).status, 201);
    for (const [exchange, set] of [['x1', 'changing'], ['x2', 'adas']]) {
        await lavin.http(`/policies/%2F/${set}`, LOCAL, {method: 'PUT', body: {
            pattern: `^${exchange}$`, definition: {'federation-upstream-set': set}, 'apply-to': 'exchanges'}});
    }
    await restart();
    await eventually(() => links() === 2, 'both links');
    assert.equal(left(), null);
    assert.equal((await put(LOCAL, 'federation-upstream', 'bobs', {uri: 'amqp://ops:secret@127.0.0.1:1/'})).status, 204);
    assert.equal((await put(bob, 'federation-upstream-set', 'changing', changing)).status, 403);
    await restart();
    await eventually(() => /Federation link state/.test(lavin.log), "the administrator's link");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(links(), 1);
    assert.equal(left()?.length, 1);
    assert.match(left()[0], /^federation-upstream-set "changing" in "\/", made by "bob": .* the upstream "bobs", which somebody else made/);
    for (const set of ['changing', 'adas']) {
        await lavin.http(`/policies/%2F/${set}`, LOCAL, {method: 'DELETE'});
        await drop(LOCAL, 'federation-upstream-set', set);
    }
    for (const name of ['x1', 'x2']) await lavin.http(`/exchanges/%2F/${name}`, LOCAL, {method: 'DELETE'});
    await drop(LOCAL, 'federation-upstream', 'bobs');
}, LIMIT_MS);

test('the broker ends while an import is stored: what is there afterwards has its maker', async () => {
    const temporary = join(directory.path, 'data', createHash('sha1').update('/').digest('hex'), 'parameters.json.tmp');
    const ada = bearer(await issuer.mint('ada', 'broker.read:*/* broker.tag:administrator'));
    await put(await header('alice'), 'federation-upstream', 'u', {uri: URI});
    mkdirSync(temporary);
    const parameters = [{vhost: '/', component: 'federation-upstream', name: 'u', value: {uri: `${URI}other`}}];
    await lavin.http('/definitions', ada, {method: 'POST', body: {parameters}}); // LavinMQ answers 200 all the same
    await lavin.logged(/parameters\.json\.tmp': Is a directory/);
    rmdirSync(temporary);
    await restart();
    assert.deepEqual(owners().filter(({name}) => name === 'u').map(({username}) => username), ['alice']);
    await drop(LOCAL, 'federation-upstream', 'u');
}, LIMIT_MS);

test("a file that can't be read is an error line and is kept; the broker works on", async () => {
    await lavin.stop();
    writeFileSync(file, '[{"vhost":', {mode: 0o600});
    await start();
    assert.match(lavin.log, /tokenward_owners\.json can't be read, .* kept as .*tokenward_owners\.json\.broken/);
    assert.equal(readFileSync(`${file}.broken`, 'utf8'), '[{"vhost":');
    await put(await header('carol'), 'federation-upstream', 'new', {uri: URI});
    assert.equal(ownerOf('new'), 'carol');
    await restart();
    assert.equal(ownerOf('new'), 'carol');
}, LIMIT_MS);

for (const [what, bytes] of [
    ['bytes that are no text', Buffer.from('[{"vhost": "\xff"}]', 'latin1')],
    ['a time that is none', Buffer.from(JSON.stringify([{vhost: '/', component: 'shovel', name: 's', issuer: 'i', username: 'u',
                                                         made_at: 'yesterday', sha256: '', administrator: false}]))],
    ['a date that is none', Buffer.from(JSON.stringify([{vhost: '/', component: 'shovel', name: 's', issuer: 'i', username: 'u',
                                                         made_at: '2026-02-31T00:00:00Z', sha256: '', administrator: false}]))],
]) {
    test(`the broker starts with a file that has ${what}`, async () => {
        await lavin.stop();
        writeFileSync(file, bytes, {mode: 0o600});
        await start();
        assert.match(lavin.log, /tokenward_owners\.json can't be read, /);
        assert.deepEqual(readFileSync(`${file}.broken`), bytes);
    }, LIMIT_MS);
}

test("what can't be recorded isn't made, and the answer says so", async () => {
    mkdirSync(`${file}.tmp`);
    const carol = await header('carol');
    const {status, body} = await put(carol, 'federation-upstream', 'unrecorded', {uri: URI});
    assert.equal(status, 500);
    assert.match(body.reason, /^who makes it can't be recorded: /);
    assert.equal((await lavin.http('/parameters/federation-upstream/%2F/unrecorded', LOCAL)).status, 404);
    const ada = bearer(await issuer.mint('ada', 'broker.read:*/* broker.tag:administrator'));
    const parameters = ['unrecorded', 'either'].map((name) => ({vhost: '/', component: 'federation-upstream', name, value: {uri: URI}}));
    const upstreams = async () => (await lavin.http('/parameters/federation-upstream/%2F', LOCAL)).body.map(({name}) => name);
    const import_ = () => lavin.http('/definitions', ada, {method: 'POST', body: {parameters}});
    assert.equal((await import_()).status, 500);
    assert.deepEqual((await upstreams()).filter((name) => /unrecorded|either/.test(name)), []);
    rmdirSync(`${file}.tmp`);
    assert.equal((await import_()).status, 200);
    assert.deepEqual(owners().map(({name, username}) => `${name} ${username}`), ['unrecorded ada', 'either ada']);
    for (const name of ['unrecorded', 'either']) await drop(LOCAL, 'federation-upstream', name);
    await put(carol, 'federation-upstream', 'recorded', {uri: URI});
    assert.deepEqual(owners().map(({name}) => name), ['recorded']);
}, LIMIT_MS);

await runAll(before, after);
