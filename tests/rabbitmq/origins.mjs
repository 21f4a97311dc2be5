// Every refusal and denial can be matched to a connection: the log says protocol and peer, whatever the client speaks. And
// the broker's own /metrics counts them.
import assert from 'node:assert/strict';

import {freePort} from '../support/programs.mjs';
import {bearer} from '../support/rabbitmq.mjs';
import {StompClient} from '../support/stomp.mjs';
import {StreamClient} from '../support/stream.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';
import {ALL, begin, end, mint, world} from './world.mjs';

const PLUGINS = ['rabbitmq_management', 'rabbitmq_stomp', 'rabbitmq_stream', 'rabbitmq_mqtt', 'rabbitmq_prometheus'];
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

test("the counters are in the broker's own /metrics, each family once", async () => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    assert.match(text, /^tokenward_authentications_total\{result="refused",reason="TOKEN_EXPIRED"\} [1-9]/m);
    assert.match(text, /^tokenward_keys\{section="oauth"\} [1-9]/m);
    assert.match(text, /^tokenward_key_fetch_duration_seconds_bucket\{section="oauth",le="\+Inf"\} [1-9]/m);
    const types = text.match(/^# TYPE tokenward_\w+ /gm);
    assert.deepEqual(types, [...new Set(types)]);
    const own = await world.rabbit.evaluate('{ok, Text} = tokenward:metrics(), io:format("~ts", [Text]).');
    assert.deepEqual(types.sort(), own.match(/^# TYPE tokenward_\w+ /gm).sort());
});

let metricsPort;
await runAll(() => begin(async () => {
    metricsPort = await freePort();
    return {plugins: PLUGINS, moreConf: ['prometheus.tcp.ip = 127.0.0.1', `prometheus.tcp.port = ${metricsPort}`]};
}), end);
