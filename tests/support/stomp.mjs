// STOMP 1.2 by hand: as much as a test needs.
import {Socket} from 'node:net';

export class StompClient {
    #socket = new Socket();
    isClosed = false;
    text = '';

    /** Logged in when the promise is kept; rejects with what the broker said instead. */
    static async connect(port, password) {
        const client = new StompClient();
        client.#socket.setEncoding('utf8');
        client.#socket.on('data', (text) => { client.text += text; });
        client.#socket.on('error', () => {});
        const closed = new Promise((resolve) => client.#socket.on('close', () => { client.isClosed = true; resolve(); }));
        await new Promise((resolve, reject) => {
            client.#socket.once('error', reject);
            client.#socket.connect(port, '127.0.0.1', resolve);
        });
        client.send('CONNECT', {'accept-version': '1.2', host: '/', login: 'whoever', passcode: password});
        const answered = new Promise((resolve) => client.#socket.on('data', () => client.text.includes('\0') && resolve()));
        await Promise.race([answered, closed]);
        if (!client.text.startsWith('CONNECTED')) throw new Error(`STOMP: ${client.text}`);
        return client;
    }

    send(command, headers, body = '') {
        const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join('');
        this.#socket.write(`${command}\n${lines}\n${body}\0`);
    }

    end() { this.#socket.destroy(); }
}
