// MQTT packets made by hand over a bare socket: what no client library sends, and without its checks.
import {createConnection} from 'node:net';

const LIMIT_MS = 15_000;

const bytes = (value) => Buffer.isBuffer(value) ? value : Buffer.from(value);
export const uint16 = (value) => Buffer.from([value >> 8, value & 0xff]);
export const uint32 = (value) => { const out = Buffer.alloc(4); out.writeUInt32BE(value); return out; };

/** The length of a packet, as MQTT writes it. */
export function varint(value) {
    const out = [];
    do {
        const more = value > 127;
        out.push((value % 128) | (more ? 0x80 : 0));
        value = Math.floor(value / 128);
    } while (value > 0);
    return Buffer.from(out);
}

/** A string or binary field: its length, then its bytes, whatever they are. */
export function field(value) {
    const data = bytes(value);
    return Buffer.concat([uint16(data.length), data]);
}

export function packet(head, ...parts) {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([head]), varint(body.length), body]);
}

/** Properties of MQTT 5, each made by one of the functions below. */
export const properties = (...list) => { const all = Buffer.concat(list); return Buffer.concat([varint(all.length), all]); };
export const sessionExpiry = (seconds) => Buffer.concat([Buffer.from([0x11]), uint32(seconds)]);
export const receiveMaximum = (count) => Buffer.concat([Buffer.from([0x21]), uint16(count)]);
export const authenticationMethod = (name) => Buffer.concat([Buffer.from([0x15]), field(name)]);
export const authenticationData = (data) => Buffer.concat([Buffer.from([0x16]), field(data)]);
export const willDelay = (seconds) => Buffer.concat([Buffer.from([0x18]), uint32(seconds)]);
export const topicAlias = (number) => Buffer.concat([Buffer.from([0x23]), uint16(number)]);

/**
 * A CONNECT packet. version: 4 or 5; username and password: null leaves the field and its flag out;
 * will: {topic, payload, qos, properties}; more: properties of MQTT 5.
 */
export function connectPacket({clientId, username = 'whoever', password = null, version = 5, clean = true, will, more = [], keepAlive = 0}) {
    const flags = (username === null ? 0 : 0x80) | (password === null ? 0 : 0x40) | (clean ? 0x02 : 0) |
        (will ? 0x04 | (will.qos ?? 1) << 3 : 0);
    const parts = [field('MQTT'), Buffer.from([version, flags]), uint16(keepAlive)];
    if (version === 5) parts.push(properties(...more));
    parts.push(field(clientId));
    if (will) {
        if (version === 5) parts.push(properties(...(will.properties ?? [])));
        parts.push(field(will.topic), field(will.payload ?? 'gone'));
    }
    if (username !== null) parts.push(field(username));
    if (password !== null) parts.push(field(password));
    return packet(0x10, ...parts);
}

/** An AUTH packet of MQTT 5. */
export const authPacket = (reason, ...list) => packet(0xf0, Buffer.from([reason]), properties(...list));
export const disconnectPacket = packet(0xe0);

function readVarint(data, at) {
    let value = 0;
    for (let shift = 0; shift < 4 && at + shift < data.length; ++shift) {
        value += (data[at + shift] & 0x7f) * 128 ** shift;
        if (data[at + shift] < 128) return {value, size: shift + 1};
    }
    return undefined;
}

/** A socket that sends what it is told to, and takes the broker's packets apart. */
export class RawClient {
    /** Connected to the port, nothing sent. */
    static open(port) {
        const client = new RawClient();
        client.packets = [];  ///< {type, flags, body}
        client.messages = [];  ///< "topic payload" of each PUBLISH; acknowledged, unless acknowledge is false
        client.onMessage = undefined;  ///< if set, it gets topic and payload, and nothing is kept
        client.acknowledge = true;
        client.closed = false;
        client.version = 5;
        client.next = 1;
        client.rest = Buffer.alloc(0);
        client.waiting = new Set();
        client.socket = createConnection(port, '127.0.0.1');
        client.socket.setNoDelay(true);
        client.socket.on('data', (data) => client.read(data));
        client.socket.on('error', () => {});  // 'close' follows
        client.socket.on('close', () => { client.closed = true; client.waiting.forEach((each) => each()); });
        return new Promise((resolve, reject) => {
            client.socket.once('connect', () => resolve(client));
            client.socket.once('close', () => reject(new Error('no connection')));
        });
    }

