// Starts programs for tests and ends them by number; the build folder and a directory for the test.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** The build folder, which meson names. */
export const buildFolder = process.env.TOKENWARD_BUILD;
if (!buildFolder) throw new Error('TOKENWARD_BUILD must name the build folder');

/** A path in the build folder. */
export const built = (...parts) => join(buildFolder, ...parts);

/** A new temporary directory; remove() takes it away. */
export function temporaryDirectory() {
    const path = mkdtempSync(join(tmpdir(), 'tokenward-test-'));
    return {path, remove: () => rmSync(path, {recursive: true, force: true})};
}

// What still runs when this process ends, also by a signal, ends with it.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGTERM')));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** A running program with all that it said. */
export class Program {
    constructor(command, args, environment = {}) {
        this.output = '';
        this.child = spawn(command, args, {
            stdio: ['pipe', 'pipe', 'pipe'],
            // A daemon's folder need not be in a user's PATH.
            env: {...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...environment},
        });
        running.add(this.child);
        for (const stream of [this.child.stdout, this.child.stderr]) {
            stream.setEncoding('utf8');
            stream.on('data', (text) => { this.output += text; });
        }
        this.child.stdin.on('error', () => {});  // it ended without reading
        /** The exit status, or the signal's name. */
        this.ended = new Promise((resolve) => {
            this.child.once('error', (error) => { this.output += String(error); resolve('not started'); });
            this.child.once('close', (code, signal) => {
                running.delete(this.child);
                this.status = code ?? signal;
                resolve(this.status);
            });
        });
    }

    get running() { return this.child.exitCode === null && this.child.signalCode === null; }

    async stop() {
        if (this.running) this.child.kill('SIGTERM');
        return this.ended;
    }
}

/** Runs a program to its end: {status, output}. */
export async function run(command, args, input = '', environment = {}) {
    const program = new Program(command, args, environment);
    program.child.stdin.end(input);
    const status = await program.ended;
    return {status, output: program.output};
}

const givenPorts = new Set();

/**
 * A loopback port that was free a moment ago, and that this process hasn't got before: whoever asks for several starts its
 * program later, and the kernel may give a port again meanwhile.
 */
export function freePort() {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const {port} = server.address();
            server.close(() => {
                if (givenPorts.has(port)) return resolve(freePort());
                givenPorts.add(port);
                resolve(port);
            });
        });
    });
}
