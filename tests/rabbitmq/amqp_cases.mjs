// AMQP 0-9-1, SASL PLAIN.
import assert from 'node:assert/strict';

import {VERSION, permitted, turnedAway} from '../support/rabbitmq.mjs';
import {eventually, test} from '../support/tap.mjs';
import {ALL, enter, everything, mint, world} from './world.mjs';

const soon = (condition, what) => eventually(condition, what, 30_000);

// ---- who gets in ----------------------------------------------------------------------------------------

test('AMQP: a token as the password lets a client in, under the name that the token gives', async () => {
    const from = world.rabbit.log.length;
    const connection = await enter('alice', ALL, {username: 'whoever'});
    await world.rabbit.logged(
        /\[info\] .*tokenward: authenticate ok .*username="alice".*protocol="amqp".*peer="127\.0\.0\.1/, from);
    await world.rabbit.logged(/user 'alice' authenticated and granted access to vhost '\/'/, from);
    await connection.close();
});

for (const [what, reason, password] of [
    ['an expired token', 'TOKEN_EXPIRED', () => mint('bob', ALL, {lifetime: -5})],
    ['a token signed by somebody else', 'BAD_SIGNATURE', () => mint('bob', ALL, {signer: 'stranger', kid: 'p256-1'})],
    ['a token for another audience', 'WRONG_AUDIENCE', () => mint('bob', ALL, {claims: {aud: 'another'}})],
    ['a token of another issuer', 'WRONG_ISSUER', () => mint('bob', ALL, {claims: {iss: 'https://other.example'}})],
    ['a password that is no token', 'NOT_A_TOKEN', () => 'swordfish'],
    ['an empty password', 'NOT_A_TOKEN', () => ''],
]) {
    test(`AMQP: ${what} is refused, and the log says ${reason}`, async () => {
        const from = world.rabbit.log.length;
        const line = new RegExp(`tokenward: authenticate \\w+ reason=${reason} .*protocol="amqp" peer="127\\.0\\.0\\.1:`);
        // Two lines a second are told of a client, and other cases have been refused a moment ago.
        await soon(async () => {
            const error = await turnedAway(world.rabbit.connect(await password()));
            assert.match(error.message, /ACCESS-REFUSED|ACCESS_REFUSED|403/);
            assert.doesNotMatch(error.message, new RegExp(reason), 'the client is told no more than that');
            return line.test(world.rabbit.log.slice(from));
        }, line);
    });
}

test('AMQP: a token signed with a brand-new key is let in once the key has come', async () => {
    await world.issuer.flip('/rotate', {keep_old: true});
    // A key set that was fetched a moment ago isn't fetched again: then the first clients are refused.
    const connection = await soon(() => enter('rotated', ALL).catch(() => false), 'the new key');
    await connection.close();
});

test('AMQP: a vhost that no scope names is closed, and the log says why', async () => {
    const from = world.rabbit.log.length;
    // A name of its own: two lines a second are told of a client.
    const error = await turnedAway(enter('carol', 'read:other/*', {name: 'the shop'}));
    assert.match(error.message, /ConnectionClose|530|NOT.ALLOWED/i);
    await world.rabbit.logged(
        /\[warning\] .*authorize denied reason=NO_VHOST_ACCESS .*username="carol".*connection_name="the shop".*vhost="\/"/,
        from);
});

// ---- what it may do -------------------------------------------------------------------------------------

const declare = (name) => (channel) => channel.assertQueue(name, {durable: false});
const consume = (name) => (channel) => channel.consume(name, () => {});
const bind = (queue, exchange, key) => (channel) => channel.bindQueue(queue, exchange, key);
/** Waits for the broker's answer: confirms don't tell a refusal from a closed channel, a harmless call does. */
const publish = (exchange, key) => async (channel) => {
    channel.publish(exchange, key, Buffer.from('x'));
    await channel.prefetch(1);
};

for (const [scope, operation, run, expected] of [
    ['configure:*/q1', 'declaring q1', declare('q1'), true],
    ['configure:*/q1', 'declaring q2', declare('q2'), false],
    ['configure:other/q1 read:*/*', 'declaring q1', declare('q1'), false],
    ['read:*/* write:*/*', 'declaring q3', declare('q3'), false],
    ['read:%2F/shared', 'consuming from shared', consume('shared'), true],
    ['read:%2F/shared', 'consuming from private', consume('private'), false],
    ['write:%2F/shared configure:*/*', 'consuming from shared', consume('shared'), false],
    ['write:%2F/orders', 'publishing to orders', publish('orders', 'any'), true],
    ['write:%2F/order', 'publishing to orders', publish('orders', 'any'), false],
    ['read:*/* configure:*/*', 'publishing to orders', publish('orders', 'any'), false],
    ['write:%2F/shared read:%2F/orders', 'binding shared to orders', bind('shared', 'orders', 'k'), true],
    ['write:%2F/shared read:%2F/x', 'binding shared to orders', bind('shared', 'orders', 'k'), false],
    // The default exchange goes by the name amq.default.
    ['write:%2F/amq.default', 'publishing to the default exchange', publish('', 'shared'), true],
    ['write:%2F/shared', 'publishing to the default exchange', publish('', 'shared'), false],
    // A topic exchange asks twice: for the exchange, and with the routing key for three parts.
    ['write:%2F/news/sport.*', 'publishing sport.tennis to news', publish('news', 'sport.tennis'), true],
    ['write:%2F/news/sport.*', 'publishing money.gold to news', publish('news', 'money.gold'), false],
    ['write:%2F/news', 'publishing sport.tennis to news', publish('news', 'sport.tennis'), false],
    // The empty routing key is one.
    ['write:%2F/news/sport.*', 'publishing the empty key to news', publish('news', ''), false],
    ['write:%2F/news/*', 'publishing the empty key to news', publish('news', ''), true],
    ['write:%2F/shared read:%2F/news/sport.*', 'binding shared to the empty key of news', bind('shared', 'news', ''), false],
    ['write:%2F/shared read:%2F/news/sport.*', 'binding shared to sport.# of news', bind('shared', 'news', 'sport.#'), true],
    ['write:%2F/shared read:%2F/news/sport.*', 'binding shared to # of news', bind('shared', 'news', '#'), false],
]) {
    test(`AMQP: ${scope} ${expected ? 'grants' : 'denies'} ${operation}`, async () => {
        const owner = await everything();
        const channel = await owner.createChannel();
        await channel.assertQueue('shared', {durable: false});
        await channel.assertQueue('private', {durable: false});
        await channel.assertExchange('orders', 'direct', {durable: false});
        await channel.assertExchange('news', 'topic', {durable: false});
        const connection = await enter('dave', `${scope} read:%2F/unused`);
        assert.equal(await permitted(connection, run), expected);
        await connection.close();
        await owner.close();
    });
}

test('AMQP: a denial is one line of the log, with who, from where, what, and the scope that comes nearest', async () => {
    const connection = await enter('erin', 'write:%2F/order-2');
    const line = new RegExp('tokenward: authorize denied .*username="erin" protocol="amqp" ' +
        String.raw`peer="127\.0\.0\.1:\d+" operation=write vhost="/" ` +
        String.raw`resource="amq\.direct": .*order-2`, 'g');
    const from = world.rabbit.log.length;
    let denials = 0;
    const lines = await soon(async () => {
        assert.equal(await permitted(connection, publish('amq.direct', 'k')), false);
        denials += 1;
        return world.rabbit.log.slice(from).match(line);
    }, `${line} in the broker's log`);
    // Two a second are told of a client, and other cases have been denied a moment ago: fewer lines are right.
    assert.ok(lines.length <= denials, lines.join('\n'));
    await connection.close();
});

// ---- until when -----------------------------------------------------------------------------------------

test('AMQP: the connection is closed when the token ends', async () => {
    const connection = await world.rabbit.connect(await mint('frank', ALL, {lifetime: 3}));
    await soon(() => connection.isClosed, "the connection's end");
    assert.match(connection.closedBy, /320|CONNECTION.FORCED/i);
});

test('AMQP: update-secret keeps the connection beyond the first token', async () => {
    const connection = await world.rabbit.connect(await mint('grace', ALL, {lifetime: 3}));
    await connection.updateSecret(Buffer.from(await mint('grace', ALL)), 'longer');
    await new Promise((resolve) => setTimeout(resolve, 4500));
    assert.ok(!connection.isClosed);
    assert.equal(await permitted(connection, declare('q-grace')), true);
    await connection.close();
});

test('AMQP: rights that update-secret narrows are gone at once, in open channels too', async () => {
    const connection = await enter('heidi', ALL);
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    for (let i = 0; i < 3; ++i) await publish('amq.direct', 'k')(channel);
    await connection.updateSecret(Buffer.from(await mint('heidi', 'read:*/*')), 'narrower');
    assert.equal(await permitted(connection, publish('amq.direct', 'k')), false);
    // The open channel had its permission in a cache.
    await assert.rejects(async () => {
        for (let i = 0; i < 50; ++i) {
            await publish('amq.direct', 'k')(channel);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }, /403|ACCESS.REFUSED|closed/i);
    await connection.close();
});

// Before 4.3 a consumer that is there goes on until it is cancelled.
if (VERSION[0] > 4 || VERSION[0] === 4 && VERSION[1] >= 3) {
    test('AMQP: a consumer whose right update-secret takes away is cancelled', async () => {
        const connection = await enter('kim', ALL);
        const channel = await connection.createChannel();
        channel.on('error', () => {});
        await channel.assertQueue('q-kim', {durable: false});
        let cancelled = false;
        channel.on('close', () => { cancelled = true; });
        await channel.consume('q-kim', (message) => { cancelled ||= message === null; });
        await connection.updateSecret(Buffer.from(await mint('kim', 'write:*/*')), 'narrower');
        await soon(() => cancelled || connection.isClosed, "the consumer's end");
        await connection.close().catch(() => {});
    });
}

test('AMQP: rights that update-secret adds are there', async () => {
    const connection = await enter('ivan', 'read:*/*');
    assert.equal(await permitted(connection, declare('q-ivan')), false);
    await connection.updateSecret(Buffer.from(await mint('ivan', ALL)), 'wider');
    assert.equal(await permitted(connection, declare('q-ivan')), true);
    await connection.close();
});

for (const [what, token] of [
    ["another user's token", () => mint('mallory', ALL)],
    ['an expired token', () => mint('judy', ALL, {lifetime: -5})],
    ['a password', () => 'swordfish'],
]) {
    test(`AMQP: update-secret with ${what} closes the connection`, async () => {
        const connection = await enter('judy', ALL);
        const answer = connection.updateSecret(Buffer.from(await token()), 'bad').catch(() => 'refused');
        await soon(() => connection.isClosed, "the connection's end");
        assert.match(connection.closedBy, /530|NOT.ALLOWED/i);
        await Promise.race([answer, Promise.resolve()]);
    });
}
