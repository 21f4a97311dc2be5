// The HTTP API: it logs in anew for every request.
import assert from 'node:assert/strict';

import {basic, bearer, hasSignIn} from '../support/lavinmq.mjs';
import {run} from '../support/programs.mjs';
import {test} from '../support/tap.mjs';
import {ALL, LOCAL, mint, world} from './world.mjs';

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

test("HTTP: the broker's metrics for a token with tag:monitoring", async () => {
    const header = bearer(await mint('prom', 'tag:monitoring'));
    const response = await fetch(`http://127.0.0.1:${world.lavin.httpPort}/metrics`, {headers: {authorization: header}});
    assert.equal(response.status, 200);
    assert.match(await response.text(), /lavinmq_/);
});
