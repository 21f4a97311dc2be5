// The client's end of a WebSocket (RFC 6455) as a socket of bytes, for protocols that a test speaks by hand. It doesn't
// answer the server's close by itself: it emits 'closing'.
import {EventEmitter} from 'node:events';
import {Socket} from 'node:net';

const BINARY = 0x02;
const CLOSE = 0x08;
const WHOLE = 0x80;
const MASKED = 0x80;

export class WebSocketBytes extends EventEmitter {
    constructor(protocol) {
        super();
        this.protocol = protocol;
        this.socket = new Socket();
        this.seen = Buffer.alloc(0);
        for (const event of ['error', 'close']) this.socket.on(event, (...what) => this.emit(event, ...what));
    }

    /** `then` is called when the WebSocket is open. */
    connect(port, host, then) {
        this.socket.connect(port, host, () => this.socket.write([
            'GET / HTTP/1.1', `Host: ${host}:${port}`, 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', `Sec-WebSocket-Protocol: ${this.protocol}`, '', ''].join('\r\n')));
        let open = false;
        this.socket.on('data', (bytes) => {
            this.seen = Buffer.concat([this.seen, bytes]);
            if (!open) {
                const end = this.seen.indexOf('\r\n\r\n');
                if (end < 0) return;
                this.seen = this.seen.subarray(end + 4);
                open = true;
                then();
            }
            this.unwrap();
        });
    }

    unwrap() {
        while (this.seen.length >= 2) {
            const short = this.seen[1];
            const start = short < 126 ? 2 : short === 126 ? 4 : 10;
            if (this.seen.length < start) return;
            const size = short < 126 ? short : short === 126 ? this.seen.readUInt16BE(2) : Number(this.seen.readBigUInt64BE(2));
            if (this.seen.length < start + size) return;
            const opcode = this.seen[0] & 0x0f;
            const payload = this.seen.subarray(start, start + size);
            this.seen = this.seen.subarray(start + size);
            if (opcode === BINARY) this.emit('data', payload);
            else if (opcode === CLOSE) this.emit('closing');
        }
    }

    write(bytes) {
        const data = Buffer.from(bytes);
        const head = Buffer.from([WHOLE | BINARY, MASKED | 126, data.length >> 8, data.length & 0xff, 0, 0, 0, 0]);  // masked with zeros
        this.socket.write(Buffer.concat([head, data]));
    }

    end() { this.socket.end(); }
    destroy() { this.socket.destroy(); }
}
