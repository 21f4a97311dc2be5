%% Translates the settings of RabbitMQ's own OAuth 2 backend, in the form that its environment has, to sections of
%% Tokenward's options. What can't be honoured is refused by its name in rabbitmq.conf, all of it at once.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_auth_oauth2).

-export([sections/2]).

-type settings() :: [{atom(), term()}].
-type section() :: #{name := binary(),      %% oauth or oauth.NAME
                     provider := binary(),  %% the first section of the same provider
                     options := #{binary() => term()}}.
-type problem() :: iodata().
%% What one setting means. The name of an option is a binary. An atom names what is put together with others later.
-type outcome() :: {set, binary() | atom(), term()} | {note, iodata()} | {problem, problem()}.
-export_type([section/0]).

-define(PREFIX, "auth_oauth2.").
-define(HTTPS, [peer_verification, verify, cacertfile, cacerts, depth, hostname_verification, crl_check,
                fail_if_no_peer_cert]).

%% The options of the provider. All other options are those of a resource server.
-define(OF_PROVIDER, [<<"issuer">>, <<"ca_file">>, <<"default_key">>, <<"algorithms">>, jwks_uri, jwks_url, signing_keys,
                      discovery_path, discovery_params]).
-define(ALGORITHMS, [<<"RS256">>, <<"RS384">>, <<"RS512">>, <<"PS256">>, <<"PS384">>, <<"PS512">>, <<"ES256">>,
                     <<"ES384">>, <<"ES512">>, <<"EdDSA">>, <<"Ed25519">>]).
-define(DISCOVERY_PATH, <<"/.well-known/openid-configuration">>).
%% The first version whose own backend replaces {vhost} and {CLAIM} in scopes.
-define(EXPANDS_SINCE, [3, 11, 14]).

-spec sections(settings(), tokenward_broker:version()) -> {ok, [section()], Notes :: [iodata()]} | {error, [problem()]}.
sections(Settings, Version) ->
    {Main, MainOutcomes} = section(named(main, ?PREFIX, Settings)),
    {Providers, ProviderOutcomes} = members(Settings, oauth_providers, provider),
    {Servers, ServerOutcomes} = members(Settings, resource_servers, server),
    {Placed, PlacedOutcomes} = place(Main, servers(Main, Servers, default_provider(Settings)), Providers),
    Outcomes = MainOutcomes ++ ProviderOutcomes ++ ServerOutcomes ++ PlacedOutcomes,
    case [Problem || {problem, Problem} <- Outcomes] of
        [] ->
            {Sections, Problems} = with_files([with_defaults(Section, Version) || Section <- Placed]),
            Notes = lists:usort([unicode:characters_to_binary(Note) || {note, Note} <- Outcomes]),
            case Problems of
                [] -> {ok, Sections, Notes};
                _ -> {error, Problems}
            end;
        Problems ->
            {error, Problems}
    end.

