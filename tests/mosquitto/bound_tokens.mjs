// Tokens bound to a certificate (RFC 8705): the broker hands the client's over, at login and at re-authentication.
import assert from 'node:assert/strict';
import {X509Certificate, createHash} from 'node:crypto';
import {mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, enhanced, refusal} from '../support/mosquitto.mjs';
import {freePort, run, temporaryDirectory} from '../support/programs.mjs';
import {runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const file = (name) => join(directory.path, name);
let issuer;
let broker;
let mutual;     ///< a listener that asks for a certificate
let webSocket;  ///< likewise

async function openssl(...args) {
    const {status, output} = await run('openssl', args);
    assert.equal(status, 0, output);
}
/** A client's key and certificate, by a CA of its own, and what a token bound to it says. */
async function makeClient(name) {
    await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`,
        '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
    await openssl('x509', '-req', '-in', file(`${name}.csr`), '-CA', file('clients.pem'), '-CAkey', file('clients.key'),
        '-CAcreateserial', '-days', '1', '-out', file(`${name}.pem`));
    const cert = readFileSync(file(`${name}.pem`));
    return {
        tls: {key: readFileSync(file(`${name}.key`)), cert, rejectUnauthorized: false},
        cnf: {'x5t#S256': createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url')},
    };
}
let alice;
let eve;

async function before() {
    mkdirSync(file('issuer'));
    issuer = await Issuer.start(file('issuer'));
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=clients',
        '-days', '1', '-keyout', file('clients.key'), '-out', file('clients.pem'));
    [alice, eve] = [await makeClient('alice'), await makeClient('eve')];
    [mutual, webSocket] = [await freePort(), await freePort()];
    const asks = [`certfile ${join(issuer.directory, 'server.pem')}`, `keyfile ${join(issuer.directory, 'server.key')}`,
        `cafile ${file('clients.pem')}`, 'require_certificate true'];
    broker = await Broker.start({
        directory: directory.path, certificates: issuer.directory,
        ini: `[oauth]\nissuer = ${issuer.url}\nca_file = ${issuer.caFile}\naudience = broker\nscope_prefix =\n`,
        options: [`listener ${mutual} 127.0.0.1`, ...asks, `listener ${webSocket} 127.0.0.1`, 'protocol websockets', ...asks],
    });
    [mutual, webSocket] = [`mqtts://127.0.0.1:${mutual}`, `wss://127.0.0.1:${webSocket}`];
}

async function after(failed) {
    await broker?.stop();
    await issuer?.stop();
    if (failed && broker) console.error(broker.log);
    directory.remove();
}

const token = (claims = {}) => issuer.mint('alice', 'read:%2F/* write:%2F/*', {claims});
const bound = (more = {}) => token({cnf: alice.cnf, ...more});
async function refused(reason, connecting) {
    const from = broker.log.length;
    assert.equal(await refusal(connecting), 135);
    await broker.logged(new RegExp(`authenticate refused reason=${reason} `), from);
}

for (const [how, options] of [['password', async (secret) => ({secret})], ['AUTH', async (secret) => enhanced(secret)]]) {
    const connect = async (url, secret, tls) => {
        const {secret: password, ...more} = await options(secret);
        return Client.connect(url, password, {...tls, ...more});
    };
    test(`${how}: the right certificate`, async () => {
        const client = await connect(mutual, await bound(), alice.tls);
        assert.ok(await client.publish('a', 'x'));
        await client.end();
    });
    test(`${how}: another client's certificate`, async () => {
        const stolen = await bound();
        await (await connect(mutual, stolen, alice.tls)).end();
        await refused('CERTIFICATE_MISMATCH', connect(mutual, stolen, eve.tls));
    });
    test(`${how}: no certificate`, async () => {
        const stolen = await bound();
        await (await connect(mutual, stolen, alice.tls)).end();
        await refused('SENDER_CONSTRAINED', connect(broker.port, stolen));
        await refused('SENDER_CONSTRAINED', connect(broker.urls.tls, stolen, {rejectUnauthorized: false}));
    });
    test(`${how}: a token that isn't bound`, async () => {
        for (const tls of [alice.tls, eve.tls]) await (await connect(mutual, await token(), tls)).end();
        await (await connect(broker.port, await token())).end();
    });
}

test('a token bound to a key (DPoP) is refused whatever the certificate', async () => {
    await refused('SENDER_CONSTRAINED', Client.connect(mutual, await token({cnf: {...alice.cnf, jkt: 'x'}}), alice.tls));
});

test('re-authentication needs the connection\'s own certificate', async () => {
    for (const [cnf, taken] of [[alice.cnf, true], [undefined, true], [eve.cnf, false]]) {
        const client = await Client.connect(mutual, undefined, {...alice.tls, ...enhanced(await bound())});
        assert.equal(await client.reauthenticate(await token({cnf})), taken);
        if (taken) await client.end();
    }
});

test('over WebSockets, too', async () => {
    const stolen = await bound();
    await (await Client.connect(webSocket, stolen, alice.tls)).end();
    await refused('CERTIFICATE_MISMATCH', Client.connect(webSocket, stolen, eve.tls));
});

runAll(before, after);
