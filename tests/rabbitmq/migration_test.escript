%% What becomes of each setting that RabbitMQ's own OAuth 2 backend has in rabbitmq.conf, from 3.10 to 4.3 and main: the
%% same, no effect with a note, or refused with what to do. Where the RabbitMQ at hand has the setting, the line is read by
%% its schema and ours. A setting of its schema that isn't in the table fails the test. Prints TAP.
%% escript migration_test.escript EBIN
%% SPDX-License-Identifier: Apache-2.0
-mode(compile).

-define(APP, rabbitmq_auth_backend_oauth2).
-define(PEM, <<"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
               "-----END PUBLIC KEY-----">>).

main([Ebin]) ->
    true = code:add_patha(Ebin),
    [Plugins | _] = filelib:wildcard("/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins"),
    ok = code:add_pathsa(filelib:wildcard(Plugins ++ "/*/ebin")),
    Directory = string:trim(os:cmd("mktemp -d")),
    ok = application:set_env(rabbit, data_dir, Directory),
    Pem = filename:join(Directory, "key.pem"),
    ok = file:write_file(Pem, ?PEM),
    Ours = filename:join(filename:dirname(Ebin), "priv/schema/tokenward.schema"),
    Theirs = filelib:wildcard(Plugins ++ "/rabbitmq_auth_backend_oauth2-*/priv/schema/*.schema"),
    Rabbit = filelib:wildcard(Plugins ++ "/rabbit-*/priv/schema/rabbit.schema"),
    {_, Mappings, _} = Schema = cuttlefish_schema:files(Rabbit ++ Theirs ++ [Ours]),
    Known = lists:usort([cuttlefish_variable:format(cuttlefish_mapping:variable(Mapping)) || Mapping <- Mappings,
        lists:prefix("rabbitmq_auth_backend_oauth2.", cuttlefish_mapping:mapping(Mapping))]),
    Rows = rows(Pem),
    Cases = [{Key, fun() -> row(Schema, Directory, lists:member(Key, Known), Row) end} ||
                {Key, _, _, _} = Row <- Rows] ++
            [{"the table has each setting of this RabbitMQ", fun() -> [] = Known -- [Key || {Key, _, _, _} <- Rows] end}],
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

