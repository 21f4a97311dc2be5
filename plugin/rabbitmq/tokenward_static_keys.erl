%% Turns public keys in PEM to a file with a JWK Set (RFC 7517), which the library takes as jwks_file.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_static_keys).

-export([jwk/2, public_jwk/2, write/2]).

-include_lib("public_key/include/public_key.hrl").

-spec jwk(binary(), binary()) -> {ok, map()} | {error, iodata()}.
jwk(Id, Pem) ->
    try key(public_key:pem_decode(Pem)) of
        {ok, Key} -> {ok, Key#{kid => Id, use => <<"sig">>}};
        Error -> Error
    catch
        error:_ -> {error, "isn't a public key in PEM"}
    end.

%% A JWK as a map or as JSON: its public members.
-spec public_jwk(binary(), map() | binary()) -> {ok, map()} | {error, iodata()}.
public_jwk(Id, Json) when is_binary(Json) ->
    try rabbit_json:decode(Json) of
        Jwk when is_map(Jwk) -> public_jwk(Id, Jwk);
        _ -> {error, "isn't a JWK"}
    catch
        _:_ -> {error, "isn't a JWK"}
    end;
public_jwk(Id, #{<<"kty">> := Type} = Jwk) ->
    Members = case Type of
        <<"RSA">> -> [<<"n">>, <<"e">>];
        <<"EC">> -> [<<"crv">>, <<"x">>, <<"y">>];
        <<"OKP">> -> [<<"crv">>, <<"x">>];
        _ -> []
    end,
    case maps:with(Members, Jwk) of
        _ when Members =:= [] ->
            {error, "is no public key: shared secrets aren't accepted"};
        Public when map_size(Public) =:= length(Members) ->
            case lists:all(fun is_binary/1, maps:values(Public)) of
                true -> {ok, (maps:merge(Public, maps:with([<<"alg">>], Jwk)))#{<<"kty">> => Type, <<"kid">> => Id,
                                                                                <<"use">> => <<"sig">>}};
                false -> {error, "isn't a JWK"}
            end;
        _ ->
            {error, "isn't a JWK: members are missing"}
    end;
public_jwk(_, _) ->
    {error, "isn't a JWK: it has no kty"}.

key([{'Certificate', Der, not_encrypted} | _]) ->
    Certificate = public_key:pkix_decode_cert(Der, plain),
    Info = (Certificate#'Certificate'.tbsCertificate)#'TBSCertificate'.subjectPublicKeyInfo,
    Encoded = public_key:der_encode('SubjectPublicKeyInfo', Info),
    key([{'SubjectPublicKeyInfo', Encoded, not_encrypted}]);
key([{'SubjectPublicKeyInfo', Der, not_encrypted} = Entry | _]) ->
    case public_key:der_decode('SubjectPublicKeyInfo', Der) of
        %% OTP 25 has no decoder for the key of RFC 8410. The bytes are the key.
        #'SubjectPublicKeyInfo'{algorithm = #'AlgorithmIdentifier'{algorithm = ?'id-Ed25519'}, subjectPublicKey = X} ->
            {ok, #{kty => <<"OKP">>, crv => <<"Ed25519">>, x => base64url(X)}};
        _ ->
            members(public_key:pem_entry_decode(Entry))
    end;
key([{'RSAPublicKey', _, not_encrypted} = Entry | _]) ->
    members(public_key:pem_entry_decode(Entry));
key([{Type, _, _} | _]) ->
    {error, io_lib:format("is a ~ts, not a public key", [Type])};
key([]) ->
    {error, "isn't a public key in PEM"}.

members(#'RSAPublicKey'{modulus = N, publicExponent = E}) ->
    {ok, #{kty => <<"RSA">>, n => base64url(binary:encode_unsigned(N)), e => base64url(binary:encode_unsigned(E))}};
members({#'ECPoint'{point = Point}, {namedCurve, Curve}}) ->
    case curve(Curve) of
        {ok, Name, Size} when byte_size(Point) =:= 1 + 2 * Size ->
            {X, Y} = {binary:part(Point, 1, Size), binary:part(Point, 1 + Size, Size)},
            {ok, #{kty => <<"EC">>, crv => Name, x => base64url(X), y => base64url(Y)}};
        {ok, _, _} ->
            {error, "is a compressed point of its curve"};
        unknown ->
            {error, "is on a curve other than P-256, P-384 and P-521"}
    end;
members(_) ->
    {error, "is neither RSA nor EC nor Ed25519"}.

curve(?secp256r1) -> {ok, <<"P-256">>, 32};
curve(?secp384r1) -> {ok, <<"P-384">>, 48};
curve(?secp521r1) -> {ok, <<"P-521">>, 66};
curve(_) -> unknown.

base64url(Bytes) ->
    << <<(case Byte of $+ -> $-; $/ -> $_; _ -> Byte end)>> || <<Byte>> <= base64:encode(Bytes), Byte =/= $= >>.

%% Writes the file to the node's data directory, readable by its user only.
-spec write(string(), [map()]) -> {ok, binary()} | {error, iodata()}.
write(Name, Keys) ->
    Path = filename:join(directory(), "tokenward-signing-keys-" ++ Name ++ ".json"),
    Temporary = Path ++ ".new",
    Steps = [fun() -> file:write_file(Temporary, <<>>) end,
             fun() -> file:change_mode(Temporary, 8#600) end,
             fun() -> file:write_file(Temporary, rabbit_json:encode(#{keys => Keys})) end,
             fun() -> file:rename(Temporary, Path) end],
    case in_turn(Steps) of
        ok -> {ok, unicode:characters_to_binary(Path)};
        {error, Reason} -> {error, ["can't write ", Path, ": ", file:format_error(Reason)]}
    end.

in_turn([]) -> ok;
in_turn([Step | Rest]) ->
    case Step() of
        ok -> in_turn(Rest);
        Error -> Error
    end.

directory() ->
    Directory = case application:get_env(rabbit, data_dir) of
        {ok, Data} -> Data;
        undefined -> application:get_env(mnesia, dir, "/nonexistent")
    end,
    filename:absname(Directory).
