// Shovels and federation upstreams that a token's user makes: where LavinMQ may connect for him, and as whom.
import assert from 'node:assert/strict';
import {connect, createServer} from 'node:net';

import {encodeTable} from 'amqplib/lib/codec.js';

import {bearer} from '../support/lavinmq.mjs';
import {eventually, test} from '../support/tap.mjs';
import {LOCAL, everything, mint, world} from './world.mjs';

const BOB = 'configure:team/* read:team/* write:team/* tag:policymaker';

const vhosts = async () => {
    for (const vhost of ['team', 'prod']) await world.lavin.http(`/vhosts/${vhost}`, LOCAL, {method: 'PUT', body: {}});
};
const put = (header, component, name, value) =>
    world.lavin.http(`/parameters/${component}/team/${name}`, header, {method: 'PUT', body: {value}});
const drop = (component, name) => world.lavin.http(`/parameters/${component}/team/${name}`, LOCAL, {method: 'DELETE'});
const isThere = async (component, name) =>
    (await world.lavin.http(`/parameters/${component}/team/${name}`, LOCAL)).status === 200;

/** LavinMQ to 2.8 can't apply a set whose entry has more than an upstream. */
const TO_2_8 = /^2\.[0-8]\./.test(process.env.TOKENWARD_LAVINMQ_VERSION ?? '');

/** An address that is well formed, for a broker that nobody reaches. */
const GOOD = 'amqp://bob:secret@127.0.0.1:1/prod';

const shovel = (more) => ({'src-uri': GOOD, 'src-queue': 'a', 'dest-uri': GOOD, 'dest-queue': 'b', ...more});

