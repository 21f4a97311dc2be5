// A soak: many clients, durable and not, that come, publish, subscribe, go, break off, take themselves over, refresh, outlive
// their tokens and leave wills; others who want in or more; while the configuration is read again, keys change and the
// provider fails. An oracle (soak_oracle.mjs) knows what must arrive: nothing is lost, nothing leaks, the broker
// doesn't grow.
//
// TOKENWARD_SOAK_SECONDS (60), TOKENWARD_SOAK_CLIENTS (200), TOKENWARD_SOAK_SEED (drawn, and printed): what each client does
// follows from the seed, but not how the clients' steps fall between each other. Fewer than 50 clients, or less than 45 seconds,
// may leave something untried, and that fails.
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync, readdirSync, readlinkSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, version} from '../support/mosquitto.mjs';
import {RawClient, authPacket, authenticationData, authenticationMethod, packet, sessionExpiry, willDelay} from '../support/mqtt_packets.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';
import {Message, Oracle, Session, filterOf, now} from './soak_oracle.mjs';

const number = (name, fallback) => Number(process.env[name] || fallback);
const SECONDS = number('TOKENWARD_SOAK_SECONDS', 60);
const CLIENTS = number('TOKENWARD_SOAK_CLIENTS', 200);
const SEED = number('TOKENWARD_SOAK_SEED', Date.now() % 1_000_000);

const MIB = 2 ** 20;
/** How much more memory the last third of the time may take than the second: queues and malloc() aren't flat to the byte. */
const GROWTH_BOUND = 8 * MIB;
const DRAIN_MS = 60_000;  // until everything that was sent has come
const BACK_MS = 60_000;  // until a client is back, also after an outage
const MOST_FAULTS = 50;  // then there is no use in going on
const HISTORY = 40;  // steps of a client that a fault tells

const NOT_AUTHORIZED = 135;
const REFUSED = {4: 5, 5: NOT_AUTHORIZED};  // CONNACK
const DENIED = {4: 128, 5: NOT_AUTHORIZED};  // SUBACK
const MOST_DELAY_S = 3;  // of wills that are waited for
const LONG_DELAY_S = 120;  // of wills that are taken back before
const LEAD_MS = 500;  // the plugin disconnects so long before the token ends

const directory = temporaryDirectory();
const oracle = new Oracle();
let issuer;
let broker;
let base;  // file descriptors of the broker without a client
let over = false;  // clients end their last step
let generation = 0;  // of keys
let withdrawn = 0;  // the generation since which older keys aren't published
let known = -1;  // the newest generation of a token that the broker took: it has that key
let rotating = false;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The broker has the key: it needn't tell anybody to come again, also while the provider is away. */
const isKnown = ({generation: by}) => by <= known && by >= withdrawn;

/** Numbers from a seed (mulberry32). */
function randomFrom(seed) {
    let state = seed | 0;
    return () => {
        state = state + 0x6d2b79f5 | 0;
        let value = Math.imul(state ^ state >>> 15, state | 1);
        value = value + Math.imul(value ^ value >>> 7, value | 61) ^ value;
        return ((value ^ value >>> 14) >>> 0) / 2 ** 32;
    };
}

// ---- clients --------------------------------------------------------------------------------------------

const WIDE = {read: 'abwx', write: 'ab'};
const NARROW = {read: 'awx', write: 'a'};
const LONG_S = 3600;

class Connection {
    closed = undefined;  ///< when
    expected = false;  ///< its end is the client's doing
    right = undefined;  ///< in force

    get token() { return this.right.token; }
    get live() { return !this.expected && !this.raw.closed; }
}

class Client {
    static count = 0;

    constructor(cell, name, {mqtt = 5, enhanced = false, lifetime = () => LONG_S} = {}) {
        Object.assign(this, {cell, name, mqtt, enhanced, lifetime});
        this.random = randomFrom(SEED * 7919 + Client.count++);
        this.history = [];
        this.nextNumber = 0;
        this.minted = undefined;
    }

    note(text) {
        this.history.push(`${(now() / 1000).toFixed(3)} ${text}`);
        if (this.history.length > HISTORY) this.history.shift();
    }
    fault(what, text) { oracle.fault(what, this, text); }
    /** A number from 0 to `below` - 1. */
    draw(below) { return Math.floor(this.random() * below); }
    chance(percent) { return this.draw(100) < percent; }
    rights() { return this.chance(60) ? WIDE : NARROW; }

