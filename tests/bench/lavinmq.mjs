// CPU time of a real LavinMQ for a login and for a permission check: with a local password, with LavinMQ's own OAuth
// backend, with Tokenward, each broker in turn in several rounds.
//
//     node lavinmq.mjs WITH WITHOUT OUT      (TOKENWARD_BUILD names the build folder)
import {mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {amqpLogin} from '../support/amqp_frames.mjs';
import {Issuer} from '../support/issuer.mjs';
import {Lavin} from '../support/lavinmq.mjs';
import {Client} from '../support/mosquitto.mjs';
import {temporaryDirectory} from '../support/programs.mjs';

const [withUs, without, out] = process.argv.slice(2);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const CONNECTS = Number(process.env.BENCH_CONNECTS ?? 300);
const GETS = Number(process.env.BENCH_GETS ?? 4000);

/** Nanoseconds that all threads of a process ran. */
function cpu(pid) {
    let sum = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
        sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    }
    return sum;
}

async function mqttLogin(port, username, password) {
    const client = await Client.connect(port, password, {username, protocolVersion: 4});
    await client.end();
}

/** CPU microseconds of the broker for each of `count` runs. */
async function measure(broker, count, run) {
    for (let i = 0; i < Math.min(5, count); ++i) await run();
    const pid = broker.program.child.pid;
    const begin = cpu(pid);
    for (let i = 0; i < count; ++i) await run();
    return (cpu(pid) - begin) / 1000 / count;
}

/** The same for basic.get on an empty queue, which asks for the right to read each time, after `secret` was handed in. */
async function measureGets(broker, username, secret, patterns) {
    const connection = await broker.connect(secret.small, {username});
    if (patterns) await connection.updateSecret(Buffer.from(patterns), 'patterns');
    const channel = await connection.createChannel();
    const some = async (count) => {
        for (let i = 0; i < count; i += 100) await Promise.all(Array.from({length: 100}, () => channel.get('bench')));
    };
    await some(200);
    const pid = broker.program.child.pid;
    const begin = cpu(pid);
    await some(GETS);
    const used = (cpu(pid) - begin) / 1000 / GETS;
    await connection.close();
    return used;
}

const directory = temporaryDirectory();
const folder = (name) => { const path = join(directory.path, name); mkdirSync(path); return path; };
const issuer = await Issuer.start(folder('issuer'));
const oauth = [`issuer = ${issuer.url}`, 'resource_server_id = broker'];
const quiet = {oauth, logLevel: 'error', backends: 'oauth,local'};
const ini = (more) => `[oauth]\nca_file = ${issuer.caFile}\nlog_level = warning\nmax_token_bytes = 131072\n${more}`;
const started = (name, options) => Lavin.start({directory: folder(name), ...quiet, ...options});
const brokers = {
    own: await started('own', {binary: without, environment: {SSL_CERT_FILE: issuer.caFile}}),
    cold: await started('cold', {binary: withUs, ini: ini('token_cache_size = 0\n')}),
    warm: await started('warm', {binary: withUs, ini: ini('')}),
};

/** RS256, since LavinMQ's own backend knows nothing else. */
const mint = (scope) => issuer.mint('bench', scope, {alg: 'RS256', lifetime: 7200});
const filler = (count, make) => Array.from({length: count}, (_, i) => make(i));
const wide = 'broker.configure:*/* broker.read:*/* broker.write:*/*';
const tokens = {
    small: await mint(wide),
    one: await mint('broker.write:*/mqtt.default'),
    twenty: await mint([wide, ...filler(17, (i) => `broker.read:plant-${i}/q.*`)].join(' ')),
    thousand: await mint(['broker.write:%2F/mqtt.default', ...filler(999, (i) => `broker.read:plant-${i % 40}/q${i}.*`)].join(' ')),
};
const patterns = {
    1: await mint('broker.read:*/bench'),
    500: await mint([...filler(499, (i) => `broker.read:x${i}*/bench`), 'broker.read:*/bench'].join(' ')),
};
for (const broker of Object.values(brokers)) {
    const owner = await broker.connect('guest', {username: 'guest'});
    await (await owner.createChannel()).assertQueue('bench', {durable: false});
    await owner.close();
    for (let tries = 0; tries < 50; ++tries) {  // until the keys are there
        if (await amqpLogin(broker.port, 'bench', tokens.small).then(() => true, () => false)) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
    }
}

