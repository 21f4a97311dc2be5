// What holds inside the node.
import assert from 'node:assert/strict';
import {readFileSync, readdirSync} from 'node:fs';

import {permitted} from '../support/rabbitmq.mjs';
import {eventually, test} from '../support/tap.mjs';
import {ALL, enter, mint, world} from './world.mjs';

test('node: tags become atoms only if they are atoms already', async () => {
    const tag = `unheard-of-${process.pid}`;
    const connection = await enter('ursula', `tag:${tag} tag:monitoring read:*/*`);
    await connection.close();
    // Spelt in pieces: the expression itself would make the atom.
    const pieces = tag.split('-').map((piece) => `"${piece}"`).join(' ++ "-" ++ ');
    assert.equal(await world.rabbit.evaluate(
        `try list_to_existing_atom(${pieces}), made catch error:badarg -> not_made end.`), 'not_made');
});

test('node: reload takes the settings into use again, and connections stay', async () => {
    const connection = await enter('victor', ALL);
    assert.equal(await world.rabbit.evaluate('tokenward:reload().'), 'ok');
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('q-victor', {exclusive: true})), true);
    await connection.close();
});

test('node: metrics and status are there for the operator', async () => {
    assert.match(await world.rabbit.evaluate('tokenward:metrics().'), /tokenward_/);
    assert.match(await world.rabbit.evaluate('tokenward:status(json).'), /issuer.{1,6}https:/);
    const page = await world.rabbit.evaluate('tokenward:status().');
    assert.match(page, /^libtokenward [\d.]+, \d+ live sessions\n\n\[oauth\] https:/);
    assert.match(page, /\n {2}keys {8}\d+, \d+ s old\n {14}\S+, (RSA|P-|Ed)[^\n]*\n/);
    assert.match(page, /\n {2}next fetch {2}in \d+ \S+\n {2}last error {2}none\nok$/);
});

const pid = () => readFileSync(`${world.directory.path}/pid`, 'utf8').trim();
const isMapped = () => readFileSync(`/proc/${pid()}/maps`, 'utf8').includes('libtokenward.so');
const ourThreads = () => readdirSync(`/proc/${pid()}/task`)
    .map((task) => readFileSync(`/proc/${pid()}/task/${task}/comm`, 'utf8')).filter((name) => name.startsWith('tokenward'));

test('node: the plugin is disabled and enabled live, without a trace between', async () => {
    assert.ok(isMapped());
    assert.ok(ourThreads().length > 0);
    const plugins = async (...args) => {
        const {status, output} = await world.rabbit.control(args, 'rabbitmq-plugins');
        assert.equal(status, 0, output);
    };
    await plugins('disable', 'tokenward_rabbitmq');
    assert.deepEqual(ourThreads(), []);
    await eventually(async () => {
        await world.rabbit.evaluate('[garbage_collect(P) || P <- processes()], ok.');
        return !isMapped();
    }, 'the library to leave the process', 40_000);
    await plugins('enable', 'tokenward_rabbitmq');
    assert.ok(isMapped() && ourThreads().length > 0);
    const connection = await enter('walter', ALL);
    await connection.close();
});

test('node: a session that outlives a restart of the plugin goes on, and can be refreshed', async () => {
    const connection = await enter('xenia', ALL);
    await world.rabbit.evaluate('exit(whereis(tokenward_backend), kill), timer:sleep(3000), ok.');
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('q-xenia', {exclusive: true})), true);
    await connection.updateSecret(Buffer.from(await mint('xenia', 'read:*/*')), 'narrower');
    assert.equal(await permitted(connection, (channel) => channel.assertQueue('q-xenia2', {exclusive: true})), false);
    await connection.close();
});