    scopes({read, write}, name = this.name) {
        const at = (operation, kind, who) => `${operation}:%2F/s%2F${this.cell.name}%2F${kind}%2F${who}`;
        return [...[...read].map((kind) => at('read', kind, '*')), ...[...write].map((kind) => at('write', kind, name))].join(' ');
    }

    /** {text, ends, generation, read, write}: a new token, or sometimes the last one again. */
    async token(rights, lifetime = this.lifetime()) {
        const last = this.minted;
        if (last && last.rights === rights && last.generation === generation && last.ends > now() + 5000 && this.chance(50)) return last;
        let text;
        let by;
        do {
            by = generation;
            text = await issuer.mint(this.name, this.scopes(rights), {lifetime});
            issuer.minted.length = 0;  // the log is searched for every token, whichever
        } while (rotating || by !== generation);
        const {exp} = JSON.parse(Buffer.from(text.split('.')[1], 'base64url'));
        this.minted = {text, ends: exp * 1000, generation: by, rights, ...rights};
        return this.minted;
    }

    login(token) {
        if (!this.enhanced) return {password: token.text, more: []};
        return {username: null, more: this.authentication(token)};
    }
    authentication({text}) {
        return this.name.endsWith('1') ? [authenticationMethod('OAUTH2-JWT'), authenticationData(text)] :
            [authenticationMethod('OAUTHBEARER'), authenticationData(`n,,\x01auth=Bearer ${text}\x01\x01`)];
    }

    /** A connection of `session`; the client tries again as long as it isn't told no. Undefined: told no, or not back in time. */
    async connect(session, rights, {clean = true, expiry = 0, will, lifetime} = {}) {
        const limit = now() + BACK_MS;
        for (let tries = 0; now() < limit; ++tries) {
            const token = await this.token(rights, lifetime);
            const sure = isKnown(token);
            const connection = new Connection();
            connection.right = session.begins(connection, token);
            const {more, ...credentials} = this.login(token);
            const raw = await RawClient.connect(broker.port, {
                ...credentials, clientId: this.name, version: this.mqtt, clean, more: [...(expiry ? [sessionExpiry(expiry)] : []), ...more],
                will, onMessage: (topic, payload) => session.received(connection, topic, payload),
            }).catch((error) => ({error, closed: true}));
            connection.raw = raw;
            if (raw.code === 0) {
                this.note(`in, "${rights.read}", ends in ${Math.round(token.ends - now())} ms, session ${raw.sessionPresent}`);
                oracle.count('logins');
                if (will) oracle.count('wills');
                known = Math.max(known, token.generation);
                const ended = () => {
                    connection.closed = now();
                    connection.right.until = Math.min(connection.right.until, connection.closed);
                };
                if (raw.closed) ended();
                else raw.socket.once('close', ended);
                return connection;
            }
            connection.right.until = now();
            this.note(`not in: CONNACK ${raw.code}, ${raw.error ?? ''}`);
            if (raw.code === undefined) {
                oracle.count('tried again');
                if (sure && isKnown(token) && !raw.error) {
                    this.fault('answers', `a token of a known key got no CONNACK (generation ${token.generation} of ${generation})`);
                }
            } else if (token.generation >= withdrawn && token.ends > now() + LEAD_MS + 1000) {
                this.fault('answers', `a good token is refused with ${raw.code} (generation ${token.generation} of ${generation})`);
                return undefined;
            }
            await pause(100 + this.draw(300));
        }
        this.fault('answers', `it isn't back after ${BACK_MS} ms`);
        return undefined;
    }

    async publish(connection, kind, publisher) {
        const message = new Message(oracle, this, this.cell, kind, publisher);
        const {write, ends} = connection.token;
        const may = publisher === undefined && write.includes(kind);
        // MQTT 3.1.1 doesn't tell a denial.
        if (!may && this.mqtt === 4) message.denied();
        const code = await connection.raw.publish(message.topic, message.payload);
        this.note(`PUBACK ${code} for ${message}`);
        oracle.count('published');
        if (code === undefined) {
            if (!may) message.denied();
            return;  // it may come or not
        }
        const late = now() >= ends;
        const good = may ? code === 0 || code === 16 : this.mqtt === 4 ? code === 0 : code === NOT_AUTHORIZED;
        if (!good && !late) this.fault('answers', `PUBACK ${code} for ${message} with the rights to write "${write}"`);
        if (!may || code >= 128) {
            oracle.count('denied');
            message.denied();
        } else if (!late) {
            message.taken();
        }
    }

