// Real clients (npm amqplib, npm mqtt, HTTP, curl) on a real LavinMQ with the add-on: who gets in, what they may do,
// until when.
import assert from 'node:assert/strict';

import {runAll, test} from '../support/tap.mjs';
import './amqp_cases.mjs';
import './mqtt_cases.mjs';
import './bounds_cases.mjs';
import './http_cases.mjs';
import './outgoing_cases.mjs';
import './policy_cases.mjs';
import './own_backend_cases.mjs';
import {begin, end, world} from './world.mjs';

test('nothing of any token stands in the log, debug lines included', async () => {
    const tokens = [...world.issuer.minted, ...world.hand.minted];
    assert.ok(tokens.length > 100);
    for (const token of tokens) {
        for (const part of token.split('.').slice(1)) {
            if (part.length >= 24) assert.ok(!world.lavin.log.includes(part.slice(0, 24)));
        }
    }
});

await runAll(begin, end);
