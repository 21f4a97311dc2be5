// The HTTP API: it logs in anew for every request.
import assert from 'node:assert/strict';
import {connect} from 'node:net';

import {basic, bearer, hasSignIn} from '../support/lavinmq.mjs';
import {run} from '../support/programs.mjs';
import {eventually, test} from '../support/tap.mjs';
import {ALL, LOCAL, enter, everything, mint, world} from './world.mjs';

/** The header or the cookie; LavinMQ's own pages keep a login in m, and a sign-in at the provider in oauth_token. */
const ways = {
    'Basic user:token': (token) => [basic('whoever', token)],
    Bearer: (token) => [bearer(token)],
    'bearer in small letters': (token) => [`bearer ${token}`],
    "the cookie of LavinMQ's pages": (token) =>
        [undefined, {cookie: `m=|:${encodeURIComponent(Buffer.from(`whoever:${token}`).toString('base64'))}`}],
    ...(hasSignIn && {
        'the cookie of a sign-in at the provider': (token) => [undefined, {cookie: `oauth_token=${token}`}],
    }),
};

for (const [way, how] of Object.entries(ways)) {
    test(`HTTP: ${way} with a tag of management is let in`, async () => {
        const {status, body} = await world.lavin.http('/whoami', ...how(await mint('pia', 'tag:management read:*/*')));
        assert.equal(status, 200);
        assert.equal(body.name, 'pia');
        assert.equal(body.tags, 'management');
    });

    test(`HTTP: ${way} with an expired token is refused, and the log says whose it was`, async () => {
        // An HTTP client has no name, so all are one, and the log takes two refusals of it a second.
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const from = world.lavin.log.length;
        const token = await mint('pia', 'tag:management read:*/*', {lifetime: -5});
        assert.equal((await world.lavin.http('/whoami', ...how(token))).status, 401);
        await world.lavin.logged(/authenticate refused reason=TOKEN_EXPIRED .*protocol="http" peer="127\.0\.0\.1:\d+": /, from);
    });
}

if (hasSignIn) {
    test('HTTP: a refused cookie of a sign-in is taken back', async () => {
        const token = await mint('pia', 'tag:management', {lifetime: -5});
        const {headers} = await world.lavin.http('/whoami', undefined, {cookie: `oauth_token=${token}`});
        assert.match(headers.get('set-cookie') ?? '', /oauth_token=;/);
    });
}

test('HTTP: a bad Bearer is not made good by a cookie', async () => {
    const good = await mint('pia', 'tag:management read:*/*');
    const bad = await mint('pia', 'tag:management read:*/*', {lifetime: -5});
    assert.equal((await world.lavin.http('/whoami', bearer(bad), {cookie: `oauth_token=${good}`})).status, 401);
});

test('HTTP: a local user comes in as ever; wrong, opaque and empty secrets do not', async () => {
    assert.equal((await world.lavin.http('/whoami', LOCAL)).body.name, 'guest');
    for (const header of [basic('guest', 'wrong'), bearer('opaque'), bearer(''), 'Bearer', basic('guest', ''), undefined]) {
        assert.equal((await world.lavin.http('/whoami', header)).status, 401, header);
    }
});

test('HTTP: curl with --oauth2-bearer and with --user', async () => {
    const token = await mint('pia', 'tag:management read:*/*');
    const url = `http://127.0.0.1:${world.lavin.httpPort}/api/whoami`;
    for (const how of [['--oauth2-bearer', token], ['--user', `whoever:${token}`]]) {
        const {status, output} = await run('curl', ['-fsS', ...how, url]);
        assert.equal(status, 0, output);
        assert.equal(JSON.parse(output).name, 'pia');
    }
});