// The address, and what the answer says of it. The port is the broker's own.
const refused = [
    ["LavinMQ's internal user, a scheme of no meaning", 'x://:PORT/prod', /its scheme must be one of/],
    ["LavinMQ's internal user, no scheme", '//:PORT/prod', /its scheme must be one of/],
    ["LavinMQ's internal user, WebSocket", 'ws://:HTTP/prod', /its scheme must be one of/],
    ["LavinMQ's internal user, in capitals", 'WS://:HTTP/prod', /its scheme must be one of/],
    ['nothing but a scheme', 'amqp://', /it has no host/],
    ['no host', 'amqp:///prod', /it has no host/],
    ['no slashes', 'amqp:prod', /it has no host/],
    ['an empty text', '', /its scheme must be one of/],
    ['no host, but a user', 'amqp://bob:secret@:PORT/prod', /it has no host/],
    ['an empty IPv6 address', 'amqp://bob:secret@[]:PORT/prod', /it has no host/],
    ['a socket', 'amqp://bob:secret@%2Ftmp%2Flavinmq.sock/prod', /it has no host, or none that can be one/],
    ['a second @', 'amqp://bob:secret@x@127.0.0.1:PORT/prod', /it has no host, or none that can be one/],
    ['the default user, unnamed', 'amqp://127.0.0.1:PORT/prod', /it has no user/],
    ['an empty user', 'amqp://:secret@127.0.0.1:PORT/prod', /it has no user/],
    ['no password', 'amqp://bob@127.0.0.1:PORT/prod', /it has no password/],
    ['an empty password', 'amqp://bob:@127.0.0.1:PORT/prod', /it has no password/],
    ['the mask of a password', 'amqp://bob:***@127.0.0.1:PORT/prod', /its password is the \*\*\* that stands for one/],
    ['the default user, from afar', 'amqp://guest:guest@127.0.0.1:PORT/prod', /its user is the default user/],
    ['the default user, encoded', 'amqp://%67uest:guest@127.0.0.1:PORT/prod', /its user is the default user/],
    ['the default user, encoded twice', 'amqp://%2567uest:guest@127.0.0.1:PORT/prod', /its user is the default user/],
    ['the internal user by name, encoded twice', 'amqp://%255f_direct:secret@127.0.0.1:PORT/prod', /its user is LavinMQ's internal one/],
    ['the internal user by name', 'amqp://__direct:secret@127.0.0.1:PORT/prod', /its user is LavinMQ's internal one/],
    ['the internal user by name, encoded', 'amqp://%5f_direct:secret@127.0.0.1:PORT/prod', /its user is LavinMQ's internal one/],
    ["a file of the broker's machine, such as a FIFO, at which LavinMQ waits for ever", `${GOOD}?keyfile=/run/initctl`,
     /its parameter .*keyfile.* is not allowed/],
    ['no end of memory', `${GOOD}?buffer_size=2147483647`, /its parameter .*buffer_size.* is not allowed/],
    ["a frame_max that lets that server take as much memory", `${GOOD}?frame_max=4294967295`,
     /its parameter frame_max must be a number from 4096 to 131072/],
    ['the same behind a good one', `${GOOD}?frame_max=4096&frame_max=131073`, /its parameter frame_max must be/],
    ['a frame_max that is too small', `${GOOD}?frame_max=8`, /its parameter frame_max must be/],
    ['a channel_max that is no number', `${GOOD}?channel_max=+1`, /its parameter channel_max must be a number/],
    ['a heartbeat out of range', `${GOOD}?heartbeat=65536`, /its parameter heartbeat must be a number from 0 to 65535/],
    ["much of the kernel's memory", `${GOOD}?recv_buffer_size=2147483647`, /its parameter recv_buffer_size must be/],
    ['a negative buffer', `${GOOD}?send_buffer_size=-1`, /its parameter send_buffer_size must be/],
    ['a bad port', 'amqp://bob:secret@127.0.0.1:secret/prod', /it can't be read/],
    ['bytes that are no text', 'amqp://bob:secret@%ff%fe/prod', /it has no host/],
    ['no text', 7, /must be a text/],
    ['null', null, /must be a text/],
    ['an object', {}, /must be a text/],
];

const address = (text) => typeof text === 'string' ?
    text.replace('PORT', world.lavin.port).replace('HTTP', world.lavin.httpPort) : text;

for (const [what, text, why] of refused) {
    test(`an address of a token's user is refused: ${what}`, async () => {
        await vhosts();
        const header = bearer(await mint('bob', BOB));
        const bad = address(text);
        const cases = [
            ['src-uri', 'shovel', shovel({'src-uri': bad})],
            ['src-uri', 'shovel', shovel({'src-uri': [GOOD, bad]})],
            ['dest-uri', 'shovel', shovel({'dest-uri': bad})],
            ['dest-uri', 'shovel', shovel({'dest-uri': [GOOD, bad]})],
            ['uri', 'federation-upstream', {uri: bad}],
            ['entry 1: uri', 'federation-upstream-set', [{upstream: 'none', uri: bad}]],
        ];
        for (const [field, component, value] of cases) {
            const {status, body} = await put(header, component, 'refused', value);
            assert.equal(status, 400, `${component} ${JSON.stringify(value)}: ${status} ${JSON.stringify(body)}`);
            assert.equal(body.error, 'bad_request');
            assert.ok(body.reason.startsWith(field), body.reason);
            assert.match(body.reason, why);
            assert.match(body.reason, /amqps:\/\/USER:PASSWORD@HOST\/VHOST/);
            assert.doesNotMatch(body.reason, /secret/);
            assert.ok(!await isThere(component, 'refused'));
        }
    });
}

for (const [what, component, value, why] of [
    ['a shovel that is no object', 'shovel', 'text', /a shovel's value must be a JSON object/],
    ['a shovel that is an array', 'shovel', [1], /a shovel's value must be a JSON object/],
    ['no source', 'shovel', {'dest-uri': GOOD, 'src-queue': 'a', 'dest-queue': 'b'}, /^src-uri must be a text/],
    ['no destination', 'shovel', {'src-uri': GOOD, 'src-queue': 'a', 'dest-queue': 'b'}, /^dest-uri must be a text/],
    ['an empty list', 'shovel', shovel({'src-uri': []}), /^src-uri: the array is empty/],
    ['HTTP as a source', 'shovel', shovel({'src-uri': 'http://bob:secret@127.0.0.1:1/'}), /must be one of amqp, amqps\./],
    ['HTTP without a user', 'shovel', shovel({'dest-uri': 'http://127.0.0.1:1/'}), /it has no user/],
    ['HTTP as the default user', 'shovel', shovel({'dest-uri': 'https://guest:guest@127.0.0.1:1/'}), /the default user/],
    ['an upstream that is no object', 'federation-upstream', [], /an upstream's value must be a JSON object/],
    ['an upstream without address', 'federation-upstream', {}, /^uri must be a text/],
    ['an upstream with a list', 'federation-upstream', {uri: [GOOD]}, /^uri must be a text/],
    ['a set that is no array', 'federation-upstream-set', {}, /must be a JSON array/],
    ['a set of texts', 'federation-upstream-set', ['up'], /entry 1: it must be a JSON object/],
]) {
    test(`a parameter of a token's user is refused with 400: ${what}`, async () => {
        await vhosts();
        const {status, body} = await put(bearer(await mint('bob', BOB)), component, 'refused', value);
        assert.equal(status, 400, JSON.stringify(body));
        assert.match(body.reason, why);
        assert.doesNotMatch(body.reason, /secret/);
        assert.ok(!await isThere(component, 'refused'));
    });
}

const LARGE = 2 ** 40;
const bad = {
    shovel: [
        ['src-prefetch-count', [-1, 65536, 1.5, '1', null, LARGE]], ['reconnect-delay', [0, -5, 1.5, '1', null, LARGE, 60, 3600]],
        ['ack-mode', [5, 'never', null]], ['src-delete-after', [5, 'soon', []]], ['src-consumer-args', [[1], 'x', null]],
        ...['src-queue', 'src-exchange', 'src-exchange-key', 'dest-queue', 'dest-exchange', 'dest-exchange-key']
            .map((name) => [name, [5, null, {}]]),
    ],
    'federation-upstream': [
        ['prefetch-count', [-1, 65536, null, LARGE]], ['reconnect-delay', [0, -5, '1', LARGE]], ['ack-mode', [5, 'never', null]],
        ['max-hops', [-1, '1']], ['expires', [-1, 1.5]], ['message-ttl', [-1, []]], ['consumer-tag', [5]],
        ['exchange', [5, null]], ['queue', [[], null]],
    ],
    'federation-upstream-set': [
        ['prefetch-count', [-1, 65536, null, LARGE]], ['reconnect-delay', [0, null, LARGE]], ['ack-mode', [5, 'never', null]],
        ['max-hops', ['1', null]], ['expires', [1.5, null]], ['message-ttl', [[], null]], ['exchange', [5]], ['queue', [null]],
    ],
};

for (const [component, members] of Object.entries(bad)) {
    test(`what LavinMQ can't apply is refused with 400 to a token's user, and its password isn't logged: ${component}`, async () => {
        await vhosts();
        const header = bearer(await mint('bob', BOB));
        assert.equal((await put(header, 'federation-upstream', 'known', {uri: GOOD})).status, 201);
        const from = world.lavin.log.length;
        const uri = 'amqp://bob:verysecret@127.0.0.1:1/prod';
        const of = {
            'shovel': (more) => shovel({'src-uri': uri, ...more}),
            'federation-upstream': (more) => ({uri, ...more}),
            'federation-upstream-set': (more) => [{upstream: 'known'}, {upstream: 'known', uri, ...more}],
        }[component];
        for (const [name, values] of members) {
            for (const value of values) {
                const {status, body} = await put(header, component, 'refused', of({[name]: value}));
                assert.equal(status, 400, `${name} ${JSON.stringify(value)}: ${status} ${JSON.stringify(body)}`);
                assert.match(body.reason, new RegExp(`^(entry 2: )?${name} must be `));
                assert.ok(!await isThere(component, 'refused'));
            }
        }
        assert.doesNotMatch(world.lavin.log.slice(from), /verysecret/);
        assert.equal((await drop('federation-upstream', 'known')).status, 204);
    });
}

test("a token's user gets 400 for a set of an upstream that isn't there, and its token isn't logged", async () => {
    await vhosts();
    const token = await mint('bob', BOB);
    const from = world.lavin.log.length;
    const uri = `amqp://bob:${token}@127.0.0.1:1/team`;
    const {status, body} = await put(bearer(token), 'federation-upstream-set', 'refused', [{upstream: 'nobody', uri}]);
    assert.equal(status, 400);
    assert.equal(body.reason, 'entry 1: there is no upstream "nobody" in this vhost: make it first');
    assert.ok(!await isThere('federation-upstream-set', 'refused'));
    assert.ok(!world.lavin.log.slice(from).includes(token.split('.')[1].slice(0, 40)));
});

test("members that LavinMQ takes are taken from a token's user", async () => {
    await vhosts();
    const header = bearer(await mint('bob', BOB));
    const address = `${GOOD}?frame_max=4096&heartbeat=30&channel_max=0&recv_buffer_size=65536`;
    for (const [component, value] of [
        ['shovel', shovel({'src-uri': address, 'src-prefetch-count': 0, 'reconnect-delay': 1, 'ack-mode': 'no-ack',
                           'src-delete-after': 'queue-length', 'src-consumer-args': {'x-stream-offset': 'first'}})],
        ['federation-upstream', {uri: address, 'prefetch-count': 65535, 'reconnect-delay': 60, 'ack-mode': 'on-publish',
                                 'max-hops': 2, 'expires': null, 'message-ttl': null, 'exchange': '', 'queue': '',
                                 'consumer-tag': 'mine'}],
    ]) {
        assert.equal((await put(header, component, 'taken', value)).status, 201, component);
        assert.equal((await drop(component, 'taken')).status, 204);
    }
});

test("a local user's parameter that LavinMQ can't apply is answered as before, and its password isn't logged", async () => {
    await vhosts();
    const from = world.lavin.log.length;
    const uri = 'amqp://bob:verysecret@127.0.0.1:1/prod';
    for (const [component, value] of [
        ['shovel', shovel({'src-uri': [uri], 'src-prefetch-count': -1})],
        ['federation-upstream', {uri, 'prefetch-count': -1}],
        ['federation-upstream-set', [{upstream: 'nobody', uri}]],
    ]) {
        const {status} = await put(LOCAL, component, 'local', value);
        assert.equal(status, 500, component);
        assert.ok(!await isThere(component, 'local'));
        await world.lavin.logged(new RegExp(`Parameter ${component}/local can't be applied: .*bob:\\*\\*\\*@`), from);
    }
    assert.doesNotMatch(world.lavin.log.slice(from), /verysecret/);
});

test("a refused address has a line with the user and without the password, and the component's name may be encoded", async () => {
    await vhosts();
    const from = world.lavin.log.length;
    const header = bearer(await mint('bob', BOB));
    const {status} = await put(header, '%73hovel', 'refused', shovel({'src-uri': 'amqp://bob:verysecret@/prod'}));
    assert.equal(status, 400);
    await world.lavin.logged(/HTTP: refused to user "bob": src-uri "amqp:\/\/\*\*\*@\/prod": it has no host/, from);
    assert.doesNotMatch(world.lavin.log.slice(from), /verysecret/);
});

test("an administrator's token imports no such address, and then nothing at all", async () => {
    await vhosts();
    const header = bearer(await mint('ada', 'tag:administrator'));
    const definitions = {
        queues: [{name: 'imported', vhost: 'team', durable: false, auto_delete: false, arguments: {}}],
        parameters: [
            {component: 'federation-upstream', vhost: 'team', name: 'refused-1', value: {uri: GOOD}},
            {component: 'shovel', vhost: 'team', name: 'refused-2', value: shovel({'src-uri': 'amqp://'})},
        ],
    };
    const upload = (path) => {
        const form = new FormData();
        form.set('file', new Blob([JSON.stringify(definitions)]), 'definitions.json');
        return fetch(`http://127.0.0.1:${world.lavin.httpPort}/api${path}`,
                     {method: 'POST', headers: {authorization: header}, body: form});
    };
    for (const send of [
        () => world.lavin.http('/definitions', header, {method: 'POST', body: definitions}),
        () => world.lavin.http('/definitions/team', header, {method: 'POST', body: definitions}),
        () => world.lavin.http('/definitions/upload', header, {method: 'POST', body: definitions}),
        () => upload('/definitions/upload'),
        () => upload('/definitions/team/upload'),
    ]) {
        assert.equal((await send()).status, 400);
        assert.ok(!await isThere('federation-upstream', 'refused-1'));
        assert.ok(!await isThere('shovel', 'refused-2'));
        assert.equal((await world.lavin.http('/queues/team/imported', LOCAL)).status, 404);
    }
});

test('only an administrator imports or reads definitions, of one vhost too', async () => {
    await vhosts();
    const header = bearer(await mint('bob', `${BOB} tag:management tag:monitoring`));
    for (const path of ['/definitions', '/definitions/team', '/definitions/upload', '/definitions/team/upload']) {
        assert.equal((await world.lavin.http(path, header, {method: 'POST', body: {}})).status, 403, path);
    }
    for (const path of ['/definitions', '/definitions/team']) {
        assert.equal((await world.lavin.http(path, header)).status, 403, path);
    }
});

test('a shovel whose addresses have a token does what that token may, and no more', async () => {
    await vhosts();
    const own = await mint('bob', BOB);
    const channel = await (await world.lavin.connect(own, {vhost: 'team'})).createChannel();
    for (const queue of ['from', 'to']) await channel.assertQueue(queue, {durable: false});
    const local = await world.lavin.connect('guest', {username: 'guest', vhost: 'prod'});
    const there = await local.createChannel();
    await there.assertQueue('orders', {durable: false});
    there.sendToQueue('orders', Buffer.from('for prod only'));
    channel.sendToQueue('from', Buffer.from('of the team'));

    const at = (vhost) => `amqp://bob:${own}@127.0.0.1:${world.lavin.port}/${vhost}`;
    const header = bearer(own);
    assert.equal((await put(header, 'shovel', 'mine', shovel({
        'src-uri': at('team'), 'src-queue': 'from', 'dest-uri': [at('team')], 'dest-queue': 'to',
    }))).status, 201);
    await eventually(async () => (await channel.checkQueue('to')).messageCount === 1, 'the message');
    assert.equal((await put(header, 'shovel', 'theirs', shovel({
        'src-uri': at('prod'), 'src-queue': 'orders', 'dest-uri': at('team'), 'dest-queue': 'to',
    }))).status, 201);
    const state = async () => (await world.lavin.http('/shovels/team/theirs', header)).body.state;
    await eventually(async () => await state() === 'Error', "the shovel's refusal");
    assert.equal((await there.checkQueue('orders')).messageCount, 1);
    for (const name of ['mine', 'theirs']) {
        assert.equal((await world.lavin.http(`/parameters/shovel/team/${name}`, header, {method: 'DELETE'})).status, 204);
    }
    await there.deleteQueue('orders');
    await local.close();
});

test('passwords in addresses are shown to who made them and to an administrator, not to the others of the vhost', async () => {
    await vhosts();
    const [bob, carol] = [bearer(await mint('bob', BOB)), bearer(await mint('carol', BOB))];
    const ada = bearer(await mint('ada', 'tag:administrator'));
    const up = 'amqp://ops:se:cret@127.0.0.1:1/v';
    const value = shovel({'dest-uri': [GOOD, 'https://bob:secret@127.0.0.1:1/p']});
    assert.equal((await put(LOCAL, 'federation-upstream', 'shown', {uri: up})).status, 201);
    assert.equal((await put(bob, 'shovel', 'shown', value)).status, 201);
    const seen = async (who, component) => {
        const one = (await world.lavin.http(`/parameters/${component}/team/shown`, who)).body;
        for (const path of ['/parameters', `/parameters/${component}`, `/parameters/${component}/team`]) {
            const {body} = await world.lavin.http(path, who);
            assert.deepEqual(body.find((p) => p.name === 'shown' && p.component === component), one);
        }
        return one.value;
    };
    const masked = 'amqp://bob:***@127.0.0.1:1/prod';
    assert.deepEqual(await seen(bob, 'shovel'), value);
    assert.deepEqual(await seen(carol, 'shovel'),
        {...value, 'src-uri': masked, 'dest-uri': [masked, 'https://bob:***@127.0.0.1:1/p']});
    for (const who of [bob, carol]) {
        assert.deepEqual(await seen(who, 'federation-upstream'), {uri: 'amqp://ops:***@127.0.0.1:1/v'});
    }
    for (const who of [ada, LOCAL]) {
        assert.deepEqual(await seen(who, 'shovel'), value);
        assert.deepEqual(await seen(who, 'federation-upstream'), {uri: up});
    }
    await drop('shovel', 'shown');
    await drop('federation-upstream', 'shown');
});

test("passwords in global parameters are shown to administrators only", async () => {
    await vhosts();
    const value = {address: 'amqp://ops:secret@127.0.0.1:1/v', other: 7};
    const path = '/global-parameters/shown';
    assert.equal((await world.lavin.http(path, LOCAL, {method: 'PUT', body: {value}})).status, 201);
    const ada = bearer(await mint('ada', 'tag:administrator'));
    const bob = bearer(await mint('bob', BOB));
    const shown = [[ada, value.address], [LOCAL, value.address]];
    if (/^2\.7\./.test(process.env.TOKENWARD_LAVINMQ_VERSION)) { // shows them to administrators only
        assert.equal((await world.lavin.http(path, bob)).status, 403);
        assert.equal((await world.lavin.http('/global-parameters', bob)).status, 403);
    } else {
        shown.push([bob, 'amqp://ops:***@127.0.0.1:1/v']);
    }
    for (const [who, address] of shown) {
        assert.deepEqual((await world.lavin.http(path, who)).body.value, {...value, address});
        const {body} = await world.lavin.http('/global-parameters', who);
        assert.deepEqual(body.find((one) => one.name === 'shown').value, {...value, address});
    }
    await world.lavin.http(path, LOCAL, {method: 'DELETE'});
});

// The upstream is a vhost of the same broker, where a hostile user may do anything.
for (const [what, maker, links, cleaned] of [
    ["a token's user", 'bob', 'upstream', true],
    ["a token's user, in a set", 'bob', 'set', true],
    ['a local user', 'guest', 'upstream', false],
]) {
    test(`what a federated message says of other queues and users counts by who made the upstream: ${what}`, async () => {
        await vhosts();
        const own = await mint('bob', 'configure:team/bob-* read:team/bob-* write:team/bob-* tag:policymaker');
        const header = maker === 'bob' ? bearer(own) : LOCAL;
        const local = await world.lavin.connect('guest', {username: 'guest', vhost: 'prod'});
        const there = await local.createChannel();
        const here = await (await world.lavin.connect('guest', {username: 'guest', vhost: 'team'})).createChannel();
        const channel = await (await world.lavin.connect(own, {vhost: 'team'})).createChannel();
        for (const queue of ['victim', 'copied']) await here.assertQueue(queue, {durable: false});
        for (const side of [there, channel]) await side.assertQueue('bob-q', {durable: false});
        const uri = `amqp://mallory:secret@127.0.0.1:${world.lavin.port}/prod`;
        await world.lavin.http('/users/mallory', LOCAL, {method: 'PUT', body: {password: 'secret', tags: ''}});
        await world.lavin.http('/permissions/prod/mallory', LOCAL,
            {method: 'PUT', body: {configure: '.*', read: '.*', write: '.*'}});
        let definition = {'federation-upstream': 'up'};
        if (links === 'set') {
            assert.equal((await put(LOCAL, 'federation-upstream', 'up', {uri: GOOD})).status, 201);
            const {status, body} = await put(header, 'federation-upstream-set', 'many', [{upstream: 'up', uri}]);
            if (TO_2_8) {
                assert.equal((await drop('federation-upstream', 'up')).status, 204);
                return assert.match(body.reason, /^this LavinMQ can't apply it/);
            }
            assert.equal(status, 201);
            definition = {'federation-upstream-set': 'many'};
        } else {
            assert.equal((await put(header, 'federation-upstream', 'up', {uri})).status, 201);
        }
        const policy = {pattern: '^bob-q$', definition};
        assert.equal((await world.lavin.http('/policies/team/fed', header, {method: 'PUT', body: policy})).status, 201);
        const got = [];
        await channel.consume('bob-q', (message) => {
            got.push(message);
            channel.nack(message, false, false);
        });
        there.sendToQueue('bob-q', Buffer.from('x'), {
            headers: {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'victim', 'CC': ['copied'], 'kept': 'yes'},
            userId: 'guest',
        });
        await eventually(() => got.length === 1, 'the federated message');
        assert.equal(got[0].properties.headers.kept, 'yes');
        const count = async (queue) => (await here.checkQueue(queue)).messageCount;
        if (cleaned) {
            assert.equal(got[0].properties.headers['x-dead-letter-exchange'], undefined);
            assert.equal(got[0].properties.headers.CC, undefined);
            assert.equal(got[0].properties.userId, undefined);
            assert.equal(await count('victim'), 0);
            assert.equal(await count('copied'), 0);
        } else {
            assert.equal(got[0].properties.userId, 'guest');
            await eventually(async () => await count('victim') === 1 && await count('copied') === 1, 'the other queues');
        }
        await world.lavin.http('/policies/team/fed', LOCAL, {method: 'DELETE'});
        if (links === 'set') await drop('federation-upstream-set', 'many');
        await drop('federation-upstream', 'up');
        for (const queue of ['victim', 'copied', 'bob-q']) await here.deleteQueue(queue);
        await there.deleteQueue('bob-q');
        await world.lavin.http('/users/mallory', LOCAL, {method: 'DELETE'});
        await local.close();
    });
}

/** An AMQP message with the headers of all parts one after the other, so that a name can come twice. */
function withHeaders(channel, queue, parts) {
    const size = (length) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(length); return bytes; };
    const frame = (type, payload) => Buffer.concat([Buffer.from([type, 0, channel]), size(payload.length), payload, Buffer.from([0xce])]);
    const fields = Buffer.concat(parts.map((part) => {
        const bytes = Buffer.alloc(1000);
        return bytes.subarray(4, encodeTable(bytes, part, 0));
    }));
    return Buffer.concat([
        frame(1, Buffer.concat([Buffer.from([0, 60, 0, 40, 0, 0, 0, queue.length]), Buffer.from(queue), Buffer.from([0])])),
        frame(2, Buffer.concat([Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 0]), size(fields.length), fields])),
        frame(3, Buffer.from('x'))]);
}

/** A vhost of the same broker as an upstream, its connections through a server of ours: `held` ones are not passed on. */
async function upstreamServer() {
    const server = createServer((socket) => {
        socket.on('error', () => {});
        if (server.holding) return server.held.push(socket);
        const onward = connect(world.lavin.port, '127.0.0.1');
        onward.on('error', () => {});
        socket.pipe(onward).pipe(socket);
    });
    server.held = [];
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    await world.lavin.http('/users/mallory', LOCAL, {method: 'PUT', body: {password: 'secret', tags: ''}});
    await world.lavin.http('/permissions/prod/mallory', LOCAL, {method: 'PUT', body: {configure: '.*', read: '.*', write: '.*'}});
    return server;
}

test('a header that a federated message has twice is taken away twice', async () => {
    await vhosts();
    const server = await upstreamServer();
    const own = await mint('bob', 'configure:team/bob-* read:team/bob-* write:team/bob-* tag:policymaker');
    const local = await world.lavin.connect('guest', {username: 'guest', vhost: 'prod'});
    const there = await local.createChannel();
    const channel = await (await world.lavin.connect(own, {vhost: 'team'})).createChannel();
    for (const side of [there, channel]) await side.assertQueue('bob-q', {durable: false});
    const uri = `amqp://mallory:secret@127.0.0.1:${server.address().port}/prod`;
    assert.equal((await put(bearer(own), 'federation-upstream', 'twice', {uri})).status, 201);
    const policy = {pattern: '^bob-q$', definition: {'federation-upstream': 'twice'}};
    assert.equal((await world.lavin.http('/policies/team/twice', bearer(own), {method: 'PUT', body: policy})).status, 201);
    const got = [];
    await channel.consume('bob-q', (message) => got.push(message), {noAck: true});
    const more = {'CC': ['copied'], 'BCC': ['copied'], 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'victim'};
    local.connection.stream.write(withHeaders(there.ch, 'bob-q', [{...more, CC: ['no'], BCC: ['no']}, {kept: 'yes'}, more]));
    await eventually(() => got.length === 1, 'the federated message');
    assert.equal(got[0].properties.headers.kept, 'yes');
    for (const name of Object.keys(more)) assert.equal(got[0].properties.headers[name], undefined, name);
    await world.lavin.http('/policies/team/twice', LOCAL, {method: 'DELETE'});
    await drop('federation-upstream', 'twice');
    await channel.deleteQueue('bob-q');
    await there.deleteQueue('bob-q');
    await local.close();
    server.close();
});

test("an upstream that is deleted while LavinMQ waits for the server of the one before is gone", async () => {
    await vhosts();
    const server = await upstreamServer();
    const own = await mint('bob', 'configure:team/bob-* read:team/bob-* write:team/bob-* tag:policymaker');
    const header = bearer(own);
    const channel = await (await world.lavin.connect(own, {vhost: 'team'})).createChannel();
    await channel.assertExchange('bob-x', 'fanout', {durable: false});
    const upstream = {uri: `amqp://mallory:secret@127.0.0.1:${server.address().port}/prod`};
    const policy = () => world.lavin.http('/policies/team/again', header,
        {method: 'PUT', body: {pattern: '^bob-x$', definition: {'federation-upstream': 'again'}}});
    const links = async () => (await world.lavin.http('/federation-links/team', LOCAL)).body;
    assert.equal((await put(header, 'federation-upstream', 'again', upstream)).status, 201);
    assert.equal((await policy()).status, 201);
    await eventually(async () => (await links())[0]?.status === 'running', 'the link');
    server.holding = true; // LavinMQ deletes what the link made on its server, and waits for that
    const second = put(header, 'federation-upstream', 'again', upstream);
    await eventually(() => server.held.length > 0, 'the cleanup');
    assert.equal((await world.lavin.http('/parameters/federation-upstream/team/again', header, {method: 'DELETE'})).status, 204);
    server.holding = false;
    for (const socket of server.held) socket.destroy();
    await second;
    await world.lavin.http('/policies/team/again', header, {method: 'DELETE'});
    assert.equal((await policy()).status, 201);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual(await links(), []);
    await world.lavin.http('/policies/team/again', LOCAL, {method: 'DELETE'});
    await channel.deleteExchange('bob-x');
    server.close();
});

/**
 * A destination that is no broker: it wants frames of that size, takes the login, and then whatever comes. `seen` tells how
 * many connections and bytes came, and which methods.
 */
async function destination(frameMax) {
    const frame = (channel, type, method, ...parts) => {
        const payload = Buffer.concat([Buffer.from([0, type, 0, method]), ...parts]);
        const head = Buffer.from([1, 0, channel, 0, 0, 0, 0]);
        head.writeUInt32BE(payload.length, 3);
        return Buffer.concat([head, payload, Buffer.from([0xce])]);
    };
    const long = (text) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
    const tune = Buffer.from([0, 10, 0, 0, 0, 0, 0, 0]);
    tune.writeUInt32BE(frameMax, 2);
    const answers = {
        [10_011]: () => frame(0, 10, 30, tune),
        [10_040]: () => frame(0, 10, 41, Buffer.from([0])),
        [10_050]: () => frame(0, 10, 51),
        [20_010]: (channel) => frame(channel, 20, 11, Buffer.alloc(4)),
        [20_040]: (channel) => frame(channel, 20, 41),
        [85_010]: (channel) => frame(channel, 85, 11),
        [50_010]: (channel) => frame(channel, 50, 11, Buffer.from([1, 0x61]), Buffer.alloc(8)),
    };
    const seen = {received: 0, connections: 0, methods: new Set()};
    const server = createServer((socket) => {
        let rest = Buffer.alloc(0);
        let started = false;
        seen.connections++;
        socket.on('error', () => {});
        socket.on('data', (data) => {
            seen.received += data.length;
            if (seen.received > 1_000_000) return socket.destroy();
            rest = Buffer.concat([rest, data]);
            if (!started && rest.length >= 8) {
                [started, rest] = [true, rest.subarray(8)];
                socket.write(frame(0, 10, 10, Buffer.from([0, 9]), Buffer.alloc(4), long('PLAIN'), long('en_US')));
            }
            while (started && rest.length >= 8 && rest.length >= rest.readUInt32BE(3) + 8) {
                const [type, channel, size] = [rest[0], rest.readUInt16BE(1), rest.readUInt32BE(3)];
                const method = type === 1 ? rest.readUInt16BE(7) * 1000 + rest.readUInt16BE(9) : 0;
                rest = rest.subarray(size + 8);
                seen.methods.add(method);
                if (answers[method]) socket.write(answers[method](channel));
            }
        });
    });
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    return {server, seen, uri: `amqp://bob:secret@127.0.0.1:${server.address().port}/`};
}

test("a shovel doesn't write empty frames without end to a server that wants frames of 8 bytes", async () => {
    await vhosts();
    const {server, seen, uri} = await destination(8);
    const own = await mint('bob', BOB);
    const channel = await (await world.lavin.connect(own, {vhost: 'team'})).createChannel();
    await channel.assertQueue('small', {durable: false});
    channel.sendToQueue('small', Buffer.from('x'));
    assert.equal((await put(bearer(own), 'shovel', 'small', shovel({
        'src-uri': `amqp://bob:${own}@127.0.0.1:${world.lavin.port}/team`, 'src-queue': 'small',
        'dest-uri': uri, 'reconnect-delay': 1,
    }))).status, 201);
    await eventually(() => seen.connections >= 2 || seen.received > 1_000_000, 'the next attempt');
    assert.ok(seen.received < 100_000, `${seen.received} bytes`);
    const {error} = (await world.lavin.http('/shovels/team/small', bearer(own))).body;
    assert.match(error, /the server wants frames of at most 8 bytes; AMQP's least is 4096/);
    await drop('shovel', 'small');
    await channel.deleteQueue('small');
    server.close();
});

test("a local user's shovel may want frames without a limit", async () => {
    await vhosts();
    const {server, seen, uri} = await destination(0);
    assert.equal((await put(LOCAL, 'shovel', 'no-limit', shovel({
        'src-uri': `amqp://guest:guest@127.0.0.1:${world.lavin.port}/team`, 'src-queue': 'no-limit', 'dest-uri': `${uri}?frame_max=0`,
    }))).status, 201);
    await eventually(() => seen.methods.has(20_010), 'a channel');
    await drop('shovel', 'no-limit');
    await world.lavin.http('/queues/team/no-limit', LOCAL, {method: 'DELETE'});
    server.close();
});

test("a local user's addresses are as LavinMQ takes them", async () => {
    await vhosts();
    for (const [component, value] of [
        ['shovel', shovel({'src-uri': 'amqp:///team', 'dest-uri': ['amqp://', `http://127.0.0.1:${world.lavin.httpPort}/x`]})],
        ['federation-upstream', {uri: 'amqp://'}],
        ['federation-upstream', {uri: 'amqp://guest:guest@127.0.0.1:1/'}],
    ]) {
        assert.equal((await put(LOCAL, component, 'local', value)).status, 201);
        assert.equal((await drop(component, 'local')).status, 204);
    }
});
