%% Closes connections whose token has ended, where RabbitMQ doesn't: 3.10 closes none, 4.0 none of AMQP 0-9-1. Also makes
%% channels forget the permissions that they keep for up to a minute, after update-secret.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_expiry).
-behaviour(gen_server).

-export([start_link/0, watch/1, forget_cached_permissions/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% The wall clock may be set, so each end is looked at again at least this often.
-define(LONGEST_TIMER_MS, 60_000).
%% A broker that closes by itself does so within this time after the end, with its own message. It goes first.
-define(PRECEDENCE_MS, 1000).
-define(NO_END, 16#7FFFFFFFFFFFFFFF).
-define(CONNECTION_FORCED, 320).
-define(TEXT, "the access token has ended").

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The calling process serves the connection, or the process that serves it is its parent. Both are watched until they
%% end.
watch(Session) ->
    gen_server:cast(?MODULE, {watch, self(), parent(), tokenward_nif:expires_at(Session)}).

precedence_ms() ->
    case erlang:function_exported(rabbit_access_control, expiry_timestamp, 1) of
        true -> ?PRECEDENCE_MS;
        false -> 0
    end.

%% A direct connection, as an MQTT client has, logs in from a process of its own.
parent() ->
    try erlang:process_info(self(), parent) of
        {parent, Pid} when is_pid(Pid) -> Pid;
        _ -> self()
    catch
        error:badarg -> self()
    end.

%% Runs in a connection's process, as update-secret does: its dictionary has the channels.
forget_cached_permissions() ->
    Channels = [Pid || {{ch_pid, Pid}, _} <- get(), is_pid(Pid)],
    lists:foreach(fun(Channel) -> spawn(fun() -> forget(Channel) end) end, Channels).

forget(Channel) ->
    Forget = fun(State) ->
        erase(permission_cache),
        erase(topic_permission_cache),
        State
    end,
    try
        sys:replace_state(Channel, Forget, infinity)
    catch
        exit:_ -> ok
    end.

%% ---- the watch: process => {monitor, when to close in milliseconds} -------------------------------------

init([]) ->
    {ok, #{}}.

handle_call(_Request, _From, Watched) ->
    {reply, {error, unknown_request}, Watched}.

handle_cast({watch, Caller, Parent, ExpiresAt}, Watched) ->
    {noreply, lists:foldl(fun(Pid, Map) -> set(Pid, ExpiresAt, Map) end, Watched, lists:usort([Caller, Parent]))};
handle_cast(_Request, Watched) ->
    {noreply, Watched}.

handle_info({'DOWN', _Monitor, process, Pid, _Reason}, Watched) ->
    {noreply, maps:remove(Pid, Watched)};
handle_info({look, Pid, EndMs}, Watched) ->
    case Watched of
        #{Pid := {_, EndMs}} ->
            {noreply, look(Pid, EndMs, Watched)};
        _ ->
            {noreply, Watched}  % ended, or has a new token
    end;
handle_info(_Message, Watched) ->
    {noreply, Watched}.

set(Pid, ?NO_END, Watched) ->
    forget_process(Pid, Watched);
set(Pid, ExpiresAt, Watched) ->
    EndMs = ExpiresAt * 1000 + precedence_ms(),
    case Watched of
        #{Pid := {_, EndMs}} ->
            Watched;
        #{Pid := {Monitor, _}} ->
            look_later(Pid, EndMs),
            Watched#{Pid := {Monitor, EndMs}};
        _ ->
            look_later(Pid, EndMs),
            Watched#{Pid => {erlang:monitor(process, Pid), EndMs}}
    end.

forget_process(Pid, Watched) ->
    case maps:take(Pid, Watched) of
        {{Monitor, _}, Rest} ->
            erlang:demonitor(Monitor, [flush]),
            Rest;
        error ->
            Watched
    end.

look_later(Pid, EndMs) ->
    LeftMs = EndMs - erlang:system_time(millisecond),
    erlang:send_after(max(0, min(LeftMs, ?LONGEST_TIMER_MS)), self(), {look, Pid, EndMs}).

look(Pid, EndMs, Watched) ->
    case erlang:system_time(millisecond) >= EndMs of
        true ->
            %% In a process of its own: closing waits for the connection's process, which may be stuck or ending.
            _ = spawn(fun() -> close(Pid) end),
            forget_process(Pid, Watched);
        false ->
            look_later(Pid, EndMs),
            Watched
    end.

%% ---- closing --------------------------------------------------------------------------------------------

%% Closes nothing but what the broker lists as a connection: a parent may be any process.
close(Pid) ->
    try close_listed(Pid)
    catch exit:_ -> ok  % the connection has ended
    end.

close_listed(Pid) ->
    case lists:member(Pid, rabbit_networking:local_connections()) of
        true ->
            tokenward_log:write(info, io_lib:format("closing connection ~p: ~ts", [Pid, ?TEXT])),
            rabbit_reader:shutdown(Pid, ?TEXT);
        false ->
            case lists:member(Pid, rabbit_direct:list_local()) of
                true -> close_direct(Pid, readers_of(Pid));
                false -> ok
            end
    end.

%% The reader of an MQTT client is linked to its direct connection.
readers_of(Direct) ->
    case erlang:process_info(Direct, links) of
        {links, Linked} ->
            [Pid || Pid <- rabbit_networking:local_non_amqp_connections(), lists:member(Pid, Linked),
                    {rabbit_mqtt_reader, init, _} <- [proc_lib:translate_initial_call(Pid)]];
        undefined ->
            []
    end.

close_direct(Direct, []) ->
    tokenward_log:write(info, io_lib:format("closing direct connection ~p: ~ts", [Direct, ?TEXT])),
    amqp_direct_connection:server_close(Direct, ?CONNECTION_FORCED, <<?TEXT>>);
close_direct(_Direct, Readers) ->
    lists:foreach(
        fun(Reader) ->
            tokenward_log:write(info, io_lib:format("closing MQTT connection ~p: ~ts", [Reader, ?TEXT])),
            rabbit_mqtt_reader:close_connection(Reader, ?TEXT)
        end, Readers).
