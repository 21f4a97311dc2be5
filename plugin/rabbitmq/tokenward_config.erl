%% Reads what the backend is created with: files and options from tokenward.*, and, where they count, the settings of
%% RabbitMQ's own backend (tokenward_auth_oauth2). The library checks all values.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_config).

-export([read/0, read/3]).

-define(APP, tokenward_rabbitmq).
-define(BUILT_IN, rabbitmq_auth_backend_oauth2).
-define(SONAME, <<"libtokenward.so.1">>).
-define(STARTUP_WAIT_S, 5).

%% The options that sections of one provider must have alike.
-define(OF_PROVIDER, [<<"issuer">>, <<"issuer_aliases">>, <<"username_prefix">>, <<"discovery_uri">>, <<"ca_file">>,
                      <<"proxy">>, <<"kubernetes">>, <<"default_key">>, <<"algorithms">>]).

-type config() :: #{library := binary(), files := [binary()], json := binary(), startup_wait_ms := 0..60000,
                    notes := [iodata()], origin := iodata()}.
-type settings() :: [{atom(), term()}].

-spec read() -> {ok, config()} | {error, iodata()}.
read() ->
    Env = application:get_all_env(?APP),
    case built_in_settings(Env) of
        {ok, Settings} -> read(Env, Settings, tokenward_broker:version());
        {error, Problem} -> {error, Problem}
    end.

%% The built-in backend's environment is of no use: RabbitMQ empties it where that backend is disabled, and the backend
%% writes keys that it has fetched into it. So: what our schema has kept of rabbitmq.conf, and advanced.config over it,
%% as RabbitMQ puts it.
built_in_settings(Env) ->
    FromConf = proplists:get_value(auth_oauth2_settings, Env, []),
    case advanced_file() of
        none -> {ok, FromConf};
        File ->
            case file:consult(File) of
                {ok, [Terms]} when is_list(Terms) ->
                    Advanced = lists:append([Settings || {?BUILT_IN, Settings} <- Terms, is_list(Settings)]),
                    {ok, lists:foldl(fun put_setting/2, FromConf, Advanced)};
                {ok, _} ->
                    {error, [File, ": must be one list of applications"]};
                {error, Reason} ->
                    {error, [File, ": ", file:format_error(Reason)]}
            end
    end.

put_setting({Key, _} = Setting, Settings) -> lists:keystore(Key, 1, Settings, Setting);
put_setting(Other, Settings) -> lists:keystore(Other, 1, Settings, {Other, true}).

advanced_file() ->
    case rabbit_prelaunch_conf:get_config_state() of
        #{config_advanced_file := File} when File =/= undefined -> File;
        _ -> none
    end.

-spec read(settings(), settings(), tokenward_broker:version()) -> {ok, config()} | {error, iodata()}.
read(Env, BuiltInSettings, Version) ->
    try own(Env) of
        #{files := Files, auth_oauth2 := Counts, options := Options} = Own ->
            BuiltIn = case Counts of
                true -> tokenward_auth_oauth2:sections(BuiltInSettings, Version);
                false -> {ok, [], []}
            end,
            case BuiltIn of
                {ok, Sections, Notes} -> together(Own, Sections, Notes, Options, Files);
                {error, Problems} -> {error, told(Problems)}
            end
    catch
        throw:{bad, Key, Why} -> {error, ["tokenward_rabbitmq ", atom_to_list(Key), ": ", Why]}
    end.

together(Own, Sections, Notes, Options, Files) ->
    All = share(Sections, lists:foldl(fun add_option/2, options_of(Sections), Options)),
    case Files =:= [] andalso missing(Sections, All) of
        [_ | _] = Problems ->
            {error, told(Problems)};
        _ ->
            {ok, (maps:with([library, startup_wait_ms, files], Own))#{
                json => json(All), notes => Notes, origin => origin(Sections)}}
    end.

