%% For operators: rabbitmqctl eval 'tokenward:status().'
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward).

-export([reload/0, status/0, status/1, metrics/0]).

%% Reads changed files: all or nothing. Connections stay.
reload() ->
    tokenward_backend:reload().

%% Prints issuers, their keys, ages and the last error.
status() ->
    case status(json) of
        {ok, Json} -> io:format("~ts", [page(rabbit_json:decode(Json))]);
        Error -> Error
    end.

%% The same for programs.
status(json) ->
    text(fun tokenward_nif:status/1).

%% Counters in Prometheus' text format. They are in the broker's own /metrics too (tokenward_metrics).
metrics() ->
    text(fun tokenward_nif:metrics/1).

text(Ask) ->
    case tokenward_backend:handle() of
        undefined -> {error, not_running};
        Backend -> Ask(Backend)
    end.

%% ---- the page ------------------------------------------------------------------------------------------

page(#{<<"version">> := Version, <<"live_sessions">> := Sessions, <<"sections">> := Sections}) ->
    [io_lib:format("libtokenward ~ts, ~b live sessions~n", [Version, Sessions]) | [section(Section) || Section <- Sections]].

section(#{<<"section">> := Name, <<"issuer">> := Issuer, <<"keys">> := Keys} = Section) ->
    [io_lib:format("~n[~ts] ~ts~n", [Name, Issuer]),
     line("keys", keys(Keys, Section)),
     [line("", io_lib:format("~ts, ~ts", [named(Id), Type])) || #{<<"kid">> := Id, <<"type">> := Type} <- Keys],
     line("from", source(Section)),
     line("next fetch", next(Section)),
     line("last error", last_error(Section))].

line(Name, Text) ->
    io_lib:format("  ~-12s~ts~n", [Name, Text]).

keys([], #{<<"age_seconds">> := Age}) when Age < 0 -> "none yet: logins are told to try again";
keys(Keys, #{<<"stale">> := true}) -> io_lib:format("~b, TOO OLD: logins are refused", [length(Keys)]);
keys(Keys, #{<<"age_seconds">> := Age}) when Age >= 0 -> io_lib:format("~b, ~ts old", [length(Keys), time(Age)]);
keys(Keys, _) -> integer_to_list(length(Keys)).

named(<<>>) -> "without a kid";
named(Id) -> Id.

source(#{<<"jwks_uri">> := <<>>}) -> "-";
source(#{<<"jwks_uri">> := Uri}) -> Uri.

next(#{<<"next_fetch_in_seconds">> := Seconds}) when Seconds > 0 -> ["in ", time(Seconds)];
next(_) -> "when it is needed".

last_error(#{<<"last_error">> := <<>>}) -> "none";
last_error(#{<<"last_error">> := Error}) -> Error.

time(Seconds) when Seconds < 120 -> io_lib:format("~b s", [Seconds]);
time(Seconds) when Seconds < 7200 -> io_lib:format("~b min", [Seconds div 60]);
time(Seconds) -> io_lib:format("~b h", [Seconds div 3600]).