    /** Sends a CONNECT; `code` is that of the CONNACK, undefined if the broker closed without one. options: also onMessage. */
    static async connect(port, options) {
        const client = await RawClient.open(port);
        client.version = options.version ?? 5;
        client.onMessage = options.onMessage;
        client.send(connectPacket(options));
        const answer = await client.answer(2);
        client.code = answer?.body[1];
        client.sessionPresent = answer?.body[0] === 1;
        return client;
    }

    read(data) {
        this.rest = Buffer.concat([this.rest, data]);
        for (;;) {
            const length = readVarint(this.rest, 1);
            if (!length || this.rest.length < 1 + length.size + length.value) return;
            const end = 1 + length.size + length.value;
            const one = {type: this.rest[0] >> 4, flags: this.rest[0] & 15, body: this.rest.subarray(1 + length.size, end)};
            this.rest = this.rest.subarray(end);
            if (one.type === 3) this.readMessage(one);
            else this.packets.push(one);
            this.waiting.forEach((each) => each());
        }
    }

    /** Waits until `condition` holds; asks at every packet, not at intervals: thousands of connections are made. */
    until(condition, what) {
        if (condition()) return Promise.resolve();
        return new Promise((resolve, reject) => {
            const done = (call, value) => { clearTimeout(timer); this.waiting.delete(look); call(value); };
            const look = () => { if (condition()) done(resolve); };
            const timer = setTimeout(() => done(reject, new Error(`waited in vain for ${what}`)), LIMIT_MS);
            this.waiting.add(look);
        });
    }

    readMessage({flags, body}) {
        const qos = flags >> 1 & 3;
        let at = 2 + body.readUInt16BE(0);
        const topic = body.toString('utf8', 2, at);
        if (qos > 0) {
            if (this.acknowledge) this.send(packet(0x40, body.subarray(at, at + 2)));
            at += 2;
        }
        if (this.version === 5) {
            const length = readVarint(body, at);
            at += length.size + length.value;
        }
        const payload = body.toString('utf8', at);
        if (this.onMessage) this.onMessage(topic, payload);
        else this.messages.push(`${topic} ${payload}`);
    }

    send(...packets) { if (!this.socket.destroyed) this.socket.write(Buffer.concat(packets)); }

    /** The first packet of this type, taken out; undefined if the connection ends first. */
    async answer(type, matches = () => true) {
        const find = () => this.packets.findIndex((each) => each.type === type && matches(each));
        await this.until(() => find() >= 0 || this.closed, `a packet of type ${type}`);
        const index = find();
        return index < 0 ? undefined : this.packets.splice(index, 1)[0];
    }

    /** Publishes with QoS 1: the reason code (MQTT 3.1.1: 0), undefined if the connection ended. */
    async publish(topic, payload, more = []) {
        const id = uint16(this.next++);
        this.send(packet(0x32, field(topic), id, ...(this.version === 5 ? [properties(...more)] : []), bytes(payload)));
        const answer = await this.answer(4, ({body}) => body.subarray(0, 2).equals(id));
        return answer && (answer.body[2] ?? 0);
    }

    /** Subscribes to filters in one packet, QoS 1: their codes, undefined if the connection ended. */
    async subscribe(...filters) {
        const id = uint16(this.next++);
        this.send(packet(0x82, id, ...(this.version === 5 ? [properties()] : []),
            ...filters.flatMap((filter) => [field(filter), Buffer.from([1])])));
        const answer = await this.answer(9, ({body}) => body.subarray(0, 2).equals(id));
        return answer && [...answer.body.subarray(this.version === 5 ? 3 : 2)];
    }

    /** An orderly end. */
    async end() {
        this.send(disconnectPacket);
        await this.ended();
    }

    ended() { return this.until(() => this.closed, 'the end of the connection'); }

    /** A broken connection. */
    break() { this.socket.destroy(); }
}
