%% Writes lines to the broker's log.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_log).

-export([new_limits/0, write/2, limited/3, write_library_line/2]).

-define(LIMITS, tokenward_log_limits).
-define(PAUSE_S, 10).

%% The calling process keeps the table.
new_limits() ->
    ?LIMITS = ets:new(?LIMITS, [named_table, public]).

write(Level, Text) ->
    logger:log(Level, "tokenward: ~ts", [Text], #{domain => [rabbitmq, tokenward]}).

%% One line of a kind in ten seconds; the next one counts those that were left out.
limited(Kind, Level, Text) ->
    case may_write(Kind, erlang:monotonic_time(second)) of
        {true, 0} -> write(Level, Text);
        {true, LeftOut} -> write(Level, io_lib:format("~ts (~b more since the last such line)", [Text, LeftOut]));
        false -> ok
    end.

may_write(Kind, Now) ->
    try ets:lookup(?LIMITS, Kind) of
        [{_, Last, _}] when Now - Last < ?PAUSE_S ->
            _ = ets:update_counter(?LIMITS, Kind, {3, 1}),
            false;
        Known ->
            true = ets:insert(?LIMITS, {Kind, Now, 0}),
            {true, case Known of [{_, _, LeftOut}] -> LeftOut; [] -> 0 end}
    catch
        error:badarg -> {true, 0}  % the plugin is stopping
    end.

%% A line of the library, with its level.
write_library_line(1, Line) -> write(error, Line);
write_library_line(2, Line) -> write(warning, Line);
write_library_line(3, Line) -> write(info, Line);
write_library_line(_, Line) -> write(debug, Line).
