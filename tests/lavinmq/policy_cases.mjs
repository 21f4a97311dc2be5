// Policies that name exchanges or upstreams: what a token's user needs for what the pattern matches.
import assert from 'node:assert/strict';

import {bearer, hasSignIn} from '../support/lavinmq.mjs';
import {eventually, test} from '../support/tap.mjs';
import {LOCAL, mint, world} from './world.mjs';

const vhost = () => world.lavin.http('/vhosts/team', LOCAL, {method: 'PUT', body: {}});
const path = (name) => `/policies/team/${name}`;
const put = (header, name, pattern, definition, more = {}) => world.lavin.http(path(name), header,
    {method: 'PUT', body: {pattern, definition, 'apply-to': 'all', ...more}});
const drop = (name) => world.lavin.http(path(name), LOCAL, {method: 'DELETE'});

const ALL = 'configure:team/* read:team/* write:team/*';
const MINE = 'configure:team/bob-* read:team/bob-* write:team/bob-*';
const ONE = 'configure:team/bob-q read:team/bob-q write:team/bob-x';

const dead = {'dead-letter-exchange': 'bob-x'};
const key = {'dead-letter-routing-key': 'bob-q'};
const alternate = {'alternate-exchange': 'bob-x'};
const upstream = {'federation-upstream': 'up'};
const all = {'federation-upstream-set': 'all'};

