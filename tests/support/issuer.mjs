// The test issuer for tests in JavaScript; its switches are described in issuer_admin.hpp.
import {existsSync, readFileSync} from 'node:fs';
import {Agent, request} from 'node:http';
import {join} from 'node:path';

import {Program, built, run} from './programs.mjs';
import {eventually} from './tap.mjs';

/** name=value lines. */
const lines = (fields) => Object.entries(fields).map(([name, value]) => `${name}=${value}\n`).join('');

// The issuer closes after each answer, which fetch() minds, and has room for few connections that wait.
const agent = new Agent({maxSockets: 4});

export class Issuer {
    /** Runs when the promise is kept; writes its certificates into `directory`. */
    static async start(directory) {
        const issuer = new Issuer();
        issuer.directory = directory;
        issuer.program = new Program(built('tests/support/test_issuer'), ['--state-dir', directory]);
        await eventually(() => existsSync(join(directory, 'pid')) || !issuer.program.running, 'the test issuer');
        if (!issuer.program.running) throw new Error(`the test issuer ended: ${issuer.program.output}`);
        issuer.url = readFileSync(join(directory, 'issuer'), 'utf8').trim();
        issuer.admin = readFileSync(join(directory, 'admin'), 'utf8').trim();
        /** All tokens that were minted, to look for them in logs. */
        issuer.minted = [];
        return issuer;
    }

    get caFile() { return join(this.directory, 'ca.pem'); }

    /** Flips a switch: flip('/rotate', {keep_old: false}). */
    async flip(path, fields = {}) {
        const {status, text} = await new Promise((resolve, reject) => {
            const sent = request(`http://${this.admin}${path}`,
                {method: 'POST', agent, headers: {'Content-Type': 'text/plain'}}, (response) => {
                    let body = '';
                    response.setEncoding('utf8').on('data', (part) => { body += part; })
                        .on('end', () => resolve({status: response.statusCode, text: body})).on('error', reject);
                });
            sent.on('error', reject).end(lines(fields));
        });
        if (status !== 200) throw new Error(`the test issuer refuses ${path}: ${text}`);
        return text;
    }

    /** A token for `sub` with `scope`; `claims` are set in it (undefined removes one); options: alg, signer, kid, lifetime. */
    async mint(sub, scope, {claims = {}, header = {}, ...options} = {}) {
        const fields = {alg: 'ES256', ...options};
        for (const [name, value] of Object.entries({sub, scope, ...claims})) {
            fields[`claim.${name}`] = value === undefined ? '' : JSON.stringify(value);
        }
        for (const [name, value] of Object.entries(header)) {
            fields[`header.${name}`] = value === undefined ? '' : JSON.stringify(value);
        }
        const token = await this.flip('/mint', fields);
        this.minted.push(token);
        return token;
    }

    stop() { return this.program.stop(); }
}

/** ca.pem, server.pem and server.key for localhost. */
export async function makeCertificates(directory) {
    const {status, output} =
        await run(built('tests/support/test_issuer'), ['--state-dir', directory, '--certificates']);
    if (status !== 0) throw new Error(output);
}
