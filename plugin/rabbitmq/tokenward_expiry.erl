%% Closes connections whose token has ended, where RabbitMQ doesn't: 3.10 closes none, 4.0 none of AMQP 0-9-1; and on all
%% versions those of sessions that the operator denied by a reload.
%%
%% A login tells its process. Connections that nobody told of are found: the watch looks at all connections of the node
%% from time to time, and asks each new one for its session once. So it knows those that were there before it started,
%% and those whose login rabbit_auth_backend_cache answered.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_expiry).
-behaviour(gen_server).

-export([start_link/0, new_table/0, watch/1, look_again/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% {Pid, Session | {denied, Session} | denied | none | asked | nobody | closing, End | infinity, Monitor} of every process that was told or found. It
%% belongs to the supervisor, so that it outlives the watch. It also keeps sessions alive for processes on other nodes.
-define(TABLE, tokenward_sessions).
%% Of {End, Pid}, in milliseconds since 1970.
-define(ENDS, tokenward_ends).

%% How often new connections are looked for. The wall clock may be set, so that is also how often ends are looked at.
-define(ROUND_MS, 10_000).
%% A broker that closes by itself does so within this time after the end, with its own message. It goes first.
-define(PRECEDENCE_MS, 1000).
-define(NO_END, 16#7FFFFFFFFFFFFFFF).
-define(TEXT, "the access token has ended").
%% To the client, whatever the reason: that one is for the log.
-define(TOLD, "the access token no longer counts").
%% For the log; the client reads the text above.
-define(DENIED, "the operator denies it (denied_file)").

%% So many connections are being closed at a time. One that is stuck keeps its place for a second, and gets its end when
%% it looks into its mailbox.
-define(CLOSERS, 32).
-define(CLOSER_MS, 1000).
%% If more end together, one line counts them.
-define(LINES, 5).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

new_table() ->
    ?TABLE = ets:new(?TABLE, [named_table, public]).

%% The calling process serves the connection, or the process that serves it is its parent. Both are watched until they
%% end.
watch(Session) ->
    gen_server:cast(?MODULE, {watch, lists:usort([self(), parent()]), Session}).

%% After a reload, which may have ended sessions.
-spec look_again() -> ok.
look_again() ->
    gen_server:cast(?MODULE, look_again).

%% A direct connection, as an MQTT client has, logs in from a process of its own.
parent() ->
    try erlang:process_info(self(), parent) of
        {parent, Pid} when is_pid(Pid) -> Pid;
        _ -> self()
    catch
        error:badarg -> self()
    end.

%% ---- the watch --------------------------------------------------------------------------------------------

%% closer: the process that closes, or none.
-record(watch, {closer = none, timer = none}).

init([]) ->
    ?ENDS = ets:new(?ENDS, [named_table, ordered_set, protected]),
    lists:foreach(fun watch_again/1, ets:tab2list(?TABLE)),
    self() ! round,
    {ok, #watch{}}.

handle_call(_Request, _From, Watch) ->
    {reply, {error, unknown_request}, Watch}.

handle_cast({watch, Pids, Session}, Watch) ->
    Judged = judged(Session),
    lists:foreach(fun(Pid) -> set(Pid, Judged) end, Pids),
    {noreply, look(Watch)};
handle_cast({session_of, Pid, Session}, Watch) ->
    case ets:lookup(?TABLE, Pid) of
        [{_, asked, _, _}] -> set(Pid, judged(Session));
        _ -> ok  % ended, or has logged in meanwhile
    end,
    {noreply, look(Watch)};
handle_cast(look_again, Watch) ->
    lists:foreach(fun look_again/1, ets:tab2list(?TABLE)),
    find(),
    {noreply, look(Watch)};
handle_cast({unlisted, Pids}, Watch) ->
    lists:foreach(fun forget_closing/1, Pids),
    {noreply, Watch};
handle_cast(_Request, Watch) ->
    {noreply, Watch}.

handle_info(round, Watch) ->
    _ = erlang:send_after(?ROUND_MS, self(), round),
    find(),
    {noreply, look(Watch)};
handle_info(look, Watch) ->
    {noreply, look(Watch)};
handle_info({'DOWN', _Monitor, process, Closer, Reason}, #watch{closer = Closer} = Watch) ->
    [forget(Pid) || Reason =/= normal, [Pid] <- ets:match(?TABLE, {'$1', closing, '_', '_'})],
    {noreply, look(Watch#watch{closer = none})};
handle_info({'DOWN', _Monitor, process, Pid, _Reason}, Watch) ->
    forget(Pid),
    {noreply, Watch};
handle_info(_Message, Watch) ->
    {noreply, Watch}.

%% A refresh moves the end later. Only the operator moves it to the past.
look_again({Pid, Session, End, _}) when is_reference(Session) ->
    case {judged(Session), end_of({denied, Session})} of
        {denied, _} -> set(Pid, denied);
        {_, Ended} when Ended < End -> end_denied(Pid, Session, Ended, now_ms());
        _ -> true
    end;
look_again(_) ->
    true.

%% A session of a former backend doesn't know what the operator denies now.
judged(Session) when is_reference(Session) ->
    case tokenward_backend:denies(Session) of
        true -> denied;
        false -> Session
    end;
judged(NoSession) ->
    NoSession.

end_denied(Pid, Session, Ended, Now) when Ended =< Now -> set(Pid, {denied, Session});
end_denied(_, _, _, _) -> true.

%% An answer to the former watch is lost: whoever was asked is asked again.
watch_again({Pid, asked, _, _}) ->
    true = ets:delete(?TABLE, Pid);
watch_again({Pid, Known, _, _}) ->
    Session = judged(Known),
    End = end_of(Session),  % a reload may have come meanwhile
    true = ets:insert(?TABLE, {Pid, Session, End, erlang:monitor(process, Pid)}),
    index(Pid, End).

set(Pid, Session) ->
    Monitor = case ets:lookup(?TABLE, Pid) of
        [{_, _, OldEnd, Known}] ->
            true = ets:delete(?ENDS, {OldEnd, Pid}),
            Known;
        [] ->
            erlang:monitor(process, Pid)
    end,
    End = end_of(Session),
    true = ets:insert(?TABLE, {Pid, Session, End, Monitor}),
    index(Pid, End).

index(_Pid, infinity) ->
    true;
index(Pid, End) ->
    true = ets:insert(?ENDS, {{End, Pid}}).

forget(Pid) ->
    case ets:take(?TABLE, Pid) of
        [{_, _, End, Monitor}] ->
            erlang:demonitor(Monitor, [flush]),
            true = ets:delete(?ENDS, {End, Pid});
        [] ->
            true
    end.

forget_closing(Pid) ->
    case ets:lookup(?TABLE, Pid) of
        [{_, closing, _, _}] -> forget(Pid);
        _ -> true
    end.

%% In milliseconds, as the session says now: update-secret may have moved it.
end_of(Session) when is_reference(Session) ->
    try tokenward_nif:expires_at(Session) of
        ?NO_END -> infinity;
        Seconds -> Seconds * 1000 + precedence_ms()
    catch
        error:badarg -> infinity  % another node's: that node closes it
    end;
end_of({denied, Session}) ->
    case end_of(Session) of
        infinity -> infinity;
        End -> End - precedence_ms()  % the broker doesn't know of it
    end;
end_of(denied) ->
    0;
end_of(_NoSession) ->
    infinity.

precedence_ms() ->
    case erlang:function_exported(rabbit_access_control, expiry_timestamp, 1) of
        true -> ?PRECEDENCE_MS;
        false -> 0
    end.

%% Not erlang:system_time: after the clock was set, that follows it by one percent, an hour in four days.
now_ms() ->
    os:system_time(millisecond).

%% Asks the connections that nobody told of.
find() ->
    try tokenward_connections:local() of
        Pids -> lists:foreach(fun find/1, Pids)
    catch
        _:_ -> ok  % the broker is starting or stopping
    end.

find(Pid) ->
    case ets:lookup(?TABLE, Pid) of
        [{_, Session, _, _}] when Session =/= nobody ->
            ok;
        _ ->
            true = set(Pid, asked),
            tokenward_connections:ask_session(Pid)
    end.

%% Hands over what has ended, unless some are being closed, and sets the timer for the next end.
look(#watch{closer = none, timer = Timer} = Watch) ->
    _ = cancel(Timer),
    Closer = close(due(now_ms())),
    Watch#watch{closer = Closer, timer = case Closer of none -> timer(); _ -> none end};
look(Watch) ->
    Watch.

due(Now) ->
    case ets:first(?ENDS) of
        {End, Pid} when End =< Now ->
            [{_, Session, _, _}] = ets:lookup(?TABLE, Pid),
            case end_of(Session) of
                Later when Later > Now ->  % has a new token
                    true = set(Pid, Session),
                    due(Now);
                _ ->
                    true = set(Pid, closing),
                    [{Pid, why(Session)} | due(Now)]
            end;
        _ ->
            []
    end.

why(denied) -> ?DENIED;
why({denied, _}) -> ?DENIED;
why(_) -> ?TEXT.

timer() ->
    case ets:first(?ENDS) of
        {End, _} ->
            erlang:send_after(max(0, min(End - now_ms(), ?ROUND_MS)), self(), look);
        '$end_of_table' ->
            none
    end.

cancel(none) -> ok;
cancel(Timer) -> erlang:cancel_timer(Timer, [{async, true}, {info, false}]).

%% ---- closing ----------------------------------------------------------------------------------------------------

close([]) ->
    none;
close(Due) ->
    {Closer, _} = spawn_monitor(fun() -> close_all(Due) end),
    Closer.

%% Closes nothing but what the broker lists as a connection: a parent may be any process. What isn't listed yet is found
%% later.
close_all(Due) ->
    Pids = [Pid || {Pid, _} <- Due],
    Found = tokenward_connections:kinds(Pids),
    gen_server:cast(?MODULE, {unlisted, Pids -- [Pid || {_, Pid} <- Found]}),
    Why = maps:from_list(Due),
    lists:foreach(
        fun(Text) -> tell([One || {_, Pid} = One <- Found, map_get(Pid, Why) =:= Text], Text) end,
        lists:usort(maps:values(Why))),
    close_some(Found, #{}).

tell(Found, Text) when length(Found) =< ?LINES ->
    lists:foreach(
        fun({Kind, Pid}) ->
            tokenward_log:write(info, io_lib:format("closing ~ts connection ~p: ~ts", [Kind, Pid, Text]))
        end, Found);
tell(Found, Text) ->
    tokenward_log:write(info, io_lib:format("closing ~b connections: ~ts", [length(Found), Text])).

%% Running: closer => its monitor.
close_some([], Running) when map_size(Running) =:= 0 ->
    ok;
close_some([{Kind, Pid} | Rest], Running) when map_size(Running) < ?CLOSERS ->
    {Closer, Monitor} = spawn_monitor(fun() -> close_one(Kind, Pid) end),
    _ = erlang:send_after(?CLOSER_MS, self(), {late, Closer}),
    close_some(Rest, Running#{Closer => Monitor});
close_some(Rest, Running) ->
    receive
        {'DOWN', _, process, Closer, _} -> close_some(Rest, maps:remove(Closer, Running));
        {late, Closer} when is_map_key(Closer, Running) ->
            exit(Closer, kill),
            close_some(Rest, Running);
        {late, _} -> close_some(Rest, Running)
    end.

close_one(Kind, Pid) ->
    try
        tokenward_connections:close(Kind, Pid, ?TOLD)
    catch
        exit:_ -> ok  % the connection has ended
    end.