for (const [scope, pattern, definition, allowed] of [
    // What the pattern can match.
    [ALL, '.*', dead, true],
    [ALL, '', dead, true],
    [ALL, 'a|b', alternate, true],
    [MINE, '.*', dead, false],
    [MINE, '', dead, false],
    [MINE, 'bob-', dead, false],
    [MINE, '^bob-', dead, true],
    [MINE, '^bob-.*$', dead, true],
    [MINE, '^bob-[0-9]+$', dead, true],
    [MINE, '^bob\\-q', dead, true],
    [MINE, '^bob', dead, false],
    [MINE, '^bob-?', dead, false],
    [MINE, '^bob-*', dead, false],
    [MINE, '^bob-{0}', dead, false],
    [MINE, '^bob-(?#)?', dead, false],
    [MINE, '^bob-\\E?', dead, false],
    [MINE, '^bob-|', dead, false],
    [MINE, '^bob-q$|x', dead, false],
    [MINE, '(?i)^bob-', dead, false],
    [ONE, '^bob-q$', dead, true],
    [ONE, '^bob-q\\z', dead, true],
    [ONE, '^bob-q', dead, false],
    [ONE, '^bob-q$', {'dead-letter-exchange': 'bob-y'}, false],
    ['configure:team/*-q read:team/*-q write:team/bob-x', '^bob-', dead, false],
    ['configure:team/bob-*-q read:team/bob-*-q write:team/bob-x', '^bob-', dead, false],
    ['configure:team/b* read:team/* write:team/bob-x', '^bob-', dead, true],
    // Each right.
    ['read:team/* write:team/*', '.*', dead, false],
    ['configure:team/* write:team/*', '.*', dead, false],
    ['configure:team/* read:team/*', '.*', dead, false],
    ['configure:team/* read:team/* write:team/other', '.*', alternate, false],
    ['configure:team/* read:team/* write:team/bob-x', '.*', alternate, true],
    // Each key.
    [MINE, '^orders$', key, false],
    // A queue's own dead letter exchange counts more than the policy's, and can be any.
    [MINE, '^bob-', key, false],
    [MINE, '^bob-', {...key, ...dead}, false],
    ['configure:team/bob-* read:team/bob-* write:team/*', '^bob-', key, true],
    ['configure:team/bob-* read:team/bob-* write:team/*', '^bob-', {...key, ...dead}, true],
    [MINE, '^orders$', alternate, false],
    [MINE, '^bob-', alternate, true],
    [MINE, '^orders$', upstream, false],
    [MINE, '^bob-', upstream, true],
    ['configure:team/* read:team/* write:team/bob-x', '^orders$', upstream, false],
    [MINE, '.*', all, false],
    // A key that moves no message elsewhere, none at all, and both kinds.
    ['configure:team/bob-*', '^bob-', {'max-length': 10}, true],
    ['read:team/* write:team/*', '^bob-', {'max-length': 10}, false],
    ['configure:team/bob-*', '.*', {'max-length': 10}, false],
    ['configure:team/bob-*', '.*', {}, false],
    ['configure:team/bob-*', '^bob-', {'max-length': 10, ...dead}, false],
    // Whoever may make users may give himself every right.
    ['tag:administrator', '.*', dead, true],
]) {
    test(`a policy ${JSON.stringify(definition)} for ${pattern || '(nothing)'} by ${scope || 'no right'}: ${allowed ? 'made' : '403'}`, async () => {
        await vhost();
        const header = bearer(await mint('bob', `read:team/unused tag:policymaker ${scope}`));
        const {status, body} = await put(header, 'bobs', pattern, definition);
        assert.equal((await world.lavin.http(path('bobs'), LOCAL)).status, allowed ? 200 : 404);
        if (allowed) await drop('bobs');
        assert.equal(status, allowed ? 201 : 403, JSON.stringify(body));
        if (!allowed) assert.match(body.reason, /^the policy('s [-a-z]+)? needs (configure|write)/);
    });
}

test("a policy by a token doesn't bring messages of a queue that it may not read", async () => {
    await vhost();
    const local = await world.lavin.connect('guest', {username: 'guest', vhost: 'team'});
    const channel = await local.createChannel();
    await channel.assertExchange('bob-x', 'fanout', {durable: false});
    await channel.assertQueue('bob-q', {durable: false});
    await channel.bindQueue('bob-q', 'bob-x', '');
    await channel.assertQueue('payroll', {durable: false});
    channel.sendToQueue('payroll', Buffer.from('secret'), {expiration: '500'});
    const bob = bearer(await mint('bob', `${MINE} tag:policymaker`));
    await put(bob, 'bobs', '^payroll$', {...dead, 'message-ttl': 1});
    await eventually(async () => (await channel.checkQueue('payroll')).messageCount === 0, "the message's end");
    assert.equal((await channel.checkQueue('bob-q')).messageCount, 0);
    for (const queue of ['bob-q', 'payroll']) await channel.deleteQueue(queue);
    await channel.deleteExchange('bob-x');
    await local.close();
    await drop('bobs');
});

test('what is denied has a reason that says what the pattern matches and which right is missing', async () => {
    await vhost();
    const header = bearer(await mint('bob', `${MINE} tag:policymaker`));
    const {body} = await put(header, 'bobs', '^b', dead);
    assert.equal(body.reason, 'the policy needs configure on every queue and exchange that the pattern "^b" can match, ' +
        'now or later: names that begin with "b"; configure is missing');
    const half = bearer(await mint('bob', 'configure:team/* tag:policymaker'));
    assert.equal((await put(half, 'bobs', '^b', upstream)).body.reason, "the policy's federation-upstream needs " +
        'configure, read, write on every queue and exchange that the pattern "^b" can match, now or later: names that ' +
        'begin with "b"; read is missing');
});

test('a pattern that is no regular expression is a 400, as for a local user', async () => {
    await vhost();
    const header = bearer(await mint('bob', `${ALL} tag:policymaker`));
    for (const pattern of ['^bob\\', '^bob(', '^*', '\\']) {
        for (const who of [header, LOCAL]) assert.equal((await put(who, 'bobs', pattern, dead)).status, 400, pattern);
    }
});

test("a token's user gets a 400 for a pattern that recurses, or the like, whatever it reaches", async () => {
    await vhost();
    const bob = bearer(await mint('bob', `${ALL} tag:policymaker`));
    for (const pattern of ['^bob-.?((?1))', '^bob-(?R)?', '^bob-(?+1)(a)', '^bob-(a)(?-1)', '^bob-(?<n>a)(?&n)', '^bob-(?<n>a)(?P>n)',
        '^bob-(a)?(?(1)b)', '(*LIMIT_MATCH=1)^bob-', '^bob-(a)\\g<1>']) {
        const {status, body} = await put(bob, 'bobs', pattern, {'max-length': 5});
        await drop('bobs');
        assert.equal(status, 400, pattern);
        assert.match(body.reason, /^the policy's pattern .* has ".*": recursion, conditions, verbs and references/);
    }
    for (const pattern of ['^bob-(?:a)', '^bob-(?-i)a', '^bob-(?<n>a)', '^bob-(?=a)', '^bob-(?#x)']) {
        assert.equal((await put(bob, 'bobs', pattern, {'max-length': 5})).status, 201, pattern);
        await drop('bobs');
    }
});

for (const [who, pattern] of [
    [async () => LOCAL, '^bob-.?((?1))'],
    [async () => bearer(await mint('bob', `${MINE} tag:policymaker`)), '^bob-.*(?:a+)+(?:a+)+(?:a+)+(?:a+)+$'],
]) {
    test(`${pattern}: a pattern that can't be matched takes no other policy away, and queues can be declared`, async () => {
        await vhost();
        const queue = (name, method = 'PUT') => world.lavin.http(`/queues/team/${name}`, LOCAL, {method, body: method === 'PUT' ? {durable: false} : undefined});
        const slow = `bob-${'a'.repeat(60)}!`;
        const from = world.lavin.log.length;
        assert.equal((await put(await who(), 'bobs', pattern, {'max-length': 5}, {priority: 5})).status, 201);
        assert.equal((await queue(slow)).status, 201);
        assert.equal((await put(LOCAL, 'others', '^other', {'max-length': 7})).status, 201);
        assert.equal((await queue('other')).status, 201);
        await eventually(async () => (await queue('other', 'GET')).body.policy === 'others', "the other's policy");
        await put(LOCAL, 'all', '', {'max-length': 8}, {priority: -1});
        await eventually(async () => (await queue(slow, 'GET')).body.policy === 'all', 'the next policy');
        const lines = world.lavin.log.slice(from).match(/the pattern .* of the policy "bobs" in "team" can't be matched with .*/g);
        assert.equal(lines?.length, 1);
        for (const name of ['bobs', 'others', 'all']) await drop(name);
        for (const name of [slow, 'other']) await queue(name, 'DELETE');
    });
}

test('a pattern for one name leaves that name with a newline behind it alone; others match it as ever', async () => {
    await vhost();
    const queue = (name, method = 'PUT') => world.lavin.http(`/queues/team/${name}`, LOCAL, {method, body: method === 'PUT' ? {durable: false} : undefined});
    for (const name of ['bob-q', 'bob-q%0A']) assert.equal((await queue(name)).status, 201);
    const one = bearer(await mint('bob', `${ONE} tag:policymaker`));
    assert.equal((await put(one, 'bobs', '^bob-q$', {'max-length': 5})).status, 201);
    const policies = async () => [(await queue('bob-q', 'GET')).body.policy, (await queue('bob-q%0A', 'GET')).body.policy ?? null];
    await eventually(async () => (await policies())[0] === 'bobs', 'the policy');
    assert.deepEqual(await policies(), ['bobs', null]);
    await put(LOCAL, 'all', '^bob-.$', {'max-length': 8}, {priority: 9});
    await eventually(async () => (await policies()).join() === 'all,all', "the local user's policy");
    for (const name of ['bobs', 'all']) await drop(name);
    for (const name of ['bob-q', 'bob-q%0A']) await queue(name, 'DELETE');
});

test('replacing or deleting a policy needs configure on what it matches', async () => {
    await vhost();
    const bob = bearer(await mint('bob', `${MINE} tag:policymaker`));
    const remove = (who) => world.lavin.http(path('kept'), who, {method: 'DELETE'});
    for (const [pattern, allowed] of [['.*', false], ['^orders$', false], ['^bob-', true]]) {
        await put(LOCAL, 'kept', pattern, {'max-length': 10});
        assert.equal((await put(bob, 'kept', '^bob-', {'max-length': 1})).status, allowed ? 204 : 403, pattern);
        assert.equal((await remove(bob)).status, allowed ? 204 : 403, pattern);
        await remove(LOCAL);
    }
});

for (const [what, definition, component, name] of [
    ['an upstream', {'federation-upstream': 'linked'}, 'federation-upstream', 'linked'],
    ['one of all upstreams', {'federation-upstream-set': 'all'}, 'federation-upstream', 'linked'],
    ['an upstream of a set', {'federation-upstream-set': 'set'}, 'federation-upstream', 'linked'],
    ['a set', {'federation-upstream-set': 'set'}, 'federation-upstream-set', 'set'],
]) {
    test(`${what} that a policy links needs the rights on what that policy matches`, async () => {
        await vhost();
        const uri = 'amqp://bob:secret@127.0.0.1:1/';
        const parameter = (header, kind, which, value) =>
            world.lavin.http(`/parameters/${kind}/team/${which}`, header, {method: 'PUT', body: {value}});
        await parameter(LOCAL, 'federation-upstream', 'linked', {uri});
        await parameter(LOCAL, 'federation-upstream-set', 'set', [{upstream: 'linked'}]);
        await put(LOCAL, 'link', '^bob-', definition);
        const value = component === 'federation-upstream' ? {uri} : [{upstream: 'linked'}];
        for (const [scope, allowed] of [['configure:team/bob-* read:team/bob-*', false], [MINE, true]]) {
            const header = bearer(await mint('bob', `${scope} tag:policymaker`));
            const {status, body} = await parameter(header, component, name, value);
            assert.equal(status, allowed ? 204 : 403, JSON.stringify(body));
            if (!allowed) assert.match(body.reason, /^the policy "link" links .*; write is missing$/);
        }
        await drop('link');
        for (const [kind, which] of [['federation-upstream-set', 'set'], ['federation-upstream', 'linked']]) {
            await world.lavin.http(`/parameters/${kind}/team/${which}`, LOCAL, {method: 'DELETE'});
        }
    });
}

test('an upstream or a set that no policy links needs no right', async () => {
    await vhost();
    const header = bearer(await mint('bob', 'read:team/unused tag:policymaker'));
    for (const [component, name, value] of [
        ['federation-upstream', 'free', {uri: 'amqp://bob:secret@127.0.0.1:1/'}],
        ['federation-upstream-set', 'free', [{upstream: 'free'}]],
    ]) {
        assert.equal((await world.lavin.http(`/parameters/${component}/team/${name}`, header, {method: 'PUT', body: {value}})).status, 201);
    }
    for (const component of ['federation-upstream-set', 'federation-upstream']) {
        await world.lavin.http(`/parameters/${component}/team/free`, LOCAL, {method: 'DELETE'});
    }
});

test('federation: messages come by an upstream with a token into what the policy of the same user matches', async () => {
    await vhost();
    await world.lavin.http('/vhosts/prod', LOCAL, {method: 'PUT', body: {}});
    const token = await mint('bob', `${MINE} configure:prod/* read:prod/* write:prod/* tag:policymaker`);
    const bob = bearer(token);
    const channel = await (await world.lavin.connect(token, {vhost: 'team'})).createChannel();
    await channel.assertExchange('bob-x', 'fanout', {durable: false});
    await channel.assertQueue('bob-q', {durable: false});
    await channel.bindQueue('bob-q', 'bob-x', '');
    const uri = `amqp://any:${token}@127.0.0.1:${world.lavin.port}/prod`;
    assert.equal((await world.lavin.http('/parameters/federation-upstream/team/up', bob,
        {method: 'PUT', body: {value: {uri}}})).status, 201);
    assert.equal((await put(bob, 'link', '^bob-x$', upstream, {'apply-to': 'exchanges'})).status, 201);
    const links = async () => (await world.lavin.http('/federation-links/team', LOCAL)).body;
    await eventually(async () => (await links())[0]?.status === 'running', 'the link');
    const there = await (await world.lavin.connect(token, {vhost: 'prod'})).createChannel();
    there.publish('bob-x', '', Buffer.from('from afar'));
    await eventually(async () => (await channel.checkQueue('bob-q')).messageCount === 1, 'the message');
    assert.ok(!JSON.stringify(await links()).includes(token.slice(-20)));
    assert.equal((await world.lavin.http(path('link'), bob, {method: 'DELETE'})).status, 204);
    assert.equal((await world.lavin.http('/parameters/federation-upstream/team/up', bob, {method: 'DELETE'})).status, 204);
    await channel.deleteQueue('bob-q');
    await channel.deleteExchange('bob-x');
});

test("a set takes another exchange or queue by one's own upstream or address only", async () => {
    await vhost();
    const uri = 'amqp://bob:secret@127.0.0.1:1/';
    const parameter = (who, kind, which, value) =>
        world.lavin.http(`/parameters/${kind}/team/${which}`, who, {method: 'PUT', body: {value}});
    const bob = bearer(await mint('bob', `${ALL} tag:policymaker`));
    await parameter(LOCAL, 'federation-upstream', 'ops', {uri, exchange: 'public'});
    await parameter(bob, 'federation-upstream', 'own', {uri, exchange: 'public'});
    for (const [who, entry, status] of [
        [bob, {upstream: 'ops', exchange: 'payroll'}, 403],
        [bob, {upstream: 'ops', queue: 'payroll'}, 403],
        [bob, {upstream: 'ops'}, 201],
        // To 2.8 LavinMQ fails at an entry that changes anything.
        ...(hasSignIn ? [[bob, {upstream: 'own', queue: 'payroll'}, 204], [LOCAL, {upstream: 'ops', queue: 'payroll'}, 204]] : []),
    ]) {
        const answer = await parameter(who, 'federation-upstream-set', 'changed', [entry]);
        assert.equal(answer.status, status, `${JSON.stringify(entry)} ${JSON.stringify(answer.body)}`);
        if (status === 403) assert.match(answer.body.reason, /^entry 1: .*the upstream "ops", which you didn't make/);
    }
    for (const [kind, which] of [['federation-upstream-set', 'changed'], ['federation-upstream', 'ops'], ['federation-upstream', 'own']]) {
        await world.lavin.http(`/parameters/${kind}/team/${which}`, LOCAL, {method: 'DELETE'});
    }
});

test('operator policies are for administrators; a local user makes policies as ever', async () => {
    await vhost();
    const operatorPolicy = (header) => world.lavin.http('/operator-policies/team/op', header,
        {method: 'PUT', body: {pattern: '.*', definition: {'max-length': 10}, 'apply-to': 'all'}});
    assert.equal((await operatorPolicy(bearer(await mint('bob', `${ALL} tag:policymaker`)))).status, 403);
    assert.equal((await operatorPolicy(bearer(await mint('ada', 'tag:administrator')))).status, 201);
    await world.lavin.http('/operator-policies/team/op', LOCAL, {method: 'DELETE'});
    assert.equal((await put(LOCAL, 'local', '.*', dead)).status, 201);
    await drop('local');
});
