// Reconnect storms for storm.sh: all clients of a fleet connect at once to a real broker, with the provider and the tokens in
// each state that a fleet meets. Prints a table, and writes it as JSON.
import {createHash, randomBytes} from 'node:crypto';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Program, built, freePort, run, temporaryDirectory} from '../support/programs.mjs';
import {Rabbit} from '../support/rabbitmq.mjs';
import {eventually} from '../support/tap.mjs';

const [out, clientsText = '10000', brokers = 'mosquitto,rabbitmq'] = process.argv.slice(2);
const CLIENTS = Number(clientsText);
const LIMIT_S = 240;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const directory = temporaryDirectory();
const file = (...parts) => join(directory.path, ...parts);
const say = (text) => process.stderr.write(`${text}\n`);

// ---- tokens and passwords

/** Twenty scopes, of which two are a client's own. */
const scopeOf = (name) => [`broker.write:%2F/storm*`, `broker.write:%2F/amq.topic/storm.*`, `broker.read:%2F/amq.topic/${name}.*`,
    ...Array.from({length: 17}, (_, i) => `broker.read:%2F/plant.${i}.line*`)].join(' ');

/** Credentials in a file, one line for each client: a token of its own. */
async function tokens(issuer, name, options = {}) {
    const lines = new Array(CLIENTS);
    let next = 0;
    const worker = async () => {
        for (let i = next++; i < CLIENTS; i = next++) {
            lines[i] = `any ${await issuer.mint(`device-${i}`, scopeOf(`device-${i}`), {alg: 'RS256', lifetime: 36000, ...options})}`;
        }
    };
    await Promise.all(Array.from({length: 8}, worker));
    return written(lines.join('\n') + '\n', name);
}

async function counts(issuer) {
    const text = await (await fetch(`http://${issuer.admin}/counts`)).text();
    return Object.fromEntries(text.trim().split('\n').map((line) => line.split('=')).map(([name, value]) => [name, Number(value)]));
}

const password = (i) => `a password of device ${i}`.replaceAll(' ', '-');
const passwords = () => written(Array.from({length: CLIENTS}, (_, i) => `device-${i} ${password(i)}\n`).join(''), 'passwords');

// ---- brokers

const ini = (issuer) => `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
resource_server_id = broker
log_level = error
`;

class Mosquitto {
    static name = 'Mosquitto';
    static settle = 3000;

    static async start(lines) {
        const broker = new Mosquitto();
        broker.port = await freePort();
        writeFileSync(file('mosquitto.conf'), ['user root', `listener ${broker.port} 127.0.0.1`, 'allow_anonymous false',
            'log_dest stderr', 'log_type error', 'max_queued_messages 100', ...lines, ''].join('\n'));
        broker.program = new Program('mosquitto', ['-c', file('mosquitto.conf')]);
        await sleep(1500);
        if (!broker.program.running) throw new Error(broker.program.output);
        return broker;
    }

    static withTokens(issuer) {
        writeFileSync(file('tokenward.ini'), ini(issuer));
        return Mosquitto.start([`plugin ${built('plugin/mosquitto/mosquitto_tokenward.so')}`,
            `plugin_opt_config ${file('tokenward.ini')}`, `plugin_opt_library ${built('src/capi/libtokenward.so.1')}`]);
    }

    static async withPasswords() {
        writeFileSync(file('mosquitto.passwords'), Array.from({length: CLIENTS}, (_, i) => `device-${i}:${password(i)}\n`).join(''));
        const {status, output} = await run('mosquitto_passwd', ['-U', file('mosquitto.passwords')]);
        if (status !== 0) throw new Error(output);
        return Mosquitto.start([`password_file ${file('mosquitto.passwords')}`]);
    }

    stop() { return this.program.stop(); }
}

class RabbitMq {
    static name = 'RabbitMQ';
    static settle = 15000;

    static async start(conf) {
        const folder = file(`rabbitmq-${Date.now()}`);
        mkdirSync(folder);
        const broker = new RabbitMq();
        broker.rabbit = await Rabbit.start({directory: folder, logLevel: 'error', plugins: ['rabbitmq_mqtt'],
            conf: ['log.default.level = error', 'vm_memory_high_watermark.relative = 0.8', ...conf]});
        broker.port = broker.rabbit.mqttPort;
        return broker;
    }

    static settings(issuer) {
        return [`tokenward.issuer = ${issuer.url}`, `tokenward.ca_file = ${issuer.caFile}`, 'tokenward.resource_server_id = broker',
            'tokenward.log_level = error'];
    }

    static withTokens(issuer) { return RabbitMq.start(RabbitMq.settings(issuer)); }

