// A real RabbitMQ with the plugin: in directories, on ports and with an epmd of its own, all on loopback.
import {chmodSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import amqp from 'amqplib';

import {Program, built, freePort, run} from './programs.mjs';
import {eventually} from './tap.mjs';

export {basic, bearer, permitted, turnedAway} from './amqp.mjs';

/** The root of another Debian, to use its RabbitMQ (tests/rabbitmq/README.md); empty: this one's. */
const ROOT = process.env.TOKENWARD_TEST_RABBITMQ_ROOT ?? '';
const HOME = '/usr/lib/rabbitmq';
const SERVER = readdirSync(join(ROOT, HOME, 'lib')).find((name) => name.startsWith('rabbitmq_server-'));
/** The version's numbers: [3, 10, 8]. */
export const VERSION = SERVER.split('-')[1].split('.').map(Number);
export const PLUGINS = join(HOME, 'lib', SERVER, 'plugins');
/** The folder with our plugin in it, as meson builds it. */
export const OUR_PLUGINS = built('plugin/rabbitmq');
const START_LIMIT_MS = 240_000;
/** The log at level info says it, and the banner at every level. */
const STARTED = /Server startup complete|completed with \d+ plugins/;

/** A program of the broker's Debian, and its arguments. */
const there = (program, args = []) => ROOT ? ['chroot', [ROOT, program, ...args]] : [program, args];

export class Rabbit {
    /**
     * Runs and listens when the promise is kept; rejects with the log if the broker doesn't start.
     * directory: for its files; conf: more lines of rabbitmq.conf; plugins: those to enable besides the standard
     * ones; pluginsDirectory: with our plugin; logLevel: of the broker; environment: more of it; neighbour: a node that
     * runs, whose cookie and epmd this one shares, to be joined (join()).
     */
    static async start({directory, conf = [], plugins = ['rabbitmq_mqtt', 'rabbitmq_management'], advanced,
                        pluginsDirectory = OUR_PLUGINS, logLevel = 'debug', environment = {}, neighbour}) {
        const rabbit = new Rabbit();
        rabbit.directory = directory;
        for (const folder of ['mnesia', 'log', 'home', 'expand']) mkdirSync(join(directory, folder), {recursive: true});
        const cookie = join(directory, 'home', '.erlang.cookie');
        rabbit.cookie = neighbour?.cookie ?? `cookie${Math.random().toString(36).slice(2)}`;
        writeFileSync(cookie, rabbit.cookie, {mode: 0o400});
        chmodSync(cookie, 0o400);
        rabbit.epmdPort = neighbour?.epmdPort ?? await freePort();
        rabbit.distPort = await freePort();
        rabbit.port = await freePort();
        rabbit.mqttPort = await freePort();
        rabbit.httpPort = await freePort();
        rabbit.streamPort = await freePort();
        rabbit.stompPort = await freePort();
        rabbit.webMqttPort = await freePort();
        writeFileSync(join(directory, 'rabbitmq.conf'), [
            `listeners.tcp.1 = 127.0.0.1:${rabbit.port}`,
            'auth_backends.1 = rabbit_auth_backend_tokenward',
            'log.console = true',
            `log.console.level = ${logLevel}`,
            'log.file = false',
            `tokenward.library = ${built('src/capi/libtokenward.so.1')}`,
            ...(plugins.includes('rabbitmq_mqtt') ? [`mqtt.listeners.tcp.1 = 127.0.0.1:${rabbit.mqttPort}`] : []),
            ...(plugins.includes('rabbitmq_management') ?
                ['management.tcp.ip = 127.0.0.1', `management.tcp.port = ${rabbit.httpPort}`] : []),
            ...(plugins.includes('rabbitmq_stream') ? [`stream.listeners.tcp.1 = 127.0.0.1:${rabbit.streamPort}`] : []),
            ...(plugins.includes('rabbitmq_stomp') ? [`stomp.listeners.tcp.1 = 127.0.0.1:${rabbit.stompPort}`] : []),
            ...(plugins.includes('rabbitmq_web_mqtt') ?
                ['web_mqtt.tcp.ip = 127.0.0.1', `web_mqtt.tcp.port = ${rabbit.webMqttPort}`] : []),
            ...conf, ''].join('\n'));
        writeFileSync(join(directory, 'enabled_plugins'), `[${['tokenward_rabbitmq', ...plugins].join(',')}].\n`);
        writeFileSync(join(directory, 'env.conf'), '');
        writeFileSync(join(directory, 'advanced.config'), `${advanced ?? '[]'}.\n`);
        rabbit.environment = {
            HOME: join(directory, 'home'),
            ERL_EPMD_ADDRESS: '127.0.0.1',
            ERL_EPMD_PORT: String(rabbit.epmdPort),
            RABBITMQ_NODENAME: `tokenward-${process.pid}-${rabbit.port}@localhost`,
            RABBITMQ_DIST_PORT: String(rabbit.distPort),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
            RABBITMQ_CTL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
            RABBITMQ_CONF_ENV_FILE: join(directory, 'env.conf'),
            RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
            RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'advanced.config'),
            RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
            RABBITMQ_PLUGINS_DIR: `${PLUGINS}:${pluginsDirectory}`,
            RABBITMQ_PLUGINS_EXPAND_DIR: join(directory, 'expand'),
            RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
            RABBITMQ_LOG_BASE: join(directory, 'log'),
            RABBITMQ_PID_FILE: join(directory, 'pid'),
            ...environment,
        };
        if (!neighbour) {
            rabbit.epmd = new Program(...there('epmd', ['-port', String(rabbit.epmdPort), '-address', '127.0.0.1']));
        }
        await rabbit.startAgain();
        return rabbit;
    }

    /** Starts the node once more, after its program has ended; its files are as they were left. */
    async startAgain() {
        this.program = new Program(...there(join(HOME, 'bin/rabbitmq-server')), this.environment);
        await eventually(() => STARTED.test(this.log) || /BOOT FAILED|Error during startup/i.test(this.log) ||
            !this.program.running, 'RabbitMQ', START_LIMIT_MS).catch(() => {});
        if (!STARTED.test(this.log)) {
            await this.stop();
            throw new NotStarted(this.log);
        }
    }

    get node() { return this.environment.RABBITMQ_NODENAME; }

    /** Becomes a member of the neighbour's cluster. */
    async join(neighbour) {
        for (const args of [['stop_app'], ['join_cluster', neighbour.node], ['start_app']]) {
            const {status, output} = await this.control(args);
            if (status !== 0) throw new Error(`${args[0]}: ${output}`);
        }
    }

    get log() { return this.program.output; }

    /** Waits for a line of the log that came after `from` (a length of the log, 0 for all). */
    logged(pattern, from = 0) {
        return eventually(() => pattern.test(this.log.slice(from)), `${pattern} in the broker's log`);
    }

    /** rabbitmqctl, or another of its tools: {status, output}. */
    control(args, tool = 'rabbitmqctl') {
        return run(...there(join(HOME, 'bin', tool), ['--node', this.environment.RABBITMQ_NODENAME, ...args]), '',
            this.environment);
    }

    /** The value of an Erlang expression inside the node, as text. rabbitmqctl shows among it what the expression logs. */
    async evaluate(expression) {
        const {status, output} = await this.control(['eval', expression]);
        if (status !== 0) throw new Error(`eval failed: ${output}`);
        return output.replace(/^\d\d:\d\d:\d\d\.\d.*(\n|$)/gm, '').trim();
    }

    async stop() {
        const status = await this.program.stop();
        await this.epmd?.stop();
        return status;
    }

    /** An AMQP connection by SASL PLAIN; what it heard from the broker at the end is in `closedBy`. name: what the
     *  connection calls itself. */
    async connect(password, {username = 'whoever', vhost = '/', name} = {}) {
        const connection = await amqp.connect({
            protocol: 'amqp', hostname: '127.0.0.1', port: this.port, vhost, username, password, frameMax: 131072,
            heartbeat: 0,
        }, {credentials: amqp.credentials.plain(username, password), noDelay: true,
            ...(name ? {clientProperties: {connection_name: name}} : {})});
        connection.on('error', () => {});  // told again by close
        connection.on('close', (error) => {
            connection.isClosed = true;
            connection.closedBy = error?.message ?? '';
        });
        return connection;
    }

    /** The management API: {status, body}. authorization: the header's value. */
    async http(path, authorization, {method = 'GET', body} = {}) {
        const response = await fetch(`http://127.0.0.1:${this.httpPort}/api${path}`, {
            method, headers: {...(authorization ? {authorization} : {}), 'content-type': 'application/json'},
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        let parsed = text;
        try {
            parsed = JSON.parse(text);
        } catch { /* an empty answer, or a page */ }
        return {status: response.status, body: parsed};
    }
}

/** The broker's start was refused; its message is the whole log. */
export class NotStarted extends Error {}
