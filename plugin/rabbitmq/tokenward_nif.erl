%% The functions of libtokenward for Erlang, as abi/tokenward.h has them, with three kinds of handles: library, backend,
%% session. The garbage collector releases a handle. An argument of another type than stated raises badarg, as does a
%% handle that another node made.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_nif).

-export([open_library/1, create/4, reload/4, close/1, log_lines/1, status/1, metrics/1]).
-export([authenticate/4, refresh/4]).
-export([username/1, issuer/1, expires_at/1, is_of/2, denies/2, tags/1, can_access_vhost/2, authorize/5, report_denial/6, explain/5]).
-export_type([library/0, backend/0, session/0, context/0, problem/0, refusal/0, verdict/0]).

-on_load(init/0).

-type library() :: reference().
-type backend() :: reference().
-type session() :: reference().
%% Protocol, peer, client id, connection name, flags: for log lines and their limits. last_backend: no other backend is
%% asked after this one. asks_again: after try_again this call comes again, so there is no line.
-type context() :: {binary(), binary(), binary(), binary(), [last_backend | asks_again]}.
%% Reason, message, hint: printable ASCII, without the token.
-type problem() :: {error, binary(), binary(), binary()}.
-type refusal() :: {refused | not_a_token | error, binary(), binary(), binary()} |
                   {try_again, Milliseconds :: integer(), binary(), binary(), binary()}.
-type verdict() :: allowed | denied | expired | error.
%% 1 configure, 2 read, 3 write.
-type operation() :: 1..3.

%% The object and its predecessor must be of this version: else it isn't loaded, and the broker must be restarted.
init() ->
    %% Not code:which/1: while a module is loaded again, that is where the former one came from.
    Root = filename:dirname(filename:dirname(code:where_is_file(?MODULE_STRING ".beam"))),
    erlang:load_nif(filename:join([Root, "priv", "tokenward_nif"]), <<?VERSION>>).

%% A path, or "libtokenward.so.1" for the dynamic loader to find.
-spec open_library(binary()) -> {ok, library(), Version :: binary()} | {error, binary()}.
open_library(_Path) -> erlang:nif_error(nif_not_loaded).

%% The calling process becomes the owner. It receives the atom tokenward_log when lines of the log wait, then takes some
%% with log_lines/1, and receives the atom again if there are more.
-spec create(library(), Files :: [binary()], Json :: binary(), StartupWaitMs :: 0..60000) ->
    {ok, backend()} | problem().
create(_Library, _Files, _Json, _StartupWaitMs) -> erlang:nif_error(nif_not_loaded).

-spec reload(backend(), Files :: [binary()], Json :: binary(), 0) -> ok | problem().
reload(_Backend, _Files, _Json, _Wait) -> erlang:nif_error(nif_not_loaded).

%% Ends the library's thread; the owner calls it. Sessions stay. A second call does nothing. Lines that nobody has taken
%% go to standard error.
-spec close(backend()) -> ok.
close(_Backend) -> erlang:nif_error(nif_not_loaded).

%% For the owner. Levels: 1 error, 2 warning, 3 info, 4 debug.
-spec log_lines(backend()) -> [{1..4, binary()}].
log_lines(_Backend) -> erlang:nif_error(nif_not_loaded).

-spec status(backend()) -> {ok, Json :: binary()} | problem().
status(_Backend) -> erlang:nif_error(nif_not_loaded).

-spec metrics(backend()) -> {ok, binary()} | problem().
metrics(_Backend) -> erlang:nif_error(nif_not_loaded).

-spec authenticate(backend(), Username :: binary(), Password :: binary(), context()) ->
    {ok, session()} | refusal().
authenticate(_Backend, _Username, _Password, _Context) -> erlang:nif_error(nif_not_loaded).

%% Replaces the session's rights by those of a new token of the same identity. All holders of the session have them.
-spec refresh(session(), Username :: binary(), Token :: binary(), context()) -> ok | refusal().
refresh(_Session, _Username, _Token, _Context) -> erlang:nif_error(nif_not_loaded).

-spec username(session()) -> binary().
username(_Session) -> erlang:nif_error(nif_not_loaded).

-spec issuer(session()) -> binary().
issuer(_Session) -> erlang:nif_error(nif_not_loaded).

%% Seconds since 1970; 2^63 - 1 if it has no end.
-spec expires_at(session()) -> integer().
expires_at(_Session) -> erlang:nif_error(nif_not_loaded).

%% Whether that backend made the session.
-spec is_of(backend(), session()) -> boolean().
is_of(_Backend, _Session) -> erlang:nif_error(nif_not_loaded).

%% Whether the backend's denied_file names the session's user, or tokens as old as the session's; not for lines with jti,
%% client_id or kid. For sessions of another backend, also one that is gone: a session of its own ends by itself.
-spec denies(backend(), session()) -> boolean().
denies(_Backend, _Session) -> erlang:nif_error(nif_not_loaded).

%% The tags, separated by commas.
-spec tags(session()) -> binary().
tags(_Session) -> erlang:nif_error(nif_not_loaded).

-spec can_access_vhost(session(), binary()) -> verdict().
can_access_vhost(_Session, _VHost) -> erlang:nif_error(nif_not_loaded).

%% RoutingKey is an atom if there is none. The empty key is one.
-spec authorize(session(), operation(), VHost :: binary(), Name :: binary(), RoutingKey :: binary() | atom()) ->
    verdict().
authorize(_Session, _Operation, _VHost, _Name, _RoutingKey) -> erlang:nif_error(nif_not_loaded).

%% Writes the log's line of a denied request, unless there are too many.
-spec report_denial(session(), operation(), VHost :: binary(), Name :: binary(), RoutingKey :: binary() | atom(),
                    context()) -> ok | error.
report_denial(_Session, _Operation, _VHost, _Name, _RoutingKey, _Context) -> erlang:nif_error(nif_not_loaded).

%% error: the text is too long.
-spec explain(session(), operation(), VHost :: binary(), Name :: binary(), RoutingKey :: binary() | atom()) ->
    {ok, Json :: binary()} | problem() | error.
explain(_Session, _Operation, _VHost, _Name, _RoutingKey) -> erlang:nif_error(nif_not_loaded).
