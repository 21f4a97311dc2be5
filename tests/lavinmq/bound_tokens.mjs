// Tokens bound to a certificate (RFC 8705): LavinMQ asks clients for one in sections [sni:HOST], and the add-on hands it over,
// at login and at update-secret.
import assert from 'node:assert/strict';
import {X509Certificate, createHash} from 'node:crypto';
import {mkdirSync, readFileSync} from 'node:fs';
import {request} from 'node:https';
import {join} from 'node:path';

import amqp from 'amqplib';

import {Issuer} from '../support/issuer.mjs';
import {Lavin, bearer, hasSignIn, permitted, turnedAway} from '../support/lavinmq.mjs';
import {Client, refusal} from '../support/mosquitto.mjs';
import {freePort, run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const directory = temporaryDirectory();
const file = (name) => join(directory.path, name);
const HOST = 'mutual';
let issuer;
let lavin;
let ports;

async function openssl(...args) {
    const {status, output} = await run('openssl', args);
    assert.equal(status, 0, output);
}
const authority = (name) => openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-subj', `/CN=${name}`, '-days', '1', '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`));
/** A client's key and certificate, and what a token bound to it says. */
async function makeClient(name, by = 'clients') {
    await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`,
        '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
    await openssl('x509', '-req', '-in', file(`${name}.csr`), '-CA', file(`${by}.pem`), '-CAkey', file(`${by}.key`),
        '-CAcreateserial', '-days', '1', '-out', file(`${name}.pem`));
    const cert = readFileSync(file(`${name}.pem`));
    return {
        tls: {key: readFileSync(file(`${name}.key`)), cert, servername: HOST, rejectUnauthorized: false},
        cnf: {'x5t#S256': createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url')},
    };
}
let alice;
let eve;
let stranger;  ///< has a certificate of another authority

async function before() {
    mkdirSync(file('issuer'));
    issuer = await Issuer.start(file('issuer'));
    await authority('clients');
    await authority('others');
    [alice, eve, stranger] = [await makeClient('alice'), await makeClient('eve'), await makeClient('stranger', 'others')];
    ports = {amqp: await freePort(), mqtt: await freePort(), http: await freePort()};
    const server = [`tls_cert = ${join(issuer.directory, 'server.pem')}`, `tls_key = ${join(issuer.directory, 'server.key')}`];
    lavin = await Lavin.start({
        directory: directory.path, oauth: [`issuer = ${issuer.url}`, 'resource_server_id = broker'],
        ini: `[oauth]\nca_file = ${issuer.caFile}\njwks_min_refresh = 1\n`,
        main: [...server, ...(hasSignIn ? [] : ['tls_ktls = true'])],  // to 2.8 AMQP and MQTT have other sockets then
        amqp: [`tls_port = ${ports.amqp}`], mqtt: [`tls_port = ${ports.mqtt}`], mgmt: [`tls_port = ${ports.http}`],
        sni: [...server, 'tls_verify_peer = true', `tls_ca_cert = ${file('clients.pem')}`],
    });
}

async function after(failed) {
    await lavin?.stop();
    await issuer?.stop();
    if (failed && lavin) console.error(lavin.log.slice(-20_000));
    directory.remove();
}

const SCOPE = 'broker.configure:*/* broker.read:*/* broker.write:*/* broker.tag:management';
const token = (claims = {}) => issuer.mint('alice', SCOPE, {claims});
const bound = (more = {}) => token({cnf: alice.cnf, ...more});
/** The log takes two refusals of a client in a second. */
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 1100));
const NO_CERTIFICATE = {rejectUnauthorized: false};  // and no name of a host: LavinMQ asks for none then