    async subscribe(connection, session, kind, cell = this.cell) {
        const may = cell === this.cell && connection.token.read.includes(kind);
        if (cell === this.cell) session.wished.add(kind);
        const codes = await connection.raw.subscribe(filterOf(cell.name, kind));
        this.note(`SUBACK ${codes} for ${filterOf(cell.name, kind)}`);
        if (codes === undefined || now() >= connection.token.ends) return;
        oracle.count(may ? 'subscribed' : 'subscriptions denied');
        const wanted = may ? 1 : DENIED[this.mqtt];
        if (codes[0] !== wanted) this.fault('answers', `SUBACK ${codes} for ${filterOf(cell.name, kind)}, should be ${wanted}`);
        if (may && codes[0] === 1) session.subscribed[kind] ??= now();
    }

    /** Whether the connection ended when it should. */
    judgeEnd(connection) {
        const {ends} = connection.token;
        if (connection.live) {
            if (now() > ends + 10_000) this.fault('answers', 'its token has ended 10 s ago, and it is still connected');
            return false;
        }
        if (connection.expected) return true;
        connection.expected = true;
        if (connection.closed < ends - LEAD_MS - 2) {
            this.fault('answers', `it is thrown out ${Math.round(ends - connection.closed)} ms before its token ends`);
        } else {
            oracle.count('tokens ended');
            this.note('its token ended');
        }
        return true;
    }

    async end(connection) { connection.expected = true; this.note('leaves'); await connection.raw.end(); oracle.count('left'); }
    break(connection) { connection.expected = true; this.note('breaks off'); connection.raw.break(); oracle.count('broke off'); }
}
/** Its session lives as long as the soak: nothing may be lost. */
class Durable extends Client {
    async come(rights = this.rights()) {
        const connection = await this.connect(this.session, rights, {clean: false, expiry: LONG_S});
        if (connection && this.been && !connection.raw.sessionPresent) this.fault('lost', 'the broker has forgotten its session');
        this.been = true;
        return connection;
    }

    async run() {
        this.session = new Session(oracle, this, this.cell);
        await pause(this.draw(3000));
        let connection = await this.come(WIDE);
        if (!connection) return;
        this.cell.durables.push(this);
        while (!over) {
            if (this.judgeEnd(connection)) {
                await pause(this.chance(50) ? 0 : this.draw(3000));
                connection = await this.come();
                if (!connection) return;
                continue;
            }
            for (const kind of this.session.subscribed.b ? '' : 'awxb') await this.subscribe(connection, this.session, kind);
            connection = await this.step(connection) ?? connection;
            await pause(100 + this.draw(1300));
        }
        if (connection.live) await this.end(connection);
    }

    /** Perhaps a new connection. */
    async step(connection) {
        const dice = this.draw(100);
        if (dice < 45) return this.publish(connection, 'a');
        if (dice < 65) return this.publish(connection, 'b');
        if (dice < 68) return this.publish(connection, 'x');
        if (dice < 70) return this.subscribe(connection, this.session, 'ab'[this.draw(2)]);
        if (dice < 78) return this.end(connection);
        if (dice < 84) return this.break(connection);
        if (dice < 90) return this.takeOver(connection);
        if (dice < 97 && this.enhanced) return this.refresh(connection);
        return undefined;
    }

    async takeOver(old) {
        old.expected = true;
        this.note('takes itself over');
        const connection = await this.come();
        if (connection) {
            await old.raw.ended();
            oracle.count('taken over');
        }
        return connection;
    }

    async refresh(connection) {
        const token = await this.token(this.rights());
        const sure = isKnown(token);
        const old = connection.right;
        if (!connection.live) return;
        const right = this.session.begins(connection, token);
        this.note(`refreshes to "${token.read}"`);
        connection.raw.send(authPacket(0x19, ...this.authentication(token)));
        const answer = await connection.raw.answer(15);
        if (!answer) {
            right.until = now();
            if (connection.closed < old.token.ends - LEAD_MS - 2) {
                connection.expected = true;
                oracle.count('tried again');
                if (sure && isKnown(token)) this.fault('answers', 'it is thrown out because it refreshes with a token of a known key');
            }
            return;
        }
        if ((answer.body[0] ?? 0) !== 0) this.fault('answers', `AUTH ${answer.body[0]}`);
        old.until = now();
        connection.right = right;
        if (!connection.live) right.until = now();
        known = Math.max(known, token.generation);
        oracle.count('refreshed');
    }

