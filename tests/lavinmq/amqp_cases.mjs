// AMQP 0-9-1, SASL PLAIN.
import assert from 'node:assert/strict';

import defs from 'amqplib/lib/defs.js';

import {amqpLogin} from '../support/amqp_frames.mjs';
import {permitted, turnedAway} from '../support/lavinmq.mjs';
import {eventually, test} from '../support/tap.mjs';
import {ALL, LOCAL, enter, everything, mint, world} from './world.mjs';

const soon = (condition, what) => eventually(condition, what, 30_000);
/** What amqplib says of a vhost that is closed: it waits for another answer. */
export const CLOSED = /530|NOT.ALLOWED|ConnectionClose/i;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** LavinMQ 2.8 may have closed it already, after a refused message; then amqplib waits for ever. */
const leave = (connection) => Promise.race([connection.close().catch(() => {}), pause(2000)]);

// ---- who gets in ----------------------------------------------------------------------------------------

test('AMQP: a token as the password lets a client in, under the name that the token gives', async () => {
    const from = world.lavin.log.length;
    const connection = await enter('alice', ALL, {username: 'whoever', name: 'app-1'});
    await world.lavin.logged(/authenticate ok .*username="alice".*protocol="amqp".*peer="127\.0\.0\.1.*app-1/, from);
    await world.lavin.logged(/Connection established for user=alice/, from);
    await leave(connection);
});

test('AMQP: a local user comes in as ever, and a wrong password does not', async () => {
    await (await everything()).close();
    await turnedAway(world.lavin.connect('wrong', {username: 'guest'}));
});

for (const [what, reason, password] of [
    ['an expired token', 'TOKEN_EXPIRED', () => mint('bob', ALL, {lifetime: -5})],
    ['a token signed by somebody else', 'BAD_SIGNATURE', () => mint('bob', ALL, {signer: 'stranger', kid: 'p256-1'})],
    ['a token for another audience', 'WRONG_AUDIENCE', () => mint('bob', ALL, {claims: {aud: 'another'}})],
    ['a token of another issuer', 'WRONG_ISSUER', () => mint('bob', ALL, {claims: {iss: 'https://other.example'}})],
]) {
    test(`AMQP: ${what} is refused, and one log line says ${reason} and whose connection it was`, async () => {
        const from = world.lavin.log.length;
        const name = `app-${reason}`;
        const error = await turnedAway(world.lavin.connect(await password(), {name}));
        assert.match(error.message, /ACCESS-REFUSED|ACCESS_REFUSED|403/);
        assert.doesNotMatch(error.message, new RegExp(reason), 'the client is told no more than that');
        await world.lavin.logged(new RegExp(`authenticate refused reason=${reason} ` +
            `.*protocol="amqp" peer="127\\.0\\.0\\.1:\\d+" connection_name="${name}": .+hint`), from);
        assert.equal(world.lavin.log.slice(from).match(new RegExp(`refused.*${name}`, 'g')).length, 1);
    });
}

test('AMQP: a password that is no token is refused, in LavinMQ\'s own words', async () => {
    const from = world.lavin.log.length;
    await turnedAway(world.lavin.connect('swordfish', {username: 'bob'}));
    await world.lavin.logged(/Authentication failure for user "bob"/, from);
    assert.doesNotMatch(world.lavin.log.slice(from), /not_a_token/, 'local is asked after oauth');
});

test('AMQP: a refused token is not tried as the password of a local user', async () => {
    const from = world.lavin.log.length;
    await turnedAway(world.lavin.connect(await mint('bob', ALL, {lifetime: -5}), {username: 'guest'}));
    await world.lavin.logged(/authenticate refused reason=TOKEN_EXPIRED/, from);
});

test('AMQP: a vhost that no scope names is closed, and the log says why', async () => {
    const from = world.lavin.log.length;
    const error = await turnedAway(enter('carol', 'read:other/*'));
    assert.match(error.message, CLOSED);
    await world.lavin.logged(/authorize denied reason=NO_VHOST_ACCESS .*username="carol" protocol="amqp" .*vhost="\/"/, from);
});

// ---- what it may do -------------------------------------------------------------------------------------

const declare = (name, options) => (channel) => channel.assertQueue(name, {durable: false, ...options});
const exchange = (name, options) => (channel) => channel.assertExchange(name, 'direct', {durable: false, ...options});
const consume = (name) => (channel) => channel.consume(name, () => {});
const get = (name) => (channel) => channel.get(name);
const purge = (name) => (channel) => channel.purgeQueue(name);
const bind = (queue, from) => (channel) => channel.bindQueue(queue, from, 'k');
const unbind = (queue, from) => (channel) => channel.unbindQueue(queue, from, 'k');
const bindExchange = (to, from) => (channel) => channel.bindExchange(to, from, 'k');
const unbindExchange = (to, from) => (channel) => channel.unbindExchange(to, from, 'k');
const deleteQueue = (name, options) => (channel) => channel.deleteQueue(name, options);
const lookAt = (name) => (channel) => channel.checkQueue(name);
const lookAtExchange = (name) => (channel) => channel.checkExchange(name);
const deleteExchange = (name) => (channel) => channel.deleteExchange(name);
/** Waits for the broker's answer: confirms don't tell a refusal from a closed channel, a harmless call does. */
const publish = (to, key = 'k', options = {}) => async (channel) => {
    channel.publish(to, key, Buffer.from('x'), options);
    await channel.prefetch(1);
};

const dead = (to) => ({expiration: '0', headers: {'x-dead-letter-exchange': to, 'x-dead-letter-routing-key': 'private'}});

for (const [scope, operation, run, expected] of [
    ['configure:*/q1', 'declaring q1', declare('q1'), true],
    ['configure:*/q1', 'declaring q2', declare('q2'), false],
    ['configure:other/q1', 'declaring q1b', declare('q1b'), false],
    ['read:*/* write:*/*', 'declaring q3', declare('q3'), false],
    ['configure:*/dead read:*/dead write:*/orders', 'declaring dead with orders behind it', declare('dead', {deadLetterExchange: 'orders'}), true],
    ['configure:*/dead2 write:*/orders', 'declaring dead2 without the right to read', declare('dead2', {deadLetterExchange: 'orders'}), false],
    ['configure:*/dead4 read:*/dead write:*/orders', 'declaring dead4 with the right to read another', declare('dead4', {deadLetterExchange: 'orders'}), false],
    ['configure:*/dead3 read:*/*', 'declaring dead3 without the right to write', declare('dead3', {deadLetterExchange: 'orders'}), false],
    ['configure:*/shared', 'declaring shared, which is there', declare('shared'), true],
    ['read:*/* write:*/*', 'declaring shared, which is there', declare('shared'), false],
    ['configure:*/shared', 'looking at shared', lookAt('shared'), true],
    ['read:*/shared', 'looking at shared', lookAt('shared'), true],
    ['write:*/shared', 'looking at shared', lookAt('shared'), true],
    ['configure:*/x read:*/x write:*/x', 'looking at shared', lookAt('shared'), false],
    ['configure:*/x read:*/x write:*/x', 'looking for a queue that is not there', lookAt('nowhere'), false],
    ['read:%2F/unused', 'asking whether there are replies', lookAt('amq.rabbitmq.reply-to'), true],
    ['write:*/orders read:*/*', 'looking for a reply consumer', lookAt('amq.direct.reply-to.x'), false],
    ['configure:*/orders', 'declaring exchange orders, which is there', exchange('orders'), true],
    ['read:*/* write:*/*', 'declaring exchange orders, which is there', exchange('orders'), false],
    ['write:*/orders', 'looking at exchange orders', lookAtExchange('orders'), true],
    ['write:*/x', 'looking at exchange orders', lookAtExchange('orders'), false],
    ['configure:*/shared', 'deleting shared', deleteQueue('shared'), true],
    ['read:*/* write:*/*', 'deleting private if it is empty', deleteQueue('private', {ifEmpty: true}), false],
    ['read:*/* write:*/*', 'deleting shared', deleteQueue('shared'), false],
    ['configure:*/e1', 'declaring exchange e1', exchange('e1'), true],
    ['read:*/* write:*/*', 'declaring exchange e2', exchange('e2'), false],
    ['configure:*/e3 read:*/e3', 'an alternate exchange without the right to write', exchange('e3', {alternateExchange: 'orders'}), false],
    ['configure:*/e4 read:*/e4', 'the same under its other name', exchange('e4', {arguments: {'x-alternate-exchange': 'orders'}}), false],
    ['configure:*/e6 read:*/e6', 'an alternate exchange that is no text', exchange('e6', {arguments: {'alternate-exchange': 5}}), false],
    ['configure:*/e5 read:*/e5 write:*/orders', 'an alternate exchange with that right', exchange('e5', {alternateExchange: 'orders'}), true],
    ['configure:*/orders', 'deleting exchange orders', deleteExchange('orders'), true],
    ['read:*/* write:*/*', 'deleting exchange orders', deleteExchange('orders'), false],
    ['read:%2F/shared', 'consuming from shared', consume('shared'), true],
    ['read:%2F/shared', 'consuming from private', consume('private'), false],
    ['write:%2F/shared configure:*/*', 'consuming from shared', consume('shared'), false],
    ['read:%2F/shared', 'getting from shared', get('shared'), true],
    ['write:%2F/shared configure:*/*', 'getting from shared', get('shared'), false],
    ['read:%2F/shared', 'purging shared', purge('shared'), true],
    ['write:%2F/shared configure:*/*', 'purging shared', purge('shared'), false],
    ['write:%2F/orders', 'publishing to orders', publish('orders'), true],
    ['write:%2F/order', 'publishing to orders', publish('orders'), false],
    ['read:*/* configure:*/*', 'publishing to orders', publish('orders'), false],
    ['write:%2F/orders', 'publishing to orders what goes to news when it is dead', publish('orders', 'k', dead('news')), false],
    ['write:%2F/orders', 'publishing to orders what goes to a queue when it is dead', publish('orders', 'k', dead('')), false],
    ['write:%2F/orders', 'publishing to orders with a routing key for when it is dead', publish('orders', 'k', {headers: {'x-dead-letter-routing-key': 'private'}}), false],
    ['write:%2F/orders write:%2F/news', 'publishing to orders what goes to news when it is dead', publish('orders', 'k', dead('news')), true],
    ['write:%2F/*', 'publishing to the default exchange', publish('', 'shared'), true],
    ['write:%2F/shared', 'publishing to the default exchange', publish('', 'shared'), false],
    ['write:%2F/shared read:%2F/orders', 'binding shared to orders', bind('shared', 'orders'), true],
    ['write:%2F/shared read:%2F/x', 'binding shared to orders', bind('shared', 'orders'), false],
    ['write:%2F/x read:%2F/orders', 'binding shared to orders', bind('shared', 'orders'), false],
    ['write:%2F/shared read:%2F/orders', 'unbinding shared from orders', unbind('shared', 'orders'), true],
    ['write:%2F/shared', 'unbinding shared from orders', unbind('shared', 'orders'), false],
    ['write:%2F/news read:%2F/orders', 'binding news to orders', bindExchange('news', 'orders'), true],
    ['write:%2F/orders read:%2F/news', 'binding news to orders', bindExchange('news', 'orders'), false],
    ['write:%2F/news read:%2F/orders', 'unbinding news from orders', unbindExchange('news', 'orders'), true],
    ['read:%2F/orders', 'unbinding news from orders', unbindExchange('news', 'orders'), false],
]) {
    test(`AMQP: ${scope} ${expected ? 'grants' : 'denies'} ${operation}`, async () => {
        const owner = await everything();
        const channel = await owner.createChannel();
        await channel.assertQueue('shared', {durable: false});
        await channel.assertQueue('private', {durable: false});
        channel.sendToQueue('private', Buffer.from('x'));
        await channel.assertExchange('orders', 'direct', {durable: false});
        await channel.assertExchange('news', 'topic', {durable: false});
        const connection = await enter('dave', `${scope} read:%2F/unused`);
        assert.equal(await permitted(connection, run), expected);
        await leave(connection);
        await owner.close();
    });
}

test('AMQP: a denial is in the log with the scope that comes nearest', async () => {
    await pause(1000);  // the tests before may have filled this second's ten lines
    const from = world.lavin.log.length;
    const connection = await enter('erin', 'write:%2F/order-2');
    assert.equal(await permitted(connection, publish('amq.direct')), false);
    await world.lavin.logged(/authorize denied reason=NO_MATCHING_SCOPE .*username="erin" .*operation=write vhost="\/" resource="amq\.direct": it needs .*order-2/, from);
    await leave(connection);
});

test('AMQP: another user_id in a message needs the tag impersonator', async () => {
    for (const [scope, expected] of [[ALL, false], [`${ALL} tag:impersonator`, true]]) {
        const connection = await enter('ivy', scope);
        const channel = await connection.createChannel();
        let refused = false;
        channel.on('error', () => { refused = true; });
        channel.publish('amq.direct', 'k', Buffer.from('x'), {userId: 'somebody'});
        await Promise.race([channel.prefetch(1).catch(() => {}), soon(() => connection.isClosed, 'its end').catch(() => {})]);
        assert.equal(!refused, expected);
        await leave(connection);
    }
});

// ---- replies --------------------------------------------------------------------------------------------

const REPLIES = 'amq.rabbitmq.reply-to';

/** A client that waits for replies with the consumer tag `tag`; `heard` gets them, and null when it is cancelled. */
async function asks(connection, tag, queue = REPLIES) {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const heard = [];
    await channel.consume(queue, (message) => heard.push(message?.content.toString() ?? null), {noAck: true, consumerTag: tag});
    return {channel, heard};
}

test('AMQP: a reply needs the right to write to the default exchange, and goes through no other', async () => {
    const connection = await enter('rita', 'read:*/amq.rabbitmq.reply-to');
    const {heard} = await asks(connection, 'rita-1');
    const owner = await everything();
    await (await owner.createChannel()).assertExchange('orders', 'direct', {durable: false});
    const key = 'amq.direct.reply-to.rita-1';
    const stranger = await enter('rob', 'write:*/orders');
    assert.equal(await permitted(stranger, publish('orders', key)), true);  // to nobody, as any other unknown key
    assert.equal(await permitted(stranger, publish('', key)), false);
    const server = await enter('ron', 'write:%2F/');
    assert.equal(await permitted(server, lookAt(key)), true);
    const channel = await server.createChannel();
    channel.publish('', key, Buffer.from('the answer'));
    await soon(() => heard.length, 'the reply');
    assert.deepEqual(heard, ['the answer']);
    for (const one of [connection, stranger, server, owner]) await leave(one);
});

test("AMQP: another identity can't take a reply consumer's tag over; the same one can, and keeps it", async () => {
    const connection = await world.lavin.connect(await mint('ruth', ALL, {lifetime: 5}));
    const {heard} = await asks(connection, 'ruth-1');
    const thief = await enter('rick', ALL);
    await assert.rejects(asks(thief, 'ruth-1'), /405|RESOURCE.LOCKED/);
    const channel = await thief.createChannel();
    channel.publish('', 'amq.direct.reply-to.ruth-1', Buffer.from('for ruth'));
    await soon(() => heard.length, 'the reply');
    const again = await enter('ruth', ALL);
    const second = await asks(again, 'ruth-1');
    channel.publish('', 'amq.direct.reply-to.ruth-1', Buffer.from('for ruth again'));
    await soon(() => second.heard.length, 'the reply');
    assert.deepEqual(heard, ['for ruth']);
    await soon(() => connection.isClosed, 'the end of the first token');
    channel.publish('', 'amq.direct.reply-to.ruth-1', Buffer.from('still for ruth'));
    await soon(() => second.heard.length > 1, 'the reply');
    for (const one of [thief, again]) await leave(one);
});

test('AMQP: a channel has one reply consumer: a forgotten one would end the connection of who answers it', async () => {
    const connection = await enter('rosa', ALL);
    const {channel} = await asks(connection, 'rosa-1');
    await assert.rejects(channel.consume(REPLIES, () => {}, {noAck: true, consumerTag: 'rosa-2'}), /406|PRECONDITION/);
    await leave(connection);
});

test('AMQP: a reply in the name of another user needs the tag impersonator', async () => {
    const connection = await enter('rita', ALL);
    const {heard} = await asks(connection, 'rita-2');
    const server = await enter('ron', ALL);
    const channel = await server.createChannel();
    let refusal = '';
    channel.on('error', (error) => { refusal = error.message; });
    channel.publish('', 'amq.direct.reply-to.rita-2', Buffer.from('x'), {userId: 'somebody'});
    await soon(() => refusal, 'the refusal');
    assert.match(refusal, /406|PRECONDITION/);
    assert.deepEqual(heard, []);
    for (const one of [connection, server]) await leave(one);
});

test("AMQP: a reply in a transaction is refused: it would end the connection of who gets it", async () => {
    const connection = await enter('rita', ALL);
    await asks(connection, 'rita-3');
    const server = await enter('ron', ALL);
    const channel = await server.createChannel();
    let refusal = '';
    channel.on('error', (error) => { refusal = error.message; });
    await channel.rpc(defs.TxSelect, {}, defs.TxSelectOk);
    channel.publish('', 'amq.direct.reply-to.rita-3', Buffer.from('x'));
    await soon(() => refusal, 'the refusal');
    assert.match(refusal, /406|PRECONDITION/);
    assert.ok(!connection.isClosed);
    for (const one of [connection, server]) await leave(one);
});

test('AMQP: a reply consumer ends when update-secret takes the right to read it', async () => {
    const connection = await enter('rudi', ALL);
    const {heard} = await asks(connection, 'rudi-1', 'amq.direct.reply-to');
    const server = await enter('ron', ALL);
    assert.equal(await permitted(server, lookAt('amq.direct.reply-to.rudi-1')), true);
    await connection.updateSecret(Buffer.from(await mint('rudi', 'write:*/*')), 'narrower');
    await soon(() => heard.includes(null), 'the cancellation');
    await assert.rejects(permitted(server, lookAt('amq.direct.reply-to.rudi-1')), /404|NOT.FOUND/);
    for (const one of [connection, server]) await leave(one);
});

// ---- until when -----------------------------------------------------------------------------------------

test('AMQP: the connection is closed when the token ends', async () => {
    const connection = await world.lavin.connect(await mint('frank', ALL, {lifetime: 3}));
    await soon(() => connection.isClosed, "the connection's end");
    assert.match(connection.closedBy, /320|CONNECTION.FORCED/i);
    assert.match(connection.closedBy, /token expired/);
});

test("AMQP: a client that doesn't answer the close at its token's end is cut off", async () => {
    const closedBy = await amqpLogin(world.lavin.port, 'whoever', await mint('deaf', ALL, {lifetime: 2}), {deaf: true});
    assert.match(closedBy, /320 .*token expired/);
});

for (const [what, lifetime, end, reply] of [
    ['its token ended', 3, () => {}, /token expired/],
    ['a bad update-secret', 300, (client) => client.updateSecret(Buffer.from('swordfish'), 'bad').catch(() => {}), /ACCESS_REFUSED/],
    ['an operator ended it', 300, () => world.lavin.http('/connections/username/drain', LOCAL, {method: 'DELETE'}), /CONNECTION_FORCED/],
]) {
    test(`AMQP: a client that goes on reading when ${what} takes no message out of its queue any more`, async () => {
        const owner = await everything();
        const setup = await owner.createChannel();
        await setup.assertQueue('drained', {durable: false});
        const client = await world.lavin.connect(await mint('drain', ALL, {lifetime}));
        const channel = await client.createChannel();
        await channel.consume('drained', () => {}, {noAck: true});
        let closed = false;
        const accept = client.connection.accept;
        client.connection.accept = (frame) => {  // deaf: the close is not answered
            if (frame.id === defs.ConnectionClose) closed = reply.test(frame.fields.replyText);
            else if (!closed) accept.call(client.connection, frame);
        };
        end(client);
        await soon(() => closed, 'the close');
        for (let i = 0; i < 20; ++i) setup.sendToQueue('drained', Buffer.from(`${i}`));
        await pause(500);
        assert.equal((await setup.checkQueue('drained')).messageCount, 20);
        client.connection.stream.destroy();
        await setup.deleteQueue('drained');
        await owner.close();
    });
}

test("AMQP: a message whose body comes after the token's end is not published", async () => {
    const owner = await everything();
    const setup = await owner.createChannel();
    await setup.assertQueue('late', {durable: false});
    const client = await world.lavin.connect(await mint('lola', ALL, {lifetime: 3}));
    const {ch} = await client.createChannel();
    let closed = false;
    client.connection.accept = (frame) => { closed ||= frame.id === defs.ConnectionClose; };
    const body = Buffer.from([3, ch >> 8, ch & 0xff, 0, 0, 0, 4, ...Buffer.from('late'), 0xce]);
    client.connection.stream.write(Buffer.concat([
        defs.encodeMethod(defs.BasicPublish, ch, {exchange: '', routingKey: 'late', mandatory: false, immediate: false, ticket: 0}),
        defs.encodeProperties(defs.BasicProperties, ch, 4, {}), body.subarray(0, 9)]));
    await soon(() => closed, 'the close');
    client.connection.stream.write(body.subarray(9));
    await pause(500);
    assert.equal((await setup.checkQueue('late')).messageCount, 0);
    client.connection.stream.destroy();
    await setup.deleteQueue('late');
    await owner.close();
});

test('AMQP: a client that goes on after a bad update-secret is cut off', async () => {
    const client = await enter('dora', ALL);
    client.connection.accept = () => {};
    let cut = false;
    client.connection.stream.on('close', () => { cut = true; });
    client.updateSecret(Buffer.from('swordfish'), 'bad').catch(() => {});
    await soon(() => cut, 'the end');
});

test('AMQP over WebSocket: a token comes in, a bad one does not; whoever goes on after its end is cut off', async () => {
    const from = world.lavin.log.length;
    await amqpLogin(world.lavin.httpPort, 'whoever', await mint('web', ALL), {webSocket: true});
    await world.lavin.logged(/authenticate ok .*username="web".*protocol="amqp".*peer="127\.0\.0\.1/, from);
    await assert.rejects(amqpLogin(world.lavin.httpPort, 'whoever', await mint('web', ALL, {lifetime: -5}), {webSocket: true}));
    await assert.rejects(amqpLogin(world.lavin.httpPort, 'whoever', await mint('web', 'read:other/*'), {webSocket: true}));
    const token = await mint('web', ALL, {lifetime: 2});
    assert.match(await amqpLogin(world.lavin.httpPort, 'whoever', token, {deaf: true, webSocket: true}), /320 .*token expired/);
});

test("AMQP: a client that reads no more is cut off after its token's end too", async () => {
    const owner = await everything();
    const setup = await owner.createChannel();
    await setup.assertQueue('flood', {durable: false});
    const client = await world.lavin.connect(await mint('sloth', ALL, {lifetime: 3}));
    await (await client.createChannel()).consume('flood', () => {}, {noAck: true});
    client.connection.stream.pause();
    for (let i = 0; i < 200; ++i) setup.sendToQueue('flood', Buffer.alloc(200_000));  // more than sockets hold
    const here = async () => (await world.lavin.http('/connections', LOCAL)).body.some(({user}) => user === 'sloth');
    assert.ok(await here());
    await soon(async () => !await here(), "the connection's end");
    client.connection.stream.destroy();
    await setup.deleteQueue('flood');
    await owner.close();
});

test('AMQP: update-secret keeps the connection beyond the first token', async () => {
    const connection = await world.lavin.connect(await mint('grace', ALL, {lifetime: 3}));
    await connection.updateSecret(Buffer.from(await mint('grace', ALL)), 'longer');
    await pause(4500);
    assert.ok(!connection.isClosed);
    assert.equal(await permitted(connection, declare('q-grace')), true);
    await leave(connection);
});

test('AMQP: a token that ends earlier, by update-secret, ends the connection earlier', async () => {
    const connection = await enter('gina', ALL);
    await connection.updateSecret(Buffer.from(await mint('gina', ALL, {lifetime: 3})), 'shorter');
    await soon(() => connection.isClosed, "the connection's end");
    assert.match(connection.closedBy, /token expired/);
});

test('AMQP: rights that update-secret narrows are gone at once, in open channels too', async () => {
    const connection = await enter('heidi', ALL);
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    for (let i = 0; i < 3; ++i) await publish('amq.direct')(channel);
    await connection.updateSecret(Buffer.from(await mint('heidi', 'read:*/*')), 'narrower');
    assert.equal(await permitted(connection, publish('amq.direct')), false);
    await assert.rejects(publish('amq.direct')(channel));  // it had its permission in a cache
    await leave(connection);
});

test('AMQP: a consumer that update-secret leaves without the right to read is cancelled, another goes on', async () => {
    const owner = await everything();
    const setup = await owner.createChannel();
    for (const name of ['secret-q', 'public-q']) await setup.assertQueue(name, {durable: false});
    const connection = await enter('hugo', 'read:*/*');
    const channel = await connection.createChannel();
    const heard = {'secret-q': [], 'public-q': []};
    for (const name of Object.keys(heard)) {
        const hear = (message) => heard[name].push(message?.content.toString() ?? null);
        await channel.consume(name, hear, {noAck: true});
    }
    setup.sendToQueue('secret-q', Buffer.from('before'));
    await soon(() => heard['secret-q'].includes('before'), 'the first message');
    await connection.updateSecret(Buffer.from(await mint('hugo', 'read:*/public-*')), 'narrower');
    await soon(() => heard['secret-q'].includes(null), 'the cancellation');  // amqplib says it with null
    setup.sendToQueue('secret-q', Buffer.from('after'));
    setup.sendToQueue('public-q', Buffer.from('after'));
    await soon(() => heard['public-q'].includes('after'), "the other consumer's message");
    await pause(300);
    assert.ok(!heard['secret-q'].includes('after'));
    for (const name of Object.keys(heard)) await setup.deleteQueue(name);
    await leave(connection);
    await owner.close();
});

test('AMQP: a message that began before update-secret took the right is not published', async () => {
    const owner = await everything();
    const setup = await owner.createChannel();
    await setup.assertQueue('begun', {durable: false});
    const client = await enter('nina', 'write:%2F/*');
    const channel = await client.createChannel();
    let refusal;
    channel.on('error', (error) => { refusal = error; });
    const size = (number) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(number); return bytes; };
    const frame = (type, payload) => Buffer.concat([Buffer.from([type, 0, channel.ch]), size(payload.length), payload, Buffer.from([0xce])]);
    const {stream} = client.connection;
    stream.write(frame(1, Buffer.concat([Buffer.from([0, 60, 0, 40, 0, 0, 0, 5]), Buffer.from('begun'), Buffer.from([0])])));
    await client.updateSecret(Buffer.from(await mint('nina', 'read:%2F/none')), 'narrower');
    stream.write(Buffer.concat([frame(2, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])), frame(3, Buffer.from('x'))]));
    await soon(() => refusal, 'the refusal');
    assert.match(refusal.message, /ACCESS.REFUSED/);
    await pause(200);
    assert.equal((await setup.checkQueue('begun')).messageCount, 0);
    await setup.deleteQueue('begun');
    await owner.close();
    client.connection.stream.destroy();
});

