// What LavinMQ's own OAuth backend gets wrong, one row each: a refusal it should not give, a yes it should not give, or a
// rule it bends. Tokens of a file's keys, made by hand.
import assert from 'node:assert/strict';

import {permitted, turnedAway} from '../support/lavinmq.mjs';
import {Client} from '../support/mosquitto.mjs';
import {test} from '../support/tap.mjs';
import {CLOSED} from './amqp_cases.mjs';
import {ALL, enter, mint, world} from './world.mjs';

const now = () => Math.floor(Date.now() / 1000);
const accepted = async (token, name) => {
    const from = world.lavin.log.length;
    const connection = await world.lavin.connect(token);
    await world.lavin.logged(new RegExp(`Connection established for user=${name}`), from);
    await connection.close();
};
/** Refused with that reason, without a backtrace or an ERROR in the log. */
const refused = async (token, reason) => {
    const from = world.lavin.log.length;
    await turnedAway(world.lavin.connect(token));
    await world.lavin.logged(new RegExp(`authenticate refused reason=${reason} `), from);
    assert.doesNotMatch(world.lavin.log.slice(from), /\bERROR\b|from .*\.cr:\d+/);
};
const hand = (options) => world.hand.token(options);
const claims = (more) => world.hand.claims(more);

for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    test(`a token signed with ${alg} is accepted, its key has neither use nor alg`, () => accepted(hand({alg}), 'hand-hanna'));
}
test('HMAC with the public key is refused', () => refused(world.hand.confused(), 'ALGORITHM_NOT_ALLOWED'));
test('a forged signature is refused', () => refused(world.hand.forged(), 'BAD_SIGNATURE'));
test('alg none is refused', () => refused(hand({header: {alg: 'none'}, signature: () => Buffer.alloc(0)}), 'ALGORITHM_NOT_ALLOWED'));

for (const [what, change] of [
    ['padding', (token) => `${token}=`],
    ['the standard alphabet', (token) => token.replace(/[-_]/g, (c) => ({'-': '+', '_': '/'}[c]))],
    ['a newline at the end', (token) => `${token}\n`],
    ['a space in front of the signature', (token) => token.replace(/\.([^.]*)$/, '. $1')],
]) {
    test(`${what} makes a good token a malformed one`, async () => {
        let token;
        do token = hand(); while (!/[-_][^.]*$/.test(token));  // a signature with a letter of base64url's own
        await refused(change(token), 'MALFORMED_TOKEN');
    });
}

test('a member twice in the payload refuses the token', () => {
    const text = JSON.stringify(claims());
    return refused(hand({payload: text.replace('{', '{"sub":"admin",')}), 'MALFORMED_PAYLOAD');
});
test('a member twice in the header refuses the token', () =>
    refused(hand({header: '{"alg":"RS256","kid":"RS256","kid":"RS256"}'}), 'MALFORMED_HEADER'));
test('crit refuses the token', () => refused(hand({header: {crit: ['b64'], b64: true}}), 'CRITICAL_HEADER'));

test('a fractional exp is floored', () => accepted(hand({payload: claims({exp: now() + 60.5})}), 'hand-hanna'));
test('a string as exp is refused with a reason, no backtrace', () =>
    refused(hand({payload: claims({exp: String(now() + 60)})}), 'INVALID_CLAIM'));