    /** After all: what was kept for it comes, and it takes its session away. */
    async drain() {
        const connection = await this.come(WIDE);
        if (!connection) return;
        const complete = () => this.session.missing().length === 0;
        await eventually(complete, 'all messages', DRAIN_MS).catch(() => {});
        const missing = this.session.missing();
        if (missing.length) this.fault('lost', `${missing.length} messages, the first are ${missing.slice(0, 3).map((each) => this.session.about(each)).join(', ')}; it has had ${this.session.got.size}`);
        await this.end(connection);
        await this.sweep();
    }

    async sweep() {
        const connection = await this.connect(new Session(oracle, this, this.cell), WIDE, {clean: true});
        if (connection) await this.end(connection);
    }
}

/** Comes, subscribes, publishes and goes. */
class Passing extends Client {
    async run() {
        while (!over) {
            await pause(this.draw(2000));
            const session = new Session(oracle, this, this.cell);
            const connection = await this.connect(session, this.rights());
            if (!connection) return;
            for (const kind of 'abxw') await this.subscribe(connection, session, kind);
            for (let left = this.draw(6); left > 0 && connection.live; --left) {
                await this.publish(connection, 'ab'[this.draw(2)]);
                await pause(this.draw(800));
            }
            if (this.judgeEnd(connection)) continue;
            const how = this.draw(3);
            if (how === 0) await this.leave(connection, session);
            else if (how === 1) this.break(connection);
            else await this.takeOver(connection);
        }
    }

    /** Before it leaves, everything comes that was sent until then. */
    async leave(connection, session) {
        const until = now();
        const complete = () => !connection.live || session.missing(until).length === 0;
        await eventually(complete, 'all messages', DRAIN_MS).catch(() => {});
        if (this.judgeEnd(connection)) return;
        const missing = session.missing(until);
        if (missing.length) this.fault('lost', `${missing.length} messages, the first are ${missing.slice(0, 3).map((each) => session.about(each)).join(', ')}`);
        await this.end(connection);
    }

    async takeOver(old) {
        old.expected = true;
        const connection = await this.connect(new Session(oracle, this, this.cell), this.rights());
        if (!connection) return;
        await old.raw.ended();
        oracle.count('taken over');
        await this.end(connection);
    }
}

const disconnectWithWill = packet(0xe0, Buffer.from([0x04]), Buffer.from([0]));

/** Leaves wills. */
class Testator extends Client {
    async run() {
        while (!over) {
            await pause(this.draw(1500));
            const ways = ['breaks', 'leaves', 'ends', 'taken over', ...(this.mqtt === 5 ? ['delayed', 'taken back', 'with its will'] : [])];
            await this.will(ways[this.draw(ways.length)], this.chance(25) ? 'x' : 'w');
        }
    }

    async will(way, kind) {
        const message = new Message(oracle, this, this.cell, kind);
        this.note(`a will to ${kind} that ${way}: ${message.payload}`);
        const delay = way === 'delayed' ? 1 + this.draw(MOST_DELAY_S) : way === 'taken back' ? LONG_DELAY_S : 0;
        const session = new Session(oracle, this, this.cell);
        const stays = delay ? {clean: false, expiry: LONG_S} : {};
        const rights = {read: '', write: 'w'};
        if (kind === 'x' || way === 'leaves') message.denied();
        const connection = await this.connect(session, rights, {
            ...stays, lifetime: way === 'ends' ? 3 : LONG_S,
            will: {topic: message.topic, payload: message.payload, properties: delay ? [willDelay(delay)] : []},
        });
        if (!connection) return;
        await pause(this.draw(500));
        if (way === 'breaks' || way === 'delayed') this.break(connection);
        if (way === 'leaves') await this.end(connection);
        if (way === 'with its will') {
            connection.expected = true;
            connection.raw.send(disconnectWithWill);
            await connection.raw.ended();
        }
        if (way === 'ends') {
            await connection.raw.ended();
            this.judgeEnd(connection);
        }
        if (way === 'taken over') {
            connection.expected = true;
            const next = await this.connect(session, rights);
            if (!next) return;
            await this.end(next);
        }
        if (way === 'taken back') {
            this.break(connection);
            const next = await this.connect(session, rights, stays);
            if (!next) return;
            message.denied();
            oracle.count('wills taken back');
            await this.end(next);
            return;
        }
        if (message.state === 'denied') return;
        message.taken();
        // A delayed one would be taken back by the next connection. Whether it is lost, the durable clients say.
        if (delay) await eventually(() => message.came > 0 || over, 'the will', DRAIN_MS).catch(() => {});
    }
}

