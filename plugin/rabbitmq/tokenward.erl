%% For operators: rabbitmqctl eval 'tokenward:status().'
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward).

-export([reload/0, status/0, metrics/0]).

%% Reads changed files: all or nothing. Connections stay.
reload() ->
    tokenward_backend:reload().

%% Issuers, their keys, ages and the last error, as JSON.
status() ->
    text(fun tokenward_nif:status/1).

%% Counters in Prometheus' text format.
metrics() ->
    text(fun tokenward_nif:metrics/1).

text(Ask) ->
    case tokenward_backend:handle() of
        undefined -> {error, not_running};
        Backend -> Ask(Backend)
    end.