const rows = {};
const take = (row, column, value) => ((rows[row] ??= {})[column] ??= []).push(value);
const AMQP = 'AMQP login, 20 scopes';
const gets = (count) => `basic.get, ${count} vhost pattern${count > 1 ? 's' : ''}`;
for (let round = 0; round < ROUNDS; ++round) {
    for (const [name, broker] of Object.entries(brokers)) {
        if (name !== 'warm') {
            const label = name === 'own' ? 'password' : 'password, add-on compiled in';
            take(AMQP, label, await measure(broker, CONNECTS, () => amqpLogin(broker.port, 'guest', 'guest')));
            take('MQTT login, 1 scope', label, await measure(broker, CONNECTS, () => mqttLogin(broker.mqttPort, 'guest', 'guest')));
            take(gets(1), label, await measureGets(broker, 'guest', {small: 'guest'}));
        }
        take(AMQP, name, await measure(broker, CONNECTS, () => amqpLogin(broker.port, 'bench', tokens.twenty)));
        take('MQTT login, 1 scope', name, await measure(broker, CONNECTS, () => mqttLogin(broker.mqttPort, 'bench', tokens.one)));
        take('MQTT login, 1000 scopes', name, await measure(broker, name === 'own' ? 5 : CONNECTS / 3,
            () => mqttLogin(broker.mqttPort, 'bench', tokens.thousand)));
        for (const count of [1, 500]) take(gets(count), name, await measureGets(broker, 'bench', tokens, patterns[count]));
    }
}
for (const broker of Object.values(brokers)) await broker.stop();
await issuer.stop();
directory.remove();

// What stands in the table is the median; what a login or a check adds is over the password on the same binary.
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const text = (value) => value === undefined ? '-' : value < 10000 ? value.toFixed(1) : value.toFixed(0);
/** Nothing where LavinMQ's own adds no more than the measurement shakes. */
const share = (ours, own) => own > 5 ? (ours / own).toFixed(3) : '-';
const base = {'MQTT login, 1000 scopes': 'MQTT login, 1 scope', [gets(500)]: gets(1)};
const result = {};
const print = (...cells) => console.log(cells.map((cell, i) => i ? cell.padStart(14) : cell.padEnd(26)).join(''));
console.log(`CPU of the broker in us, medians of ${ROUNDS} rounds; "+" is what comes on top of the password on the same binary`);
print('', 'password', 'own backend', 'Tokenward cold', 'warm', 'own +', 'cold +', 'warm +', 'cold/own', 'warm/own');
for (const [row, columns] of Object.entries(rows)) {
    const m = Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, median(values)]));
    const under = rows[base[row] ?? row];
    const added = {own: m.own - median(under.password), cold: m.cold - median(under['password, add-on compiled in']),
                   warm: m.warm - median(under['password, add-on compiled in'])};
    result[row] = {...m, added, rounds: columns};
    print(row, text(m.password), text(m.own), text(m.cold), text(m.warm), text(added.own), text(added.cold), text(added.warm),
        share(added.cold, added.own), share(added.warm, added.own));
}
const load = readFileSync('/proc/loadavg', 'utf8').trim();
console.log(`load at the end: ${load}; tokens of ${Object.entries(tokens).map(([n, t]) => `${n} ${t.length}`).join(', ')} bytes`);
writeFileSync(out, JSON.stringify({rows: result, load, rounds: ROUNDS, connects: CONNECTS, gets: GETS}, null, 1));