/** Wants in where it mustn't, and more than it may. */
class Hostile extends Client {
    async run() {
        while (!over) {
            await pause(200 + this.draw(1500));
            if (this.chance(40)) await this.badToken();
            else if (this.chance(50)) await this.otherIdentifier();
            else await this.more();
        }
    }

    async badToken() {
        const scope = this.scopes(WIDE);
        const by = generation;
        const calm = generation <= known && !rotating;
        const [what, token, sure] = await [
            async () => ['has ended', await issuer.mint(this.name, scope, {lifetime: -60}), true],
            async () => ['is for others', await issuer.mint(this.name, scope, {claims: {aud: 'others'}}), true],
            async () => ["is by a stranger's key", await issuer.mint(this.name, scope, {signer: 'stranger'}), false],
            async () => ['is none', 'hunter2', true],
        ][this.draw(4)]();
        const raw = await RawClient.connect(broker.port, {...this.login({text: token}), clientId: this.name, version: this.mqtt}).catch(() => undefined);
        if (!raw) return;
        oracle.count('refused');
        this.note(`a token that ${what}: CONNACK ${raw.code}`);
        if (raw.code === 0) this.fault('leaked', `a token that ${what} is let in`);
        else if (raw.code !== REFUSED[this.mqtt] && (raw.code !== undefined || sure && calm && by === generation && !rotating)) {
            this.fault('answers', `a token that ${what} is answered with ${raw.code}`);
        }
        raw.break();
    }

    /** A durable client's; it finds out itself if it is thrown out. */
    async otherIdentifier() {
        const victim = this.cell.durables[this.draw(this.cell.durables.length || 1)];
        if (!victim) return;
        const token = await this.token(WIDE);
        const raw = await RawClient.connect(broker.port, {
            ...this.login(token), clientId: victim.name, version: this.mqtt, clean: this.chance(50), onMessage: (topic, payload) => this.fault('leaked', `"${payload}" to ${topic} by the identifier of ${victim.name}`),
        }).catch(() => undefined);
        if (!raw) return;
        oracle.count("others' identifiers");
        if (raw.code !== undefined && (raw.code === 0 || token.generation >= withdrawn)) {
            this.fault(raw.code === 0 ? 'leaked' : 'answers', `by the identifier of ${victim.name} it got CONNACK ${raw.code}`);
        }
        raw.break();
    }

    async more() {
        const session = new Session(oracle, this, this.cell);
        const connection = await this.connect(session, WIDE);
        if (!connection) return;
        const victim = this.cell.durables[0]?.name ?? 'nobody';
        await this.publish(connection, 'a', victim);
        await this.publish(connection, 'w', victim);
        await this.publish(connection, 'x');
        await this.subscribe(connection, session, 'a', {name: `${this.cell.name}0`});
        await this.subscribe(connection, session, 'a', {name: '+'});
        this.judgeEnd(connection);
        if (connection.live) await this.end(connection);
    }
}

/** Ten clients that hear each other. */
class Cell {
    messages = [];
    durables = [];

    constructor(name) {
        this.name = String(name);
        this.clients = [
            new Durable(this, `${name}-d0`, {mqtt: 4}), new Durable(this, `${name}-d1`, {enhanced: true}),
            new Durable(this, `${name}-d2`, {enhanced: true}), new Durable(this, `${name}-d3`, {mqtt: 4}),
            new Durable(this, `${name}-d4`, {enhanced: true}), new Passing(this, `${name}-p0`, {mqtt: 4}),
            new Passing(this, `${name}-p1`), new Testator(this, `${name}-t0`, {mqtt: 4}), new Testator(this, `${name}-t1`),
            new Hostile(this, `${name}-h`, {mqtt: 4 + name % 2}),
        ];
        for (const mortals of [3, 4, 6].map((i) => this.clients[i])) mortals.lifetime = () => 4 + mortals.draw(6);
    }
}

