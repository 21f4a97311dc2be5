// A real Mosquitto with the plugin, and MQTT clients that tell everything that happened to them.
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';

import mqtt from 'mqtt';

import {Program, built, freePort, run} from './programs.mjs';
import {eventually} from './tap.mjs';

/** The root of another Debian, to use its Mosquitto by chroot (tests/brokers.sh); empty: this one's. */
const ROOT = process.env.TOKENWARD_TEST_MOSQUITTO_ROOT ?? '';
const there = (args) => ROOT ? ['chroot', [ROOT, 'mosquitto', ...args]] : ['mosquitto', args];

/** "2.0.11" */
export async function version() {
    return /mosquitto version (\S+)/.exec((await run(...there(['-h']))).output)[1];
}

export class Broker {
    /**
     * Runs and listens when the promise is kept.
     * directory: for its files; ini: text of tokenward.ini, without it a broker without the plugin that lets everybody in;
     * certificates: a folder, for a TLS listener; options: more lines of mosquitto.conf, behind the plugin's; ahead: lines
     * in front of them, for another plugin; more: websockets and a unix socket, too; perListener: per_listener_settings
     * true, then the plugin's lines and options are those of the listener. `urls` names the listeners.
     */
    static async start({directory, ini, certificates, options = [], ahead = [], more = false, perListener = false}) {
        for (let tries = 0;; ++tries) {
            const broker = new Broker();
            broker.directory = directory;
            broker.earlier = '';
            if (ini !== undefined) broker.configure(ini);
            broker.port = await freePort();
            broker.tlsPort = certificates ? await freePort() : undefined;
            broker.webSocketsPort = more ? await freePort() : undefined;
            broker.urls = {tcp: `mqtt://127.0.0.1:${broker.port}`};
            if (certificates) broker.urls.tls = `mqtts://127.0.0.1:${broker.tlsPort}`;
            if (more) {
                broker.urls.websockets = `ws://127.0.0.1:${broker.webSocketsPort}`;
                broker.urls.unix = `mqtt+unix://${join(directory, 'socket')}`;
            }
            const lines = broker.conf({plugin: ini !== undefined, certificates, options, ahead, perListener});
            writeFileSync(join(directory, 'mosquitto.conf'), lines.join('\n') + '\n');
            if (await broker.run()) return broker;
            // Somebody else may have taken the port meanwhile.
            if (tries >= 3 || !/Address already in use/.test(broker.log)) {
                throw new Error(`Mosquitto ended:\n${broker.log}`);
            }
        }
    }

    /** True if it listens. */
    async run() {
        const program = new Program(...there(['-c', join(this.directory, 'mosquitto.conf')]));
        this.program = program;
        await eventually(() => / running$/m.test(program.output) || !program.running, 'Mosquitto');
        return program.running;
    }

    /** Starts it again, after stop(), with the same files and ports; `log` goes on. */
    async startAgain() {
        this.earlier = this.log;
        if (!await this.run()) throw new Error(`Mosquitto ended:\n${this.log}`);
    }

    configure(ini) { writeFileSync(join(this.directory, 'tokenward.ini'), ini); }

    conf({plugin, certificates, options, ahead, perListener}) {
        const listener = `listener ${this.port} 127.0.0.1`;
        const out = [
            ...(perListener ? ['per_listener_settings true', listener] : []),
            `allow_anonymous ${!plugin}`,
            'log_dest stderr',
            'log_type all',
            ...ahead,
        ];
        if (plugin) {
            out.push(`plugin ${built('plugin/mosquitto/mosquitto_tokenward.so')}`,
                     `plugin_opt_config ${join(this.directory, 'tokenward.ini')}`,
                     `plugin_opt_library ${built('src/capi/libtokenward.so.1')}`);
        }
        out.push(...options);
        if (!perListener) out.push(listener);
        // The build folder and the test's directory are root's if root runs the tests.
        if (process.getuid() === 0) out.unshift('user root');
        if (certificates) {
            out.push(`listener ${this.tlsPort} 127.0.0.1`, `certfile ${join(certificates, 'server.pem')}`,
                     `keyfile ${join(certificates, 'server.key')}`);
        }
        if (this.webSocketsPort) {
            out.push(`listener ${this.webSocketsPort} 127.0.0.1`, 'protocol websockets',
                     `listener 0 ${join(this.directory, 'socket')}`);
        }
        return out;
    }

    get log() { return this.earlier + this.program.output; }

    /** Waits for a line of the log that came after `from` (a length of the log, 0 for all). */
    logged(pattern, from = 0) {
        return eventually(() => pattern.test(this.log.slice(from)), `${pattern} in the broker's log`);
    }

    get isOld() { return /mosquitto version 2\.0\./.test(this.log); }

    reload() { this.program.child.kill('SIGHUP'); }
    stop() { return this.program.stop(); }
}

