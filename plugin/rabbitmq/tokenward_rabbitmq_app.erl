%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_rabbitmq_app).
-behaviour(application).
-behaviour(supervisor).

-export([start/2, stop/1, init/1]).

start(_Type, _Args) ->
    supervisor:start_link({local, tokenward_rabbitmq_sup}, ?MODULE, []).

stop(_State) ->
    ok.

%% The tables outlive the processes that write them.
init([]) ->
    _ = tokenward_log:new_limits(),
    _ = tokenward_expiry:new_table(),
    Children = [#{id => Module, start => {Module, start_link, []}} || Module <-
        [tokenward_patience, tokenward_expiry, tokenward_backend]],
    {ok, {#{strategy => one_for_one, intensity => 5, period => 10}, Children}}.