// ---- what happens around them ---------------------------------------------------------------------------

const ini = (more = '') => `[oauth]
issuer = ${issuer.url}
ca_file = ${issuer.caFile}
audience = broker
scope_prefix =
jwks_min_refresh = 1
jwks_timeout = 1
clock_skew = 0
${more}`;

const status = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${broker.program.child.pid}/status`, 'utf8'))[1]);
const memory = () => 1024 * status('VmRSS');
/** What each file descriptor of the broker is; of a TCP socket the other end's port, 0 for a listener. */
function descriptors() {
    const of = `/proc/${broker.program.child.pid}`;
    const peers = new Map(readFileSync(`${of}/net/tcp`, 'utf8').split('\n').slice(1, -1).map((line) => line.trim().split(/\s+/))
        .map((fields) => [fields[9], Number.parseInt(fields[2].split(':')[1], 16)]));
    return readdirSync(`${of}/fd`).map((each) => readlinkSync(`${of}/fd/${each}`)).map((name) => {
        const [, kind, inode] = /^(\w+):\[(\d+)\]$/.exec(name) ?? [];
        return kind ? `${kind} ${peers.has(inode) ? `to port ${peers.get(inode)}` : ''}` : name;
    // The provider's connection is kept open for the next fetch.
    }).filter((name, i, all) => name !== `socket to port ${new URL(issuer.url).port}` || all.indexOf(name) !== i).sort();
}

// All of the log would be more than fits into memory.
const log = {kept: '', secrets: [], reloads: 0, keptOld: 0, errors: []};
const KEPT = 100_000;

function readLog() {
    const {output} = broker.program;
    const end = output.lastIndexOf('\n') + 1;
    const lines = output.slice(0, end);
    broker.program.output = output.slice(end);
    log.reloads += lines.match(/Reloading config/g)?.length ?? 0;
    log.keptOld += lines.match(/the old configuration stays in force/g)?.length ?? 0;
    // A part of a token: nothing else here is written so long in base64url.
    log.secrets.push(...lines.match(/^.*(eyJ|[\w-]{60}).*$/gm) ?? []);
    log.errors.push(...lines.match(/^.*\b(Error|Out of memory|assert|Sanitizer)\b.*$/gm)?.filter((line) => !/protocol error|the old configuration stays/i.test(line)) ?? []);
    log.kept = (log.kept + lines).slice(-KEPT);
}

const samples = [];  // {at, memory}
let reloads = 0;
let brokenReloads = 0;
let end;

async function every(seconds, what) {
    for (let i = 0;; ++i) {
        for (const until = Math.min(now() + 1000 * seconds, end); now() < until && !over;) await pause(100);
        if (over || now() >= end) return;
        await what(i);
    }
}

async function reload(i) {
    const broken = i % 4 === 3;
    broker.configure(ini(broken ? 'audiense = broker\n' : i % 2 ? 'max_token_bytes = 8192\n' : ''));
    const before = log.reloads;
    broker.reload();
    reloads += 1;
    brokenReloads += broken;
    await eventually(() => { readLog(); return log.reloads > before; }, 'the reload', DRAIN_MS);
}

async function rotate(keepOld) {
    rotating = true;
    withdrawn = keepOld ? Math.max(withdrawn, generation) : generation + 1;
    await issuer.flip('/rotate', {keep_old: keepOld});
    generation += 1;
    rotating = false;
    oracle.count('rotations');
}

async function outage(i) {
    await issuer.flip('/network', {state: i % 2 ? 'blackhole' : 'down'});
    if (i % 2 === 0) await rotate(true);
    await pause(3000);
    await issuer.flip('/network', {state: 'up'});
    oracle.count('outages');
}

function sample() {
    readLog();
    if (!broker.program.running) throw new Error(`the broker ended: ${broker.program.status}`);
    if (oracle.faults.length >= MOST_FAULTS) over = true;
    samples.push({at: now(), memory: memory()});
}

const clients = [];

async function soak() {
    for (let name = 0; clients.length < CLIENTS; ++name) clients.push(...new Cell(name).clients);
    end = now() + 1000 * SECONDS;
    const wholly = (run, who) => run.catch((error) => {
        over = true;
        oracle.fault('broke off', who, error.stack);
    });
    const operator = {name: 'operator', history: []};
    const around = [every(1, sample), every(3, reload), every(17, (i) => rotate(i % 3 !== 2)), every(23, outage)];
    const all = [
        ...clients.map((client) => wholly(client.run(), client)),
        ...around.map((each) => wholly(each, operator)),
    ];
    while (now() < end && !over) await pause(100);
    over = true;
    await Promise.all(all);
    await issuer.flip('/network', {state: 'up'});
    broker.configure(ini());
    // The last delayed wills are published, and those that were taken back aren't.
    await pause(1000 * (MOST_DELAY_S + 3));
    const durables = clients.filter((client) => client instanceof Durable);
    for (const client of clients.filter((each) => each instanceof Testator)) {
        const connection = await client.connect(new Session(oracle, client, client.cell), WIDE, {clean: true});
        if (connection) await client.end(connection);
    }
    for (let at = 0; at < durables.length; at += 20) await Promise.all(durables.slice(at, at + 20).map((each) => wholly(each.drain(), each)));
    readLog();
}

// ---- the cases ------------------------------------------------------------------------------------------

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    broker = await Broker.start({
        directory: directory.path, ini: ini(),
        // More than are ever kept for a client. Not 0, for no limit: then 2.0.11 ends the connection of whoever is denied a publish.
        options: ['max_queued_messages 100000', 'log_type none', 'log_type error', 'log_type warning', 'log_type notice', 'log_type information'],
    });
    base = descriptors();
    console.log(`# Mosquitto ${await version()}: ${CLIENTS} clients, ${SECONDS} s, seed ${SEED}`);
}