// Who may read what: the users are for administrator, vhosts that no scope opens for monitoring too.
for (const [tag, own, foreign, users] of [
    ['administrator', 200, true, 200],
    ['monitoring', 200, true, 403],
    ['management', 200, false, 403],
    ['policymaker', 200, false, 403],
    ['impersonator', 200, false, 403],
    ['unheard-of', 401, undefined, 401],
    ['', 401, undefined, 401],
]) {
    test(`HTTP: ${tag ? `tag:${tag}` : 'no tag'}: own page ${own}, every vhost ${foreign}, users ${users}`, async () => {
        const from = world.lavin.log.length;
        const header = bearer(await mint('quentin', `${tag ? `tag:${tag} ` : ''}read:none/*`));
        assert.equal((await world.lavin.http('/whoami', header)).status, own);
        assert.equal((await world.lavin.http('/users', header)).status, users);
        const {body} = await world.lavin.http('/vhosts', header);
        if (own === 200) assert.equal(body.length > 0, foreign);
        else await world.lavin.logged(/HTTP: user "quentin" from \S+ has no tag that LavinMQ knows/, from);
    });
}

for (const [scope, seen] of [
    ['read:*/*', ['/', 'asia', 'eu-north', 'eu-west']],
    ['read:eu-*/*', ['eu-north', 'eu-west']],
    ['write:*west/x configure:asia/y', ['asia', 'eu-west']],
    ['read:%2F/*', ['/']],
    ['read:eu/*', []],
]) {
    test(`HTTP: ${scope} shows the vhosts ${seen.join(' ') || '(none)'}, and opens just these`, async () => {
        const header = bearer(await mint('rita', `tag:management ${scope}`));
        const {body} = await world.lavin.http('/vhosts', header);
        assert.deepEqual(body.map(({name}) => name).sort(), seen);
        for (const name of ['/', 'asia', 'eu-north', 'eu-west']) {
            const {status} = await world.lavin.http(`/queues/${encodeURIComponent(name)}`, header);
            assert.equal(status, seen.includes(name) ? 200 : 403, name);
        }
    });
}

test('HTTP: connections are shown in the vhosts that a wildcard opens', async () => {
    const one = await world.lavin.connect(await mint('conny', ALL), {vhost: 'eu-west'});
    const names = async (scope) => {
        const {body} = await world.lavin.http('/connections', bearer(await mint('sam', `tag:management ${scope}`)));
        return body.filter(({user}) => user === 'conny').length;
    };
    assert.equal(await names('read:eu-*/*'), 1);
    assert.equal(await names('read:asia/*'), 0);
    await one.close();
});

for (const [what, method, path, body, good, bad] of [
    ['publishing', 'POST', '/exchanges/%2F/amq.direct/publish',
     {properties: {}, routing_key: 'k', payload: 'x', payload_encoding: 'string'}, 'write:*/amq.direct', 'write:*/other'],
    ['declaring a queue', 'PUT', '/queues/%2F/http-1', {auto_delete: false, durable: false},
     'configure:*/http-*', 'configure:*/other'],
    ['reading a queue', 'POST', '/queues/%2F/http-1/get', {count: 1, ack_mode: 'get', encoding: 'auto'},
     'read:*/http-*', 'read:*/other'],
    ['purging a queue', 'DELETE', '/queues/%2F/http-1/contents', undefined, 'read:*/http-*', 'write:*/*'],
    ['binding a queue', 'POST', '/bindings/%2F/e/amq.direct/q/http-1', {routing_key: 'k', arguments: {}},
     'read:*/amq.direct write:*/http-1', 'read:*/amq.direct write:*/other'],
    ['declaring an exchange', 'PUT', '/exchanges/%2F/http-e', {type: 'direct', durable: false},
     'configure:*/http-*', 'read:*/* write:*/*'],
    ['binding an exchange', 'POST', '/bindings/%2F/e/amq.direct/e/http-e', {routing_key: 'k', arguments: {}},
     'read:*/amq.direct write:*/http-e', 'configure:*/* read:*/http-e write:*/amq.direct'],
    ['unbinding an exchange', 'DELETE', '/bindings/%2F/e/amq.direct/e/http-e/k', undefined,
     'read:*/amq.direct write:*/http-e', 'configure:*/* read:*/http-e write:*/amq.direct'],
    ['deleting an exchange', 'DELETE', '/exchanges/%2F/http-e', undefined, 'configure:*/http-*', 'read:*/* write:*/*'],
    ['deleting a queue', 'DELETE', '/queues/%2F/http-1', undefined, 'configure:*/http-*', 'read:*/* write:*/*'],
]) {
    test(`HTTP: ${what} needs the rights that AMQP needs`, async () => {
        for (const [scope, allowed] of [[bad, false], [good, true]]) {
            const header = bearer(await mint('rose', `tag:management read:%2F/unused ${scope}`));
            const {status, body: answer} = await world.lavin.http(path, header, {method, body});
            assert.equal(status < 300, allowed, `${scope}: ${status} ${JSON.stringify(answer)}`);
            if (!allowed) assert.equal(status, 403);
        }
    });
}

