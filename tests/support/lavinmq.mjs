// A real LavinMQ that was compiled with the add-on; the environment variable TOKENWARD_LAVINMQ names it.
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import amqp from 'amqplib';

import {Program, built, freePort} from './programs.mjs';
import {eventually} from './tap.mjs';

export {basic, bearer, permitted, turnedAway} from './amqp.mjs';

/** Whether LavinMQ's pages offer a sign-in at the provider: since 2.9. */
export const hasSignIn = !/^2\.[0-8]\./.test(process.env.TOKENWARD_LAVINMQ_VERSION ?? '');

const START_LIMIT_MS = 60_000;

let connections = 0;

/** clusteringPort is bound without a cluster, too. */
export const freePorts = async () => ({
    port: await freePort(), mqttPort: await freePort(), httpPort: await freePort(), clusteringPort: await freePort(),
});

export class Lavin {
    /**
     * Runs and listens when the promise is kept; rejects with the log (NotStarted) if the broker doesn't start.
     * directory: for its files; oauth: lines of [oauth]; ini: text of tokenward.ini, null for none;
     * backends: auth_backends; main, amqp, mqtt, mgmt, clustering: more lines of these sections; sni: lines of [sni:mutual];
     * binary: another LavinMQ.
     * host, ports (freePorts()): the nodes of a cluster have the same ports at different addresses.
     */
    static async start(options) {
        for (let tries = 0;; ++tries) {
            try {
                return await Lavin.startOnce(options);
            } catch (error) {
                // Somebody else may have taken a port meanwhile.
                if (tries >= 3 || options.ports || !/Address already in use/.test(error.message)) throw error;
            }
        }
    }

    static async startOnce({directory, oauth = [], ini = null, backends = 'oauth,local', main = [], amqp = [], mqtt = [],
                            mgmt = [], clustering = [], sni = [], host = '127.0.0.1', ports, environment = {},
                            binary = process.env.TOKENWARD_LAVINMQ, logLevel = 'debug'}) {
        const lavin = new Lavin();
        Object.assign(lavin, {directory, backends, main, amqp, mqtt, mgmt, clustering, sni, host, logLevel},
            ports ?? await freePorts());
        mkdirSync(join(directory, 'data'), {recursive: true});
        lavin.ownConfig = join(directory, 'tokenward.ini');
        lavin.configure(oauth, ini);
        lavin.program = new Program(binary, ['-c', lavin.config], {
            TOKENWARD_LIBRARY: built('src/capi/libtokenward.so.1'),
            ...(ini === null ? {} : {TOKENWARD_CONFIG: lavin.ownConfig}),
            ...environment,
        });
        // The HTTP API's listener is bound last, and a quiet log tells nothing.
        const answers = () => fetch(`http://${host}:${lavin.httpPort}/`).then(() => true, () => false);
        let ready = false;
        await eventually(async () => !lavin.program.running || (ready = await answers()), 'LavinMQ', START_LIMIT_MS).catch(() => {});
        if (!lavin.program.running || !ready) {
            await lavin.stop();
            throw new NotStarted(lavin.log);
        }
        return lavin;
    }

    /** Writes lavinmq.ini and tokenward.ini; a running broker reads them at `reload`. */
    configure(oauth, ini = null) {
        this.config = join(this.directory, 'lavinmq.ini');
        const lines = (section, more) => [`[${section}]`, ...more];
        writeFileSync(this.config, [
            ...lines('main', [
                `data_dir = ${join(this.directory, 'data')}`,
                `log_level = ${this.logLevel}`,
                `control_unix_path = ${join(this.directory, 'control.sock')}`,
                'metrics_http_port = -1',
                ...(this.backends ? [`auth_backends = ${this.backends}`] : []),
                ...this.main]),
            ...lines('amqp', [`bind = ${this.host}`, `port = ${this.port}`, 'tls_port = -1', ...this.amqp]),
            ...lines('mqtt', [`bind = ${this.host}`, `port = ${this.mqttPort}`, 'tls_port = -1', ...this.mqtt]),
            ...lines('mgmt', [`bind = ${this.host}`, `port = ${this.httpPort}`, 'tls_port = -1', ...this.mgmt]),
            ...lines('clustering', [`bind = ${this.host}`, `port = ${this.clusteringPort}`, ...this.clustering]),
            ...(oauth.length ? lines('oauth', oauth) : []),
            ...(this.sni.length ? lines('sni:mutual', this.sni) : []),
            ''].join('\n'), {mode: 0o644});
        if (ini !== null) writeFileSync(this.ownConfig, ini, {mode: 0o644});
    }

    get log() { return this.program.output; }

    /** Waits for a line of the log that came after `from` (a length of the log, 0 for all). */
    logged(pattern, from = 0) {
        return eventually(() => pattern.test(this.log.slice(from)), `${pattern} in the broker's log`);
    }

    reload() { this.program.child.kill('SIGHUP'); }
    stop() { return this.program.stop(); }

    /**
     * An AMQP connection by SASL PLAIN; what it heard from the broker at the end is in `closedBy`.
     * name: its connection_name. Each has another one by default, since of one client the log takes two refusals a second.
     */
    async connect(password, {username = 'whoever', vhost = '/', name = `test-${++connections}`} = {}) {
        const connection = await amqp.connect({
            protocol: 'amqp', hostname: this.host, port: this.port, vhost, username, password, frameMax: 131072,
            heartbeat: 0,
        }, {credentials: amqp.credentials.plain(username, password), clientProperties: {connection_name: name}});
        connection.on('error', () => {});  // told again by close
        connection.on('close', (error) => {
            connection.isClosed = true;
            connection.closedBy = error?.message ?? '';
        });
        return connection;
    }

    /** The HTTP API: {status, body, headers}. authorization: the header's value; cookie: the header Cookie. */
    async http(path, authorization, {method = 'GET', body, cookie} = {}) {
        const response = await fetch(`http://${this.host}:${this.httpPort}${path.startsWith('/oauth') ? '' : '/api'}${path}`, {
            method, redirect: 'manual',
            headers: {...(authorization ? {authorization} : {}), ...(cookie ? {cookie} : {}),
                      'content-type': 'application/json'},
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        let parsed = text;
        try {
            parsed = JSON.parse(text);
        } catch { /* an empty answer, or a page */ }
        return {status: response.status, body: parsed, headers: response.headers};
    }
}

/** The broker's start was refused; its message is the whole log. */
export class NotStarted extends Error {}
