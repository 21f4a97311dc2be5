%% tokenward.* and auth_oauth2.* as they lie in the applications' environments, and what the library is told. Prints TAP.
%% escript config_test.escript EBIN
%% SPDX-License-Identifier: Apache-2.0
-mode(compile).

main([Ebin]) ->
    true = code:add_patha(Ebin),
    [Plugins | _] = filelib:wildcard("/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins"),
    ok = code:add_pathsa(filelib:wildcard(Plugins ++ "/*/ebin")),  % rabbit_json
    Directory = string:trim(os:cmd("mktemp -d")),
    ok = application:set_env(rabbit, data_dir, Directory),
    Cases = [{Name, fun() -> understood(Env, BuiltIn, Expected) end} || {Name, Env, BuiltIn, Expected} <- understood()]
         ++ [{Name, fun() -> refused(Env, BuiltIn, Keys) end} || {Name, Env, BuiltIn, Keys} <- refused()]
         ++ [{Name ++ " of another type", fun() -> refused([], [{Key, Value}], [Place]) end} ||
                {Name, Key, Value, Place} <- wrong_types()]
         ++ [{Name ++ " of tokenward.* of another type", fun() -> refused([{Key, Value}], [], [Place]) end} ||
                {Name, Key, Value, Place} <- own_wrong_types()]
         ++ [{Name, fun() -> key(Command, Expected) end} || {Name, Command, Expected} <- keys()]
         ++ [{"settings without effect are named", fun notes/0}, {"files come in order", fun files/0},
             {"it reads and expands what the built-in backend does", fun as_the_built_in/0},
             {"every refusal at once, and what is missing", fun all_at_once/0},
             {"keys as JWK", fun jwks/0}, {"a missing file of a key", fun missing_pem/0},
             {"signing keys beside what is fetched", fun beside/0},
             {"tokenward.* for a provider holds for all its sections", fun shared/0},
             {"OTP 29 loads what an older compiler made", fun() -> loadable(Ebin) end}],
    io:format("1..~b~n", [length(Cases)]),
    Failed = lists:foldl(
        fun({Number, {Name, Case}}, Failures) ->
            try Case() of
                _ -> io:format("ok ~b - ~ts~n", [Number, Name]), Failures
            catch
                Class:Reason:Stack ->
                    io:format("not ok ~b - ~ts~n# ~0p~n", [Number, Name, {Class, Reason, hd(Stack)}]), Failures + 1
            end
        end, 0, lists:zip(lists:seq(1, length(Cases)), Cases)),
    ok = file:del_dir_r(Directory),
    halt(min(Failed, 1)).

-define(ISSUER, "https://id.example").