for (const [what, method, path, body] of [
    ['a message with an exchange of its own for when it is dead', 'POST', '/exchanges/%2F/amq.direct/publish',
     {properties: {headers: {'x-dead-letter-exchange': ''}}, routing_key: 'k', payload: 'x', payload_encoding: 'string'}],
    ['a message with a routing key of its own for when it is dead', 'POST', '/exchanges/%2F/amq.direct/publish',
     {properties: {headers: {'x-dead-letter-routing-key': 'private'}}, routing_key: 'k', payload: 'x', payload_encoding: 'string'}],
    ["a message in another user's name", 'POST', '/exchanges/%2F/amq.direct/publish',
     {properties: {user_id: 'guest'}, routing_key: 'k', payload: 'x', payload_encoding: 'string'}],
    ['an alternate exchange under its other name', 'PUT', '/exchanges/%2F/http-f',
     {type: 'direct', arguments: {'alternate-exchange': 'amq.direct'}}],
]) {
    test(`HTTP: ${what} is refused to a token, not to a local user`, async () => {
        const header = bearer(await mint('rose', `tag:management ${ALL}`));
        assert.equal((await world.lavin.http(path, header, {method, body})).status, 403);
        assert.ok((await world.lavin.http(path, LOCAL, {method, body})).status < 300);
    });
}

// ---- what LavinMQ asks no right for ---------------------------------------------------------------------

for (const [what, path] of [['pausing', 'pause'], ['resuming', 'resume'], ['restarting', 'restart']]) {
    test(`HTTP: ${what} a queue needs configure on it, whatever the tag; a local user needs a tag only`, async () => {
        await world.lavin.http('/queues/%2F/http-p', LOCAL, {method: 'PUT', body: {}});
        const ask = async (header) => (await world.lavin.http(`/queues/%2F/http-p/${path}`, header, {method: 'PUT'})).status;
        for (const tag of ['management', 'policymaker', 'monitoring', 'administrator']) {
            const others = 'configure:%2F/other read:*/* write:*/*';
            assert.equal(await ask(bearer(await mint('rose', `tag:${tag} ${others}`))), 403, tag);
        }
        const allowed = path === 'restart' ? 400 : 204;  // a running queue isn't restarted
        assert.equal(await ask(bearer(await mint('rose', 'tag:management configure:*/http-p'))), allowed);
        assert.equal(await ask(LOCAL), allowed);
        const {body} = await world.lavin.http('/queues/%2F/http-p', LOCAL);
        assert.equal(body.state, path === 'pause' ? 'paused' : 'running');
        await world.lavin.http('/queues/%2F/http-p', LOCAL, {method: 'DELETE'});
    });
}

