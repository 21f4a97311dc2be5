%% What differs between versions of RabbitMQ and can't be seen otherwise.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_broker).

-export([version/0, version/1, keeps_tags/1]).
-export_type([version/0]).

%% The three numbers, or unknown if they can't be read: such a version is taken for an old one.
-type version() :: [non_neg_integer()] | unknown.

-spec version() -> version().
version() ->
    case application:get_key(rabbit, vsn) of
        {ok, Text} -> version(Text);
        undefined -> unknown
    end.

%% "4.3.0-rc.1" comes before 4.3.0, and "4.3.5+1" is 4.3.5 with changes: the numbers decide for both.
-spec version(term()) -> version().
version(Text) ->
    try re:run(Text, "^([0-9]{1,6})\\.([0-9]{1,6})\\.([0-9]{1,6})", [{capture, all_but_first, list}]) of
        {match, Numbers} -> [list_to_integer(Number) || Number <- Numbers];
        nomatch -> unknown
    catch
        error:badarg -> unknown
    end.

%% Whether the broker keeps a user's tags when update_state/2 returns others. They were dropped until 3.13.19, 4.0.24,
%% 4.1.15, 4.2.10 and 4.3.5.
-spec keeps_tags(version()) -> boolean().
keeps_tags([3, 13, Patch]) -> Patch < 19;
keeps_tags([4, 0, Patch]) -> Patch < 24;
keeps_tags([4, 1, Patch]) -> Patch < 15;
keeps_tags([4, 2, Patch]) -> Patch < 10;
keeps_tags([4, 3, Patch]) -> Patch < 5;
keeps_tags(unknown) -> true;
keeps_tags(Version) -> Version < [4, 4, 0].
