// plugin/mosquitto/MIGRATION.md: its configurations, as they stand there, with clients of both kinds in each phase.
import assert from 'node:assert/strict';
import {createHmac, createPrivateKey, sign} from 'node:crypto';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Broker, Client, durable, refusal} from '../support/mosquitto.mjs';
import {built, freePort, run, temporaryDirectory} from '../support/programs.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const NOT_AUTHORIZED = 135;
const CONTROL = '$CONTROL/dynamic-security/v1';
const ANSWER = '$CONTROL/dynamic-security/v1/response';

// ---- the page -------------------------------------------------------------------------------------------

const page = readFileSync(new URL('../../plugin/mosquitto/MIGRATION.md', import.meta.url), 'utf8');
const blocks = new Map();
const used = new Set();

/** Every block of the page under the name in the comment in front of it. */
function readPage() {
    const pattern = /(?:^ *<!-- (.*) -->\n)?^( *)```\n([^]*?)^ *```$/gm;
    for (const [, mark, indent, text] of page.matchAll(pattern)) {
        assert.ok(mark, `a block without a mark:\n${text}`);
        if (mark === 'not run') continue;
        const name = /^test: (.*)$/.exec(mark)?.[1];
        assert.ok(name && !blocks.has(name), mark);
        blocks.set(name, text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
    }
}

function block(name) {
    assert.ok(blocks.has(name), `the page has no block "${name}"`);
    used.add(name);
    return blocks.get(name);
}

/** Replaces what must be there, since a rule that replaces nothing hides that the page has changed. */
function replaced(text, from, to) {
    assert.ok(text.includes(from), `no ${from} in:\n${text}`);
    return text.replaceAll(from, to);
}

// ---- one migration --------------------------------------------------------------------------------------

const directory = temporaryDirectory();
const sites = [];
let issuer;

/** A machine with a broker: the folders that the page names are below its own. */
class Site {
    constructor(name) {
        this.name = name;
        this.folder = join(directory.path, name);
        for (const each of ['', 'mosquitto', 'lib', 'tokenward']) mkdirSync(join(this.folder, each));
        sites.push(this);
    }

    here(text) {
        return text.replaceAll('/etc/mosquitto/', join(this.folder, 'mosquitto/'))
            .replaceAll('/var/lib/mosquitto/', join(this.folder, 'lib/'))
            .replaceAll('/etc/tokenward/', join(this.folder, 'tokenward/'));
    }

    write(file, text, mode = 0o600) { writeFileSync(join(this.folder, file), text, {mode}); }

    /** tokenward.ini of the page, with the test's provider in the place of the page's. */
    configure(text) {
        const provider = `issuer = ${issuer.url}\nca_file = ${issuer.caFile}`;
        this.write('tokenward/tokenward.ini', this.here(text).replace('issuer = https://id.example.com/realms/iot', provider));
    }

    /** Runs a block of commands, each of which must succeed. */
    async shell(text) {
        const commands = this.here(text).replaceAll(/^tokenward /gm, `${built('plugin/cli/tokenward')} `);
        const {status, output} = await run('sh', ['-e', '-c', `cd ${this.folder}\n${commands}`]);
        assert.equal(status, 0, `${commands}\n${output}`);
        return output;
    }

    /** The broker with these lines; the next phase if it ran before. */
    async enter(conf) {
        this.broker ??= Object.assign(new Broker(), {directory: this.folder, earlier: '', port: await freePort()});
        let lines = replaced(this.here(conf), 'listener 1883\n', `listener ${this.port} 127.0.0.1\nlog_dest stderr\nlog_type all\n`);
        if (conf.includes('mosquitto_tokenward.so')) {
            lines = replaced(lines, '/usr/lib/x86_64-linux-gnu/mosquitto_tokenward.so',
                             built('plugin/mosquitto/mosquitto_tokenward.so'));
            lines = lines.replace(/^plugin_opt_config .*\n/m, `$&plugin_opt_library ${built('src/capi/libtokenward.so.1')}\n`);
        }
        if (process.getuid() === 0) lines = `user root\n${lines}`;
        this.write('mosquitto.conf', lines);
        if (!this.broker.program) {
            if (!await this.broker.run()) throw new Error(`Mosquitto ended:\n${this.broker.log}`);
            return;
        }
        await this.broker.stop();
        await this.broker.startAgain();
    }

    get port() { return this.broker.port; }

    /** A durable client; what: {password} with its name, or {token}. */
    device(clientId, {username = clientId, password, token, ...more}) {
        return Client.connect(this.port, token ?? password,
            {username: token ? 'whoever' : username, ...durable(clientId), clean: false, ...more});
    }
}

/** Comes, must find its session and exactly these messages, and stays. */
async function findsAll(connecting, messages) {
    const client = await connecting;
    assert.equal(client.sessionPresent, true);
    await eventually(() => client.messages.length >= messages.length, messages.join(', '));
    assert.deepEqual(client.messages, messages);
    return client;
}

/** What a client may do: [topic, true or false] each. */
async function publishes(client, answers) {
    for (const [topic, answer] of answers) assert.equal(await client.publish(topic, 'x'), answer, topic);
}

async function before() {
    readPage();
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
}

async function after(failed) {
    for (const each of sites) {
        await each.broker?.stop();
        if (failed) writeFileSync(2, `==== ${each.name}\n${each.broker?.log}`);
    }
    await issuer?.stop();
    directory.remove();
}

const mint = (sub, scope, claims = {}, options = {}) => issuer.mint(sub, scope, {claims: {aud: 'mosquitto', ...claims}, ...options});

// ---- from password_file -----------------------------------------------------------------------------------

{
    let site;
    const passwords = {s1: 'one', s2: 'two', dashboard: 'three', operator: 'four'};
    const byPassword = (name, more) => site.device(name, {password: passwords[name], ...more});
    const byToken = async (name, scope = 'device') => site.device(name, {token: await mint(name, scope)});

    /** The operator sends a command to each device. */
    async function command(payload, operator) {
        for (const name of ['s1', 's2']) assert.ok(await operator.publish(`commands/${name}/do`, payload));
        await operator.end();
    }
    const own = (name) => [[`sensors/${name}/temperature`, true], ['sensors/other/temperature', false], [`commands/${name}/do`, false]];

    test('password_file, before: passwords work, tokens do not', async () => {
        site = new Site('password_file');
        for (const [name, password] of Object.entries(passwords)) {
            const create = name === 's1' ? ['-c'] : [];
            const made = await run('mosquitto_passwd', [...create, '-b', join(site.folder, 'mosquitto/passwd'), name, password]);
            assert.equal(made.status, 0, made.output);
        }
        site.write('mosquitto/acl', block('password_file acl'));
        await site.enter(block('password_file before mosquitto.conf'));
        for (const name of ['s1', 's2']) {
            const device = await byPassword(name);
            assert.ok(await device.subscribe(`commands/${name}/#`));
            await publishes(device, own(name));
            await device.end();
        }
        assert.equal(await refusal(byToken('s1')), NOT_AUTHORIZED);
        await command('1', await byPassword('operator'));
    });

    test('password_file: the commands that check', async () => {
        site.configure(block('password_file tokenward.ini'));
        site.write('s1.jwt', await mint('s1', 'device'));
        const output = await site.shell(block('password_file check'));
        assert.match(output, /ACCEPTED +s1\n/);
        assert.doesNotMatch(output, /DENIED/);
    });

    test('password_file, mixed: both kinds work, a device moves with its messages, and back', async () => {
        await site.enter(block('password_file mixed mosquitto.conf'));
        // Nobody had to do anything.
        const s2 = await findsAll(byPassword('s2'), ['commands/s2/do 1']);
        await publishes(s2, own('s2'));
        await s2.end();
        const dashboard = await byPassword('dashboard');
        assert.ok(await dashboard.subscribe('sensors/#'));

        const s1 = await findsAll(byToken('s1'), ['commands/s1/do 1']);
        await publishes(s1, own('s1'));
        assert.equal(await s1.subscribe('commands/s2/#'), false);
        // The subscription of the session goes on; a new one must not match commands/s1 itself. With both, each message came twice.
        assert.equal(await s1.subscribe('commands/s1/#'), false);
        assert.ok(await s1.subscribe('commands/s1/+'));
        await s1.mqtt.unsubscribeAsync('commands/s1/#');
        await dashboard.receives('sensors/s1/temperature x');
        await dashboard.end();
        await site.broker.logged(/tokenward: authenticate ok .*username="s1".*client_id="s1"/);
        await s1.end();

        // While the broker runs: from the password to the token, and from the token to the password.
        await command('2', await byToken('operator', 'operator'));
        await (await findsAll(byToken('s2'), ['commands/s2/do 2'])).end();
        await (await findsAll(byPassword('s1'), ['commands/s1/do 2'])).end();
        await command('3', await byPassword('operator'));
        await (await findsAll(byPassword('s2'), ['commands/s2/do 3'])).end();
        await (await findsAll(byToken('s1'), ['commands/s1/do 3'])).end();
    });

    test("password_file, mixed: a token gets no other name's identifier, and no bad credentials get in", async () => {
        const s2 = await byPassword('s2');
        assert.equal(await refusal(site.device('s2', {token: await mint('s1', 'device')})), NOT_AUTHORIZED);
        assert.equal(await refusal(site.device('s1', {username: 's1', password: 'wrong'})), NOT_AUTHORIZED);
        for (const [claims, options] of [[{aud: 'other'}, {}], [{}, {lifetime: -100}], [{}, {signer: 'stranger'}]]) {
            const token = await mint('s1', 'device', claims, options);
            assert.equal(await refusal(site.device('s1', {token})), NOT_AUTHORIZED);
        }
        // A token without rights isn't helped by the lines of acl_file that have its name.
        const operator = await byToken('operator', 'nothing');
        await publishes(operator, [['commands/s1/do', false]]);
        await operator.end();
        assert.equal(s2.closed, false);
        await s2.end();
    });

    test('password_file, mixed: a password that was taken away is refused after SIGHUP, the token is not', async () => {
        await site.shell(block('password_file remove'));
        const from = site.broker.log.length;
        site.broker.reload();
        await site.broker.logged(/Reloading config/, from);
        await eventually(async () => await refusal(byPassword('s1')).catch(() => undefined) === NOT_AUTHORIZED, 'the end of the password');
        await (await findsAll(byToken('s1'), [])).end();
        await (await findsAll(byPassword('s2'), [])).end();
    });

    test('password_file, mixed: after a restart messages wait for devices of both kinds', async () => {
        await site.enter(block('password_file mixed mosquitto.conf'));
        await command('4', await byToken('operator', 'operator'));
        await (await findsAll(byToken('s1'), ['commands/s1/do 4'])).end();
        await (await findsAll(byToken('s2'), ['commands/s2/do 4'])).end();
        await command('5', await byToken('operator', 'operator'));
    });

    test('password_file, after: tokens work, passwords do not, sessions are there', async () => {
        await site.enter(block('password_file after mosquitto.conf'));
        await command('6', await byToken('operator', 'operator'));
        for (const name of ['s1', 's2']) {
            assert.equal(await refusal(byPassword(name)), NOT_AUTHORIZED);
            const device = await findsAll(byToken(name), [`commands/${name}/do 5`, `commands/${name}/do 6`]);
            await publishes(device, own(name));
            await device.end();
        }
        assert.equal(await refusal(site.device('s2', {token: await mint('s1', 'device')})), NOT_AUTHORIZED);
        await command('7', await byToken('operator', 'operator'));
    });

    test('password_file, back: passwords work again, with what waited', async () => {
        await site.enter(block('password_file mixed mosquitto.conf'));
        await (await findsAll(byToken('s1'), ['commands/s1/do 7'])).end();
        await site.enter(block('password_file before mosquitto.conf'));
        const s2 = await findsAll(byPassword('s2'), ['commands/s2/do 7']);
        await publishes(s2, own('s2'));
        await s2.end();
        assert.equal(await refusal(byToken('s2')), NOT_AUTHORIZED);
        await site.broker.stop();
    });
}

// ---- from dynamic-security --------------------------------------------------------------------------------

{
    let site;
    const passwords = {s1: 'one', s2: 'two', dashboard: 'three', admin: 'secret'};
    const byPassword = (name, more) => site.device(name, {password: passwords[name], ...more});
    const byToken = async (name, groups, more) => site.device(name, {token: await mint(name, undefined, {groups}), ...more});

    /** Commands to dynamic-security by its administrator. */
    async function control(commands) {
        const admin = await byPassword('admin', {clean: true});
        assert.ok(await admin.subscribe(ANSWER));
        assert.ok(await admin.publish(CONTROL, commands));
        const answer = await eventually(() => admin.messages.find((each) => each.startsWith(ANSWER)), 'an answer');
        await admin.end();
        for (const each of JSON.parse(answer.slice(ANSWER.length + 1)).responses) assert.equal(each.error, undefined, answer);
    }
    async function command(payload, dashboard) {
        for (const name of ['s1', 's2']) assert.ok(await dashboard.publish(`commands/${name}/do`, payload));
        await dashboard.end();
    }
    const own = [['sensors/s1/temperature', true], ['commands/s1/do', false]];

    test('dynamic-security, before: passwords work, tokens do not', async () => {
        site = new Site('dynamic-security');
        const init = await run('mosquitto_ctrl', ['dynsec', 'init', join(site.folder, 'lib/dynamic-security.json'), 'admin', 'secret']);
        assert.equal(init.status, 0, init.output);
        await site.enter(block('dynamic-security before mosquitto.conf'));
        await control(block('dynamic-security commands'));
        for (const name of ['s1', 's2']) {
            const device = await byPassword(name);
            assert.ok(await device.subscribe(`commands/${name}/#`));
            await publishes(device, own);
            await device.end();
        }
        assert.equal(await refusal(byToken('s1', ['sensors'])), NOT_AUTHORIZED);
        const dashboard = await byPassword('dashboard');
        assert.ok(await dashboard.subscribe('sensors/#'));
        const sensor = await byPassword('s1', {clientId: 'other'});
        await publishes(sensor, [['sensors/s1/key', true], ['sensors/s1/temperature', true]]);
        await sensor.end();
        await dashboard.receives('sensors/s1/temperature x');
        assert.deepEqual(dashboard.messages, ['sensors/s1/temperature x']);
        await command('1', dashboard);
    });

    test('dynamic-security: the commands that check', async () => {
        site.configure(block('dynamic-security tokenward.ini'));
        site.write('s1.jwt', await mint('s1', undefined, {groups: ['sensors']}));
        const output = await site.shell(block('dynamic-security check'));
        assert.match(output, /ACCEPTED +token:s1\n/);
        assert.doesNotMatch(output, /DENIED/);
    });

    test("dynamic-security, mixed: both kinds work; a token has no role, not even the administrator's", async () => {
        await site.enter(block('dynamic-security mixed mosquitto.conf'));
        const s2 = await findsAll(byPassword('s2'), ['commands/s2/do 1']);
        await publishes(s2, own);
        await s2.end();
        for (const groups of [['sensors'], []]) {
            const device = await byToken('s1', groups, {clientId: 'new', clean: true});
            await publishes(device, [['sensors/s1/temperature', groups.length > 0], ['commands/s1/do', false]]);
            assert.equal(await device.subscribe('commands/s1/#'), groups.length > 0);
            await device.end();
        }
        const admin = await byToken('admin', ['sensors'], {clientId: 'admin'});
        await publishes(admin, [[CONTROL, false]]);
        assert.equal(await admin.subscribe(ANSWER), false);
        await admin.end();
        const dashboard = await byToken('dashboard', ['viewer'], {clientId: 'new-dashboard'});
        assert.equal(await dashboard.subscribe('sensors/#'), false);
        assert.ok(await dashboard.subscribe('sensors/+/temperature'));
        const sensor = await byPassword('s1', {clientId: 'other'});
        await publishes(sensor, [['sensors/s1/key', true], ['sensors/s1/temperature', true]]);
        await sensor.end();
        await dashboard.receives('sensors/s1/temperature x');
        assert.deepEqual(dashboard.messages, ['sensors/s1/temperature x']);
        await command('2', dashboard);
    });

    test('dynamic-security, mixed: a token waits until the session of the password has ended', async () => {
        const from = site.broker.log.length;
        for (let tries = 0; tries < 2; ++tries) assert.equal(await refusal(byToken('s2', ['sensors'])), undefined);
        await site.broker.logged(/client identifier 's2' has a session that waits for another username than 'token:s2'/, from);
        await (await findsAll(byPassword('s2'), ['commands/s2/do 2'])).end();
        await (await byPassword('s2', {clean: true, properties: undefined})).end();
        const s2 = await eventually(() => byToken('s2', ['sensors']).catch(() => undefined), 'the free identifier');
        assert.equal(s2.sessionPresent, false);
        assert.ok(await s2.subscribe('commands/s2/#'));
        await s2.end();
        // The name at dynamic-security is another one.
        await control('{"commands": [{"command": "deleteClient", "username": "s2"}]}');
        assert.equal(await refusal(byPassword('s2', {clientId: 'other'})), NOT_AUTHORIZED);
        await command('3', await byPassword('dashboard'));
        await (await findsAll(byToken('s2', ['sensors']), ['commands/s2/do 3'])).end();
        await command('4', await byPassword('dashboard'));
    });

    test('dynamic-security: after a restart whoever comes first has the session', async () => {
        await site.enter(block('dynamic-security mixed mosquitto.conf'));
        await (await findsAll(byToken('s1', ['sensors']), ['commands/s1/do 1', 'commands/s1/do 2', 'commands/s1/do 3', 'commands/s1/do 4']))
            .end();
        await (await findsAll(byToken('s2', ['sensors']), ['commands/s2/do 4'])).end();
        await command('5', await byPassword('dashboard'));
    });

    test('dynamic-security, after: tokens work, passwords do not, sessions are there', async () => {
        await site.enter(block('dynamic-security after mosquitto.conf'));
        await command('6', await byToken('dashboard', ['viewer']));
        for (const name of ['s1', 's2']) {
            assert.equal(await refusal(site.device(name, {password: passwords[name]})), NOT_AUTHORIZED);
            const device = await findsAll(byToken(name, ['sensors']), [`commands/${name}/do 5`, `commands/${name}/do 6`]);
            await publishes(device, own);
            await device.end();
        }
        assert.equal(await refusal(byPassword('admin', {clean: true})), NOT_AUTHORIZED);
    });

    test('dynamic-security, back: passwords work again', async () => {
        await site.enter(block('dynamic-security before mosquitto.conf'));
        const s1 = await byPassword('s1', {clientId: 'other'});
        await publishes(s1, own);
        await s1.end();
        assert.equal(await refusal(byToken('s1', ['sensors'])), NOT_AUTHORIZED);
        await site.broker.stop();
    });
}

// ---- from mosquitto-go-auth -------------------------------------------------------------------------------

{
    let site;
    const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = () => Math.floor(Date.now() / 1000);

    /** A token of the old kind. */
    function oldToken(claims) {
        const text = `${base64url({alg: 'HS256', typ: 'JWT'})}.${base64url({...claims, exp: now() + 300})}`;
        return `${text}.${createHmac('sha256', 'SECRET').update(text).digest('base64url')}`;
    }

    /** A token of the new kind, signed with the key that the page's commands made. */
    function newToken(claims = {}) {
        const key = createPrivateKey(readFileSync(join(site.folder, 'signer-key.pem')));
        const all = {...JSON.parse(block('go-auth new claims')), exp: now() + 300, ...claims};
        const text = `${base64url({alg: 'ES256', typ: 'JWT'})}.${base64url(all)}`;
        return `${text}.${sign('sha256', Buffer.from(text), {key, dsaEncoding: 'ieee-p1363'}).toString('base64url')}`;
    }

    const byToken = (name, token) => site.device(name, {token});
    const byUsername = (name, username, more) => site.device(name, {username, password: 'any', ...more});
    async function worksAsItself(device) {
        await publishes(device, [['devices/s1/state', true], ['devices/s2/state', false], ['commands/s1/do', false]]);
        assert.ok(await device.subscribe('commands/s1/+'));
        for (const filter of ['commands/s1/#', 'commands/s2/+', 'commands/+/do']) assert.equal(await device.subscribe(filter), false);
        await device.end();
    }
    async function command(payload) {
        const operator = await byToken('operator', newToken({username: 'operator', scope: 'operator'}));
        for (const name of ['s1', 's2']) assert.ok(await operator.publish(`commands/${name}/do`, payload));
        await operator.end();
    }
    const standIn = (conf) => replaced(conf, '/etc/mosquitto/go-auth.so', built('tests/mosquitto/old_interface.so'));
    const old = {};

    test('mosquitto-go-auth, before: old tokens work as usernames, new ones do not', async () => {
        site = new Site('go-auth');
        await site.shell(block('go-auth keys'));
        await site.enter(standIn(block('go-auth before mosquitto.conf')));
        await site.broker.logged(/old interface: option jwt_userfield/);
        for (const name of ['s1', 's2']) {
            old[name] = oldToken({...JSON.parse(block('go-auth claims')), username: name});
            const device = await byUsername(name, old[name]);
            assert.ok(await device.subscribe(`commands/${name}/+`));
            await device.end();
        }
        assert.equal(await refusal(byToken('s1', newToken())), NOT_AUTHORIZED);
    });

    test('mosquitto-go-auth: the commands that check', async () => {
        site.configure(block('go-auth tokenward.ini'));
        site.write('s1.jwt', newToken());
        const output = await site.shell(block('go-auth check'));
        assert.match(output, /ACCEPTED +s1\n/);
        assert.doesNotMatch(output, /DENIED/);
    });

    test('mosquitto-go-auth, mixed: both kinds work, a device moves with its messages, and back', async () => {
        await site.enter(standIn(replaced(block('go-auth before mosquitto.conf'), 'auth_plugin', `${block('go-auth mixed mosquitto.conf')}auth_plugin`)));
        await command('1');
        // It is allowed everything by the other plugin, and nobody asked Tokenward.
        const s2 = await findsAll(byUsername('s2', old.s2), ['commands/s2/do 1']);
        await publishes(s2, [['devices/s1/state', true]]);
        await s2.end();
        await worksAsItself(await findsAll(byToken('s1', newToken()), ['commands/s1/do 1']));
        await command('2');
        await (await findsAll(byUsername('s1', old.s1), ['commands/s1/do 2'])).end();
        await (await findsAll(byToken('s2', newToken({username: 's2'})), ['commands/s2/do 2'])).end();
        await command('3');
        await worksAsItself(await findsAll(byToken('s1', newToken()), ['commands/s1/do 3']));

        // A slash in an identifier, with a plugin of the old interface.
        const slash = await byUsername('s1/1', old.s1);
        assert.equal(await slash.publish('devices/s1/state', 'x'), site.broker.isOld);
        await slash.end();
    });

    test('mosquitto-go-auth, mixed: what is refused', async () => {
        assert.equal(await refusal(byUsername('s1', old.s1, {password: old.s1})), NOT_AUTHORIZED);
        assert.equal(await refusal(byUsername('s1', 's1')), NOT_AUTHORIZED);
        assert.equal(await refusal(byUsername('s1', newToken())), NOT_AUTHORIZED);
        assert.equal(await refusal(byToken('s2', newToken())), NOT_AUTHORIZED);
        for (const claims of [{aud: undefined}, {iss: undefined}, {exp: undefined}, {exp: now() - 100}, {username: undefined}])
            assert.equal(await refusal(byToken('s1', newToken(claims))), NOT_AUTHORIZED, JSON.stringify(claims));
    });

    test('mosquitto-go-auth, after: new tokens work, old ones do not, sessions are there', async () => {
        await site.enter(block('go-auth after mosquitto.conf'));
        await command('4');
        await worksAsItself(await findsAll(byToken('s1', newToken()), ['commands/s1/do 4']));
        await (await findsAll(byToken('s2', newToken({username: 's2'})), ['commands/s2/do 3', 'commands/s2/do 4'])).end();
        assert.equal(await refusal(byToken('s1', old.s1)), NOT_AUTHORIZED);
        for (const username of [old.s1, newToken()]) assert.equal(await refusal(byUsername('s1', username)), NOT_AUTHORIZED);
        const superuser = await byToken('root', newToken({username: 'root', scope: 'superuser'}));
        await publishes(superuser, [['devices/s1/state', true], ['commands/s1/do', true], ['$CONTROL/x', false]]);
        assert.ok(await superuser.subscribe('#'));
        assert.equal(await superuser.subscribe('$SYS/#'), false);
        await superuser.end();
    });

    test('mosquitto-go-auth, after: with token_in_username the new token may be the username, the old one may not', async () => {
        site.configure(block('go-auth tokenward.ini') + block('go-auth username tokenward.ini'));
        await site.enter(block('go-auth after mosquitto.conf'));
        await worksAsItself(await byUsername('s1', newToken()));
        await worksAsItself(await byToken('s1', newToken()));
        assert.equal(await refusal(byUsername('s1', old.s1)), NOT_AUTHORIZED);
    });

    test('mosquitto-go-auth, back: old tokens work again', async () => {
        await site.enter(standIn(block('go-auth before mosquitto.conf')));
        await (await byUsername('s1', old.s1)).end();
        assert.equal(await refusal(byToken('s1', newToken())), NOT_AUTHORIZED);
        await site.broker.stop();
    });
}

test('every block of the page was used', () => {
    assert.deepEqual([...blocks.keys()].filter((name) => !used.has(name)), []);
});

await runAll(before, after);