for (const [what, route] of [
    ['ending a connection', (name) => ['DELETE', `/connections/${encodeURIComponent(name)}`]],
    ["ending a user's connections", () => ['DELETE', '/connections/username/vic']],
    ["ending a connection's consumer", (name) => ['DELETE', `/consumers/%2F/${encodeURIComponent(name)}/1/tag-1`]],
    ["changing a channel's prefetch", (name) => ['PUT', `/channels/${encodeURIComponent(`${name.split(' ')[0]}[1]`)}`, {prefetch: 7}]],
]) {
    test(`HTTP: ${what} is for the connection's own identity and administrators`, async () => {
        const begin = async () => {
            const connection = await enter('vic', ALL);
            const channel = await connection.createChannel();
            channel.on('error', () => {});
            const {queue} = await channel.assertQueue('', {exclusive: true});
            await channel.consume(queue, () => {}, {consumerTag: 'tag-1'});
            const {body} = await world.lavin.http('/connections', LOCAL);
            return [connection, body.find(({user}) => user === 'vic').name];
        };
        for (const [who, header, status] of [
            ['another token', bearer(await mint('mallory', `tag:management ${ALL}`)), 403],
            ['monitoring', bearer(await mint('mallory', `tag:monitoring ${ALL}`)), 403],
            ['policymaker', bearer(await mint('mallory', `tag:policymaker ${ALL}`)), 403],
            ["another provider's vic", bearer(world.hand.token({payload: world.hand.claims({sub: 'vic'})})), 403],
            ['administrator', bearer(await mint('mallory', 'tag:administrator read:none/none')), 204],
            ['the identity itself, with another token', bearer(await mint('vic', 'tag:management read:%2F/nothing')), 204],
            ['a local administrator', LOCAL, 204],
        ]) {
            const [connection, name] = await begin();
            const [method, path, body] = route(name);
            const answer = await world.lavin.http(path, header, {method, body});
            assert.equal(answer.status, status, `${who}: ${JSON.stringify(answer.body)}`);
            if (status === 403) assert.match(answer.body.reason, /another user's|Access refused/, who);
            (async () => connection.close())().catch(() => {});  // it may be closed
            await eventually(async () => !(await world.lavin.http('/connections', LOCAL)).body.some(({user}) => user === 'vic'),
                             "the connection's end");
        }
    });
}

test("HTTP: tag:management sees its own connection and its channels, not another's", async () => {
    const connection = await enter('olga', ALL);
    await connection.createChannel();
    const {body} = await world.lavin.http('/connections', LOCAL);
    const name = encodeURIComponent(body.find(({user}) => user === 'olga').name);
    for (const [sub, tag, status] of [['olga', 'management', 200], ['mallory', 'management', 403], ['mallory', 'monitoring', 200]]) {
        const header = bearer(await mint(sub, `tag:${tag} read:%2F/nothing`));
        for (const path of [`/connections/${name}`, `/connections/${name}/channels`]) {
            assert.equal((await world.lavin.http(path, header)).status, status, `${sub} ${tag} ${path}`);
        }
    }
    await connection.close();
});

test("HTTP: a connection of a local user isn't that of a token with the same name", async () => {
    const connection = await everything();
    const {body} = await world.lavin.http('/connections', LOCAL);
    const name = encodeURIComponent(body.find(({user}) => user === 'guest').name);
    const header = bearer(await mint('guest', `tag:management ${ALL}`));
    for (const [method, path] of [['GET', `/connections/${name}`], ['DELETE', `/connections/${name}`],
                                  ['DELETE', '/connections/username/guest']]) {
        assert.equal((await world.lavin.http(path, header, {method})).status, 403, `${method} ${path}`);
    }
    await (await connection.createChannel()).close();
    await connection.close();
});

test('HTTP: the aliveness test declares, binds, publishes and gets: it needs these rights', async () => {
    const right = ['configure:%2F/aliveness-test', 'write:%2F/aliveness-test', 'read:%2F/aliveness-test', 'read:%2F/amq.direct',
                   'write:%2F/amq.direct'];
    const ask = async (scopes) =>
        (await world.lavin.http('/aliveness-test/%2F', bearer(await mint('liv', `tag:monitoring ${scopes.join(' ')}`)))).status;
    for (const one of right) assert.equal(await ask(right.filter((other) => other !== one)), 403, `without ${one}`);
    assert.equal(await ask(right), 200);
    assert.equal((await world.lavin.http('/aliveness-test/%2F', LOCAL)).status, 200);
});

test('HTTP: pausing and resuming a shovel needs tag:policymaker', async () => {
    for (const [tag, status] of [['management', 403], ['monitoring', 403], ['policymaker', 404]]) {
        const header = bearer(await mint('shirley', `tag:${tag} ${ALL}`));
        for (const verb of ['pause', 'resume']) {
            assert.equal((await world.lavin.http(`/shovels/%2F/none/${verb}`, header, {method: 'PUT'})).status, status, `${tag} ${verb}`);
        }
    }
});

test('HTTP: a request for more messages than memory can hold does not end the broker', async () => {
    await world.lavin.http('/queues/%2F/http-c', LOCAL, {method: 'PUT', body: {}});
    const get = (count) => mint('gus', 'tag:management read:*/http-c').then((token) => world.lavin.http(
        '/queues/%2F/http-c/get', bearer(token), {method: 'POST', body: {count, ack_mode: 'get', encoding: 'auto'}}));
    assert.equal((await get(100_000)).status, 200);
    const {status, body} = await get(2147483647);
    assert.equal(status, 400);
    assert.equal(body.reason, 'count can be 100000 at most');
});

// ---- how a refusal looks, and when an answer ends -------------------------------------------------------

test('HTTP: a 401 names Bearer to who sent one or nothing, and nothing to who sent a password', async () => {
    const expired = await mint('pia', 'tag:management', {lifetime: -5});
    const challenge = async (...how) => {
        const {status, headers} = await world.lavin.http('/whoami', ...how);
        assert.equal(status, 401);
        return headers.get('www-authenticate');
    };
    assert.equal(await challenge(undefined), 'Bearer realm="LavinMQ"');
    assert.equal(await challenge(bearer(expired)), 'Bearer realm="LavinMQ", error="invalid_token"');
    assert.equal(await challenge(bearer('opaque')), 'Bearer realm="LavinMQ", error="invalid_token"');
    assert.equal(await challenge(bearer(await mint('pia', 'read:*/*'))), 'Bearer realm="LavinMQ", error="insufficient_scope"');
    assert.equal(await challenge(basic('guest', 'wrong')), null);
    assert.equal(await challenge(basic('whoever', expired)), null);
    assert.equal(await challenge(undefined, {cookie: `m=|:${encodeURIComponent(Buffer.from('guest:wrong').toString('base64'))}`}), null);
    const good = await world.lavin.http('/whoami', bearer(await mint('pia', 'tag:management')));
    assert.equal(good.headers.get('www-authenticate'), null);
});

/** A request whose body `finish` sends; the answer is read from then on. */
function slowly(method, path, header, body) {
    const text = JSON.stringify(body);
    const socket = connect(world.lavin.httpPort, '127.0.0.1');
    let answer = '';
    socket.on('error', () => {}).pause();
    socket.write(`${method} /api${path} HTTP/1.1\r\nHost: broker\r\nAuthorization: ${header}\r\nContent-Type: application/json\r\n` +
        `Connection: close\r\nContent-Length: ${text.length}\r\n\r\n${text.slice(0, 2)}`);
    return {
        send: () => socket.write(text.slice(2)),
        read: () => new Promise((resolve) => socket.on('data', (part) => { answer += part; }).on('close', () => resolve(answer)).resume()),
    };
}

test("HTTP: a request whose body comes after the token's end does nothing", async () => {
    await world.lavin.http('/queues/%2F/late', LOCAL, {method: 'PUT', body: {}});
    const user = bearer(await mint('lea', 'tag:policymaker configure:*/* read:*/* write:*/*', {lifetime: 2}));
    const ada = bearer(await mint('ada', 'tag:administrator configure:*/* read:*/* write:*/*', {lifetime: 2}));
    const message = {properties: {}, routing_key: 'late', payload: 'late', payload_encoding: 'string'};
    const requests = [
        slowly('POST', '/exchanges/%2F/amq.default/publish', user, message),
        slowly('POST', '/queues/%2F/late/get', user, {count: 1, ack_mode: 'get', encoding: 'auto'}),
        slowly('POST', '/bindings/%2F/e/amq.topic/q/late', user, {routing_key: 'late'}),
        slowly('PUT', '/queues/%2F/later', user, {durable: false}),
        slowly('PUT', '/parameters/anything/%2F/late', user, {value: 1}),
        slowly('PUT', '/users/late', ada, {password: 'late', tags: 'administrator'}),
        slowly('PUT', '/vhost-limits/%2F/max-queues', ada, {value: 1000}),
        slowly('POST', '/definitions', ada, {users: [{name: 'late', password_hash: '', tags: 'administrator'}]}),
    ];
    await eventually(async () => (await world.lavin.http('/whoami', user)).status === 401, 'the end of the token');
    for (const request of requests) {
        request.send();
        assert.match(await request.read(), /^HTTP\/1\.1 401 [^]*"token_expired"/);
    }
    assert.equal((await world.lavin.http('/users/late', LOCAL)).status, 404);
    assert.equal((await world.lavin.http('/queues/%2F/later', LOCAL)).status, 404);
    assert.equal((await world.lavin.http('/queues/%2F/late', LOCAL)).body.messages, 0);
    assert.deepEqual((await world.lavin.http('/vhost-limits/%2F', LOCAL)).body, []);
    await world.lavin.http('/queues/%2F/late', LOCAL, {method: 'DELETE'});
});

test("HTTP: an answer that the client takes slowly has no message from after the token's end", async () => {
    const owner = await everything();
    const channel = await owner.createConfirmChannel();
    const fill = async (count, text) => {
        for (let i = 0; i < count; ++i) channel.sendToQueue('long', Buffer.from(text + ' '.repeat(50_000)));
        await channel.waitForConfirms();
    };
    await channel.assertQueue('long', {durable: false});
    await fill(500, 'before');
    const header = bearer(await mint('lea', 'tag:management read:*/long', {lifetime: 2}));
    const request = slowly('POST', '/queues/%2F/long/get', header, {count: 100_000, ack_mode: 'get', encoding: 'auto'});
    request.send();
    await eventually(async () => (await world.lavin.http('/whoami', header)).status === 401, 'the end of the token');
    await fill(10, 'after');
    const answer = await request.read();
    assert.match(answer, /^HTTP\/1\.1 200 [^]*before/);
    assert.doesNotMatch(answer, /after/);
    assert.equal((await channel.checkQueue('long')).messageCount, 510);
    await channel.deleteQueue('long');
    await owner.close();
});

test('HTTP: the live log ends with the token', async () => {
    const open = async (header) => {
        const response = await fetch(`http://127.0.0.1:${world.lavin.httpPort}/api/livelog`, {headers: {authorization: header}});
        const reader = response.body.getReader();
        const end = (async () => { while (!(await reader.read()).done); })().catch(() => {});
        return {reader, ended: Promise.race([end.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 5000))])};
    };
    const header = bearer(await mint('tess', 'tag:administrator', {lifetime: 2}));
    const [ofToken, ofLocal] = [await open(header), await open(LOCAL)];
    assert.equal(await ofToken.ended, true);
    assert.equal(await ofLocal.ended, false);
    await ofLocal.reader.cancel();
});