%% Name, environment of tokenward, environment of the built-in backend, what the library gets.
understood() ->
    Main = fun(Options) -> #{<<"oauth">> => Options} end,
    A = #{<<"a">> => [{issuer, <<"https://a.example">>}]},
    [{"nothing is nothing", [], [], #{}},
     {"options of [oauth]", [{options, [{"oauth", "issuer", ?ISSUER}, {"oauth", "clock_skew", "5"}]}], [],
      Main(#{<<"issuer">> => <<?ISSUER>>, <<"clock_skew">> => <<"5">>})},
     {"options of another issuer", [{options, [{"oauth.b", "issuer", ?ISSUER}]}], [],
      #{<<"oauth.b">> => #{<<"issuer">> => <<?ISSUER>>}}},
     {"what 3.10 knows",
      [{options, [{"oauth", "issuer", ?ISSUER}]}],
      [{resource_server_id, <<"rabbit">>}, {extra_scopes_source, <<"roles groups">>},
       {key_config, [{default_key, <<"k">>}, {jwks_url, "https://id.example/jwks"}, {peer_verification, verify_peer},
                     {cacertfile, "/etc/ca.pem"}, {crl_check, false}, {algorithms, [<<"RS256">>, <<"ES256">>]}]}],
      Main(#{<<"issuer">> => <<?ISSUER>>, <<"resource_server_id">> => <<"rabbit">>,
             <<"additional_scopes_keys">> => [<<"roles">>, <<"groups">>], <<"default_key">> => <<"k">>,
             <<"jwks_uri">> => <<"https://id.example/jwks">>, <<"ca_file">> => <<"/etc/ca.pem">>,
             <<"algorithms">> => [<<"RS256">>, <<"ES256">>]})},
     {"what 4.x knows", [],
      [{resource_server_id, <<"rabbit">>}, {issuer, ?ISSUER}, {scope_prefix, <<"r.">>}, {verify_aud, false},
       {require_exp, true}, {jwks_uri, "https://id.example/jwks"}, {preferred_username_claims, [<<"user_name">>]},
       {key_config, []}],
      Main(#{<<"resource_server_id">> => <<"rabbit">>, <<"issuer">> => <<?ISSUER>>, <<"scope_prefix">> => <<"r.">>,
             <<"verify_aud">> => false, <<"require_exp">> => true, <<"jwks_uri">> => <<"https://id.example/jwks">>,
             <<"preferred_username_claims">> => [<<"user_name">>, <<"sub">>, <<"client_id">>]})},
     {"tokenward.* wins over auth_oauth2.*",
      [{options, [{"oauth", "resource_server_id", "ours"}]}], [{resource_server_id, <<"theirs">>}],
      Main(#{<<"resource_server_id">> => <<"ours">>})},
     {"with tokenward.config, auth_oauth2.* don't count", [{config_files, ["/etc/tokenward/tokenward.ini"]}],
      [{resource_server_id, <<"theirs">>}, {key_config, [{peer_verification, verify_none}]}], #{}},
     {"unless that is asked for", [{config_files, ["/etc/tokenward/tokenward.ini"]}, {auth_oauth2, true}],
      [{resource_server_id, <<"theirs">>}], Main(#{<<"resource_server_id">> => <<"theirs">>})},
     {"auth_oauth2 = false", [{auth_oauth2, false}], [{resource_server_id, <<"theirs">>}], #{}},
     {"scope aliases, of both", [{options, [{"oauth", "scope_aliases", "dev", "rabbit.read:*/*"}]}],
      [{scope_aliases, #{<<"ops">> => [<<"rabbit.tag:administrator">>, "rabbit.read:*/*"], <<"one">> => <<"rabbit.x">>}},
       {resource_server_type, <<"rabbitmq">>}],
      Main(#{<<"scope_aliases">> => #{<<"dev">> => <<"rabbit.read:*/*">>, <<"one">> => [<<"rabbit.x">>],
                                      <<"ops">> => [<<"rabbit.tag:administrator">>, <<"rabbit.read:*/*">>]},
             <<"resource_server_type">> => <<"rabbitmq">>})},
     {"required claims", [{options, [{"oauth", "required_claims", "azp", "one,two"}, {"oauth.b", "required_claims", "k.ns", "n"}]}],
      [], #{<<"oauth">> => #{<<"required_claims">> => #{<<"azp">> => <<"one,two">>}},
            <<"oauth.b">> => #{<<"required_claims">> => #{<<"k.ns">> => <<"n">>}}}},
     %% RabbitMQ's rules on resource servers and providers, as its own suite of them has it.
     {"an atom as resource_server_id", [], [{resource_server_id, rabbit}], Main(#{<<"resource_server_id">> => <<"rabbit">>})},
     {"an empty scope_prefix", [], [{resource_server_id, <<"r">>}, {scope_prefix, <<>>}],
      Main(#{<<"resource_server_id">> => <<"r">>, <<"scope_prefix">> => <<>>})},
     {"checks are off if that is what stands there", [], [{verify_aud, false}, {require_exp, false}],
      Main(#{<<"verify_aud">> => false, <<"require_exp">> => false})},
     {"undefined is as if it weren't there", [], [{resource_server_id, <<"r">>}, {verify_aud, undefined}],
      Main(#{<<"resource_server_id">> => <<"r">>})},
     {"jwks_uri comes before jwks_url", [],
      [{jwks_uri, "https://id.example/new"}, {key_config, [{jwks_url, "https://id.example/old"}]}],
      Main(#{<<"jwks_uri">> => <<"https://id.example/new">>})},
     {"algorithms that aren't accepted here are left out", [],
      [{key_config, [{algorithms, [<<"HS256">>, <<"RS256">>]}]}], Main(#{<<"algorithms">> => [<<"RS256">>]})},
     {"one claim for the username as a binary", [], [{preferred_username_claims, <<"sub">>}],
      Main(#{<<"preferred_username_claims">> => [<<"sub">>, <<"client_id">>]})},
     %% Discovery.
     {"the standard path of discovery", [],
      [{issuer, ?ISSUER}, {discovery_endpoint_path, "/.well-known/openid-configuration"}, {discovery_endpoint_params, []}],
      Main(#{<<"issuer">> => <<?ISSUER>>})},
     {"the same without a slash in front", [],
      [{issuer, ?ISSUER}, {discovery_endpoint_path, ".well-known/openid-configuration"}],
      Main(#{<<"issuer">> => <<?ISSUER>>})},
     {"another path of discovery", [], [{issuer, ?ISSUER ++ "/a/"}, {discovery_endpoint_path, "oidc/config"}],
      Main(#{<<"issuer">> => <<?ISSUER "/a/">>, <<"discovery_uri">> => <<?ISSUER "/a/oidc/config">>})},
     {"parameters of discovery", [],
      [{issuer, <<?ISSUER>>}, {discovery_endpoint_params, [{<<"appid">>, <<"a b">>}, {<<"p">>, "x&y"}]}],
      Main(#{<<"issuer">> => <<?ISSUER>>,
             <<"discovery_uri">> => <<?ISSUER "/.well-known/openid-configuration?appid=a+b&p=x%26y">>})},
     {"parameters of discovery without effect beside jwks_uri", [],
      [{issuer, ?ISSUER}, {jwks_uri, "https://id.example/k"}, {discovery_endpoint_params, [{<<"appid">>, <<"x">>}]}],
      Main(#{<<"issuer">> => <<?ISSUER>>, <<"jwks_uri">> => <<"https://id.example/k">>})},
     {"parameters of a provider", [],
      [{default_oauth_provider, <<"a">>},
       {oauth_providers, #{<<"a">> => [{issuer, ?ISSUER}, {discovery_endpoint_params, [{<<"appid">>, <<"x">>}]}]}}],
      #{<<"oauth.a">> => #{<<"issuer">> => <<?ISSUER>>,
                           <<"discovery_uri">> => <<?ISSUER "/.well-known/openid-configuration?appid=x">>}}},
     %% Several resource servers of one provider.
     {"a resource server beside the main one", [],
      [{issuer, ?ISSUER}, {resource_server_id, <<"r">>}, {scope_prefix, <<"p.">>},
       {resource_servers, #{<<"r:1">> => [{id, <<"r:1">>}, {scope_prefix, <<"q.">>}]}}],
      #{<<"oauth">> => #{<<"issuer">> => <<?ISSUER>>, <<"resource_server_id">> => <<"r">>, <<"scope_prefix">> => <<"p.">>},
        <<"oauth.r_1">> => #{<<"issuer">> => <<?ISSUER>>, <<"resource_server_id">> => <<"r:1">>,
                             <<"scope_prefix">> => <<"q.">>}}},
     {"two resource servers of one provider", [],
      [{default_oauth_provider, <<"a">>}, {oauth_providers, A},
       {resource_servers, #{<<"r1">> => [], <<"r2">> => [{verify_aud, true}]}}],
      #{<<"oauth.a">> => #{<<"issuer">> => <<"https://a.example">>, <<"resource_server_id">> => <<"r1">>},
        <<"oauth.a-r2">> => #{<<"issuer">> => <<"https://a.example">>, <<"resource_server_id">> => <<"r2">>,
                              <<"verify_aud">> => true}}},
     {"one resource server", [],
      [{issuer, ?ISSUER}, {resource_servers, #{<<"r">> => [{id, <<"r">>}, {scope_prefix, <<"p.">>}]}}],
      Main(#{<<"issuer">> => <<?ISSUER>>, <<"resource_server_id">> => <<"r">>, <<"scope_prefix">> => <<"p.">>})},
     {"one resource server by its key alone", [], [{resource_servers, #{<<"r">> => []}}],
      Main(#{<<"resource_server_id">> => <<"r">>})},
     {"a resource server that is the main one: the main settings count", [],
      [{resource_server_id, <<"r">>}, {scope_prefix, <<"p.">>}, {resource_servers, #{<<"r">> => [{scope_prefix, <<>>}]}}],
      Main(#{<<"resource_server_id">> => <<"r">>, <<"scope_prefix">> => <<"p.">>})},
     {"a resource server inherits", [],
      [{verify_aud, false}, {require_exp, false}, {scope_prefix, <<"some-prefix:">>}, {extra_scopes_source, <<"roles">>},
       {preferred_username_claims, [<<"new-user">>]}, {scope_aliases, #{<<"admin">> => [<<"r.tag:administrator">>]}},
       {resource_server_type, <<"t">>}, {resource_servers, #{<<"r">> => [{id, <<"r">>}]}}],
      Main(#{<<"resource_server_id">> => <<"r">>, <<"verify_aud">> => false, <<"require_exp">> => false,
             <<"scope_prefix">> => <<"some-prefix:">>, <<"additional_scopes_keys">> => [<<"roles">>],
             <<"preferred_username_claims">> => [<<"new-user">>, <<"sub">>, <<"client_id">>],
             <<"scope_aliases">> => #{<<"admin">> => [<<"r.tag:administrator">>]}, <<"resource_server_type">> => <<"t">>})},
     {"a resource server's own settings come first", [],
      [{verify_aud, false}, {require_exp, false}, {scope_prefix, <<"x">>}, {extra_scopes_source, <<"x">>},
       {preferred_username_claims, [<<"x">>]}, {scope_aliases, #{<<"x">> => [<<"x">>]}}, {resource_server_type, <<"x">>},
       {resource_servers, #{<<"r">> => [
           {verify_aud, true}, {require_exp, true}, {scope_prefix, <<"some-prefix">>}, {extra_scopes_source, <<"roles">>},
           {preferred_username_claims, [<<"x-username">>, <<"x-email">>]}, {resource_server_type, <<"some-type">>},
           {scope_aliases, #{<<"admin">> => [<<"r.tag:administrator">>]}}]}}],
      Main(#{<<"resource_server_id">> => <<"r">>, <<"verify_aud">> => true, <<"require_exp">> => true,
             <<"scope_prefix">> => <<"some-prefix">>, <<"additional_scopes_keys">> => [<<"roles">>],
             <<"preferred_username_claims">> => [<<"x-username">>, <<"x-email">>, <<"sub">>, <<"client_id">>],
             <<"scope_aliases">> => #{<<"admin">> => [<<"r.tag:administrator">>]},
             <<"resource_server_type">> => <<"some-type">>})},
     {"the default provider serves the main resource server", [],
      [{resource_server_id, <<"r">>}, {issuer, ?ISSUER}, {default_oauth_provider, <<"a">>}, {oauth_providers, A}],
      #{<<"oauth.a">> => #{<<"issuer">> => <<"https://a.example">>, <<"resource_server_id">> => <<"r">>}}},
     {"and the others that name none", [],
      [{default_oauth_provider, <<"a">>}, {oauth_providers, A}, {resource_servers, #{<<"r">> => [{id, <<"r">>}]}}],
      #{<<"oauth.a">> => #{<<"issuer">> => <<"https://a.example">>, <<"resource_server_id">> => <<"r">>}}},
     {"without a default it is the main settings' issuer; a provider that none uses isn't trusted", [],
      [{resource_server_id, <<"r">>}, {issuer, ?ISSUER}, {oauth_providers, A}],
      Main(#{<<"issuer">> => <<?ISSUER>>, <<"resource_server_id">> => <<"r">>})},
     {"one resource server with a provider, one with the main issuer", [],
      [{issuer, ?ISSUER}, {oauth_providers, A},
       {resource_servers, #{<<"r1">> => [{id, <<"r1">>}, {oauth_provider_id, <<"a">>}], <<"r2">> => [{id, <<"r2">>}]}}],
      #{<<"oauth">> => #{<<"issuer">> => <<?ISSUER>>, <<"resource_server_id">> => <<"r2">>},
        <<"oauth.a">> => #{<<"issuer">> => <<"https://a.example">>, <<"resource_server_id">> => <<"r1">>}}},
     {"a provider inherits no key, algorithm or CA", [],
      [{oauth_providers, A}, {key_config, [{default_key, <<"k">>}, {algorithms, [<<"RS256">>]}, {cacertfile, "/ca.pem"}]},
       {resource_servers, #{<<"r">> => [{id, <<"r">>}, {oauth_provider_id, <<"a">>}]}}],
      #{<<"oauth.a">> => #{<<"issuer">> => <<"https://a.example">>, <<"resource_server_id">> => <<"r">>}}},
     {"providers are issuer sections, each with its resource server", [],
      [{require_exp, true},
       {oauth_providers, #{<<"a">> => [{issuer, <<"https://a.example">>}, {https, [{cacertfile, "/a.pem"}]}],
                           <<"b">> => [{issuer, <<"https://b.example">>}, {default_key, <<"k">>}]}},
       {resource_servers, #{<<"ra">> => [{id, <<"ra">>}, {oauth_provider_id, <<"a">>}],
                            <<"rb">> => [{id, <<"rb">>}, {oauth_provider_id, <<"b">>}]}}],
      #{<<"oauth.a">> => #{<<"issuer">> => <<"https://a.example">>, <<"ca_file">> => <<"/a.pem">>,
                           <<"require_exp">> => true, <<"resource_server_id">> => <<"ra">>},
        <<"oauth.b">> => #{<<"issuer">> => <<"https://b.example">>, <<"require_exp">> => true,
                           <<"default_key">> => <<"k">>, <<"resource_server_id">> => <<"rb">>}}}].

-define(VERSION, [4, 3, 6]).

%% Where a configuration file is read too, the library says what is missing.
understood(Env, BuiltIn, Expected) ->
    IsAlone = BuiltIn =/= [] andalso not proplists:is_defined(config_files, Env) andalso
        not proplists:is_defined(auth_oauth2, Env),
    More = [Setting || Setting <- [{config_files, ["/x.ini"]}, {auth_oauth2, true}], IsAlone],
    Expected = maps:map(fun(_, Options) -> maps:without([<<"resource_access">>, <<"expand_variables">>], Options) end,
                        options(Env ++ More, BuiltIn, ?VERSION)).

options(Env, BuiltIn, Version) ->
    {ok, #{json := Json}} = tokenward_config:read(Env, BuiltIn, Version),
    case Json of
        <<>> -> #{};
        _ -> rabbit_json:decode(Json)
    end.

-define(COMPLETE, [{issuer, ?ISSUER}, {resource_server_id, <<"r">>}]).

%% No roles under resource_access, which no version reads; variables in scopes since 3.11.14. tokenward.* wins.
as_the_built_in() ->
    #{<<"oauth">> := New} = options([], ?COMPLETE, [4, 0, 5]),
    #{<<"resource_access">> := false, <<"expand_variables">> := true} = New,
    #{<<"oauth">> := Old} = options([], ?COMPLETE, [3, 10, 8]),
    #{<<"resource_access">> := false} = Old,
    false = maps:is_key(<<"expand_variables">>, Old),
    false = maps:is_key(<<"expand_variables">>, maps:get(<<"oauth">>, options([], ?COMPLETE, [3, 11, 13]))),
    true = maps:is_key(<<"expand_variables">>, maps:get(<<"oauth">>, options([], ?COMPLETE, [3, 11, 14]))),
    #{<<"oauth">> := #{<<"resource_access">> := <<"true">>}} =
        options([{options, [{"oauth", "resource_access", "true"}]}], ?COMPLETE, ?VERSION),
    %% tokenward.* alone: as the library has it.
    #{<<"oauth">> := Ours} = options([{options, [{"oauth", "issuer", ?ISSUER}]}], [], ?VERSION),
    [<<"issuer">>] = maps:keys(Ours).

all_at_once() ->
    {error, Problem} = tokenward_config:read([],
        [{scope_pattern_syntax, regex}, {verify_aud, "yes"}, {key_config, [{verify, verify_none}, {crl_check, peer}]},
         {oauth_providers, #{<<"a">> => [{jwks_uri, 7}]}}], ?VERSION),
    Lines = string:split(unicode:characters_to_list(Problem), "\n  ", all),
    ["5 settings can't be taken over:", _, _, _, _, _] = Lines,
    {error, Missing} = tokenward_config:read([],
        [{verify_aud, true}, {oauth_providers, #{<<"a">> => [{issuer, "https://a.example"}], <<"b">> => [{default_key, <<"k">>}]}},
         {resource_servers, #{<<"ra">> => [{oauth_provider_id, <<"a">>}], <<"rb">> => [{oauth_provider_id, <<"b">>}]}}],
        ?VERSION),
    [_, "tokenward.oauth.b.issuer: is missing: " ++ _, "tokenward.oauth.b.username_prefix: is missing: " ++ _] =
        string:split(unicode:characters_to_list(Missing), "\n  ", all),
    {error, NoId} = tokenward_config:read([], [{issuer, ?ISSUER}], ?VERSION),
    "tokenward.audience: is missing" ++ _ = unicode:characters_to_list(NoId).

shared() ->
    All = options([{options, [{"oauth", "issuer", ?ISSUER}, {"oauth", "username_prefix", "x:"}, {"oauth", "vhosts", "v"}]}],
                  [{resource_server_id, <<"r">>}, {resource_servers, #{<<"s">> => []}}], ?VERSION),
    #{<<"oauth">> := #{<<"vhosts">> := <<"v">>, <<"issuer">> := <<?ISSUER>>},
      <<"oauth.s">> := #{<<"issuer">> := <<?ISSUER>>, <<"username_prefix">> := <<"x:">>} = Second} = All,
    false = maps:is_key(<<"vhosts">>, Second).

%% Beside jwks_uri, jwks_url or an issuer of auth_oauth2.* RabbitMQ fetches keys that it doesn't know.
beside() ->
    Keys = {signing_keys, #{<<"k1">> => {pem, pem("genrsa 2048")}}},
    Of = fun(Settings) -> maps:get(<<"oauth">>, options([{options, [{"oauth", "issuer", ?ISSUER}]}], Settings, ?VERSION)) end,
    Id = {resource_server_id, <<"r">>},
    [#{<<"jwks_file_beside">> := true, <<"jwks_file">> := _} = Of(Settings) || Settings <- [
        [Id, {issuer, ?ISSUER}, {key_config, [Keys]}], [Id, {jwks_uri, "https://id.example/k"}, {key_config, [Keys]}],
        [Id, {key_config, [{jwks_url, "https://id.example/k"}, Keys]}]]],
    Alone = Of([Id, {key_config, [Keys]}]),
    true = maps:is_key(<<"jwks_file">>, Alone),
    false = maps:is_key(<<"jwks_file_beside">>, Alone).

jwks() ->
    Map = #{<<"kty">> => <<"RSA">>, <<"n">> => <<"AQAB">>, <<"e">> => <<"AQAB">>, <<"d">> => <<"secret">>},
    Settings = [{key_config, [{signing_keys, #{<<"a">> => {map, Map}, <<"b">> => {json, rabbit_json:encode(Map)}}}]} |
                ?COMPLETE],
    #{<<"oauth">> := #{<<"jwks_file">> := File}} = options([], Settings, ?VERSION),
    {ok, Content} = file:read_file(File),
    Public = (maps:remove(<<"d">>, Map))#{<<"use">> => <<"sig">>},
    Expected = [Public#{<<"kid">> => <<"a">>}, Public#{<<"kid">> => <<"b">>}],
    #{<<"keys">> := Expected} = rabbit_json:decode(Content).

missing_pem() ->
    {error, Problem} = tokenward_config:read([],
        [{key_config, [{signing_keys, #{<<"k">> => {pem_file, "/nonexistent/k.pem"}}}]}], ?VERSION),
    "auth_oauth2.signing_keys.k: can't read /nonexistent/k.pem: no such file or directory" = unicode:characters_to_list(Problem).

%% Never a bare badarg, nor a text taken as its characters. RabbitMQ ignores a string where it compares binaries: to
%% read it would give rights, or another name, that nobody has today.
wrong_types() ->
    [{"a number as an issuer", issuer, 7, "issuer"},
     {"a string as scope_prefix", scope_prefix, "p.", "scope_prefix"},
     {"a string as additional_scopes_key", extra_scopes_source, "roles", "additional_scopes_key"},
     {"a string as resource_server_type", resource_server_type, "t", "resource_server_type"},
     {"a string as preferred_username_claims", preferred_username_claims, "user_name", "preferred_username_claims"},
     {"a list of strings as preferred_username_claims", preferred_username_claims, ["user_name"], "preferred_username_claims"},
     {"an atom as preferred_username_claims", preferred_username_claims, sub, "preferred_username_claims"},
     {"a text as verify_aud", verify_aud, "false", "verify_aud"},
     {"a number as require_exp", require_exp, 0, "require_exp"},
     {"a list as scope_aliases", scope_aliases, [{<<"a">>, [<<"b">>]}], "scope_aliases"},
     {"a string as an alias's scopes", scope_aliases, #{<<"a">> => "rabbit.x"}, "scope_aliases.a"},
     {"an alias's scopes with spaces", scope_aliases, #{<<"a">> => <<"x y">>}, "scope_aliases.a"},
     {"a string as an alias", scope_aliases, #{"a" => [<<"x">>]}, "scope_aliases"},
     {"a list as resource_servers", resource_servers, [<<"r">>], "resource_servers"},
     {"a text as oauth_providers", oauth_providers, <<"a">>, "oauth_providers"},
     {"a text as a provider", oauth_providers, #{<<"a">> => <<"x">>}, "oauth_providers.a"},
     {"a text as key_config", key_config, <<"x">>, "key_config"},
     {"a text as signing_keys", key_config, [{signing_keys, <<"x">>}], "signing_keys"},
     {"a number as a signing key", key_config, [{signing_keys, #{<<"k">> => 7}}], "signing_keys.k"},
     {"an improper text", key_config, [{cacertfile, [$a, -1]}], "https.cacertfile"},
     {"text that isn't UTF-8", resource_server_id, <<255>>, "resource_server_id"},
     {"something encrypted", issuer, {encrypted, <<"x">>}, "issuer"},
     {"a string as algorithms", key_config, [{algorithms, "RS256"}], "algorithms"},
     {"a binary as algorithms", key_config, [{algorithms, <<"RS256">>}], "algorithms"},
     {"shared secrets' algorithms", key_config, [{algorithms, [<<"HS256">>]}], "algorithms"},
     {"a list of texts as parameters", discovery_endpoint_params, [<<"x">>], "discovery_endpoint_params"},
     %% RabbitMQ reads it elsewhere only.
     {"verify_aud within key_config", key_config, [{verify_aud, false}], "key_config.verify_aud"},
     {"fetched keys", key_config, [{jwks, #{}}], "key_config.jwks"},
     {"a key config at the top", signing_keys, #{}, "signing_keys"}].

own_wrong_types() ->
    [{"a string as config_files", config_files, "/etc/tokenward/tokenward.ini", "config_files"},
     {"a binary as config_files", config_files, <<"/x">>, "config_files"},
     {"a text as startup_wait", startup_wait, "5", "startup_wait"},
     {"a time that is too long as startup_wait", startup_wait, 61, "startup_wait"},
     {"a text as auth_oauth2", auth_oauth2, "false", "auth_oauth2"},
     {"a text as options", options, "x", "options"},
     {"a pair in options", options, [{"oauth", "issuer"}], "options"},
     {"a tuple as a value", options, [{"oauth", "issuer", {a}}], "options"},
     {"a tuple as library", library, {a}, "library"}].

refused() ->
    Https = fun(Setting) -> [{key_config, [Setting]}] end,
    Provider = fun(Setting) -> [{default_oauth_provider, <<"a">>}, {oauth_providers, #{<<"a">> => [Setting]}}] end,
    [{"verify_none", [], Https({peer_verification, verify_none}), ["https.peer_verification"]},
     {"verify_none by its new name", [], Https({verify, verify_none}), ["https.verify"]},
     {"crl_check", [], Https({crl_check, peer}), ["https.crl_check"]},
     {"certificates in place of a file", [], Https({cacerts, [<<1>>]}), ["https.cacerts"]},
     {"regular expressions", [], [{scope_pattern_syntax, regex}], ["scope_pattern_syntax"]},
     {"verify_none of a provider", [], Provider({https, [{verify, verify_none}]}), ["oauth_providers.a.https.verify"]},
     {"an unknown setting of a provider", [], Provider({something_new, 1}), ["oauth_providers.a.something_new"]},
     {"a setting of a later RabbitMQ", [], [{something_new, 1}], ["something_new"]},
     {"a resource server without verify_aud beside one of the same provider", [],
      [{issuer, ?ISSUER}, {resource_servers, #{<<"r1">> => [], <<"r2">> => [{verify_aud, false}]}}],
      ["resource_servers.r2.verify_aud"]},
     {"a resource server under another key", [], [{issuer, ?ISSUER}, {resource_servers, #{<<"k">> => [{id, <<"r">>}]}}],
      ["resource_servers.k.id"]},
     {"two resource servers whose sections would have one name", [],
      [{issuer, ?ISSUER}, {resource_server_id, <<"r">>}, {resource_servers, #{<<"a:b">> => [], <<"a/b">> => []}}],
      ["resource_servers"]},
     {"a provider that isn't there", [], [{resource_server_id, <<"r">>}, {default_oauth_provider, <<"a">>}],
      ["oauth_providers"]},
     {"regular expressions for one resource server", [],
      [{resource_servers, #{<<"r">> => [{scope_pattern_syntax, regex}]}}],
      ["resource_servers.r.scope_pattern_syntax"]},
     {"a signing key that isn't PEM", [], Https({signing_keys, #{<<"k">> => {pem, <<"x">>}}}), ["signing_keys.k"]},
     {"a symmetric key", [], Https({signing_keys, #{<<"k">> => {map, #{<<"kty">> => <<"oct">>}}}}), ["signing_keys.k"]},
     {"a JWK without members", [], Https({signing_keys, #{<<"k">> => {map, #{<<"kty">> => <<"EC">>}}}}),
      ["signing_keys.k"]},
     {"JSON that is none", [], Https({signing_keys, #{<<"k">> => {json, <<"{">>}}}), ["signing_keys.k"]}].

%% Each line begins with the name of the setting.
refused(Env, BuiltIn, Keys) ->
    {error, Problem} = tokenward_config:read(Env, BuiltIn, ?VERSION),
    Text = unicode:characters_to_list(Problem),
    Prefix = case BuiltIn of [] -> "tokenward_rabbitmq "; _ -> "auth_oauth2." end,
    Lines = case string:split(Text, "\n  ", all) of [One] -> [One]; [_ | More] -> More end,
    [true = lists:prefix(Prefix ++ Key ++ ":", Line) || {Key, Line} <- lists:zip(Keys, Lines)].

%% openssl's commands for a private key, and the members that its public key has as a JWK.
keys() ->
    [{"an RSA key", "genrsa 2048", #{<<"kty">> => <<"RSA">>, <<"e">> => <<"AQAB">>}},
     {"a P-256 key", "ecparam -name prime256v1 -genkey -noout", #{<<"kty">> => <<"EC">>, <<"crv">> => <<"P-256">>}},
     {"a P-384 key", "ecparam -name secp384r1 -genkey -noout", #{<<"kty">> => <<"EC">>, <<"crv">> => <<"P-384">>}},
     {"a P-521 key", "ecparam -name secp521r1 -genkey -noout", #{<<"kty">> => <<"EC">>, <<"crv">> => <<"P-521">>}},
     {"an Ed25519 key", "genpkey -algorithm ed25519", #{<<"kty">> => <<"OKP">>, <<"crv">> => <<"Ed25519">>}}].

pem(Command) ->
    list_to_binary(os:cmd("openssl " ++ Command ++ " 2>/dev/null | openssl pkey -pubout")).

key(Command, Expected) ->
    BuiltIn = [{key_config, [{signing_keys, #{<<"k1">> => {pem, pem(Command)}}}]}],
    #{<<"oauth">> := #{<<"jwks_file">> := File}} = options([{options, [{"oauth", "issuer", "x"}, {"oauth", "audience", "y"}]}],
                                                           BuiltIn, ?VERSION),
    {ok, Info} = file:read_file_info(File),
    8#600 = element(8, Info) band 8#777,
    {ok, Content} = file:read_file(File),
    #{<<"keys">> := [Key]} = rabbit_json:decode(Content),
    #{<<"kid">> := <<"k1">>, <<"use">> := <<"sig">>} = Key,
    Expected = maps:with(maps:keys(Expected), Key).

notes() ->
    BuiltIn = [{token_endpoint, "https://id.example/token"}, {key_config, [{depth, 3}, {hostname_verification, none}]}],
    {ok, #{notes := Notes, json := <<>>}} = tokenward_config:read([], BuiltIn, ?VERSION),
    ["auth_oauth2.https.depth", "auth_oauth2.https.hostname_verification", "auth_oauth2.token_endpoint"] =
        lists:sort([hd(string:split(unicode:characters_to_list(Note), " ")) || Note <- Notes]).

files() ->
    {ok, #{files := [<<"/a.ini">>, <<"/b.ini">>], library := <<"/lib.so">>, startup_wait_ms := 2000}} =
        tokenward_config:read([{config_files, ["/a.ini", "/b.ini"]}, {library, "/lib.so"}, {startup_wait, 2}], [], ?VERSION).

%% What OTP 25 makes of a pattern as <<"x", _/binary>> is an instruction that OTP 29 (RabbitMQ 4.3 in Debian) no longer has.
loadable(Ebin) ->
    Files = [_ | _] = filelib:wildcard(Ebin ++ "/*.beam"),
    [{module, _} = code:ensure_loaded(list_to_atom(filename:basename(File, ".beam"))) || File <- Files],
    [] = [{Module, Function} || {beam_file, Module, _, _, _, Code} <- [disassembled(File) || File <- Files],
                                {function, Function, _, _, Instructions} <- Code,
                                Instruction <- Instructions, is_tuple(Instruction), tuple_size(Instruction) > 1,
                                element(2, Instruction) =:= bs_test_unit].

%% A newer OTP than the compiler's can't; there it has been loaded.
disassembled(File) ->
    try beam_disasm:file(File) catch exit:_ -> unknown end.
