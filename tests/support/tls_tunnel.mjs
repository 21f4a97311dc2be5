// Brings a client that speaks no TLS to a listener that does: as a TLS terminating client would, on loopback.
import net from 'node:net';
import tls from 'node:tls';

export class TlsTunnel {
    #sockets = new Set();

    /** Listens on a port of the kernel's; what comes there goes on to `port`, over TLS. */
    static async open(port) {
        const tunnel = new TlsTunnel();
        tunnel.server = net.createServer((near) => {
            const far = tls.connect({host: '127.0.0.1', port, rejectUnauthorized: false});
            for (const [one, other] of [[near, far], [far, near]]) {
                tunnel.#sockets.add(one);
                one.on('error', () => {});
                one.on('close', () => { tunnel.#sockets.delete(one); other.destroy(); });
                one.pipe(other);
            }
        });
        await new Promise((resolve) => tunnel.server.listen(0, '127.0.0.1', resolve));
        return tunnel;
    }

    get port() { return this.server.address().port; }

    close() {
        this.server.close();
        this.#sockets.forEach((socket) => socket.destroy());
    }
}
