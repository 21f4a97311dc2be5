// Every refusal and denial can be matched to a connection: the log says protocol and peer, whatever the client speaks. And
// the broker's own /metrics counts them.
import assert from 'node:assert/strict';

import {mkdirSync} from 'node:fs';
import {join} from 'node:path';

import amqp from 'amqplib';
import mqtt from 'mqtt';
import WebSocket from 'ws';

import {makeCertificates} from '../support/issuer.mjs';
import {freePort} from '../support/programs.mjs';
import {bearer} from '../support/rabbitmq.mjs';
import {StompClient} from '../support/stomp.mjs';
import {StreamClient} from '../support/stream.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';
import {TlsTunnel} from '../support/tls_tunnel.mjs';
import {ALL, begin, end, mint, world} from './world.mjs';

const PLUGINS = ['rabbitmq_management', 'rabbitmq_stomp', 'rabbitmq_web_stomp', 'rabbitmq_stream', 'rabbitmq_mqtt',
    'rabbitmq_prometheus'];
const PROTOCOLS = ['amqp', 'mqtt', 'stomp', 'stream', 'http'];
const tunnels = {};
const ports = {};

const whoAmI = (port, token) => fetch(`http://127.0.0.1:${port}/api/whoami`, {headers: {authorization: bearer(token)}})
    .then((response) => response.json());
async function overAmqp(port, token) {
    const connection = await amqp.connect({protocol: 'amqp', hostname: '127.0.0.1', port, frameMax: 131072},
        {credentials: amqp.credentials.plain('whoever', token)});
    return {end: () => connection.close().catch(() => {})};
}
const overMqtt = (port, token) => mqtt.connectAsync(`mqtt://127.0.0.1:${port}`,
    {protocolVersion: 4, username: 'whoever', password: token, reconnectPeriod: 0}, false);
function webStomp(port, token) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ['v12.stomp']);
    socket.on('open', () => socket.send(`CONNECT\naccept-version:1.2\nhost:/\nlogin:whoever\npasscode:${token}\n\n\0`));
    return new Promise((resolve, reject) => {
        socket.on('error', reject);
        socket.on('close', () => reject(new Error('closed')));
        socket.on('message', (data) => {
            if (String(data).startsWith('CONNECTED')) return resolve({end: () => socket.terminate()});
            socket.terminate();
            reject(new Error(String(data)));
        });
    });
}

/** name: [the protocol that the log tells, connect] */
const ways = {
    'stomp': ['stomp', (token) => StompClient.connect(world.rabbit.stompPort, token)],
    'web stomp': ['stomp', (token) => webStomp(ports.webStomp, token)],
    'stream': ['stream', (token) => StreamClient.connect(world.rabbit.streamPort, token)],
    'http': ['http', (token) => whoAmI(world.rabbit.httpPort, token)],
    'amqp over TLS': ['amqp', (token) => overAmqp(tunnels.amqp.port, token)],
    'mqtt over TLS': ['mqtt', (token) => overMqtt(tunnels.mqtt.port, token)],
    'stomp over TLS': ['stomp', (token) => StompClient.connect(tunnels.stomp.port, token)],
    'stream over TLS': ['stream', (token) => StreamClient.connect(tunnels.stream.port, token)],
    'http over TLS': ['http', (token) => whoAmI(tunnels.http.port, token)],
};

/** Two lines a second are told of a client, so it is asked until the line is there. */
const logged = (line, ask) => {
    const from = world.rabbit.log.length;
    return eventually(async () => {
        await ask();
        return line.test(world.rabbit.log.slice(from));
    }, line, 30_000);
};

for (const [name, [protocol, connect]] of Object.entries(ways)) {
    test(`${name}: a refused login has protocol and peer`, async () => {
        const token = await mint('rita', ALL, {lifetime: -60});
        await logged(
            new RegExp(`authenticate refused reason=TOKEN_EXPIRED .*username="rita" .*protocol="${protocol}" peer="127\\.0\\.0\\.1:\\d+"`),
            async () => {
                const answer = await connect(token).catch((error) => error);
                assert.doesNotMatch(String(answer?.message ?? JSON.stringify(answer)), /TOKEN_EXPIRED|rita/);
            });
    });

    test(`${name}: a login has protocol and peer`, async () => {
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
await runAll(() => begin(async (directory) => {
    metricsPort = await freePort();
    ports.webStomp = await freePort();
    for (const protocol of PROTOCOLS) tunnels[protocol] = await TlsTunnel.open(ports[protocol] = await freePort());
    const certificates = join(directory, 'certificates');
    mkdirSync(certificates);
    await makeCertificates(certificates);
    const files = (prefix) => [`${prefix}cacertfile = ${certificates}/ca.pem`, `${prefix}certfile = ${certificates}/server.pem`,
        `${prefix}keyfile = ${certificates}/server.key`];
    return {plugins: PLUGINS, moreConf: [
        'prometheus.tcp.ip = 127.0.0.1', `prometheus.tcp.port = ${metricsPort}`,
        'web_stomp.tcp.ip = 127.0.0.1', `web_stomp.tcp.port = ${ports.webStomp}`,
        ...files('ssl_options.'),
        `listeners.ssl.1 = 127.0.0.1:${ports.amqp}`,
        `mqtt.listeners.ssl.1 = 127.0.0.1:${ports.mqtt}`,
        `stomp.listeners.ssl.1 = 127.0.0.1:${ports.stomp}`,
        `stream.listeners.ssl.1 = 127.0.0.1:${ports.stream}`,
        'management.ssl.ip = 127.0.0.1', `management.ssl.port = ${ports.http}`, ...files('management.ssl.'),
    ]};
}), async (failed) => {
    Object.values(tunnels).forEach((tunnel) => tunnel.close());
    await end(failed);
});
