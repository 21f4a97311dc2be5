%% Wakes the processes that wait for a key or for the provider's answer, and bounds how many of them there are. Those whose
%% token names a key that nobody has seen, and those about whose token the provider is asked, have bounds of their own:
%% anybody can write such a token.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_patience).
-behaviour(gen_server).

-export([start_link/0, sleep/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
-export_type([cause/0]).

%% no_keys: there are none yet, or none that may still be used. unknown_key: others are there. no_answer: of introspection.
-type cause() :: no_keys | unknown_key | no_answer.

-define(MOST, #{no_keys => 1000, unknown_key => 100, no_answer => 1000}).
-define(GRACE_MS, 1000).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% Sleeps, unless as many sleep already as may.
-spec sleep(cause(), non_neg_integer()) -> ok | too_many.
sleep(Cause, Milliseconds) ->
    try
        gen_server:call(?MODULE, {sleep, Cause, Milliseconds}, Milliseconds + ?GRACE_MS)
    catch
        exit:_ -> too_many  % the plugin is stopping, or the node is very busy
    end.

%% A sleeper that ends before it is woken counts until then: some seconds at most.
init([]) ->
    {ok, maps:map(fun(_, _) -> 0 end, ?MOST)}.

handle_call({sleep, Cause, Milliseconds}, From, Asleep) ->
    case Asleep of
        #{Cause := Count} when Count < map_get(Cause, ?MOST) ->
            _ = erlang:send_after(Milliseconds, self(), {wake, Cause, From}),
            {noreply, Asleep#{Cause := Count + 1}};
        _ ->
            {reply, too_many, Asleep}
    end;
handle_call(_Request, _From, Asleep) ->
    {reply, {error, unknown_request}, Asleep}.

handle_cast(_Request, Asleep) ->
    {noreply, Asleep}.

handle_info({wake, Cause, From}, Asleep) ->
    gen_server:reply(From, ok),
    {noreply, maps:update_with(Cause, fun(Count) -> Count - 1 end, Asleep)};
handle_info(_Message, Asleep) ->
    {noreply, Asleep}.