async function connect(secret, tls) {
    const connection = await amqp.connect({protocol: 'amqps', hostname: '127.0.0.1', port: ports.amqp, username: 'any', password: secret},
        {...tls, credentials: amqp.credentials.plain('any', secret), clientProperties: {connection_name: `${Math.random()}`}});
    connection.on('error', () => {});
    connection.on('close', () => { connection.isClosed = true; });
    return connection;
}
const http = (secret, tls) => new Promise((resolve, reject) => {
    request({host: '127.0.0.1', port: ports.http, path: '/api/whoami', agent: false, headers: {authorization: bearer(secret)}, ...tls},
        (response) => { response.resume(); resolve(response.statusCode); }).on('error', reject).end();
});
/** Whether the client is let in. */
const ways = {
    AMQP: async (secret, tls) => connect(secret, tls).then((one) => one.close().then(() => true), () => false),
    MQTT: async (secret, tls) => Client.connect(`mqtts://127.0.0.1:${ports.mqtt}`, secret, {protocolVersion: 4, ...tls})
        .then((one) => one.end().then(() => true), () => false),
    'MQTT over WebSocket': async (secret, tls) =>
        Client.connect(`wss://127.0.0.1:${ports.http}/mqtt`, secret, {protocolVersion: 4, ...tls, wsOptions: tls})
            .then((one) => one.end().then(() => true), () => false),
    HTTP: async (secret, tls) => await http(secret, tls) === 200,
};

for (const [way, isLetIn] of Object.entries(ways)) {
    const refused = async (reason, secret, tls) => {
        await aMoment();
        const from = lavin.log.length;
        assert.equal(await isLetIn(secret, tls), false);
        await lavin.logged(new RegExp(`authenticate refused reason=${reason} `), from);
    };
    test(`${way}: a bound token needs its certificate; another's, or none, is refused`, async () => {
        const stolen = await bound();
        assert.equal(await isLetIn(stolen, alice.tls), true);
        await refused('CERTIFICATE_MISMATCH', stolen, eve.tls);
        await refused('SENDER_CONSTRAINED', stolen, NO_CERTIFICATE);
    });
    test(`${way}: a token that isn't bound comes in with any certificate, and without`, async () => {
        for (const tls of [alice.tls, eve.tls, NO_CERTIFICATE]) assert.equal(await isLetIn(await token(), tls), true);
    });
    test(`${way}: a certificate that LavinMQ doesn't accept, or didn't ask for, is none`, async () => {
        const from = lavin.log.length;
        const theirs = await token({cnf: stranger.cnf});
        assert.equal(await isLetIn(theirs, stranger.tls).catch(() => false), false);
        assert.doesNotMatch(lavin.log.slice(from), /authenticate refused/);
        await refused('SENDER_CONSTRAINED', theirs, {...stranger.tls, servername: ''});
        await refused('SENDER_CONSTRAINED', await bound(), {...alice.tls, servername: ''});
    });
}

test('a bound token without TLS is refused', async () => {
    await aMoment();
    const from = lavin.log.length;
    await turnedAway(lavin.connect(await bound()));
    assert.equal(await refusal(Client.connect(lavin.mqttPort, await bound(), {protocolVersion: 4})), 5);
    assert.equal((await lavin.http('/whoami', bearer(await bound()))).status, 401);
    await eventually(() => lavin.log.slice(from).match(/reason=SENDER_CONSTRAINED/g)?.length === 3, 'three refusals');
});

test("update-secret needs the connection's own certificate", async () => {
    for (const [cnf, taken] of [[alice.cnf, true], [undefined, true], [eve.cnf, false]]) {
        const from = lavin.log.length;
        const client = await connect(await bound(), alice.tls);
        const updated = client.updateSecret(Buffer.from(await token({cnf})), 'again');
        if (taken) {
            await updated;
            assert.equal(await permitted(client, (channel) => channel.assertQueue('q', {exclusive: true})), true);
            await client.close();
        } else {
            updated.catch(() => {});
            await eventually(() => client.isClosed, 'the end');
            await lavin.logged(/reason=CERTIFICATE_MISMATCH/, from);
        }
    }
});

await runAll(before, after);