    static withPasswords(issuer) {
        const hash = (text) => {
            const salt = randomBytes(4);
            return Buffer.concat([salt, createHash('sha256').update(salt).update(text).digest()]).toString('base64');
        };
        const names = Array.from({length: CLIENTS}, (_, i) => `device-${i}`);
        writeFileSync(file('definitions.json'), JSON.stringify({
            vhosts: [{name: '/'}],
            users: names.map((name, i) => ({name, password_hash: hash(password(i)), hashing_algorithm: 'rabbit_password_hashing_sha256', tags: []})),
            permissions: names.map((user) => ({user, vhost: '/', configure: '.*', write: '.*', read: '.*'})),
        }));
        return RabbitMq.start([...RabbitMq.settings(issuer), 'auth_backends.1 = internal', `load_definitions = ${file('definitions.json')}`]);
    }

    stop() { return this.rabbit.stop(); }
}

// ---- storms

const rows = [];

async function storm(broker, what, credentials, {other = '-', issuer, count = CLIENTS} = {}) {
    const before = issuer ? await counts(issuer) : undefined;
    const {status, output} = await run(built('tests/bench/mqtt_storm'),
        [String(broker.port), credentials, String(count), other, String(LIMIT_S)]);
    if (status !== 0) throw new Error(`${what}: ${output}`);
    const result = JSON.parse(output);
    if (before) {
        const after = await counts(issuer);
        result.provider_requests = after.jwks + after.discovery - before.jwks - before.discovery;
    }
    const name = broker.constructor.name;
    rows.push({broker: name, what, ...result});
    say(`${name}, ${what}: ${JSON.stringify(result)}`);
    await sleep(broker.constructor.settle);
    return result;
}

/** The text in a file; its path. */
function written(text, name) {
    writeFileSync(file(name), text);
    return file(name);
}

async function storms(Broker) {
    mkdirSync(file(Broker.name));
    const issuer = await Issuer.start(file(Broker.name));
    try {
        say(`${Broker.name}: minting three times ${CLIENTS} tokens`);
        const one = await tokens(issuer, 'one');
        const two = await tokens(issuer, 'two');
        const expired = await tokens(issuer, 'expired', {lifetime: -600});
        const otherToken = await issuer.mint('other', scopeOf('other'), {alg: 'RS256', lifetime: 36000});
        const other = written(`any ${otherToken}\n`, 'other');

        let broker = await Broker.withPasswords(issuer);
        const otherPassword = written(`device-0 ${password(0)}\n`, 'other-password');
        await storm(broker, 'its own password file', passwords(), {other: otherPassword});
        await broker.stop();

        broker = await Broker.withTokens(issuer);
        await storm(broker, 'the first one', other, {issuer, count: 1});  // the keys are there, and the code
        await storm(broker, 'keys warm, tokens never seen', one, {other, issuer});
        await storm(broker, 'the same tokens again', one, {other, issuer});
        await storm(broker, 'all tokens expired', expired, {other, issuer});
        await storm(broker, 'the same expired tokens again', expired, {other, issuer});
        await issuer.flip('/network', {state: 'blackhole'});
        await storm(broker, 'provider dead, tokens never seen', two, {other});
        await issuer.flip('/network', {state: 'up'});
        await issuer.flip('/rotate', {keep_old: true});
        const rotated = await tokens(issuer, 'rotated');
        await storm(broker, 'keys just rotated', rotated, {other, issuer});
        await broker.stop();
    } finally {
        await issuer.stop();
    }
}

function table() {
    const number = (value, digits = 0) => value === undefined || value === null ? '-' : value.toFixed(digits);
    const lines = ['| | | let in / refused / in vain | seconds | answers a second | answer: median, 99 % | other client: median, 99 %, longest | provider\'s requests |',
        '|---|---|---|---|---|---|---|---|'];
    for (const row of rows) {
        if (row.clients === 1) continue;
        lines.push(`| ${row.broker} | ${row.what} | ${row.accepted} / ${row.refused} / ${row.in_vain} | ${number(row.seconds, 2)} | ` +
            `${number((row.accepted + row.refused) / row.seconds)} | ${number(row.answer_ms?.p50 / 1000, 2)} s, ${number(row.answer_ms?.p99 / 1000, 2)} s | ` +
            `${number(row.other_ms?.p50, 1)}, ${number(row.other_ms?.p99, 1)}, ${number(row.other_ms?.max)} ms | ${row.provider_requests ?? '-'} |`);
    }
    return lines.join('\n');
}

try {
    for (const Broker of [Mosquitto, RabbitMq]) {
        if (brokers.split(',').includes(Broker.name.toLowerCase())) await storms(Broker);
    }
    writeFileSync(join(out, 'storm_brokers.json'), JSON.stringify(rows, null, 1));
    console.log(table());
} finally {
    directory.remove();
}
process.exit(0);
