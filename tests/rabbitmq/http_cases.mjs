// The management plugin's HTTP API: it logs in anew for every request.
import assert from 'node:assert/strict';

import {basic, bearer} from '../support/rabbitmq.mjs';
import {eventually, test} from '../support/tap.mjs';
import {ALL, mint, world} from './world.mjs';

const ways = {'Basic user:token': (token) => basic('whoever', token), Bearer: bearer};

for (const [way, header] of Object.entries(ways)) {
    test(`HTTP: ${way} with a tag of management is let in`, async () => {
        const {status, body} = await world.rabbit.http('/whoami', header(await mint('pia', 'tag:management read:*/*')));
        assert.equal(status, 200);
        assert.equal(body.name, 'pia');
        assert.deepEqual([body.tags].flat(), ['management']);
    });

    test(`HTTP: ${way} with an expired token is refused`, async () => {
        const from = world.rabbit.log.length;
        const token = await mint('pia', 'tag:management read:*/*', {lifetime: -5});
        const line = /authenticate refused reason=TOKEN_EXPIRED .*username="pia" .*protocol="http" peer="127\.0\.0\.1:\d+"/;
        await eventually(async () => {
            const {status, body} = await world.rabbit.http('/whoami', header(token));
            assert.equal(status, 401);
            assert.doesNotMatch(JSON.stringify(body), /TOKEN_EXPIRED|pia/);
            return line.test(world.rabbit.log.slice(from));
        }, line);
    });
}

test('HTTP: neither a password nor an empty header is let in', async () => {
    for (const header of [basic('guest', 'guest'), bearer('opaque'), basic('guest', ''), undefined]) {
        assert.equal((await world.rabbit.http('/whoami', header)).status, 401);
    }
});

// Who may read what: the nodes are for monitoring and administrator, the users for administrator.
for (const [tag, own, nodes, users] of [
    ['administrator', 200, 200, 200],
    ['monitoring', 200, 200, 401],
    ['policymaker', 200, 401, 401],
    ['management', 200, 401, 401],
    ['impersonator', 401, 401, 401],
    ['', 401, 401, 401],
]) {
    test(`HTTP: ${tag ? `tag:${tag}` : 'no tag'}: own page ${own}, nodes ${nodes}, users ${users}`, async () => {
        const header = bearer(await mint('quentin', `${tag ? `tag:${tag} ` : ''}read:*/*`));
        assert.equal((await world.rabbit.http('/whoami', header)).status, own);
        assert.equal((await world.rabbit.http('/nodes', header)).status, nodes);
        assert.equal((await world.rabbit.http('/users', header)).status, users);
    });
}

test('HTTP: publishing needs the rights that AMQP needs', async () => {
    const body = {properties: {}, routing_key: 'k', payload: 'x', payload_encoding: 'string'};
    for (const [scope, allowed] of [['write:*/amq.direct', true], ['write:*/other', false]]) {
        const header = bearer(await mint('rose', `tag:management ${scope}`));
        const {status} = await world.rabbit.http('/exchanges/%2F/amq.direct/publish', header, {method: 'POST', body});
        assert.equal(status === 200, allowed, `${scope}: ${status}`);
    }
});

test('HTTP: declaring a queue needs the right to configure it', async () => {
    const body = {auto_delete: true, durable: false};
    for (const [scope, allowed] of [['configure:*/http-*', true], ['configure:*/other', false]]) {
        const header = bearer(await mint('sybil', `tag:management ${scope}`));
        const {status} = await world.rabbit.http('/queues/%2F/http-1', header, {method: 'PUT', body});
        assert.equal(status < 300, allowed, `${scope}: ${status}`);
    }
});

test('HTTP: a vhost that no scope names is closed, though the tag is there', async () => {
    const header = bearer(await mint('trent', 'tag:management read:other/*'));
    assert.match(String((await world.rabbit.http('/queues/%2F', header)).status), /^40[14]$/);  // 4.3: 404
    const all = bearer(await mint('trent', `tag:management ${ALL}`));
    assert.equal((await world.rabbit.http('/queues/%2F', all)).status, 200);
});
