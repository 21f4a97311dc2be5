// Two nodes of a cluster: a user record works on the node where the login was, and on the other one.
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

import {Issuer} from '../support/issuer.mjs';
import {Client} from '../support/mosquitto.mjs';
import {temporaryDirectory} from '../support/programs.mjs';
import {Rabbit, bearer} from '../support/rabbitmq.mjs';
import {eventually, runAll, test} from '../support/tap.mjs';

const ALL = 'rabbit.configure:*/* rabbit.read:*/*/* rabbit.write:*/*/*';
const directory = temporaryDirectory();
let issuer, one, two;

async function before() {
    mkdirSync(join(directory.path, 'issuer'));
    issuer = await Issuer.start(join(directory.path, 'issuer'));
    const conf = [`tokenward.issuer = ${issuer.url}`, `tokenward.ca_file = ${issuer.caFile}`,
        'tokenward.resource_server_id = rabbit', 'tokenward.audience = broker', 'tokenward.clock_skew = 0'];
    const start = (name, neighbour) => {
        mkdirSync(join(directory.path, name));
        return Rabbit.start({directory: join(directory.path, name), conf, neighbour});
    };
    one = await start('one');
    two = await start('two', one);
    await two.join(one);
}

async function after(failed) {
    await two?.stop();
    await one?.stop();
    await issuer?.stop();
    if (failed) console.error(one?.log.slice(-20_000), two?.log.slice(-20_000));
    directory.remove();
}

const declare = async (at, name, node, token) =>
    (await at.http(`/queues/%2F/${name}`, bearer(await token), {method: 'PUT', body: {durable: true, node: node.node}})).status;

test('cluster: the management API declares a queue on either node', async () => {
    const token = issuer.mint('ann', `rabbit.tag:administrator ${ALL}`);
    for (const at of [one, two]) {
        for (const node of [one, two]) {
            const name = `q-${at.httpPort}-${node.httpPort}`;
            assert.equal(await declare(at, name, node, token), 201, `${at.node} asks ${node.node}`);
            const {body} = await at.http(`/queues/%2F/${name}`, bearer(await token));
            assert.equal(body.node, node.node);
        }
    }
});

test('cluster: what the token does not grant is refused on either node, with a line where the login was', async () => {
    const token = issuer.mint('bob', 'rabbit.tag:administrator rabbit.configure:*/mine rabbit.read:*/*');
    const from = one.log.length;
    for (const node of [one, two]) assert.equal(await declare(one, 'yours', node, token), 401);
    await eventually(() => one.log.slice(from).match(/authorize denied .*username="bob".*resource="yours"/g)?.length >= 2,
        'two lines of denial');
    for (const node of [one, two]) assert.ok((await declare(one, 'mine', node, token)) < 300);
});

test('cluster: a queue on the other node is published to and consumed from', async () => {
    const token = issuer.mint('carl', `rabbit.tag:administrator ${ALL}`);
    assert.equal(await declare(one, 'far', two, token), 201);
    const connection = await one.connect(await token);
    const channel = await connection.createConfirmChannel();
    let received = 0;
    await channel.consume('far', () => { received += 1; }, {noAck: true});
    channel.sendToQueue('far', Buffer.from('x'));
    await channel.waitForConfirms();
    await eventually(() => received === 1, 'the message');
    await connection.close();
});

test('cluster: MQTT clients of two nodes reach each other', async () => {
    const enter = async (node, name) => Client.connect(node.mqttPort, await issuer.mint(name, ALL), {protocolVersion: 4});
    const [here, there] = [await enter(one, 'dora'), await enter(two, 'emil')];
    await there.subscribe('cluster/#');
    await here.publish('cluster/one', 'hello');
    await there.receives('cluster/one hello');
    await Promise.all([here.end(), there.end()]);
});

// A direct connection to another node, as a shovel has: only that other node knows the record, and the login's process
// has ended.
test('cluster: a connection from the other node keeps its session while it lives, and is closed when the token ends', async () => {
    const open = async (name, lifetime) => {
        const token = await issuer.mint(name, ALL, {lifetime});
        assert.equal(await two.evaluate(`{ok, Connection} = amqp_connection:start({amqp_params_direct, <<"whoever">>,
            <<"${token}">>, <<"/">>, '${one.node}', none, []}), unlink(Connection), register(${name}, Connection), ok.`), 'ok');
    };
    const use = (name) => two.evaluate(`{ok, Channel} = amqp_connection:open_channel(whereis(${name})),
        {'queue.declare_ok', _, _, _} = amqp_channel:call(Channel, {'queue.declare', 0, <<"${name}">>, false, false, false,
        false, false, []}), amqp_channel:close(Channel).`);
    const collect = '[garbage_collect(P) || P <- processes()], timer:sleep(500), ok.';
    await open('fay', 300);
    await one.evaluate(collect);
    assert.equal(await use('fay'), 'ok');
    await one.evaluate(`exit(whereis(tokenward_expiry), kill), timer:sleep(500), ${collect}`);
    assert.equal(await use('fay'), 'ok', 'after the watch was restarted');
    await open('gil', 12);
    await eventually(async () => await two.evaluate('whereis(gil) =:= undefined.') === 'true', "the connection's end", 60_000);
    assert.equal(await use('fay'), 'ok');
}, 120_000);

