// The stream protocol of RabbitMQ by hand: as much as a test needs.
import {Socket} from 'node:net';

const u16 = (number) => { const bytes = Buffer.alloc(2); bytes.writeUInt16BE(number); return bytes; };
const u32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(number); return bytes; };
const u64 = (number) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64BE(BigInt(number)); return bytes; };
const string = (text) => Buffer.concat([u16(Buffer.byteLength(text)), Buffer.from(text)]);
const bytes = (text) => Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
const NO_PROPERTIES = u32(0);

const DECLARE_PUBLISHER = 1, PUBLISH = 2, CONFIRM = 3, PUBLISH_ERROR = 4, SUBSCRIBE = 7, CREATE = 13, PEER_PROPERTIES = 17,
    HANDSHAKE = 18, AUTHENTICATE = 19, TUNE = 20, OPEN = 21;
export const OK = 1;

export class StreamClient {
    #socket = new Socket();
    #seen = Buffer.alloc(0);
    #asked = new Map();
    #count = 0;
    isClosed = false;
    /** Of publishing, by PublisherId 0: how many messages were confirmed, and how many refused. */
    confirmed = 0;
    refused = 0;

    /** Logged in when the promise is kept; rejects with the response's code if it isn't 1. */
    static async connect(port, password) {
        const client = new StreamClient();
        client.#socket.on('data', (data) => client.#take(data));
        client.#socket.on('error', () => {});
        client.#socket.on('close', () => {
            client.isClosed = true;
            client.#asked.forEach((answer) => answer(-1));
        });
        await new Promise((resolve, reject) => {
            client.#socket.once('error', reject);
            client.#socket.connect(port, '127.0.0.1', resolve);
        });
        client.#tuned = new Promise((resolve) => { client.#tune = resolve; });
        const must = async (key, ...parts) => {
            const code = await client.#ask(key, ...parts);
            if (code !== OK) throw new Error(`stream: ${key} answered ${code}`);
        };
        await must(PEER_PROPERTIES, NO_PROPERTIES);
        await must(HANDSHAKE);
        await must(AUTHENTICATE, string('PLAIN'), bytes(`\0whoever\0${password}`));
        client.#send(TUNE, await client.#tuned);
        await must(OPEN, string('/'));
        return client;
    }
    #tuned;
    #tune;

    #send(key, ...parts) {
        const body = Buffer.concat([u16(key), u16(1), ...parts]);
        this.#socket.write(Buffer.concat([u32(body.length), body]));
    }

    /** The response's code; -1 if the connection ends before. */
    #ask(key, ...parts) {
        if (this.isClosed) return Promise.resolve(-1);
        const id = ++this.#count;
        const answer = new Promise((resolve) => this.#asked.set(id, resolve));
        this.#send(key, u32(id), ...parts);
        return answer;
    }

    #take(data) {
        this.#seen = Buffer.concat([this.#seen, data]);
        while (this.#seen.length >= 4 && this.#seen.length >= 4 + this.#seen.readUInt32BE(0)) {
            const frame = this.#seen.subarray(4, 4 + this.#seen.readUInt32BE(0));
            this.#seen = this.#seen.subarray(4 + frame.length);
            const key = frame.readUInt16BE(0);
            if (key & 0x8000) {
                const id = frame.readUInt32BE(4);
                this.#asked.get(id)?.(frame.readUInt16BE(8));
                this.#asked.delete(id);
            } else if (key === TUNE) this.#tune(frame.subarray(4));
            else if (key === CONFIRM) this.confirmed += frame.readUInt32BE(5);
            else if (key === PUBLISH_ERROR) this.refused += frame.readUInt32BE(5);
        }
    }

    create(stream) { return this.#ask(CREATE, string(stream), NO_PROPERTIES); }
    declarePublisher(stream) { return this.#ask(DECLARE_PUBLISHER, Buffer.from([0]), string(''), string(stream)); }
    subscribe(stream, id = 0) {
        return this.#ask(SUBSCRIBE, Buffer.from([id]), string(stream), u16(1), u16(10), NO_PROPERTIES);
    }

    #published = 0;
    publish(text) {
        if (!this.isClosed) this.#send(PUBLISH, Buffer.from([0]), u32(1), u64(++this.#published), bytes(text));
    }

    end() { this.#socket.destroy(); }
}
