// Every refusal and denial can be matched to a connection: the log says protocol and peer, whatever the client speaks.
import assert from 'node:assert/strict';

import {bearer} from '../support/rabbitmq.mjs';
import {StompClient} from '../support/stomp.mjs';
import {StreamClient} from '../support/stream.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';
import {ALL, begin, end, mint, world} from './world.mjs';

const PLUGINS = ['rabbitmq_management', 'rabbitmq_stomp', 'rabbitmq_stream', 'rabbitmq_mqtt'];
const ways = {
    stomp: (token) => StompClient.connect(world.rabbit.stompPort, token),
    stream: (token) => StreamClient.connect(world.rabbit.streamPort, token),
    http: (token) => world.rabbit.http('/whoami', bearer(token)),
};

/** Two lines a second are told of a client, so it is asked until the line is there. */
const logged = (line, ask) => {
    const from = world.rabbit.log.length;
    return eventually(async () => {
        await ask();
        return line.test(world.rabbit.log.slice(from));
    }, line, 30_000);
};

for (const [protocol, connect] of Object.entries(ways)) {
    test(`${protocol}: a refused login has protocol and peer`, async () => {
        const token = await mint('rita', ALL, {lifetime: -60});
        await logged(
            new RegExp(`authenticate refused reason=TOKEN_EXPIRED .*username="rita" .*protocol="${protocol}" peer="127\\.0\\.0\\.1:\\d+"`),
            async () => {
                const answer = await connect(token).catch((error) => error);
                assert.doesNotMatch(String(answer?.message ?? JSON.stringify(answer?.body)), /TOKEN_EXPIRED|rita/);
            });
    });

    test(`${protocol}: a login has protocol and peer`, async () => {
        const from = world.rabbit.log.length;
        const client = await connect(await mint('sam', `${ALL} tag:management`));
        await world.rabbit.logged(
            new RegExp(`authenticate ok .*username="sam" .*protocol="${protocol}" peer="127\\.0\\.0\\.1:\\d+"`), from);
        client.end?.();
    });
}

test('http: a denial has protocol and peer', async () => {
    const header = bearer(await mint('tom', 'tag:management configure:*/other'));
    await logged(/authorize denied .*username="tom" protocol="http" peer="127\.0\.0\.1:\d+" operation=configure .*resource="q"/,
        () => world.rabbit.http('/queues/%2F/q', header, {method: 'PUT', body: {durable: false}}));
});

await runAll(() => begin(async () => ({plugins: PLUGINS})), end);