%% What the built-in backend does without being told.
with_defaults(#{options := Options} = Section, Version) ->
    Always = #{<<"resource_access">> => false},  % it reads no roles there, unless additional_scopes_key names them
    Expands = case Version =/= unknown andalso Version >= ?EXPANDS_SINCE of
        true -> #{<<"expand_variables">> => true};
        false -> #{}
    end,
    Section#{options => maps:merge(maps:merge(Always, Expands), Options)}.

%% ---- settings by their names in rabbitmq.conf ---------------------------------------------------------------------

%% {Name in rabbitmq.conf, Key, Value} for each setting. One that RabbitMQ doesn't read at its place is unknown there.
named(Place, Prefix, Settings) ->
    lists:flatmap(
        fun({_, undefined}) -> [];
           ({key_config, Inner}) when Place =:= main -> within(key_config, Prefix, Inner);
           ({https, Inner}) when Place =:= provider -> within(https, Prefix, Inner);
           ({Key, Value}) ->
               case lists:member(Key, known(Place)) of
                   true -> [{[Prefix, name_of(Key)], Key, Value}];
                   false -> [{io_lib:format("~ts~ts~tp", [Prefix, within_name(Place), Key]), unknown, Value}]
               end
        end, Settings).

within(Place, Prefix, Inner) ->
    case pairs(Inner) of
        {ok, Pairs} -> named(Place, Prefix, Pairs);
        error -> [{[Prefix, atom_to_list(Place)], malformed, Inner}]
    end.

known(main) ->
    [issuer, jwks_uri, default_oauth_provider, oauth_providers, resource_servers, resource_server_id, use_global_locks] ++
    of_server() ++ endpoints();
known(key_config) -> [jwks_url, default_key, signing_keys, algorithms | known(https)];
known(https) -> ?HTTPS;
known(provider) -> [issuer, jwks_uri, default_key, signing_keys, algorithms, id | endpoints()];
known(server) -> [id, oauth_provider_id | of_server()].

of_server() ->
    [scope_prefix, resource_server_type, verify_aud, require_exp, extra_scopes_source, preferred_username_claims,
     scope_aliases, scope_pattern_syntax].

endpoints() ->
    [token_endpoint, authorization_endpoint, end_session_endpoint, discovery_endpoint_path, discovery_endpoint_params].

within_name(key_config) -> "key_config.";
within_name(https) -> "https.";
within_name(_) -> "".

name_of(extra_scopes_source) -> "additional_scopes_key";
name_of(Key) ->
    case lists:member(Key, ?HTTPS) of
        true -> ["https.", atom_to_list(Key)];
        false -> atom_to_list(Key)
    end.

pairs(Map) when is_map(Map) -> {ok, lists:sort(maps:to_list(Map))};
pairs(List) when is_list(List) ->
    case lists:all(fun(Element) -> is_tuple(Element) andalso tuple_size(Element) =:= 2 end, List) of
        true -> {ok, List};
        false -> error
    end;
pairs(_) -> error.

%% oauth_providers and resource_servers: [{Name, Settings, Options}], and what else was found.
members(Settings, Key, Place) ->
    Title = [?PREFIX, atom_to_list(Key)],
    case pairs(proplists:get_value(Key, Settings, [])) of
        {ok, Members} ->
            Read = [member(Place, Title, Name, Inner) || {Name, Inner} <- Members],
            {[Member || {Member, _} <- Read, Member =/= none], lists:append([Outcomes || {_, Outcomes} <- Read])};
        error ->
            {[], [{problem, [Title, ": must be a map from names to settings"]}]}
    end.

member(Place, Title, RawName, Inner) ->
    try {text(RawName), pairs(Inner)} of
        {Name, {ok, Settings}} ->
            {Options, Outcomes} = section(named(Place, [Title, ".", Name, "."], Settings)),
            {{Name, Settings, Options}, Outcomes};
        {Name, error} ->
            {none, [{problem, [Title, ".", Name, ": must be a list of settings"]}]}
    catch
        throw:{bad, Why} -> {none, [{problem, [Title, ": a name ", Why]}]}
    end.

default_provider(Settings) ->
    case proplists:get_value(default_oauth_provider, Settings) of
        undefined -> root;
        Name -> try text(Name) catch throw:{bad, _} -> root end  % refused as a setting
    end.

%% ---- one setting ----------------------------------------------------------------------------------------

section(Named) ->
    Outcomes = lists:flatmap(fun outcomes/1, Named),
    {maps:from_list([{Option, Value} || {set, Option, Value} <- Outcomes]),
     [Outcome || Outcome <- Outcomes, element(1, Outcome) =/= set]}.

-spec outcomes({iodata(), atom(), term()}) -> [outcome()].
outcomes({Name, Key, Value}) ->
    try setting(Key, Value) of
        nothing -> [];
        {set, _, _} = Set -> [Set];
        {without_effect, Why} -> [{note, [Name, " has no effect: ", Why]}];
        {set, Option, Read, Note} -> [{set, Option, Read}, {note, [Name, ": ", Note]}]
    catch
        throw:{bad, Why} -> [{problem, [Name, ": ", Why]}];
        throw:{bad, Inner, Why} -> [{problem, [Name, ".", Inner, ": ", Why]}]
    end.

%% Settings that have an option of the same meaning. RabbitMQ compares some of them as binaries: strings never counted.
setting(resource_server_id, Value) -> {set, <<"resource_server_id">>, text(Value)};
setting(Key, Value) when Key =:= scope_prefix; Key =:= resource_server_type; Key =:= default_key ->
    {set, atom_to_binary(Key), binary_text(Value)};
setting(issuer, Value) -> {set, <<"issuer">>, text(Value)};
setting(Key, Value) when Key =:= jwks_uri; Key =:= jwks_url -> {set, Key, text(Value)};
setting(cacertfile, Value) -> {set, <<"ca_file">>, text(Value)};
setting(Key, Value) when Key =:= verify_aud; Key =:= require_exp ->
    {set, atom_to_binary(Key), boolean(Value)};
setting(algorithms, Value) ->
    algorithms(binaries(Value, "[<<\"RS256\">>]"));
setting(extra_scopes_source, Value) ->
    {set, <<"additional_scopes_keys">>, binary:split(binary_text(Value), <<" ">>, [global, trim_all])};
setting(preferred_username_claims, Value) ->
    Claims = case is_binary(Value) of
        true -> [binary_text(Value)];
        false -> binaries(Value, "[<<\"user_name\">>]")
    end,
    Standard = [Claim || Claim <- [<<"sub">>, <<"client_id">>], not lists:member(Claim, Claims)],
    {set, <<"preferred_username_claims">>, Claims ++ Standard};
setting(scope_aliases, Value) when is_map(Value) ->
    {set, <<"scope_aliases">>, maps:from_list([alias(Alias, Scopes) || {Alias, Scopes} <- maps:to_list(Value)])};
setting(scope_aliases, _) ->
    bad("must be a map: #{<<\"alias\">> => [<<\"scope\">>]}");
setting(signing_keys, Value) when is_map(Value) ->
    {set, signing_keys, [signing_key(Id, Key) || {Id, Key} <- lists:sort(maps:to_list(Value))]};
setting(signing_keys, _) ->
    bad("must be a map: #{<<\"kid\">> => {pem_file, \"/path\"}}");
setting(discovery_endpoint_path, Value) -> {set, discovery_path, text(Value)};
setting(discovery_endpoint_params, Value) ->
    case pairs(Value) of
        {ok, Params} -> {set, discovery_params, [{text(Name), text(Param)} || {Name, Param} <- Params]};
        error -> bad("must be a list of names and values: [{<<\"appid\">>, <<\"...\">>}]")
    end;

%% Settings without effect, and settings that can't be honoured.
setting(Key, _) when Key =:= depth; Key =:= hostname_verification; Key =:= fail_if_no_peer_cert ->
    {without_effect, "host names and chains are always verified"};
setting(Key, _) when Key =:= token_endpoint; Key =:= authorization_endpoint; Key =:= end_session_endpoint ->
    {without_effect, "a broker that checks tokens doesn't use it"};
setting(Key, Value) when Key =:= peer_verification; Key =:= verify ->
    case Value of
        verify_peer -> nothing;
        verify_none -> bad("verify_none can't be honoured: the provider is always verified; name its CA in "
                           "https.cacertfile or tokenward.ca_file");
        _ -> bad("must be verify_peer")
    end;
setting(cacerts, _) ->
    bad("can't be taken over: name a file in PEM in https.cacertfile");
setting(crl_check, false) -> nothing;
setting(crl_check, _) ->
    bad("revocation lists aren't read: set it to false or leave it out");
setting(scope_pattern_syntax, Value) when Value =:= wildcard; Value =:= <<"wildcard">> -> nothing;
setting(scope_pattern_syntax, _) ->
    bad("only wildcard is known: write the scopes with *");

%% Settings that other parts of this module read.
setting(Key, Value) when Key =:= default_oauth_provider; Key =:= oauth_provider_id; Key =:= id ->
    _ = text(Value),
    nothing;
setting(Key, _) when Key =:= resource_servers; Key =:= oauth_providers -> nothing;
%% How nodes agree on who fetches keys.
setting(use_global_locks, _) -> nothing;
setting(malformed, _) ->
    bad("must be a list of pairs: [{name, value}]");
setting(unknown, _) ->
    bad("isn't understood: say it in tokenward.*, or set tokenward.auth_oauth2 = false").

algorithms([]) ->
    bad("must name one");
algorithms(Names) ->
    Known = [Name || Name <- Names, lists:member(Name, ?ALGORITHMS)],
    case Names -- Known of
        [] -> {set, <<"algorithms">>, Known};
        Others when Known =/= [] -> {set, <<"algorithms">>, Known, [lists:join(" ", Others), " isn't accepted here"]};
        Others -> bad([lists:join(" ", Others), " isn't accepted here: name one of ", lists:join(" ", ?ALGORITHMS)])
    end.

%% RabbitMQ takes a binary as one scope, and would take a string as a list of characters.
alias(Alias, Scopes) ->
    List = case Scopes of
        [Char | _] when is_integer(Char) -> [];
        _ when is_list(Scopes) -> Scopes;
        _ -> [Scopes]
    end,
    try {binary_text(Alias), [text(Scope) || Scope <- List]} of
        {Name, [_ | _] = Texts} ->
            case [Text || Text <- Texts, binary:match(Text, <<" ">>) =/= nomatch] of
                [] -> {Name, Texts};
                _ -> throw({bad, Name, "a scope has no spaces: write [<<\"scope\">>, <<\"scope\">>]"})
            end;
        {Name, []} ->
            throw({bad, Name, "must be a list of binaries: [<<\"scope\">>]"})
    catch
        throw:{bad, Why} -> bad(["an alias ", Why])
    end.

signing_key(RawId, Key) ->
    Id = binary_text(RawId),
    Read = try key(Id, Key) catch throw:{bad, Why} -> {error, Why} end,
    case Read of
        {ok, Jwk} -> Jwk;
        {error, Problem} -> throw({bad, Id, Problem})
    end.

key(Id, {pem, Pem}) -> tokenward_static_keys:jwk(Id, text(Pem));
key(Id, {pem_file, File}) ->
    Path = text(File),
    case file:read_file(Path) of
        {ok, Pem} -> tokenward_static_keys:jwk(Id, Pem);
        {error, Reason} -> {error, ["can't read ", Path, ": ", file:format_error(Reason)]}
    end;
key(Id, {map, Jwk}) when is_map(Jwk) -> tokenward_static_keys:public_jwk(Id, Jwk);
key(Id, {json, Jwk}) when is_map(Jwk) -> tokenward_static_keys:public_jwk(Id, Jwk);
key(Id, {json, Json}) -> tokenward_static_keys:public_jwk(Id, text(Json));
key(_, _) -> {error, "must be {pem, Text}, {pem_file, Path}, {map, Jwk} or {json, Text}"}.

%% ---- resource servers and providers -------------------------------------------------------------------------------

%% A list of {Provider, Name, Options}, one for each resource server; Provider is a name or root. The main settings may be
%% a resource server themselves; the others inherit from them.
servers(Main, Others, Default) ->
    Common = maps:without(?OF_PROVIDER, Main),
    RootId = case maps:get(<<"resource_server_id">>, Common, <<>>) of <<>> -> none; Id -> Id end,
    Different = [Server || {Name, _, _} = Server <- Others, Name =/= RootId],
    [{Default, root, Common, []} || RootId =/= none orelse Different =:= []] ++
    [{provider_of(Settings, Default), Name, maps:merge(Common, Options#{<<"resource_server_id">> => Name}), Settings} ||
        {Name, Settings, Options} <- Different].

provider_of(Settings, Default) ->
    case proplists:get_value(oauth_provider_id, Settings) of
        undefined -> Default;
        Name -> try text(Name) catch throw:{bad, _} -> Default end  % refused as a setting
    end.

%% A section for each resource server. Those of one provider share its issuer, and aud tells their tokens apart.
place(Main, Servers, Providers) ->
    Used = lists:usort([Provider || {Provider, _, _, _} <- Servers]),
    Unused = [{note, [?PREFIX "oauth_providers.", Name, " has no effect: no resource server uses it"]} ||
                 {Name, _, _} <- Providers, not lists:member(Name, Used)],
    Placed = [place_provider(Provider, provider(Provider, Main, Providers),
                             [Server || {Of, _, _, _} = Server <- Servers, Of =:= Provider]) || Provider <- Used],
    Sections = [Section || {Some, _} <- Placed, #{options := Options} = Section <- Some, map_size(Options) > 0],
    Names = [Name || #{name := Name} <- Sections],
    Twice = [{problem, [?PREFIX "resource_servers: two of them would be the section [", Name, "]: rename one"]} ||
                Name <- lists:usort(Names -- lists:usort(Names))],
    {Sections, Unused ++ lists:append([Outcomes || {_, Outcomes} <- Placed]) ++ Twice}.

provider(root, Main, _) ->
    {?PREFIX, maps:with(?OF_PROVIDER, Main)};
provider(Name, _, Providers) ->
    case lists:keyfind(Name, 1, Providers) of
        {Name, _, Options} -> {[?PREFIX "oauth_providers.", Name, "."], Options};
        false -> none
    end.

place_provider(Name, none, _) ->
    {[], [{problem, [?PREFIX "oauth_providers: there is no provider ", Name]}]};
place_provider(Provider, {Prefix, Raw}, Servers) ->
    Base = section_name(Provider),
    {Options, Outcomes} = key_source(Prefix, Raw),
    Several = length(Servers) > 1,
    Sections = [#{name => section_name(Base, Provider, Name, Index), provider => Base,
                  options => maps:merge(Options, ServerOptions)} ||
                   {Index, {_, Name, ServerOptions, _}} <- lists:enumerate(Servers)],
    Checked = [Outcome || {_, Name, ServerOptions, Settings} <- Servers,
                          Outcome <- check_server(Name, ServerOptions, Settings, Several)],
    Told = [{note, [?PREFIX "resource_servers: ", Id, " is the section [", Section, "]"]} ||
               #{name := Section, options := #{<<"resource_server_id">> := Id}} <- Sections, Several],
    {Sections, Outcomes ++ Checked ++ Told}.

check_server(root, Options, _, Several) ->
    check_audience(?PREFIX, Options, Several);
check_server(Name, Options, Settings, Several) ->
    Prefix = [?PREFIX "resource_servers.", Name, "."],
    Id = try text(proplists:get_value(id, Settings, Name)) catch throw:{bad, _} -> Name end,
    [{problem, [Prefix, "id: ", Id, " isn't the key under which it stands: RabbitMQ takes none of its settings then"]} ||
        Id =/= Name] ++
    check_audience(Prefix, Options, Several).

check_audience(Prefix, #{<<"verify_aud">> := false}, true) ->
    [{problem, [Prefix, "verify_aud: several resource servers have this provider, and aud must tell their tokens apart: "
                "leave it out"]}];
check_audience(_, _, _) ->
    [].

section_name(root) -> <<"oauth">>;
section_name(Provider) -> <<"oauth.", (plain(Provider))/binary>>.

%% The first resource server of a provider has the provider's section.
section_name(Base, _, _, 1) -> Base;
section_name(_, root, Server, _) -> <<"oauth.", (plain(Server))/binary>>;
section_name(Base, _, Server, _) -> <<Base/binary, "-", (plain(Server))/binary>>.

%% What the name of a section may hold.
plain(Name) ->
    << <<(case is_plain(Char) of true -> Char; false -> $_ end)>> || <<Char>> <= Name >>.

is_plain(Char) ->
    (Char >= $a andalso Char =< $z) orelse (Char >= $A andalso Char =< $Z) orelse
    (Char >= $0 andalso Char =< $9) orelse Char =:= $_ orelse Char =:= $-.

%% Where a provider's keys come from: jwks_uri, else jwks_url, else discovery; beside that, the signing keys.
key_source(Prefix, Raw) ->
    Options = maps:filter(fun(Key, _) -> is_binary(Key) end, Raw),
    Uri = maps:get(jwks_uri, Raw, maps:get(jwks_url, Raw, none)),
    {Discovery, Notes} = discovery_uri(Prefix, maps:get(<<"issuer">>, Options, none), Uri, Raw),
    Fetches = Uri =/= none orelse maps:is_key(<<"issuer">>, Options),
    {maps:merge(Options, maps:from_list(
         [{<<"jwks_uri">>, Uri} || Uri =/= none] ++
         [{<<"discovery_uri">>, Discovery} || Discovery =/= none] ++
         case maps:get(signing_keys, Raw, []) of
             [] -> [];
             Keys -> [{signing_keys, Keys}] ++ [{<<"jwks_file_beside">>, true} || Fetches]
         end)),
     Notes}.

discovery_uri(Prefix, Issuer, JwksUri, Raw) ->
    Path = case maps:get(discovery_path, Raw, ?DISCOVERY_PATH) of
        <<"/", _/bits>> = Absolute -> Absolute;
        Relative -> <<"/", Relative/binary>>
    end,
    Params = maps:get(discovery_params, Raw, []),
    Why = case {Issuer, JwksUri} of
        {none, _} -> "there is no issuer";
        {_, none} -> none;
        _ -> "the keys come from jwks_uri"
    end,
    case {Path, Params} of
        {?DISCOVERY_PATH, []} ->
            {none, []};
        _ when Why =/= none ->
            {none, [{note, [Prefix, Name, " has no effect: ", Why]} ||
                       {Key, Name} <- [{discovery_path, "discovery_endpoint_path"},
                                       {discovery_params, "discovery_endpoint_params"}], maps:is_key(Key, Raw)]};
        _ ->
            {discovery_uri(Issuer, Path, Params), []}
    end.

discovery_uri(Issuer, Path, Params) ->
    Base = string:trim(Issuer, trailing, "/"),
    Query = case Params of
        [] -> <<>>;
        _ -> [$?, uri_string:compose_query(Params)]
    end,
    iolist_to_binary([Base, Path, Query]).

%% Writes the signing keys, once for each provider.
with_files(Sections) ->
    Written = maps:from_list([{Base, tokenward_static_keys:write(unicode:characters_to_list(Base), Keys)} ||
        #{provider := Base, options := #{signing_keys := Keys}} <- Sections]),
    Problems = [[?PREFIX "signing_keys: ", Problem] || {_, {error, Problem}} <- maps:to_list(Written)],
    Placed = [case {maps:take(signing_keys, Options), maps:get(Base, Written, none)} of
                  {{_, Rest}, {ok, File}} -> Section#{options => Rest#{<<"jwks_file">> => File}};
                  {{_, Rest}, _} -> Section#{options => Rest};
                  {error, _} -> Section
              end || #{provider := Base, options := Options} = Section <- Sections],
    {Placed, Problems}.

%% ---- values ---------------------------------------------------------------------------------------------

-spec bad(iodata()) -> no_return().
bad(Why) ->
    throw({bad, Why}).

binary_text(Text) when is_binary(Text) -> text(Text);
binary_text(_) -> bad("must be a binary: <<\"text\">>").

%% A binary, a string or a name.
text(Text) when is_binary(Text) ->
    case unicode:characters_to_list(Text) of
        List when is_list(List) -> Text;
        _ -> bad("must be text in UTF-8")
    end;
text(Text) when is_atom(Text) -> atom_to_binary(Text);
text([]) -> <<>>;
text([Char | _] = Text) when is_integer(Char) ->
    try unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> Binary;
        _ -> bad("must be a text")
    catch
        error:_ -> bad("must be a text")
    end;
text(_) -> bad("must be a text").

binaries([_ | _] = List, Example) ->
    case lists:all(fun is_binary/1, List) of
        true -> [binary_text(Element) || Element <- List];
        false -> bad(["must be a list of binaries: ", Example])
    end;
binaries([], _) -> [];
binaries(_, Example) -> bad(["must be a list of binaries: ", Example]).

boolean(Value) when is_boolean(Value) -> Value;
boolean(_) -> bad("must be true or false").