const thirds = () => [0, 1, 2].map((third) => {
    const own = samples.slice(Math.floor(samples.length * third / 3), Math.floor(samples.length * (third + 1) / 3)).map((each) => each.memory);
    return own.sort((a, b) => a - b)[own.length >> 1];
});

async function after(failed) {
    const counts = Object.entries(oracle.counts).map(([what, count]) => `${count} ${what}`).join(', ');
    console.log(`# ${counts}, ${reloads} reloads; MiB in use by thirds: ${thirds().map((each) => (each / MIB).toFixed(1)).join(', ')}`);
    await broker?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(log.kept.slice(-20_000) + broker.log);
    directory.remove();
}

/** Fails with the first faults of a kind. */
function none(what) {
    const own = oracle.faults.filter((each) => each.what === what);
    const told = own.slice(0, 12).map(({text, history}) => `${text}\n    ${history.join('\n    ')}`).join('\n');
    assert.ok(own.length === 0, `${own.length} times, seed ${SEED}:\n${told}`);
}

test('all clients came to their end', async () => {
    await soak();
    none('broke off');
}, 1000 * SECONDS + 4 * DRAIN_MS);

test('nothing is lost', () => none('lost'));
test('nothing leaks', () => none('leaked'));
test('each CONNACK, PUBACK and SUBACK is right, and nobody is thrown out', () => none('answers'));

test('everything was tried', () => {
    for (const what of [
        'deliveries', 'duplicates', 'logins', 'tried again', 'published', 'denied', 'subscribed', 'subscriptions denied', 'left', 'broke off', 'taken over',
        'refreshed', 'tokens ended', 'wills', 'wills taken back', 'refused', "others' identifiers", 'rotations', 'outages',
    ]) assert.ok(oracle.counts[what] > 0, what);
});

test('each reload was done, and the broken ones were not taken', () => {
    assert.equal(log.reloads, reloads);
    assert.equal(log.keptOld, brokenReloads);
});

test('no token is in the log, and no error', () => {
    assert.deepEqual(log.secrets.slice(0, 5), []);
    assert.deepEqual(log.errors.slice(0, 5), []);
});

test('the memory in use is flat', () => {
    const [, second, third] = thirds();
    assert.ok(third - second < GROWTH_BOUND, `${third - second} bytes more in the last third than in the second`);
});

test('when all are gone, the broker has as many file descriptors as before', async () => {
    await eventually(() => descriptors().length === base.length, 'the end of the connections').catch(() => {});
    assert.deepEqual(descriptors(), base);
    assert.ok(broker.program.running);
});

await runAll(before, after);
