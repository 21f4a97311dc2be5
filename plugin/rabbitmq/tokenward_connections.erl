%% The processes that serve connections in RabbitMQ, in every version: which there are, whose they are, how each kind is
%% closed. Nothing here waits for such a process, since it may be stuck.
%%
%% A function of ours can run inside such a process, without a copy of its state: that of a channel may have hundreds of
%% megabytes. gen_server2, which channels are, has with_state/2. Elsewhere it is what sys:replace_state/2 sends: a
%% function that throws leaves the state as it is, and then the state isn't answered either.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_connections).

-export([local/0, kinds/1, close/3, ask_session/1, forget_cached_permissions/0]).
-export_type([kind/0]).

-type kind() :: amqp | direct | stream | mqtt.

-define(CONNECTION_FORCED, 320).
%% How deep in a process' state the user's record stands, at most: the deepest is MQTT's, five.
-define(DEPTH, 6).
-define(FORGET_MS, 60_000).

%% All connections of this node, with the direct connections that plugins hold for clients and for themselves.
-spec local() -> [pid()].
local() ->
    lists:append([rabbit_networking:local_connections(), rabbit_networking:local_non_amqp_connections(),
                  rabbit_direct:list_local()]).

%% Which of them are connections, and of what kind. For many at once: each list of the broker is copied once.
-spec kinds([pid()]) -> [{kind(), pid()}].
kinds(Pids) ->
    Kinds = maps:from_list([{Pid, other} || Pid <- rabbit_networking:local_non_amqp_connections()] ++
                           [{Pid, direct} || Pid <- rabbit_direct:list_local()] ++
                           [{Pid, amqp} || Pid <- rabbit_networking:local_connections()]),
    [{Kind, Pid} || Pid <- Pids, {true, Kind} <- [kind(Pid, Kinds)]].

kind(Pid, Kinds) ->
    case Kinds of
        #{Pid := other} ->
            case proc_lib:translate_initial_call(Pid) of
                {rabbit_stream_reader, _, _} -> {true, stream};
                {rabbit_mqtt_reader, _, _} -> {true, mqtt};
                {cowboy_clear, _, _} -> web();
                {cowboy_tls, _, _} -> web();
                _ -> false  % it has a direct connection, which is closed, or the broker closes it
            end;
        #{Pid := Kind} -> {true, Kind};
        _ -> false
    end.

%% A client over WebSockets. Since 3.12 one of MQTT has no direct connection, and takes the same message as MQTT's own
%% process; one of STOMP drops it.
web() ->
    case tokenward_broker:version() of
        [_, _, _] = Version when Version >= [3, 12, 0] -> {true, mqtt};
        _ -> false
    end.

%% May wait for the connection.
-spec close(kind(), pid(), string()) -> term().
close(amqp, Pid, Text) -> rabbit_reader:shutdown(Pid, Text);
close(direct, Pid, Text) ->
    amqp_direct_connection:server_close(Pid, ?CONNECTION_FORCED, list_to_binary(Text));
close(stream, Pid, Text) -> gen_server:call(Pid, {shutdown, Text}, infinity);
close(mqtt, Pid, Text) -> rabbit_mqtt_reader:close_connection(Pid, Text).

%% ---- inside other processes -----------------------------------------------------------------------------------

%% Asks a connection for its session. It tells the calling gen_server by a cast, {session_of, Pid, Session | none |
%% nobody}: none of ours, or nobody has logged in yet. A reply comes too, {_, _}, and means nothing.
-spec ask_session(pid()) -> ok.
ask_session(Pid) ->
    Asker = self(),
    Look = fun(State) ->
        gen_server:cast(Asker, {session_of, Pid, session_in(users(State, ?DEPTH))}),
        case State of
            _ when element(1, State) =:= gs2_state -> State;  % a gen_server2 doesn't catch
            _ -> throw(done)
        end
    end,
    _ = erlang:send(Pid, {system, {Asker, make_ref()}, {replace_state, Look}}, [nosuspend, noconnect]),
    ok.

session_in([]) ->
    nobody;
session_in(Users) ->
    Sessions = [Impl || Backends <- Users, {_Module, Impl} <- Backends, is_session(Impl)],
    case Sessions of
        [Session | _] -> Session;
        [] -> none
    end.

%% Also one that rabbit_auth_backend_cache keeps for us, or that belongs to the node that asks.
is_session(Impl) ->
    try
        is_integer(tokenward_nif:expires_at(Impl))
    catch
        error:_ -> tokenward_owner:is_elsewhere(Impl)
    end.

%% The backends of each #user{} in a process' state: records within records.
users({user, _Name, _Tags, Backends}, _Depth) when is_list(Backends) ->
    [Backends];
users(State, Depth) when is_tuple(State), Depth > 0 ->
    lists:flatmap(fun(Element) -> users(Element, Depth - 1) end, tuple_to_list(State));
users(_, _) ->
    [].

%% A channel keeps permissions that were granted for up to a minute; before 4.3 also after update-secret. Runs in a
%% connection's process, as update-secret does: its dictionary has the channels.
-spec forget_cached_permissions() -> ok.
forget_cached_permissions() ->
    Channels = [Pid || {{ch_pid, Pid}, _} <- get(), is_pid(Pid)],
    lists:foreach(fun(Channel) -> spawn(fun() -> forget(Channel) end) end, Channels).

forget(Channel) ->
    {ok, _} = timer:kill_after(?FORGET_MS),  % a channel that is stuck decides nothing
    try
        gen_server2:with_state(Channel, fun(_State) ->
            erase(permission_cache),
            erase(topic_permission_cache)
        end)
    catch
        exit:_ -> ok  % the channel has ended
    end.
