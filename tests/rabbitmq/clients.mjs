// Real clients (npm amqplib, npm mqtt, HTTP) on a real RabbitMQ with the plugin: who gets in, what they may do, until
// when; and what holds inside the node.
import assert from 'node:assert/strict';

import {runAll, test} from '../support/tap.mjs';
import './amqp_cases.mjs';
import './mqtt_cases.mjs';
import './http_cases.mjs';
import './node_cases.mjs';
import {begin, end, world} from './world.mjs';

test('nothing of any token stands in the log, debug lines included', async () => {
    assert.ok(world.issuer.minted.length > 30);
    for (const token of world.issuer.minted) {
        for (const part of token.split('.').slice(1)) assert.ok(!world.rabbit.log.includes(part.slice(0, 24)));
    }
});

await runAll(begin, end);
