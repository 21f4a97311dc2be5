%% What differs between versions of RabbitMQ and can't be seen otherwise.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_broker).

-export([keeps_tags/0, keeps_tags/1]).

%% Whether the broker keeps a user's tags when update_state/2 returns others. They were dropped until 3.13.19, 4.0.24,
%% 4.1.15, 4.2.10 and 4.3.5. A version that can't be read is an old one.
-spec keeps_tags() -> boolean().
keeps_tags() ->
    case application:get_key(rabbit, vsn) of
        {ok, Version} -> keeps_tags(Version);
        undefined -> true
    end.

-spec keeps_tags(term()) -> boolean().
keeps_tags(Version) ->
    case numbers(Version) of
        [3, 13, Patch] -> Patch < 19;
        [4, 0, Patch] -> Patch < 24;
        [4, 1, Patch] -> Patch < 15;
        [4, 2, Patch] -> Patch < 10;
        [4, 3, Patch] -> Patch < 5;
        [_, _, _] = Series -> Series < [4, 4, 0];
        unknown -> true
    end.

%% "4.3.0-rc.1" comes before 4.3.0, and "4.3.5+1" is 4.3.5 with changes: the numbers decide for both.
numbers(Version) ->
    try re:run(Version, "^([0-9]{1,6})\\.([0-9]{1,6})\\.([0-9]{1,6})", [{capture, all_but_first, list}]) of
        {match, Numbers} -> [list_to_integer(Number) || Number <- Numbers];
        nomatch -> unknown
    catch
        error:badarg -> unknown
    end.
