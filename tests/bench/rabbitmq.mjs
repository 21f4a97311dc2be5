// A real RabbitMQ with both backends, Tokenward and the built-in one: what a login and a permission check cost inside the
// node (rabbitmq_bench.erl), and what a client's connection costs. Prints a table; writes OUT/rabbitmq.json.
//
//     TOKENWARD_BUILD=... node rabbitmq.mjs OUT
import {readFileSync, writeFileSync} from 'node:fs';
import {loadavg} from 'node:os';
import {join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

import {built, run, temporaryDirectory} from '../support/programs.mjs';
import {Rabbit, VERSION} from '../support/rabbitmq.mjs';

const out = resolve(process.argv[2]);
const rounds = Number(process.env.BENCH_ROUNDS ?? 9);
const connections = Number(process.env.BENCH_CONNECTS ?? 200);
const AT_ONCE = 4;
const BACKENDS = {tokenward: 'ours', built_in: 'theirs'};
const SIZES = [1, 10, 100, 1000];
/** Scopes of a client's token: more don't fit into 4 KB, which is what 3.10 takes. */
const CLIENT_SIZES = [1, 50];

const directory = temporaryDirectory();
const key = join(directory.path, 'key.pem');
const inNode = (name) => join(directory.path, name);

async function must(command, args) {
    const {status, output} = await run(command, args);
    if (status !== 0) throw new Error(`${command}: ${output}`);
    return output;
}

async function start() {
    writeFileSync(inNode('jwks.json'), await must(built('tests/support/mint'),
        ['--key', key, '--alg', 'RS256', '--kid', 'k1', '--new-key']));
    await must('openssl', ['pkey', '-in', key, '-pubout', '-out', inNode('public.pem')]);
    await must('erlc', ['-o', directory.path, fileURLToPath(new URL('rabbitmq_bench.erl', import.meta.url))]);
    return Rabbit.start({
        directory: directory.path,
        logLevel: 'warning',
        plugins: ['rabbitmq_auth_backend_oauth2'],
        conf: [
            'auth_oauth2.resource_server_id = rabbit',
            'auth_oauth2.default_key = k1',
            `auth_oauth2.signing_keys.k1 = ${inNode('public.pem')}`,
            'tokenward.auth_oauth2 = false',
            'tokenward.issuer = https://id.example',
            'tokenward.resource_server_id = rabbit',
            `tokenward.jwks_file = ${inNode('jwks.json')}`,
            'tokenward.max_token_bytes = 65536',
            'tokenward.log_level = warning',
        ],
    });
}

/** Microseconds of CPU that the broker has had. */
function brokerCpu(rabbit) {
    const pid = readFileSync(rabbit.environment.RABBITMQ_PID_FILE, 'utf8').trim();
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').slice(11, 13);
    return (Number(user) + Number(system)) * 10_000;
}

/** Connects and leaves with each token: [CPU of the broker, wall time] in microseconds for one. */
async function connect(rabbit, tokens) {
    const left = [...tokens];
    const client = async () => {
        while (left.length) await (await rabbit.connect(left.pop(), {vhost: 'v'})).close();
    };
    const cpu = brokerCpu(rabbit);
    const begin = process.hrtime.bigint();
    await Promise.all(Array.from({length: AT_ONCE}, client));
    const wall = Number(process.hrtime.bigint() - begin) / 1000;
    return [(brokerCpu(rabbit) - cpu) / tokens.length, wall / tokens.length];
}

async function measure(rabbit) {
    await rabbit.evaluate(`code:load_abs("${inNode('rabbitmq_bench')}").`);
    await rabbit.control(['add_vhost', 'v']);
    await rabbit.evaluate(`rabbitmq_bench:run("${key}", ${rounds}, "${inNode('rows.json')}").`);
    const rows = JSON.parse(readFileSync(inNode('rows.json')));
    for (const size of CLIENT_SIZES) {
        for (let round = 0; round < rounds; ++round) {
            for (const backend of round % 2 ? ['tokenward', 'built_in'] : ['built_in', 'tokenward']) {
                await rabbit.evaluate(`rabbitmq_bench:use(${BACKENDS[backend]}), ` +
                    `rabbitmq_bench:write_tokens("${key}", ${connections}, ${size}, "${inNode('tokens')}").`);
                const tokens = readFileSync(inNode('tokens'), 'utf8').trim().split('\n');
                rows.push(['connection', backend, size, ...await connect(rabbit, tokens)]);
            }
        }
    }
    return rows;
}

const median = (numbers) => {
    const sorted = [...numbers].sort((a, b) => a - b);
    return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
};

/**
 * {what: {scopes: {tokenward: {cpu_us, wall_us}, built_in: ..., ratio: ...}}}. A ratio is the median of the rounds' own: within
 * a round one backend follows the other, so a slower spell of the machine meets both.
 */
function summary(rows) {
    const result = {};
    for (const [what, , scopes] of rows) {
        if (result[what]?.[scopes]) continue;
        const of = (backend) => rows.filter((row) => row[0] === what && row[1] === backend && row[2] === scopes);
        const [ours, theirs] = [of('tokenward'), of('built_in')];
        const times = (each) => ({cpu_us: median(each((row) => row[3])), wall_us: median(each((row) => row[4]))});
        (result[what] ??= {})[scopes] = {
            tokenward: times((time) => ours.map(time)),
            built_in: times((time) => theirs.map(time)),
            ratio: times((time) => ours.map((row, round) => time(theirs[round]) / time(row))),
        };
    }
    return result;
}

const digits = (us) => us < 10 ? us.toFixed(2) : us.toFixed(0);
const line = (name, ...cells) => console.log(`  ${name.padEnd(44)}${cells.map((cell) => cell.padStart(14)).join('')}`);

function table(results) {
    const compare = (title, what, sizes, value) => {
        console.log(`\n${title}`);
        line('', ...sizes.map((size) => `${size} scope${size > 1 ? 's' : ''}`));
        for (const [backend, name] of [['tokenward', 'Tokenward'], ['built_in', 'rabbitmq_auth_backend_oauth2']]) {
            line(name, ...sizes.map((size) => `${digits(results[what][size][backend][value])} us`));
        }
        line('ratio', ...sizes.map((size) =>
            `${results[what][size].ratio[value].toFixed(1)}x`));
    };
    compare('login, a new token with scopes of its own: CPU', 'new_scopes', SIZES, 'cpu_us');
    compare('login, a new token with scopes that others have: CPU', 'known_scopes', SIZES, 'cpu_us');
    compare('login, the same token again: CPU', 'same_token', SIZES, 'cpu_us');
    compare('permission check, granted by the last scope: time', 'check', SIZES, 'wall_us');
    compare(`AMQP connection, ${AT_ONCE} at once, opened and closed: the broker's CPU`, 'connection', CLIENT_SIZES, 'cpu_us');
    compare('AMQP connection: time for one (client and broker share the CPUs)', 'connection', CLIENT_SIZES, 'wall_us');
}

let rabbit;
try {
    rabbit = await start();
    const load = loadavg()[0];
    const results = summary(await measure(rabbit));
    console.log(`RabbitMQ ${VERSION.join('.')}, RS256, medians of ${rounds} interleaved rounds, load ${load.toFixed(1)}`);
    table(results);
    writeFileSync(join(out, 'rabbitmq.json'), JSON.stringify({rabbitmq: VERSION.join('.'), load, results}, null, 1));
} finally {
    await rabbit?.stop();
    directory.remove();
}
process.exit();