%% The setting, its lines, what they are in the environment, what becomes of that.
rows(Pem) ->
    Url = "https://id.example/x",
    %% The main settings.
    Main = fun(Key, Value, Settings, Expected) ->
        {"auth_oauth2." ++ Key, ["auth_oauth2.resource_server_id = r", line("auth_oauth2." ++ Key, Value)],
         [{resource_server_id, <<"r">>} | Settings], Expected}
    end,
    WithIssuer = fun({Key, Lines, Settings, Expected}) ->
        {Key, ["auth_oauth2.issuer = https://id.example" | Lines], [{issuer, "https://id.example"} | Settings], Expected}
    end,
    %% A provider.
    Provider = fun(Key, Value, Settings, Expected) ->
        Full = "auth_oauth2.oauth_providers.$name." ++ Key,
        {Full, ["auth_oauth2.resource_server_id = r", "auth_oauth2.default_oauth_provider = n",
                "auth_oauth2.oauth_providers.n.issuer = https://n.example", line(Full, Value)],
         [{resource_server_id, <<"r">>}, {default_oauth_provider, "n"},
          {oauth_providers, #{<<"n">> => [{issuer, "https://n.example"} | Settings]}}], Expected}
    end,
    %% A resource server.
    Server = fun(Key, Value, Settings, Expected) ->
        Full = "auth_oauth2.resource_servers.$name." ++ Key,
        {Full, ["auth_oauth2.resource_servers.n.id = n", line(Full, Value)],
         [{resource_servers, #{<<"n">> => [{id, <<"n">>} | Settings]}}], Expected}
    end,
    Of = fun(Option, Value) -> {same, <<"oauth">>, Option, Value} end,
    OfN = fun(Option, Value) -> {same, <<"oauth.n">>, Option, Value} end,
    KeyConfig = fun(Key, Value) -> [{key_config, [{Key, Value}]}] end,
    Https = fun(Key, Value) -> [{https, [{Key, Value}]}] end,
    Unused = {note, "a broker that checks tokens doesn't use it"},
    Verified = {note, "host names and chains are always verified"},
    [Main("resource_server_id", "r", [], Of(<<"resource_server_id">>, <<"r">>)),
     Main("resource_server_type", "t", [{resource_server_type, <<"t">>}], Of(<<"resource_server_type">>, <<"t">>)),
     Main("scope_prefix", "p.", [{scope_prefix, <<"p.">>}], Of(<<"scope_prefix">>, <<"p.">>)),
     Main("additional_scopes_key", "roles groups", [{extra_scopes_source, <<"roles groups">>}],
          Of(<<"additional_scopes_keys">>, [<<"roles">>, <<"groups">>])),
     Main("scope_aliases.$alias", "r.x r.y", [{scope_aliases, #{<<"n">> => [<<"r.x">>, <<"r.y">>]}}],
          Of(<<"scope_aliases">>, #{<<"n">> => [<<"r.x">>, <<"r.y">>]})),
     {"auth_oauth2.scope_aliases.$index.alias",
      ["auth_oauth2.scope_aliases.1.alias = a b", "auth_oauth2.scope_aliases.1.scope = r.x",
       "auth_oauth2.resource_server_id = r"],
      [{resource_server_id, <<"r">>}, {scope_aliases, #{<<"a b">> => [<<"r.x">>]}}],
      Of(<<"scope_aliases">>, #{<<"a b">> => [<<"r.x">>]})},
     {"auth_oauth2.scope_aliases.$index.scope",
      ["auth_oauth2.scope_aliases.2.alias = a", "auth_oauth2.scope_aliases.2.scope = r.x r.y",
       "auth_oauth2.resource_server_id = r"],
      [{resource_server_id, <<"r">>}, {scope_aliases, #{<<"a">> => [<<"r.x">>, <<"r.y">>]}}],
      Of(<<"scope_aliases">>, #{<<"a">> => [<<"r.x">>, <<"r.y">>]})},
     Main("scope_pattern_syntax", "regex", [{scope_pattern_syntax, regex}], {refused, "write the scopes with *"}),
     Main("verify_aud", "false", [{verify_aud, false}], Of(<<"verify_aud">>, false)),
     Main("require_exp", "false", [{require_exp, false}], Of(<<"require_exp">>, false)),
     Main("preferred_username_claims.$preferred_username_claims", "email", [{preferred_username_claims, [<<"email">>]}],
          Of(<<"preferred_username_claims">>, [<<"email">>, <<"sub">>, <<"client_id">>])),
     Main("issuer", Url, [{issuer, Url}], Of(<<"issuer">>, list_to_binary(Url))),
     Main("jwks_uri", Url, [{jwks_uri, Url}], Of(<<"jwks_uri">>, list_to_binary(Url))),
     Main("jwks_url", Url, KeyConfig(jwks_url, Url), Of(<<"jwks_uri">>, list_to_binary(Url))),
     Main("default_key", "k", KeyConfig(default_key, <<"k">>), Of(<<"default_key">>, <<"k">>)),
     Main("algorithms.$algorithm", "RS256", KeyConfig(algorithms, [<<"RS256">>]), Of(<<"algorithms">>, [<<"RS256">>])),
     Main("signing_keys.$name", Pem, KeyConfig(signing_keys, #{<<"n">> => {pem, ?PEM}}), {file, <<"oauth">>}),
     Main("token_endpoint", Url, [{token_endpoint, Url}], Unused),
     Main("authorization_endpoint", Url, [{authorization_endpoint, Url}], Unused),
     Main("end_session_endpoint", Url, [{end_session_endpoint, Url}], Unused),
     WithIssuer(Main("discovery_endpoint_path", "/oidc", [{discovery_endpoint_path, "/oidc"}],
                     Of(<<"discovery_uri">>, <<"https://id.example/oidc">>))),
     WithIssuer(Main("discovery_endpoint_params.$param", "v", [{discovery_endpoint_params, [{<<"n">>, <<"v">>}]}],
                     Of(<<"discovery_uri">>, <<"https://id.example/.well-known/openid-configuration?n=v">>))),
     Main("https.cacertfile", Pem, KeyConfig(cacertfile, Pem), Of(<<"ca_file">>, list_to_binary(Pem))),
     Main("https.peer_verification", "verify_none", KeyConfig(peer_verification, verify_none), {refused, "tokenward.ca_file"}),
     Main("https.verify", "verify_none", KeyConfig(verify, verify_none), {refused, "tokenward.ca_file"}),
     Main("https.crl_check", "peer", KeyConfig(crl_check, peer), {refused, "set it to false or leave it out"}),
     Main("https.depth", "3", KeyConfig(depth, 3), Verified),
     Main("https.hostname_verification", "none", KeyConfig(hostname_verification, none), Verified),
     Main("https.fail_if_no_peer_cert", "true", KeyConfig(fail_if_no_peer_cert, true), Verified),
     {"auth_oauth2.default_oauth_provider",
      ["auth_oauth2.resource_server_id = r", "auth_oauth2.default_oauth_provider = n"],
      [{resource_server_id, <<"r">>}, {default_oauth_provider, "n"}], {refused, "there is no provider n"}},
     Provider("issuer", "https://n.example", [], OfN(<<"issuer">>, <<"https://n.example">>)),
     Provider("jwks_uri", Url, [{jwks_uri, Url}], OfN(<<"jwks_uri">>, list_to_binary(Url))),
     Provider("token_endpoint", Url, [{token_endpoint, Url}], Unused),
     Provider("authorization_endpoint", Url, [{authorization_endpoint, Url}], Unused),
     Provider("end_session_endpoint", Url, [{end_session_endpoint, Url}], Unused),
     Provider("discovery_endpoint_path", "oidc", [{discovery_endpoint_path, "oidc"}],
              OfN(<<"discovery_uri">>, <<"https://n.example/oidc">>)),
     Provider("discovery_endpoint_params.$param", "v", [{discovery_endpoint_params, [{<<"n">>, <<"v">>}]}],
              OfN(<<"discovery_uri">>, <<"https://n.example/.well-known/openid-configuration?n=v">>)),
     Provider("https.cacertfile", Pem, Https(cacertfile, Pem), OfN(<<"ca_file">>, list_to_binary(Pem))),
     Provider("https.verify", "verify_none", Https(verify, verify_none), {refused, "tokenward.ca_file"}),
     Provider("https.crl_check", "peer", Https(crl_check, peer), {refused, "set it to false or leave it out"}),
     Provider("https.depth", "3", Https(depth, 3), Verified),
     Provider("https.hostname_verification", "none", Https(hostname_verification, none), Verified),
     Provider("default_key", "k", [{default_key, <<"k">>}], OfN(<<"default_key">>, <<"k">>)),
     Provider("algorithms.$algorithm", "ES256", [{algorithms, [<<"ES256">>]}], OfN(<<"algorithms">>, [<<"ES256">>])),
     Provider("signing_keys.$id", Pem, [{signing_keys, #{<<"n">> => {pem, ?PEM}}}], {file, <<"oauth.n">>}),
     Server("id", "n", [], Of(<<"resource_server_id">>, <<"n">>)),
     Server("scope_prefix", "p.", [{scope_prefix, <<"p.">>}], Of(<<"scope_prefix">>, <<"p.">>)),
     Server("additional_scopes_key", "roles", [{extra_scopes_source, <<"roles">>}],
            Of(<<"additional_scopes_keys">>, [<<"roles">>])),
     Server("resource_server_type", "t", [{resource_server_type, <<"t">>}], Of(<<"resource_server_type">>, <<"t">>)),
     Server("scope_aliases.$alias", "r.x", [{scope_aliases, #{<<"n">> => [<<"r.x">>]}}],
            Of(<<"scope_aliases">>, #{<<"n">> => [<<"r.x">>]})),
     {"auth_oauth2.resource_servers.$name.scope_aliases.$index.alias",
      ["auth_oauth2.resource_servers.n.scope_aliases.1.alias = a", "auth_oauth2.resource_servers.n.scope_aliases.1.scope = r.x"],
      [{resource_servers, #{<<"n">> => [{id, <<"n">>}, {scope_aliases, #{<<"a">> => [<<"r.x">>]}}]}}],
      Of(<<"scope_aliases">>, #{<<"a">> => [<<"r.x">>]})},
     {"auth_oauth2.resource_servers.$name.scope_aliases.$index.scope",
      ["auth_oauth2.resource_servers.n.scope_aliases.1.alias = a", "auth_oauth2.resource_servers.n.scope_aliases.1.scope = x y"],
      [{resource_servers, #{<<"n">> => [{id, <<"n">>}, {scope_aliases, #{<<"a">> => [<<"x">>, <<"y">>]}}]}}],
      Of(<<"scope_aliases">>, #{<<"a">> => [<<"x">>, <<"y">>]})},
     Server("scope_pattern_syntax", "regex", [{scope_pattern_syntax, regex}], {refused, "write the scopes with *"}),
     Server("verify_aud", "false", [{verify_aud, false}], Of(<<"verify_aud">>, false)),
     Server("require_exp", "false", [{require_exp, false}], Of(<<"require_exp">>, false)),
     Server("preferred_username_claims.$preferred_username_claims", "email", [{preferred_username_claims, [<<"email">>]}],
            Of(<<"preferred_username_claims">>, [<<"email">>, <<"sub">>, <<"client_id">>])),
     {"auth_oauth2.resource_servers.$name.oauth_provider_id",
      ["auth_oauth2.resource_servers.n.oauth_provider_id = n", "auth_oauth2.oauth_providers.n.issuer = https://n.example"],
      [{resource_servers, #{<<"n">> => [{id, <<"n">>}, {oauth_provider_id, <<"n">>}]}},
       {oauth_providers, #{<<"n">> => [{issuer, "https://n.example"}]}}],
      OfN(<<"resource_server_id">>, <<"n">>)}].

%% Each name in a setting is n.
line(Key, Value) ->
    re:replace(Key, "\\$[a-z_]+", "n", [global, {return, list}]) ++ " = " ++ Value.

row(Schema, Directory, IsKnown, {_, Lines, Settings, Expected}) ->
    case IsKnown of
        true ->
            Read = of_lines(Schema, Directory, Lines),
            {_, true} = {Read, sorted(Read) =:= sorted(Settings)},
            becomes(Read, Expected);
        false ->
            becomes(Settings, Expected)
    end.

of_lines(Schema, Directory, Lines) ->
    File = filename:join(Directory, "rabbitmq.conf"),
    ok = file:write_file(File, lists:join("\n", Lines ++ [""])),
    case cuttlefish_generator:map(Schema, cuttlefish_conf:files([File])) of
        {error, Phase, Errors} -> error({Phase, Errors});
        Config -> proplists:get_value(auth_oauth2_settings, proplists:get_value(tokenward_rabbitmq, Config))
    end.

%% In which order they come doesn't count, nor whether a text is a string.
sorted(Map) when is_map(Map) -> maps:map(fun(_, Value) -> sorted(Value) end, Map);
sorted([Char | _] = Text) when is_integer(Char) -> list_to_binary(Text);
sorted([Pair | _] = List) when is_tuple(Pair) -> lists:sort([{Key, sorted(Value)} || {Key, Value} <- List]);
sorted(Other) -> Other.

becomes(Settings, Expected) ->
    Env = [{options, [{"oauth", "issuer", "https://id.example"}]}],
    Own = case Expected of
        {same, <<"oauth">>, <<"issuer">>, _} -> [];
        {same, <<"oauth.", _/bits>>, _, _} -> [];
        {file, <<"oauth.", _/bits>>} -> [];
        _ -> case proplists:is_defined(default_oauth_provider, Settings) of true -> []; false -> Env end
    end,
    Result = tokenward_config:read(Own, Settings, [4, 3, 6]),
    case {Expected, Result} of
        {{refused, What}, {error, Problem}} ->
            {_, true} = {Problem, contains(Problem, What)};
        {{note, What}, {ok, #{notes := Notes}}} ->
            {_, true} = {Notes, lists:any(fun(Note) -> contains(Note, What) end, Notes)};
        {{same, Section, Option, Value}, {ok, #{json := Json, notes := []}}} ->
            #{Section := #{Option := Value}} = rabbit_json:decode(Json);
        {{file, Section}, {ok, #{json := Json, notes := []}}} ->
            #{Section := #{<<"jwks_file">> := File}} = rabbit_json:decode(Json),
            {ok, Content} = file:read_file(File),
            #{<<"keys">> := [#{<<"kid">> := <<"n">>, <<"crv">> := <<"Ed25519">>}]} = rabbit_json:decode(Content)
    end.

contains(Text, Part) ->
    string:find(unicode:characters_to_list(Text), Part) =/= nomatch.
