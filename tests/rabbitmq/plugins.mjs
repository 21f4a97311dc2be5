// The plugin as README.md installs it, on a real RabbitMQ whose plugins come and go while clients work.
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync, readdirSync} from 'node:fs';
import {basename, join} from 'node:path';

import {buildFolder, freePort, run} from '../support/programs.mjs';
import {NotStarted, Rabbit, permitted, turnedAway} from '../support/rabbitmq.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';
import {ALL, begin, end, enter, mint, world} from './world.mjs';

/** The folder of plugins that meson installs into. */
const INSTALLED = process.env.TOKENWARD_PLUGINS_DIR;
const LIMIT_MS = 300_000;
/** Plugins that listen nowhere. */
const OTHERS = ['rabbitmq_shovel', 'rabbitmq_event_exchange'];
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** What meson installs, below `world.root`. */
async function install() {
    const {status, output} = await run('meson', ['install', '-C', buildFolder, '--no-rebuild', '--tags', 'runtime',
        '--destdir', world.root]);
    assert.equal(status, 0, output);
}

async function before() {
    await begin(async (directory) => {
        world.root = join(directory, 'root');
        await install();
        return {pluginsDirectory: join(world.root, INSTALLED), logLevel: 'info'};
    });
    world.pid = pid();
}

const pid = () => readFileSync(join(world.directory.path, 'pid'), 'utf8').trim();

async function plugins(...args) {
    const {status, output} = await world.rabbit.control(args, 'rabbitmq-plugins');
    assert.equal(status, 0, output);
    return output;
}

/** Clients that log in and publish, one after the other, until end() is called; it fails if one of them has failed. */
class Load {
    constructor() {
        this.logins = this.messages = 0;
        this.going = true;
        this.done = Promise.all([this.#logIn(), this.#publish()]);
        this.done.catch((error) => { this.failed = error; });
    }

    async #logIn() {
        const token = await mint('anna', ALL);
        while (this.going) {
            const connection = await world.rabbit.connect(token);
            await connection.close();
            this.logins += 1;
            await pause();
        }
    }

    async #publish() {
        const connection = await enter('otto', ALL);
        const channel = await connection.createConfirmChannel();
        channel.on('error', () => {});
        while (this.going) {
            for (let i = 0; i < 20; ++i) channel.publish('amq.topic', `load.${i}`, Buffer.from('x'));
            await channel.waitForConfirms();
            this.messages += 20;
            await pause();
        }
        await connection.close();
    }

    /** Both go on from here. */
    async goesOn() {
        const {logins, messages} = this;
        await eventually(() => {
            if (this.failed) throw this.failed;
            return this.logins > logins + 1 && this.messages > messages + 40;
        }, 'logins and messages');
    }

    async end() {
        this.going = false;
        await this.done;
    }
}

test('what is installed is a folder, and no archive', () => {
    const names = readdirSync(join(world.root, INSTALLED));
    assert.deepEqual(names.filter((name) => !/^tokenward_rabbitmq-[\d.]+$/.test(name)), []);
    assert.equal(names.length, 1);
    assert.deepEqual(readdirSync(join(world.root, INSTALLED, names[0])).sort(), ['ebin', 'priv']);
});

test('the broker looks by itself where meson installs with --prefix=/usr', async () => {
    const path = await world.rabbit.evaluate('os:unsetenv("RABBITMQ_PLUGINS_DIR"), ' +
        '#{plugins_path := Path} = rabbit_env:get_context(), Path.');
    assert.equal(basename(INSTALLED), 'plugins');
    assert.match(path, /^"\/usr\/lib\/rabbitmq\/plugins:/);
});

test('the plugin enables no other', async () => {
    const implied = await world.rabbit.evaluate('{ok, Path} = application:get_env(rabbit, plugins_dir), ' +
        'rabbit_plugins:dependencies(false, [tokenward_rabbitmq], rabbit_plugins:list(Path)).');
    assert.equal(implied, '[tokenward_rabbitmq]');
});

test('other plugins are enabled and disabled while clients log in and publish', async () => {
    const load = new Load();
    await load.goesOn();
    for (const command of ['enable', 'disable']) {
        for (const plugin of OTHERS) {
            await plugins(command, plugin);
            await load.goesOn();
        }
    }
    await load.end();
    assert.equal(pid(), world.pid);
}, LIMIT_MS);

test('the folder is installed anew under the running broker', async () => {
    const load = new Load();
    await install();
    await load.goesOn();
    await plugins('enable', OTHERS[0]);
    await plugins('disable', OTHERS[0]);
    await load.goesOn();
    await load.end();
    assert.equal(pid(), world.pid);
}, LIMIT_MS);

test("the counters are in the broker's own /metrics as soon as rabbitmq_prometheus is enabled, and gone with us", async () => {
    const port = await freePort();
    await world.rabbit.evaluate('application:set_env(rabbitmq_prometheus, tcp_config, ' +
        `[{ip, "127.0.0.1"}, {port, ${port}}], [{persistent, true}]).`);
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await plugins('enable', 'rabbitmq_prometheus');
    assert.match(await metrics(), /^tokenward_sessions \d/m);
    await plugins('disable', 'tokenward_rabbitmq');
    assert.doesNotMatch(await metrics(), /^tokenward_/m);
    await plugins('enable', 'tokenward_rabbitmq');
    assert.match(await metrics(), /^tokenward_sessions \d/m);
    await plugins('disable', 'rabbitmq_prometheus');
}, LIMIT_MS);

const declares = (connection, name) => permitted(connection, (channel) => channel.assertQueue(name, {exclusive: true}));

test('the plugin itself is disabled and enabled with open connections: they keep their rights, and get no others', async () => {
    const connection = await enter('paula', 'configure:*/mine-* read:*/*');
    const keepsItsRights = async () => {
        assert.equal(await declares(connection, 'mine-1'), true);
        assert.equal(await declares(connection, 'yours-1'), false);
    };
    for (let round = 0; round < 2; ++round) {
        await plugins('disable', 'tokenward_rabbitmq');
        await keepsItsRights();
        const from = world.rabbit.log.length;
        await turnedAway(enter('paula', ALL));
        await world.rabbit.logged(/the plugin isn't running/, from);
        await plugins('enable', 'tokenward_rabbitmq');
        await keepsItsRights();
        await (await enter('paula', ALL)).close();
    }
    await connection.updateSecret(Buffer.from(await mint('paula', 'configure:*/yours-* read:*/*')), 'other rights');
    assert.equal(await declares(connection, 'mine-1'), false);
    assert.equal(await declares(connection, 'yours-1'), true);
    await connection.close();
    assert.equal(pid(), world.pid);
}, LIMIT_MS);

// RabbitMQ takes the archive if both are there.
test('beside an archive of it the plugin does not start, and the log says why', async () => {
    const [folder] = readdirSync(join(world.root, INSTALLED));
    const archive = join(world.root, INSTALLED, `${folder}.ez`);
    // Not by Erlang 25, whose zip writes some seconds of a file's time so that Erlang 27 can't read the archive.
    const made = await run('python3', ['-m', 'zipfile', '-c', archive, join(world.root, INSTALLED, folder)]);
    assert.equal(made.status, 0, made.output);
    const directory = join(world.directory.path, 'archive');
    mkdirSync(directory);
    await assert.rejects(
        Rabbit.start({directory, plugins: [], pluginsDirectory: join(world.root, INSTALLED)}),
        (error) => error instanceof NotStarted && /tokenward can't start: it comes from an archive/.test(error.message));
}, LIMIT_MS);

await runAll(before, end);