options_of(Sections) ->
    maps:from_list([{Name, Options} || #{name := Name, options := Options} <- Sections]).

%% An option of tokenward.* wins over auth_oauth2.*.
add_option({Section, Option, Value}, Sections) ->
    Options = maps:get(Section, Sections, #{}),
    Sections#{Section => Options#{Option => Value}};
add_option({Section, Option, Member, Value}, Sections) ->
    Options = maps:get(Section, Sections, #{}),
    Members = case maps:get(Option, Options, #{}) of Map when is_map(Map) -> Map; _ -> #{} end,
    Sections#{Section => Options#{Option => Members#{Member => Value}}}.

%% What tokenward.* says of a provider holds for all its sections.
share(Sections, All) ->
    lists:foldl(
        fun(#{name := Name, provider := Name}, Shared) -> Shared;
           (#{name := Name, provider := Base}, Shared) ->
               OfProvider = maps:filter(
                   fun(<<"jwks_", _/bits>>, _) -> true;
                      (Option, _) -> lists:member(Option, ?OF_PROVIDER)
                   end, maps:get(Base, All, #{})),
               Shared#{Name => maps:merge(maps:get(Name, All, #{}), OfProvider)}
        end, All, Sections).

%% What the library would miss, one thing a start.
missing([], _) ->
    [];
missing(Sections, All) ->
    Bases = lists:usort([Base || #{provider := Base} <- Sections]),
    NoIssuer = [[option_name(Base, "issuer"), ": is missing: set it to what iss says in the tokens"] ||
                   Base <- Bases, not has_any(Base, [<<"issuer">>, <<"kubernetes">>], All)],
    NoAudience = [[option_name(Name, "audience"), ": is missing, and so is resource_server_id: set one of them"] ||
                     #{name := Name} <- Sections,
                     not has_any(Name, [<<"audience">>, <<"resource_server_id">>], All), verifies(Name, All)],
    NoPrefix = [Base || Base <- Bases, not has_any(Base, [<<"username_prefix">>], All)],
    NoIssuer ++ NoAudience ++
    [[option_name(Base, "username_prefix"), ": is missing: users of several providers need different names, so each "
      "provider but one needs one"] || length(NoPrefix) > 1, Base <- tl(NoPrefix)].

has_any(Section, Options, All) ->
    Set = maps:get(Section, All, #{}),
    lists:any(fun(Option) -> not lists:member(maps:get(Option, Set, <<>>), [<<>>, []]) end, Options).

verifies(Section, All) ->
    not lists:member(maps:get(<<"verify_aud">>, maps:get(Section, All, #{}), true), [false, <<"false">>]).

option_name(<<"oauth">>, Option) -> ["tokenward.", Option];
option_name(Section, Option) -> ["tokenward.", Section, ".", Option].

told([Problem]) -> Problem;
told(Problems) ->
    [integer_to_list(length(Problems)), " settings can't be taken over:" | [["\n  ", Problem] || Problem <- Problems]].

json(Sections) when map_size(Sections) =:= 0 ->
    <<>>;
json(Sections) ->
    iolist_to_binary(rabbit_json:encode(Sections)).

%% The library's messages name its own options. An operator who wrote auth_oauth2.* is told where to set those.
origin([]) ->
    "";
origin(_) ->
    "; auth_oauth2.* settings count here: set what they lack in tokenward.*, or turn them off by "
    "tokenward.auth_oauth2 = false".

%% ---- tokenward.*: rabbitmq.conf gives the right types, advanced.config whatever stands there -------------------------

own(Env) ->
    Files = case proplists:get_value(config_files, Env, []) of
        [Char | _] when is_integer(Char) -> bad(config_files, "must be a list of paths: [\"/etc/tokenward/tokenward.ini\"]");
        List when is_list(List) -> [text(config_files, File) || File <- List];
        _ -> bad(config_files, "must be a list of paths: [\"/etc/tokenward/tokenward.ini\"]")
    end,
    Wait = case proplists:get_value(startup_wait, Env, ?STARTUP_WAIT_S) of
        Seconds when is_integer(Seconds), Seconds >= 0, Seconds =< 60 -> Seconds;
        _ -> bad(startup_wait, "must be a number of seconds from 0 to 60")
    end,
    Counts = case proplists:get_value(auth_oauth2, Env, Files =:= []) of
        Boolean when is_boolean(Boolean) -> Boolean;
        _ -> bad(auth_oauth2, "must be true or false")
    end,
    Options = case proplists:get_value(options, Env, []) of
        Given when is_list(Given) -> [option(Option) || Option <- Given];
        _ -> bad_option()
    end,
    #{files => Files, startup_wait_ms => 1000 * Wait, auth_oauth2 => Counts, options => Options,
      library => text(library, proplists:get_value(library, Env, ?SONAME))}.

option(Option) when is_tuple(Option), tuple_size(Option) =:= 3; tuple_size(Option) =:= 4 ->
    list_to_tuple([text(options, Element) || Element <- tuple_to_list(Option)]);
option(_) ->
    bad_option().

-spec bad_option() -> no_return().
bad_option() ->
    bad(options, "must be a list of {Section, Option, Value}: [{\"oauth\", \"issuer\", \"https://...\"}]").

text(_, Text) when is_binary(Text) -> Text;
text(_, Text) when is_atom(Text) -> atom_to_binary(Text);
text(_, Number) when is_integer(Number) -> integer_to_binary(Number);
text(Key, Text) when is_list(Text) ->
    try unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> Binary;
        _ -> bad(Key, "must be a text")
    catch
        error:_ -> bad(Key, "must be a text")
    end;
text(Key, _) ->
    bad(Key, "must be a text").

-spec bad(atom(), iodata()) -> no_return().
bad(Key, Why) ->
    throw({bad, Key, Why}).
