%% Translates the settings of RabbitMQ's own OAuth 2 backend, which lie in its application's environment, to Tokenward's
%% options. A setting that can't be honoured is refused by its name in rabbitmq.conf.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_auth_oauth2).

-export([sections/1]).

-type section() :: #{binary() => term()}.
-type refusal() :: {error, iodata()}.

-define(PREFIX, "auth_oauth2.").

%% The options of the provider. All other options are those of a resource server.
-define(OF_PROVIDER,
        [<<"issuer">>, <<"jwks_uri">>, <<"jwks_file">>, <<"ca_file">>, <<"default_key">>, <<"algorithms">>]).

-spec sections([{atom(), term()}]) -> {ok, #{binary() => section()}, Notes :: [iodata()]} | refusal().
sections(Env) ->
    try
        {Main, MainNotes} = section(?PREFIX, "oauth", flat(Env)),
        Default = case proplists:get_value(default_oauth_provider, Env) of undefined -> root; Name -> text(Name) end,
        Providers = maps:from_list([{text(Name), Provider} ||
            {Name, Provider} <- list(proplists:get_value(oauth_providers, Env, []))]),
        {Servers, ServerNotes} = servers(Main, Default, list(proplists:get_value(resource_servers, Env, []))),
        {Sections, ProviderNotes} = with_providers(Main, Servers, Providers),
        {ok, maps:filter(fun(_, Options) -> map_size(Options) > 0 end, Sections),
         lists:usort(MainNotes ++ ServerNotes ++ ProviderNotes)}
    catch
        throw:{refused, Problem} -> {error, Problem}
    end.

%% 4.x keeps some settings in key_config, 3.10 nearly all.
flat(Env) ->
    lists:keydelete(key_config, 1, Env) ++ list(proplists:get_value(key_config, Env, [])).

list(Map) when is_map(Map) -> maps:to_list(Map);
list(List) when is_list(List) -> List;
list(_) -> [].

%% ---- one section -----------------------------------------------------------------------------------------

section(Prefix, Name, Settings) ->
    {Options, Notes} = lists:foldl(
        fun(Setting, {Map, Notes}) ->
            case setting(Prefix, Name, Setting) of
                {set, More} -> {maps:merge(Map, More), Notes};
                {note, Note} -> {Map, [Note | Notes]};
                {both, More, Some} -> {maps:merge(Map, More), Some ++ Notes};
                nothing -> {Map, Notes}
            end
        end, {#{}, []}, Settings),
    case Options of
        #{<<"jwks_file">> := _, <<"jwks_uri">> := _} ->
            refuse(Prefix, "signing_keys", "can't be used together with jwks_url or jwks_uri: keep one of them");
        _ ->
            {Options, Notes}
    end.

%% Settings that have an option of the same meaning.
setting(_, _, {Key, Value}) when Key =:= resource_server_id; Key =:= issuer; Key =:= scope_prefix;
                                 Key =:= default_key; Key =:= jwks_uri; Key =:= resource_server_type ->
    {set, #{atom_to_binary(Key) => text(Value)}};
setting(_, _, {Key, Value}) when Key =:= verify_aud; Key =:= require_exp ->
    {set, #{atom_to_binary(Key) => not is_false(Value)}};
setting(_, _, {jwks_url, Value}) ->
    {set, #{<<"jwks_uri">> => text(Value)}};
setting(_, _, {cacertfile, Value}) ->
    {set, #{<<"ca_file">> => text(Value)}};
setting(_, _, {algorithms, Values}) ->
    {set, #{<<"algorithms">> => [text(Value) || Value <- list(Values)]}};
setting(_, _, {extra_scopes_source, Value}) ->
    {set, #{<<"additional_scopes_keys">> => binary:split(text(Value), <<" ">>, [global, trim_all])}};
setting(_, _, {preferred_username_claims, Values}) ->
    Claims = [text(Value) || Value <- list(Values)],
    Standard = [Claim || Claim <- [<<"sub">>, <<"client_id">>], not lists:member(Claim, Claims)],
    {set, #{<<"preferred_username_claims">> => Claims ++ Standard}};
setting(_, _, {scope_aliases, Aliases}) ->
    Map = maps:from_list([{text(Alias), scopes(Scopes)} || {Alias, Scopes} <- list(Aliases)]),
    {set, #{<<"scope_aliases">> => Map}};
setting(Prefix, Name, {signing_keys, Keys}) ->
    case list(Keys) of
        [] -> nothing;
        Pairs -> {set, #{<<"jwks_file">> => static_keys(Prefix, Name, Pairs)}}
    end;
setting(Prefix, Name, {https, Settings}) ->
    {Options, Notes} = section(Prefix, Name, list(Settings)),
    {both, Options, Notes};

%% Settings without effect, and settings that can't be honoured.
setting(Prefix, _, {Key, _}) when Key =:= depth; Key =:= hostname_verification; Key =:= fail_if_no_peer_cert ->
    without_effect(Prefix, "https." ++ atom_to_list(Key), "host names and chains are always verified");
setting(Prefix, _, {Key, _}) when Key =:= token_endpoint; Key =:= authorization_endpoint;
                                  Key =:= end_session_endpoint ->
    without_effect(Prefix, atom_to_list(Key), "a broker that checks tokens doesn't use it");
setting(Prefix, _, {Key, Value}) when Key =:= peer_verification; Key =:= verify ->
    case text(Value) of
        <<"verify_peer">> -> nothing;
        _ -> refuse(Prefix, "https." ++ atom_to_list(Key), [text(Value), " can't be honoured: the provider is always "
                    "verified; name its CA in auth_oauth2.https.cacertfile or tokenward.ca_file"])
    end;
setting(Prefix, _, {crl_check, Value}) ->
    case text(Value) of
        <<"false">> -> nothing;
        _ -> refuse(Prefix, "https.crl_check", "revocation lists aren't read: set it to false or leave it out")
    end;
setting(Prefix, _, {scope_pattern_syntax, Value}) ->
    case text(Value) of
        <<"wildcard">> -> nothing;
        _ -> refuse(Prefix, "scope_pattern_syntax", "only wildcard is known: write the scopes with *")
    end;
setting(Prefix, _, {Key, Value}) when Key =:= discovery_endpoint_path; Key =:= discovery_endpoint_params ->
    case text_or_list(Value) of
        <<".well-known/openid-configuration">> -> nothing;
        [] -> nothing;
        _ -> refuse(Prefix, atom_to_list(Key), "can't be honoured: set the jwks_uri that the provider names there")
    end;

%% Settings that other parts of this module read.
setting(_, _, {Key, _}) when Key =:= resource_servers; Key =:= oauth_providers; Key =:= default_oauth_provider;
                             Key =:= use_global_locks; Key =:= id; Key =:= oauth_provider_id ->
    nothing;
setting(Prefix, _, {Key, _}) when is_atom(Key) ->
    refuse(Prefix, atom_to_list(Key), "isn't understood: say it in tokenward.*, or set tokenward.auth_oauth2 = false");
setting(_, _, _) ->
    nothing.

%% ---- several sections --------------------------------------------------------------------------------------------

%% A list of {Provider, Options}, one for each resource server; Provider is a name or root. The main settings may be a
%% resource server themselves; the others inherit from them.
servers(Main, Default, Others) ->
    Common = maps:without(?OF_PROVIDER, Main),
    RootId = maps:get(<<"resource_server_id">>, Common, none),
    Named = [{text(proplists:get_value(id, Server, Name)), Server} || {Name, Server} <- Others],
    Different = [{Id, Server} || {Id, Server} <- Named, Id =/= RootId],
    Root = [{Default, Common} || RootId =/= none orelse Different =:= []],
    lists:foldl(
        fun({Id, Server}, {Servers, Notes}) ->
            {Options, More} = section(?PREFIX "resource_servers.", "", Server),
            Provider = case proplists:get_value(oauth_provider_id, Server) of
                undefined -> Default;
                Name -> text(Name)
            end,
            {[{Provider, maps:merge(Common, Options#{<<"resource_server_id">> => Id})} | Servers], More ++ Notes}
        end, {Root, []}, Different).

%% Makes a section of each provider that a resource server uses, with that server's settings. RabbitMQ chooses among
%% several servers by the token's audience. Here the issuer alone chooses the section.
with_providers(Main, Servers, Providers) ->
    Used = [Provider || {Provider, _} <- Servers],
    case Used -- lists:usort(Used) of
        [] -> ok;
        [root | _] -> refuse(?PREFIX, "resource_servers", "several of them need an oauth_provider_id each");
        [Shared | _] -> refuse(?PREFIX, "resource_servers", ["several share the provider ", Shared,
                               ": here a token's issuer alone chooses its section; run one backend for each, or give "
                               "them one resource_server_id"])
    end,
    Unused = [[?PREFIX "oauth_providers.", Name, " has no effect: no resource server uses it"] ||
              Name <- maps:keys(Providers) -- Used],
    lists:foldl(
        fun({Name, ServerOptions}, {Sections, Notes}) ->
            {Section, Options, More} = provider(Name, Main, Providers),
            {Sections#{Section => maps:merge(Options, ServerOptions)}, More ++ Notes}
        end, {#{}, Unused}, Servers).

provider(root, Main, _Providers) ->
    {<<"oauth">>, maps:with(?OF_PROVIDER, Main), []};
provider(Name, _Main, Providers) ->
    case Providers of
        #{Name := Provider} ->
            Prefix = unicode:characters_to_list([?PREFIX "oauth_providers.", Name, "."]),
            Section = <<"oauth.", Name/binary>>,
            {Options, Notes} = section(Prefix, unicode:characters_to_list(Section), Provider),
            {Section, Options, Notes};
        _ ->
            refuse(?PREFIX, "oauth_providers", ["there is no provider ", Name])
    end.

%% ---- keys -----------------------------------------------------------------------------------------------

static_keys(Prefix, Name, Pairs) ->
    Keys = [key(Prefix, text(Id), Key) || {Id, Key} <- Pairs],
    case tokenward_static_keys:write(Name, Keys) of
        {ok, File} -> File;
        {error, Problem} -> refuse(Prefix, "signing_keys", Problem)
    end.

key(Prefix, Id, {Form, Pem}) when Form =:= pem; Form =:= pem_file ->
    Text = case Form of
        pem -> text(Pem);
        pem_file -> case file:read_file(Pem) of {ok, Content} -> Content; _ -> <<>> end
    end,
    case tokenward_static_keys:jwk(Id, Text) of
        {ok, Key} -> Key;
        {error, Problem} -> refuse(Prefix, ["signing_keys.", Id], Problem)
    end;
key(Prefix, Id, _) ->
    refuse(Prefix, ["signing_keys.", Id], "only public keys in PEM can be taken over").

%% ---- messages and texts ----------------------------------------------------------------------------------------------

-spec refuse(string(), iodata(), iodata()) -> no_return().
refuse(Prefix, Key, Why) ->
    throw({refused, [Prefix, Key, ": ", Why]}).

without_effect(Prefix, Key, Why) ->
    {note, [Prefix, Key, " has no effect: ", Why]}.

%% From a text with spaces, or from a list of texts.
scopes([Scope | _] = Scopes) when is_binary(Scope); is_list(Scope) -> [text(One) || One <- Scopes];
scopes(Scopes) -> binary:split(text(Scopes), <<" ">>, [global, trim_all]).

%% A value that is neither true nor false counts as true: the check stays on.
is_false(Value) -> lists:member(Value, [false, "false", <<"false">>]).

text(Text) when is_binary(Text) -> Text;
text(Text) when is_atom(Text) -> atom_to_binary(Text);
text(Number) when is_integer(Number) -> integer_to_binary(Number);
text(Text) ->
    case catch unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> Binary;
        _ -> <<"?">>
    end.

text_or_list([]) -> [];
text_or_list(Value) -> text(Value).