test('AMQP: what waits in a transaction is not published when update-secret has taken the right', async () => {
    const owner = await everything();
    const setup = await owner.createChannel();
    await setup.assertQueue('ledger', {durable: false});
    const connection = await enter('tara', ALL);
    const channel = await connection.createChannel();
    let refusal = '';
    channel.on('error', (error) => { refusal = error.message; });
    await channel.rpc(defs.TxSelect, {}, defs.TxSelectOk);
    channel.publish('', 'ledger', Buffer.from('committed'));
    await channel.rpc(defs.TxCommit, {}, defs.TxCommitOk);
    channel.publish('', 'ledger', Buffer.from('too late'));
    await channel.prefetch(1);
    await connection.updateSecret(Buffer.from(await mint('tara', 'read:*/*')), 'narrower');
    await channel.rpc(defs.TxCommit, {}, defs.TxCommitOk).catch(() => {});
    assert.match(refusal, /403|ACCESS.REFUSED/);
    assert.equal((await setup.get('ledger', {noAck: true})).content.toString(), 'committed');
    assert.equal(await setup.get('ledger'), false);
    await setup.deleteQueue('ledger');
    await leave(connection);
    await owner.close();
});

test('AMQP: rights that update-secret adds are there', async () => {
    const connection = await enter('ivan', 'read:*/*');
    assert.equal(await permitted(connection, declare('q-ivan')), false);
    await connection.updateSecret(Buffer.from(await mint('ivan', ALL)), 'wider');
    assert.equal(await permitted(connection, declare('q-ivan')), true);
    await leave(connection);
});

for (const [what, reason, token] of [
    ["another user's token", 'IDENTITY_CHANGED', () => mint('mallory', ALL)],
    ['an expired token', 'TOKEN_EXPIRED', () => mint('judy', ALL, {lifetime: -5})],
    ['a password', 'OPAQUE_TOKEN', () => 'swordfish'],
]) {
    test(`AMQP: update-secret with ${what} closes the connection, and the log says ${reason}`, async () => {
        const from = world.lavin.log.length;
        const connection = await enter('judy', ALL);
        connection.updateSecret(Buffer.from(await token()), 'bad').catch(() => {});
        await soon(() => connection.isClosed, "the connection's end");
        assert.match(connection.closedBy, /403|ACCESS.REFUSED/i);
        assert.doesNotMatch(connection.closedBy, new RegExp(reason));
        await world.lavin.logged(new RegExp(`refresh refused reason=${reason} .*protocol="amqp" peer=`), from);
    });
}
