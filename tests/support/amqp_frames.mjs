// AMQP 0-9-1 by hand: a login that costs its client next to nothing, and one that doesn't keep to the rules.
import {Socket} from 'node:net';

import {WebSocketBytes} from './web_socket.mjs';

const string = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const long = (bytes) => { const size = Buffer.alloc(4); size.writeUInt32BE(bytes.length); return Buffer.concat([size, bytes]); };
function method(classId, methodId, ...parts) {
    const payload = Buffer.concat([Buffer.from([0, classId, 0, methodId]), ...parts]);
    return Buffer.concat([Buffer.from([1, 0, 0]), long(payload), Buffer.from([0xce])]);
}
const TUNE_OK = method(10, 31, Buffer.from([7, 255, 0, 2, 0, 0, 0, 0]));
const OPEN = method(10, 40, string('/'), string(''), Buffer.from([0]));
const CLOSE = method(10, 50, Buffer.from([0, 200]), string(''), Buffer.from([0, 0, 0, 0]));

/**
 * One AMQP login by PLAIN, up to open-ok, and an orderly end. deaf: no end; the broker's close isn't answered either, and
 * the promise is kept with what that close said when the socket ends. webSocket: the port is one of HTTP.
 */
export function amqpLogin(port, username, password, {deaf = false, webSocket = false} = {}) {
    const startOk = method(10, 11, long(Buffer.alloc(0)), string('PLAIN'), long(Buffer.from(`\0${username}\0${password}`)),
        string('en_US'));
    return new Promise((resolve, reject) => {
        const socket = webSocket ? new WebSocketBytes('amqp') : new Socket();
        let seen = Buffer.alloc(0);
        let isOpen = false;
        let closedBy;
        socket.on('error', reject);
        socket.on('closing', () => { if (!deaf) socket.end(); });
        socket.on('close', () => isOpen ? resolve(closedBy) : reject(new Error('AMQP login refused')));
        socket.on('data', (bytes) => {
            seen = Buffer.concat([seen, bytes]);
            while (seen.length >= 7 && seen.length >= seen.readUInt32BE(3) + 8) {
                const what = seen.readUInt16BE(7) * 1000 + seen.readUInt16BE(9);
                const rest = seen.subarray(11, seen.readUInt32BE(3) + 7);
                seen = seen.subarray(seen.readUInt32BE(3) + 8);
                if (what === 10010) socket.write(startOk);
                else if (what === 10030) socket.write(Buffer.concat([TUNE_OK, OPEN]));
                else if (what === 10041) { isOpen = true; if (!deaf) socket.write(CLOSE); }
                else if (what === 10051) socket.end();
                else if (what === 10050 && deaf) closedBy = `${rest.readUInt16BE(0)} ${rest.toString('utf8', 3, 3 + rest[2])}`;
                else if (what === 10050) { isOpen = false; socket.destroy(); }
            }
        });
        socket.connect(port, '127.0.0.1', () => socket.write('AMQP\x00\x00\x09\x01'));
    });
}
