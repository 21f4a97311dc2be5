%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_rabbitmq_app).
-behaviour(application).
-behaviour(supervisor).

-export([start/2, stop/1, init/1]).

start(_Type, _Args) ->
    case is_unpacked(code:which(?MODULE), rabbit_plugins:plugins_expand_dir()) of
        true ->
            Text = <<"tokenward can't start: it comes from an archive (.ez), which RabbitMQ unpacks over the running one "
                     "whenever a plugin is enabled or disabled. Install the folder tokenward_rabbitmq-VERSION instead, "
                     "and remove the archive">>,
            tokenward_log:write(error, Text),
            {error, {shutdown, Text}};
        false ->
            start()
    end.

start() ->
    case supervisor:start_link({local, tokenward_rabbitmq_sup}, ?MODULE, []) of
        {ok, Supervisor} ->
            tokenward_metrics:start(),
            {ok, Supervisor};
        Problem ->
            Problem
    end.

%% RabbitMQ unpacks all enabled archives into one folder.
is_unpacked(File, Folder) ->
    lists:prefix(filename:split(filename:absname(Folder)), filename:split(filename:absname(File))).

stop(_State) ->
    _ = tokenward_metrics:stop(),
    ok.

%% The tables outlive the processes that write them.
init([]) ->
    _ = tokenward_log:new_limits(),
    _ = tokenward_expiry:new_table(),
    Children = [#{id => Module, start => {Module, start_link, []}} || Module <-
        [tokenward_patience, tokenward_expiry, tokenward_backend]],
    {ok, {#{strategy => one_for_one, intensity => 5, period => 10}, Children}}.