/** In the second node: asks every callback with a session. */
const ASK = `Ask = fun(Session) -> User = {auth_user, <<"hank">>, [], Session}, M = rabbit_auth_backend_tokenward,
    R = {resource, <<"/">>, queue, <<"q">>},
    [M:check_vhost_access(User, <<"/">>, undefined), M:check_resource_access(User, R, read, #{}),
     M:check_topic_access(User, R, read, #{routing_key => <<"k">>}), M:expiry_timestamp(User) > 0,
     element(1, M:update_state(User, <<"t">>))] end,`;
/** A login of the first node by a process of the second one, which lives until it is killed. */
const login = (token) => `Self = self(), Holder = spawn(fun() ->
    {ok, {user, _, _, [{_, S}]}} = rpc:call('${one.node}', rabbit_access_control, check_user_pass_login,
        [<<"whoever">>, <<"${token}">>]), Self ! {session, S}, timer:sleep(infinity) end),
    Session = receive {session, S} -> S end,`;
const value = async (expression) => (await two.evaluate(expression)).replace(/\s/g, '');
const NO = '[false,false,false,false,error]';

test('cluster: a session of the other node ends with the process that holds it', async () => {
    assert.equal(await value(`${login(await issuer.mint('hank', ALL))} ${ASK}
        Collect = fun() -> [rpc:call('${one.node}', erlang, garbage_collect, [Pid]) ||
            Pid <- rpc:call('${one.node}', erlang, processes, [])], timer:sleep(1000) end,
        Collect(), Before = Ask(Session), exit(Holder, kill), Collect(), {Before, Ask(Session)}.`),
    `{[true,true,true,true,error],${NO}}`);
});

test('cluster: any term in any callback is a no, also handles that are none', async () => {
    const terms = `[{}, [], undefined, 7, <<"x">>, self(), make_ref(), #{}, fun() -> ok end, [a | b], <<1:3>>,
        rpc:call('${one.node}', erlang, self, []), rpc:call('${one.node}', erlang, make_ref, [])]`;
    assert.equal(await value(`${ASK} lists:usort([Ask(Term) || Term <- ${terms}]).`), `[${NO}]`);
    assert.equal(await value(`M = rabbit_auth_backend_tokenward, Terms = ${terms},
        lists:usort([M:check_resource_access({auth_user, A, B, C}, {resource, A, B, A}, C, A) || A <- Terms, B <- Terms,
        C <- Terms] ++ [M:check_topic_access(A, B, C, A) || A <- Terms, B <- Terms, C <- Terms] ++
        [M:check_vhost_access({auth_user, A, B, C}, B, A) || A <- Terms, B <- Terms, C <- Terms]).`), '[false]');
}, 120_000);

test('cluster: while a session\'s node stands still, or when it left, the answer is a no in bounded time', async () => {
    const pid = Number(readFileSync(join(directory.path, 'one', 'pid'), 'utf8'));
    assert.equal(await value(`${login(await issuer.mint('hank', ALL))} persistent_term:put(hank, Session).`), 'ok');
    const ask = () => value(`${ASK} {Time, Answers} = timer:tc(fun() -> Ask(persistent_term:get(hank)) end),
            {Answers, Time < 25000000}.`);
    assert.equal(await ask(), '{[true,true,true,true,error],true}');
    const from = two.log.length;
    process.kill(pid, 'SIGSTOP');
    try {
        assert.equal(await ask(), `{${NO},true}`);
    } finally {
        process.kill(pid, 'SIGCONT');
    }
    await two.logged(/\[warning\] .*tokenward: node tokenward-.* doesn't answer for a session of its own: timeout/, from);
    assert.equal(await ask(), '{[true,true,true,true,error],true}');
    await one.program.stop();  // the second one needs its epmd
    assert.equal(await ask(), `{${NO},true}`);
}, 180_000);

await runAll(before, after);
