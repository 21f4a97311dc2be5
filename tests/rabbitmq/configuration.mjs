// rabbitmq.conf on a real RabbitMQ: the settings of the built-in backend, and what must keep the broker from starting.
import assert from 'node:assert/strict';
import {copyFileSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {built, run, temporaryDirectory} from '../support/programs.mjs';
import {NotStarted, Rabbit, VERSION, permitted, turnedAway} from '../support/rabbitmq.mjs';
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

const builtIn = () => [
    `tokenward.issuer = ${issuer.url}`,
    'auth_oauth2.resource_server_id = broker',
    `auth_oauth2.jwks_url = ${issuer.url}/jwks`,
    `auth_oauth2.https.cacertfile = ${issuer.caFile}`,
    'auth_oauth2.https.depth = 3',
    ...(PAGES_ASK ? [`auth_oauth2.issuer = ${issuer.url}`, 'management.oauth_enabled = true',
                     'management.oauth_client_id = pages'] : []),
];
/** The management pages of 4.x read auth_oauth2.* for their single sign-on; those of 3.10 have settings of their own. */
const PAGES_ASK = VERSION[0] >= 4;
const PAGES = PAGES_ASK ? ['rabbitmq_management'] : [];
const signOn = async (rabbit) => /oauth_enabled,true/.test(await rabbit.evaluate('rabbit_mgmt_wm_auth:authSettings().'));
const ALIAS = `[{rabbitmq_auth_backend_oauth2, [{scope_aliases,
    #{<<"ops">> => [<<"broker.configure:*/*">>, <<"broker.tag:administrator">>]}}]}]`;

/** Whether a client with the token may declare a queue. */
async function mayDeclare(rabbit, password, queue = 'q') {
    const connection = await rabbit.connect(password);
    const declared = await permitted(connection, (channel) => channel.assertQueue(queue, {exclusive: true}));
    await connection.close();
    return declared;
}

test('the settings of the built-in backend do, with an issuer', async () => {
    await withBroker({
        plugins: ['rabbitmq_auth_backend_oauth2', ...PAGES], conf: builtIn(), advanced: ALIAS,
    }, async (rabbit) => {
        await rabbit.logged(/tokenward: auth_oauth2\.https\.depth has no effect/);
        if (PAGES_ASK) assert.equal(await signOn(rabbit), true);
        assert.equal(await mayDeclare(rabbit, await token()), true);
        assert.equal(await mayDeclare(rabbit, await issuer.mint('alice', 'ops')), true, 'an alias of advanced.config');
        // The built-in backend doesn't read it, so no right may come from there.
        await turnedAway(rabbit.connect(await issuer.mint('alice', '',
            {claims: {resource_access: {broker: {roles: ['ops', 'broker.configure:*/*']}}}})));

        // Variables, which the backend of 3.10 doesn't know.
        const variables = await issuer.mint('alice', 'broker.configure:*/{vhost}-{sub}-*');
        assert.equal(await mayDeclare(rabbit, variables, '/-alice-1'), VERSION[0] >= 4);
        assert.equal(await mayDeclare(rabbit, variables, '/-bob-1'), false);

        // A roll back and forth: the built-in backend puts keys that it fetches among its settings.
        const use = (backend) => rabbit.evaluate(`application:set_env(rabbit, auth_backends, [${backend}]).`);
        await use('rabbit_auth_backend_oauth2');
        assert.equal(await mayDeclare(rabbit, await token()), true);
        assert.match(await rabbit.evaluate('application:get_env(rabbitmq_auth_backend_oauth2, key_config).'), /json/);
        await use('rabbit_auth_backend_tokenward');
        assert.equal(await rabbit.evaluate('tokenward:reload().'), 'ok');
        assert.equal(await mayDeclare(rabbit, await token()), true);
    });
}, LIMIT_MS);

test('they do with the built-in backend disabled', async () => {
    await withBroker({plugins: PAGES, conf: builtIn(), advanced: ALIAS}, async (rabbit) => {
        if (PAGES_ASK) assert.equal(await signOn(rabbit), VERSION[1] < 3, 'the README says so');
        assert.equal(await mayDeclare(rabbit, await token()), true);
        assert.equal(await mayDeclare(rabbit, await issuer.mint('alice', 'ops')), true);
        assert.equal(await rabbit.evaluate('tokenward:reload().'), 'ok');
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

// On this machine meson runs it (rabbitmq_migration).
const ROOT = process.env.TOKENWARD_TEST_RABBITMQ_ROOT;
if (ROOT) {
    test('each setting of the built-in backend, as the schemas of this RabbitMQ read it', async () => {
        const script = join(newDirectory(), 'migration_test.escript');
        copyFileSync(new URL('migration_test.escript', import.meta.url), script);
        const folder = readdirSync(built('plugin/rabbitmq')).find((name) => name.startsWith('tokenward_rabbitmq-'));
        const {status, output} = await run('chroot', [ROOT, 'escript', script, built('plugin/rabbitmq', folder, 'ebin')]);
        assert.equal(status, 0, output);
        assert.match(output, /^ok 58 - /m);
    });
}

for (const [what, conf, message] of [
    ['settings that cannot be honoured',
     ['auth_oauth2.https.peer_verification = verify_none', 'auth_oauth2.https.crl_check = peer'],
     /2 settings can't be taken over:[^]*auth_oauth2\.https\.peer_verification: verify_none can't be honoured/],
    ['a misspelt option', ['tokenward.isuer = https://id.example'], /isuer/],
    ['a file that is not there', ['tokenward.config.1 = /nonexistent/tokenward.ini'], /\/nonexistent\/tokenward\.ini/],
]) {
    test(`${what}: the broker doesn't start, and the log names it`, async () => {
        await assert.rejects(Rabbit.start({plugins: [], directory: newDirectory(), conf}),
            (error) => error instanceof NotStarted && message.test(error.message) &&
                /tokenward can't start/.test(error.message));
    }, LIMIT_MS);
}

await runAll(before, after);
