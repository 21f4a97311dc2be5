%% Reads what the backend is created with: files and options from tokenward.*, and, where they count, the settings of
%% RabbitMQ's own backend (tokenward_auth_oauth2). The library checks all values.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_config).

-export([read/0, read/2]).

-define(APP, tokenward_rabbitmq).
-define(SONAME, <<"libtokenward.so.1">>).
-define(STARTUP_WAIT_S, 5).

-type config() :: #{library := binary(), files := [binary()], json := binary(), startup_wait_ms := 0..60000,
                    notes := [iodata()], origin := iodata()}.

-spec read() -> {ok, config()} | {error, iodata()}.
read() ->
    read(application:get_all_env(?APP), application:get_all_env(rabbitmq_auth_backend_oauth2)).

-spec read([{atom(), term()}], [{atom(), term()}]) -> {ok, config()} | {error, iodata()}.
read(Env, BuiltInEnv) ->
    Files = [text(File) || File <- proplists:get_value(config_files, Env, [])],
    BuiltIn = case proplists:get_value(auth_oauth2, Env, Files =:= []) of
        true -> tokenward_auth_oauth2:sections(BuiltInEnv);
        false -> {ok, #{}, []}
    end,
    case BuiltIn of
        {ok, Sections, Notes} ->
            All = lists:foldl(fun add_option/2, Sections, proplists:get_value(options, Env, [])),
            {ok, #{library => text(proplists:get_value(library, Env, ?SONAME)), files => Files, json => json(All),
                   startup_wait_ms => 1000 * proplists:get_value(startup_wait, Env, ?STARTUP_WAIT_S),
                   notes => Notes, origin => origin(Sections)}};
        {error, Problem} ->
            {error, Problem}
    end.

%% An option of tokenward.* wins over auth_oauth2.*.
add_option({Section, Option, Value}, Sections) ->
    Name = text(Section),
    Options = maps:get(Name, Sections, #{}),
    Sections#{Name => Options#{text(Option) => text(Value)}};
add_option({Section, Option, Member, Value}, Sections) ->
    Name = text(Section),
    Options = maps:get(Name, Sections, #{}),
    Members = maps:get(text(Option), Options, #{}),
    Sections#{Name => Options#{text(Option) => Members#{text(Member) => text(Value)}}}.

json(Sections) when map_size(Sections) =:= 0 ->
    <<>>;
json(Sections) ->
    iolist_to_binary(rabbit_json:encode(Sections)).

%% The library's messages name its own options. An operator who wrote auth_oauth2.* is told where to set those.
origin(Sections) when map_size(Sections) =:= 0 ->
    "";
origin(_) ->
    "; auth_oauth2.* settings count here: set what they lack in tokenward.*, or turn them off by "
    "tokenward.auth_oauth2 = false".

text(Text) when is_binary(Text) -> Text;
text(Text) when is_atom(Text) -> atom_to_binary(Text);
text(Text) -> unicode:characters_to_binary(Text).
