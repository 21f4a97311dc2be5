%% Writes lines to the broker's log.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_log).

-export([write/2, write_library_line/2]).

write(Level, Text) ->
    logger:log(Level, "tokenward: ~ts", [Text], #{domain => [rabbitmq, tokenward]}).

%% A line of the library, with its level.
write_library_line(1, Line) -> write(error, Line);
write_library_line(2, Line) -> write(warning, Line);
write_library_line(3, Line) -> write(info, Line);
write_library_line(_, Line) -> write(debug, Line).
