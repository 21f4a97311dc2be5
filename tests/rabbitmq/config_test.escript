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
         ++ [{Name, fun() -> refused(Env, BuiltIn, Key) end} || {Name, Env, BuiltIn, Key} <- refused()]
         ++ [{Name, fun() -> key(Command, Expected) end} || {Name, Command, Expected} <- keys()]
         ++ [{"settings without effect are named", fun notes/0}, {"files come in order", fun files/0},
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
      [{scope_aliases, #{<<"ops">> => [<<"rabbit.tag:administrator">>, <<"rabbit.read:*/*">>], <<"one">> => "rabbit.x"}},
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
     {"checks are off if that is what stands there", [], [{verify_aud, false}, {require_exp, "false"}],
      Main(#{<<"verify_aud">> => false, <<"require_exp">> => false})},
     {"and on whatever else does", [], [{verify_aud, no}, {require_exp, <<>>}],
      Main(#{<<"verify_aud">> => true, <<"require_exp">> => true})},
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

understood(Env, BuiltIn, Expected) ->
    {ok, #{json := Json}} = tokenward_config:read(Env, BuiltIn),
    case Json of
        <<>> -> Expected = #{};
        _ -> Expected = rabbit_json:decode(Json)
    end.

refused() ->
    Https = fun(Setting) -> [{key_config, [Setting]}] end,
    Two = [{resource_servers, #{<<"r1">> => [{id, <<"r1">>}], <<"r2">> => [{id, <<"r2">>}]}}],
    [{"verify_none", [], Https({peer_verification, verify_none}), "auth_oauth2.https.peer_verification"},
     {"verify_none by its new name", [], Https({verify, verify_none}), "auth_oauth2.https.verify"},
     {"crl_check", [], Https({crl_check, peer}), "auth_oauth2.https.crl_check"},
     {"regular expressions", [], [{scope_pattern_syntax, regex}], "auth_oauth2.scope_pattern_syntax"},
     {"another discovery path", [], [{discovery_endpoint_path, "x"}], "auth_oauth2.discovery_endpoint_path"},
     {"verify_none of a provider", [],
      [{default_oauth_provider, <<"a">>}, {oauth_providers, #{<<"a">> => [{https, [{verify, verify_none}]}]}}],
      "auth_oauth2.oauth_providers.a.https.verify"},
     {"a setting of a later RabbitMQ", [], [{something_new, 1}], "auth_oauth2.something_new"},
     {"two resource servers of one issuer", [], [{issuer, ?ISSUER} | Two], "auth_oauth2.resource_servers"},
     {"two resource servers of one provider", [],
      [{default_oauth_provider, <<"a">>}, {oauth_providers, #{<<"a">> => [{issuer, <<?ISSUER>>}]}} | Two],
      "auth_oauth2.resource_servers"},
     {"a resource server beside the main one, of the same issuer", [],
      [{issuer, ?ISSUER}, {resource_server_id, <<"r">>}, {resource_servers, #{<<"r1">> => [{id, <<"r1">>}]}}],
      "auth_oauth2.resource_servers"},
     {"a provider that isn't there", [], [{resource_server_id, <<"r">>}, {default_oauth_provider, <<"a">>}],
      "auth_oauth2.oauth_providers"},
     {"regular expressions for one resource server", [],
      [{resource_servers, #{<<"r">> => [{scope_pattern_syntax, regex}]}}],
      "auth_oauth2.resource_servers.scope_pattern_syntax"},
     {"signing keys beside a key set's URL", [],
      [{key_config, [{jwks_url, "https://id.example/jwks"}, {signing_keys, #{<<"k">> => {pem, pem("genrsa 2048")}}}]}],
      "auth_oauth2.signing_keys"},
     {"a signing key that isn't PEM", [], Https({signing_keys, #{<<"k">> => {pem, <<"x">>}}}),
      "auth_oauth2.signing_keys.k"},
     {"a symmetric key", [], Https({signing_keys, #{<<"k">> => {map, #{<<"kty">> => <<"oct">>}}}}),
      "auth_oauth2.signing_keys.k"}].

refused(Env, BuiltIn, Key) ->
    {error, Problem} = tokenward_config:read(Env, BuiltIn),
    Text = unicode:characters_to_list(Problem),
    true = lists:prefix(Key ++ ":", Text).

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
    {ok, #{json := Json}} = tokenward_config:read([], BuiltIn),
    #{<<"oauth">> := #{<<"jwks_file">> := File}} = rabbit_json:decode(Json),
    {ok, Info} = file:read_file_info(File),
    8#600 = element(8, Info) band 8#777,
    {ok, Content} = file:read_file(File),
    #{<<"keys">> := [Key]} = rabbit_json:decode(Content),
    #{<<"kid">> := <<"k1">>, <<"use">> := <<"sig">>} = Key,
    Expected = maps:with(maps:keys(Expected), Key).

notes() ->
    BuiltIn = [{token_endpoint, "https://id.example/token"}, {key_config, [{depth, 3}, {hostname_verification, none}]}],
    {ok, #{notes := Notes, json := <<>>}} = tokenward_config:read([], BuiltIn),
    ["auth_oauth2.https.depth", "auth_oauth2.https.hostname_verification", "auth_oauth2.token_endpoint"] =
        lists:sort([hd(string:split(unicode:characters_to_list(Note), " ")) || Note <- Notes]).

files() ->
    {ok, #{files := [<<"/a.ini">>, <<"/b.ini">>], library := <<"/lib.so">>, startup_wait_ms := 2000}} =
        tokenward_config:read([{config_files, ["/a.ini", "/b.ini"]}, {library, "/lib.so"}, {startup_wait, 2}], []).

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
