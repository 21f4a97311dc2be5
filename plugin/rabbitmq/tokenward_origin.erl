%% Which client the calling process works for, where its own dictionary doesn't say it: the protocol by the process that
%% serves the client, the address by that process' socket.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_origin).

-export([of_caller/0]).
-export_type([protocol/0]).

-type protocol() :: amqp | stream | stomp | mqtt | http | unknown.

%% Of those that watch a process, as many are looked at.
-define(WATCHERS, 8).

-spec of_caller() -> {protocol(), Peer :: binary(), ConnectionName :: binary()}.
of_caller() ->
    case serves(self()) of
        {ok, Protocol, Server} -> {Protocol, peer(Server), <<>>};
        unknown -> of_direct_connection(parent())
    end.

%% A direct connection logs in from a process of its own. Who opens it waits for it, and so watches it.
of_direct_connection(undefined) ->
    {unknown, <<>>, <<>>};
of_direct_connection(Direct) ->
    case [{Protocol, Server} || Watcher <- watchers(Direct), {ok, Protocol, Server} <- [serves(Watcher)]] of
        [{Protocol, Server} | _] -> {Protocol, peer(Server), <<>>};
        [] -> {unknown, <<>>, <<>>}
    end.

%% The process that has the client's socket. A request of HTTP is served by a child of it.
serves(Pid) ->
    case proc_lib:translate_initial_call(Pid) of
        {rabbit_stream_reader, _, _} -> {ok, stream, Pid};
        {rabbit_stomp_reader, _, _} -> {ok, stomp, Pid};
        {rabbit_mqtt_reader, _, _} -> {ok, mqtt, Pid};
        {rabbit_reader, _, _} -> {ok, amqp, Pid};
        {cowboy_stream_h, request_process, _} ->
            case get('$ancestors') of
                [Connection | _] when Pid =:= self(), is_pid(Connection) -> {ok, http, Connection};
                _ -> unknown
            end;
        %% A WebSocket: of MQTT, which has a client id, or of STOMP.
        {Cowboy, connection_process, _} when Cowboy =:= cowboy_clear; Cowboy =:= cowboy_tls -> {ok, stomp, Pid};
        _ -> unknown
    end.

parent() ->
    try erlang:process_info(self(), parent) of
        {parent, Pid} when is_pid(Pid), node(Pid) =:= node() -> Pid;
        _ -> undefined
    catch
        error:badarg -> undefined  % before OTP 25
    end.

%% "10.0.0.1:7"; empty if it isn't known.
peer(Pid) ->
    case [Peer || Owner <- [Pid | tls(Pid)], Port <- ports(Owner), Peer <- address(Port)] of
        [Peer | _] -> Peer;
        [] -> <<>>
    end.

%% With TLS a process of Erlang's ssl has the socket. It watches its user.
tls(Pid) ->
    [Watcher || Watcher <- watchers(Pid), is_tls(proc_lib:translate_initial_call(Watcher))].

is_tls({Module, _, _}) -> lists:member(Module, [tls_connection, ssl_gen_statem, tls_gen_connection]).

ports(Pid) -> [Port || Port <- information(Pid, links), is_port(Port)].

watchers(Pid) -> lists:sublist([Watcher || Watcher <- information(Pid, monitored_by), is_pid(Watcher),
                                           node(Watcher) =:= node()], ?WATCHERS).

information(Pid, What) ->
    case erlang:process_info(Pid, What) of
        {What, List} -> List;
        undefined -> []
    end.

address(Port) ->
    case inet:peername(Port) of
        {ok, {Address, Number}} when is_tuple(Address) -> [text(inet:ntoa(Address), Number)];
        _ -> []
    end.

text(Address, Number) ->
    Format = case lists:member($:, Address) of true -> "[~ts]:~b"; false -> "~ts:~b" end,
    iolist_to_binary(io_lib:format(Format, [Address, Number])).
