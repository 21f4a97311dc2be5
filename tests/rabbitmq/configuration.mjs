// rabbitmq.conf on a real RabbitMQ: the settings of the built-in backend, and what must keep the broker from starting.
import assert from 'node:assert/strict';
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {NotStarted, Rabbit, permitted, turnedAway} from '../support/rabbitmq.mjs';
import {runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
let issuer;
let count = 0;
/** A broker's start is slow where others use the processor. */
const LIMIT_MS = 300_000;

const newDirectory = () => {
    const path = join(directory.path, `broker-${++count}`);
    mkdirSync(path);
    return path;
};

/** Starts a broker without further plugins, and stops it whatever happens. */
async function withBroker(options, use) {
    const rabbit = await Rabbit.start({plugins: [], directory: newDirectory(), ...options});
    try {
        await use(rabbit);
    } finally {
        await rabbit.stop();
    }
}

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
}

async function after() {
    await issuer?.stop();
    directory.remove();
}

const token = () => issuer.mint('alice', 'broker.configure:*/* broker.read:*/* broker.write:*/*');

test('the settings of the built-in backend do, with an issuer', async () => {
    await withBroker({
        plugins: ['rabbitmq_auth_backend_oauth2'],
        conf: [
            `tokenward.issuer = ${issuer.url}`,
            'auth_oauth2.resource_server_id = broker',
            `auth_oauth2.jwks_url = ${issuer.url}/jwks`,
            `auth_oauth2.https.cacertfile = ${issuer.caFile}`,
            'auth_oauth2.https.depth = 3',
        ],
    }, async (rabbit) => {
        await rabbit.logged(/tokenward: auth_oauth2\.https\.depth has no effect/);
        const connection = await rabbit.connect(await token());
        assert.equal(await permitted(connection, (channel) => channel.assertQueue('q', {exclusive: true})), true);
        await connection.close();
    });
}, LIMIT_MS);

test('in a chain, a password that is no token goes to the next backend, a refused token too', async () => {
    const file = join(newDirectory(), 'tokenward.ini');
    writeFileSync(file, `[oauth]\nissuer = ${issuer.url}\nca_file = ${issuer.caFile}\nresource_server_id = broker\n`);
    await withBroker({
        conf: [`tokenward.config.1 = ${file}`, 'auth_backends.2 = internal'],
    }, async (rabbit) => {
        await (await rabbit.connect('guest', {username: 'guest'})).close();
        await turnedAway(rabbit.connect('wrong', {username: 'guest'}));
        assert.doesNotMatch(rabbit.log, /authenticate not_a_token/, 'the next backend was asked');
        const connection = await rabbit.connect(await token());
        await connection.close();
        await turnedAway(rabbit.connect(await issuer.mint('alice', 'broker.read:*/*', {lifetime: -60})));
    });
}, LIMIT_MS);

for (const [what, conf, message] of [
    ['a setting that cannot be honoured', ['auth_oauth2.https.peer_verification = verify_none'],
     /auth_oauth2\.https\.peer_verification: verify_none can't be honoured/],
    ['a misspelt option', ['tokenward.isuer = https://id.example'], /isuer/],
    ['a file that is not there', ['tokenward.config.1 = /nonexistent/tokenward.ini'], /\/nonexistent\/tokenward\.ini/],
]) {
    test(`${what} keeps the broker from starting, and the log names it`, async () => {
        await assert.rejects(Rabbit.start({plugins: ['rabbitmq_auth_backend_oauth2'], directory: newDirectory(), conf}),
            (error) => error instanceof NotStarted && message.test(error.message) &&
                /tokenward can't start/.test(error.message));
    }, LIMIT_MS);
}

await runAll(before, after);