for (const [tag, seen] of [['management', false], ['policymaker', false], ['impersonator', false], ['monitoring', true]]) {
    test(`HTTP: tag:${tag} ${seen ? 'sees' : "doesn't see"} what is in vhosts that no scope opens`, async () => {
        const connection = await world.lavin.connect('guest', {username: 'guest', vhost: 'asia'});
        const channel = await connection.createChannel();
        await channel.assertQueue('hidden', {exclusive: true});
        await channel.assertExchange('hidden', 'direct', {autoDelete: true});
        await channel.bindQueue('hidden', 'hidden', 'hidden');
        await channel.consume('hidden', () => {}, {consumerTag: 'hidden'});
        const header = bearer(await mint('oscar', `tag:${tag} read:eu-west/nothing`));
        for (const path of ['/connections', '/channels', '/consumers', '/queues', '/exchanges', '/bindings']) {
            const {body} = await world.lavin.http(path, header);
            assert.equal(body.some(({vhost, queue}) => (vhost ?? queue.vhost) === 'asia'), seen, path);
        }
        assert.equal((await world.lavin.http('/overview', header)).body.object_totals.connections > 0, seen);
        for (const path of ['/vhosts/asia', '/queues/asia', '/queues/asia/hidden', '/queues/asia/hidden/unacked', '/exchanges/asia/hidden',
                            '/exchanges/asia/hidden/bindings/source', '/consumers/asia', '/vhosts/asia/connections',
                            '/vhosts/asia/channels', '/bindings/asia', '/vhost-limits/asia', '/federation-links/asia']) {
            assert.equal((await world.lavin.http(path, header)).status, 403, path);
        }
        await connection.close();
    });
}

test("HTTP: the broker's metrics for a token with tag:monitoring", async () => {
    const header = bearer(await mint('prom', 'tag:monitoring'));
    const response = await fetch(`http://127.0.0.1:${world.lavin.httpPort}/metrics`, {headers: {authorization: header}});
    assert.equal(response.status, 200);
    assert.match(await response.text(), /lavinmq_/);
});