test('a huge exp is refused with a reason, no backtrace', () =>
    refused(hand({payload: JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e300')}), 'INVALID_CLAIM'));

// preferred_username_claims of this section is the default: sub, client_id.
test('an empty sub is no username', () => refused(hand({payload: claims({sub: ''})}), 'NO_USERNAME'));
test('an empty sub lets the next claim count', () =>
    accepted(hand({payload: claims({sub: '', client_id: 'app'})}), 'hand-app'));
test('a newline in sub forges no line of the log: the token is refused', async () => {
    const from = world.lavin.log.length;
    await refused(hand({payload: claims({sub: 'eve\n2026 INFO forged line'})}), 'INVALID_USERNAME');
    assert.doesNotMatch(world.lavin.log.slice(from), /^2026 INFO forged line/m);
});

test('scope as an array counts', async () => {
    const connection = await world.lavin.connect(hand({payload: claims({scope: ['broker.configure:*/arr', 'broker.read:*/x']})}));
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('arr', {durable: false})), true);
    await connection.close();
});
test("another client's malformed roles don't spoil the token", () =>
    accepted(hand({payload: claims({resource_access: {other: {roles: 'not-an-array'}, more: 7}})}), 'hand-hanna'));
test('malformed roles of our own are left out, the other scopes stay', () =>
    accepted(hand({payload: claims({resource_access: {broker: {roles: 7}}})}), 'hand-hanna'));
test('roles under our own id need no prefix, and may have it', async () => {
    for (const role of ['configure:*/role-q', 'broker.configure:*/role-q']) {
        const payload = claims({scope: '', resource_access: {broker: {roles: [role, 'read:*/x']}}});
        const connection = await world.lavin.connect(hand({payload}));
        assert.equal(await permitted(connection, (channel) => channel.assertQueue('role-q', {durable: false})), true);
        await connection.close();
    }
});
test("roles under another client's id count for nothing", async () => {
    const payload = claims({scope: '', resource_access: {other: {roles: ['configure:*/*', 'broker.configure:*/*']}}});
    assert.match((await turnedAway(world.lavin.connect(hand({payload})))).message, CLOSED);
});

for (const [scope, name, expected] of [
    // Overlapping patterns of vhosts: any one that grants is enough, in whatever order.
    ['write:*/other configure:%2F/over', 'over', true],
    ['configure:%2F/over write:*/other', 'over', true],
    ['configure:*/nothing configure:%2F/over', 'over', true],
    ['configure:%2F/over configure:*/nothing', 'over', true],
    ['configure:%2A/star', 'star', false],  // the vhost named *
    ['configure:*/st%2Ar', 'star', false],  // the queue named st*r
    ['configure:*/st%2Ar', 'st*r', true],
    ['configure:*/a.b', 'axb', false],
    ['configure:*/*b', 'abab', true],
    ['configure:*/*ab*ab', 'ab-ab', true],
    ['configure:*/Case', 'case', false],
    ['configure:*/a|b', 'b', false],
    ['configure:*/with%20space', 'with space', true],
    ['configure:*/with+space', 'with space', true],
    ['configure:*/one/two/three', 'one', false],  // four parts: no scope at all
]) {
    test(`${scope} ${expected ? 'grants' : 'denies'} declaring ${name}`, async () => {
        const connection = await enter('wendy', `${scope} read:%2F/unused`);
        assert.equal(await permitted(connection, (channel) => channel.assertQueue(name, {durable: false, autoDelete: true})), expected);
        await connection.close();
    });
}

// ---- keys over time -------------------------------------------------------------------------------------

test('a key that came a moment ago: the first client that has it waits for it, and is let in', async () => {
    await world.issuer.flip('/rotate', {keep_old: true});
    await (await enter('rotated', ALL)).close();
});

test('new keys at the provider: a client whose key is still published is never refused', async () => {
    const token = await mint('steady', ALL);
    let stop = false;
    let count = 0;
    const lane = (async () => {
        for (; !stop; ++count) await (await world.lavin.connect(token)).close();
    })();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await world.issuer.flip('/rotate', {keep_old: true});
    await (await enter('rotated', ALL)).close();
    await new Promise((resolve) => setTimeout(resolve, 2500));  // the cache ends after 1 s, again and again
    stop = true;
    await lane;
    assert.ok(count > 5, `${count} connections`);
});

test('a silent provider: the known keys go on', async () => {
    const token = await mint('patient', ALL);
    await world.issuer.flip('/network', {state: 'down'});
    try {
        await new Promise((resolve) => setTimeout(resolve, 2500));  // beyond jwks_cache_ttl = 1 of this broker
        await (await world.lavin.connect(token)).close();
    } finally {
        await world.issuer.flip('/network', {state: 'up'});
    }
});

test('2000 scopes: the login is let in, and what they say holds', async () => {
    const scopes = Array.from({length: 1990}, (_, i) => `broker.read:v${i}/q${i}`).join(' ');
    // Through MQTT, since an AMQP start frame takes 4 KB; max_token_bytes of this broker is 131072.
    const token = await world.issuer.mint('wide', `${scopes} broker.write:*/mqtt.default`);
    const client = await Client.connect(world.lavin.mqttPort, token, {protocolVersion: 4});
    await client.publish('wide', 'x');
    await client.end();
});
