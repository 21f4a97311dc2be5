%% A session lives on the node of its login. A user record may be sent to another node: the management API sends it to
%% the node where a queue shall be. There the session's handle means nothing, so its own node is asked.
%%
%% Whoever sends a record holds it while it waits, or has logged in from another node and is watched (tokenward_expiry):
%% so the session is there when the question comes. Nothing is kept here.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_owner).

-export([is_elsewhere/1, call/4, tell_answer/4]).

%% The broker's own calls between nodes wait for 15 seconds.
-define(PATIENCE_MS, 3000).

%% Whether the session belongs to another node.
-spec is_elsewhere(term()) -> boolean().
is_elsewhere(Session) ->
    is_reference(Session) andalso node(Session) =/= node().

%% Calls a function on the session's node. error: no answer, or the function failed.
-spec call(term(), module(), atom(), [term()]) -> {ok, term()} | error.
call(Session, Module, Function, Arguments) ->
    case is_elsewhere(Session) of
        true -> ask(node(Session), Module, Function, Arguments);
        false -> here(Module, Function, Arguments)
    end.

here(Module, Function, Arguments) ->
    try
        {ok, apply(Module, Function, Arguments)}
    catch
        error:badarg -> error
    end.

%% Only a node that is connected is asked: to connect can take long.
ask(Owner, Module, Function, Arguments) ->
    case lists:member(Owner, nodes(connected)) of
        true -> wait(Owner, Module, Function, Arguments);
        false -> failed(Owner, not_connected)
    end.

%% In a process of its own: a connection that is busy suspends whoever sends, for as long as it likes.
wait(Owner, Module, Function, Arguments) ->
    {Pid, Monitor} = spawn_monitor(?MODULE, tell_answer, [Owner, Module, Function, Arguments]),
    receive
        {'DOWN', Monitor, process, Pid, {answer, Answer}} -> {ok, Answer};
        {'DOWN', Monitor, process, Pid, Reason} -> failed(Owner, Reason)
    after ?PATIENCE_MS ->
        erlang:demonitor(Monitor, [flush]),
        exit(Pid, kill),
        failed(Owner, timeout)
    end.

-spec tell_answer(node(), module(), atom(), [term()]) -> no_return().
tell_answer(Owner, Module, Function, Arguments) ->
    exit(answer(Owner, Module, Function, Arguments)).

answer(Owner, Module, Function, Arguments) ->
    try
        {answer, erpc:call(Owner, Module, Function, Arguments, ?PATIENCE_MS)}
    catch
        error:{erpc, Reason} -> Reason;
        error:{exception, badarg, _} -> the_session_has_ended;
        error:{exception, undef, _} -> the_plugin_is_not_there;
        Class:_ -> Class
    end.

failed(Owner, Reason) ->
    Line = io_lib:format("node ~ts doesn't answer for a session of its own: ~0P", [Owner, Reason, 10]),
    tokenward_log:limited({owner, Owner}, warning, Line),
    error.