/** A connection that the broker refused; code: of the CONNACK, undefined if it closed without one. */
export class Refused extends Error {
    constructor(code) {
        super(`refused with ${code}`);
        this.code = code;
    }
}

const NOT_AUTHORIZED = 135;

/** Options of a client that sends the token by enhanced authentication. */
export const enhanced = (token) => ({
    username: undefined,
    properties: {authenticationMethod: 'OAUTHBEARER', authenticationData: Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)},
});

export class Client {
    /** Connected when the promise is kept; else Refused. options: as of mqtt.connect; url instead of a port. */
    static connect(target, password, options = {}) {
        const client = new Client();
        client.messages = [];
        client.closed = false;
        client.disconnectCode = undefined;  ///< of a DISCONNECT packet (MQTT 5)
        client.mqtt = mqtt.connect(typeof target === 'number' ? `mqtt://127.0.0.1:${target}` : target, {
            username: 'whoever', password, protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 20_000,
            clientId: `test-${Math.random().toString(16).slice(2)}`, ...options,
        });
        client.mqtt.on('message', (topic, payload) => client.messages.push(`${topic} ${payload}`));
        client.mqtt.on('disconnect', (packet) => { client.disconnectCode = packet.reasonCode; });
        client.mqtt.on('close', () => { client.closed = true; });
        return new Promise((resolve, reject) => {
            let code;
            client.mqtt.once('connect', (packet) => { client.sessionPresent = packet.sessionPresent; resolve(client); });
            client.mqtt.on('error', (error) => { code = error.code; });
            client.mqtt.once('close', () => reject(new Refused(code)));
        });
    }

    /**
     * A client that mqtt.js connects again by itself, as it does for whoever doesn't ask for anything else. `ends`
     * counts its connections that came to nothing, `codes` are those of CONNACKs that refused.
     */
    static patient(port, password, options = {}) {
        const client = new Client();
        client.ends = 0;
        client.codes = [];
        client.mqtt = mqtt.connect(`mqtt://127.0.0.1:${port}`,
            {username: 'whoever', password, protocolVersion: 5, reconnectPeriod: 200, ...options});
        client.mqtt.on('close', () => { client.ends += 1; });
        client.mqtt.on('error', (error) => { client.codes.push(error.code); });
        return client;
    }

    /** True if the broker took it; false if it said "not authorized" (MQTT 5, QoS 1 and 2). */
    publish(topic, payload, options = {}) {
        return new Promise((resolve, reject) => {
            this.mqtt.publish(topic, payload, {qos: 1, ...options}, (error) => {
                if (!error) resolve(true);
                else if (error.code === NOT_AUTHORIZED) resolve(false);
                else reject(error);
            });
        });
    }

    /** True if granted. */
    subscribe(filter, options = {}) {
        return new Promise((resolve, reject) => {
            this.mqtt.subscribe(filter, {qos: 1, ...options}, (error, granted, packet) => {
                const codes = packet?.granted ?? granted?.map(({qos}) => qos) ?? [];
                if (codes.length !== 1) reject(error ?? new Error('no answer to the subscription'));
                else resolve(codes[0] < 128);
            });
        });
    }

    /** Sends a new token in an AUTH packet (MQTT 5, enhanced authentication). True if the broker took it; false if it closed. */
    reauthenticate(token, how = enhanced) {
        const {authenticationMethod, authenticationData} = how(token).properties;
        return new Promise((resolve) => {
            this.mqtt.handleAuth = (packet, callback) => callback();
            this.mqtt.on('packetreceive', ({cmd, reasonCode}) => { if (cmd === 'auth') resolve(reasonCode === 0); });
            this.mqtt.on('error', () => {});
            this.mqtt.once('close', () => resolve(false));
            this.mqtt._sendPacket({cmd: 'auth', reasonCode: 0x19, properties: {authenticationMethod, authenticationData}});
        });
    }

    /** Waits for a message, given as "topic payload". */
    receives(message) {
        return eventually(() => this.messages.includes(message), `the message ${message}`);
    }

    /** An orderly end, or with force = true a broken connection (the broker sends the will). */
    end(force = false) {
        if (force) {
            this.mqtt.stream.destroy();
            return Promise.resolve();
        }
        return new Promise((resolve) => { this.mqtt.end(false, {}, resolve); });
    }
}

/** A durable session. */
export const durable = (clientId, protocolVersion = 5) => ({
    clientId, protocolVersion,
    ...(protocolVersion === 5 ? {properties: {sessionExpiryInterval: 300}} : {clean: false}),
});

/** The result code of a refused connection; throws if it was not refused. */
export async function refusal(promise) {
    let client;
    try {
        client = await promise;
    } catch (error) {
        if (error instanceof Refused) return error.code;
        throw error;
    }
    await client.end();
    throw new Error('the broker let the client in');
}
