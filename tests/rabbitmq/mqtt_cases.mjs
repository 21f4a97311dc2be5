// The MQTT plugin of RabbitMQ: topics are routing keys of amq.topic, "/" becomes ".".
import assert from 'node:assert/strict';

import {Client, refusal} from '../support/mosquitto.mjs';
import {eventually, test} from '../support/tap.mjs';
import {ALL, mint, world} from './world.mjs';

const BAD_CREDENTIALS = 4;  // MQTT 3.1.1
/** What the plugin itself needs: a queue for the subscriptions, and amq.topic. */
const SUBSCRIBER = 'configure:*/mqtt-subscription-* write:*/mqtt-subscription-* read:*/mqtt-subscription-*';

const connect = async (token, options) =>
    Client.connect(world.rabbit.mqttPort, await token, {protocolVersion: 4, ...options});

/** A denied subscription ends the connection of RabbitMQ 3.10: then the answer is an error, or none at all. */
const subscribed = (client, filter) => new Promise((resolve) => {
    client.mqtt.subscribe(filter, {qos: 1}, (error, granted) => resolve(!error && granted[0].qos < 128));
    client.mqtt.once('close', () => resolve(false));
});

test('MQTT: a token as the password lets a client in, which sends and receives', async () => {
    const from = world.rabbit.log.length;
    const client = await connect(mint('mia', ALL));
    await world.rabbit.logged(/tokenward: authenticate ok .*username="mia"/, from);
    assert.equal(await client.subscribe('sensors/#'), true);
    await client.publish('sensors/one', 'hello');
    await client.receives('sensors/one hello');
    await client.end();
});

for (const [what, line, password] of [
    ['an expired token', 'authenticate refused reason=TOKEN_EXPIRED', () => mint('mike', ALL, {lifetime: -5})],
    ['a password that is no token', 'authenticate not_a_token reason=NOT_A_TOKEN', () => 'swordfish'],
]) {
    test(`MQTT: ${what} is refused, and the log says ${line}`, async () => {
        const from = world.rabbit.log.length;
        assert.equal(await refusal(connect(password())), BAD_CREDENTIALS);
        await world.rabbit.logged(new RegExp(`\\[warning\\] .*tokenward: ${line} .*protocol="mqtt"`), from);
    });
}

test('MQTT: a vhost that no scope names is closed', async () => {
    assert.ok(await refusal(connect(mint('max', 'read:other/*'))) > 0);
});

for (const [scope, topic, expected] of [
    ['write:*/amq.topic/sensors.*', 'sensors/one', true],
    ['write:*/amq.topic/sensors.*', 'alarms/one', false],
    ['write:*/amq.topic', 'sensors/one', false],
]) {
    test(`MQTT: ${scope} ${expected ? 'grants' : 'denies'} publishing to ${topic}`, async () => {
        const client = await connect(mint('mona', `${scope} ${SUBSCRIBER}`));
        const answer = client.publish(topic, 'x').then(() => true, () => false);
        // A denied publication ends the connection: MQTT 3.1.1 has no other way to say it.
        const closed = eventually(() => client.closed, 'the end').then(() => false);
        assert.equal(await Promise.race([answer, closed]), expected);
        await client.end(true);
    });
}

for (const [scope, filter, expected] of [
    ['read:*/amq.topic/sensors.*', 'sensors/one', true],
    ['read:*/amq.topic/sensors.*', 'sensors/#', true],
    ['read:*/amq.topic/sensors.*', '#', false],
    ['read:*/amq.topic', 'sensors/one', false],
]) {
    test(`MQTT: ${scope} ${expected ? 'grants' : 'denies'} subscribing to ${filter}`, async () => {
        const client = await connect(mint('nina', `${scope} ${SUBSCRIBER}`));
        assert.equal(await subscribed(client, filter), expected);
        await client.end(true);
    });
}

test('MQTT: the connection is closed when the token ends', async () => {
    const client = await connect(mint('oscar', ALL, {lifetime: 3}));
    await eventually(() => client.closed, "the connection's end", 30_000);
});
