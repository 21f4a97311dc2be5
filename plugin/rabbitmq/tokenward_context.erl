%% Where a client comes from: for log lines and their limits.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_context).

-export([of_login/1, of_request/1, text/1]).

%% ClientId is MQTT's; of another client it is no text.
-spec of_login(term()) -> tokenward_nif:context().
of_login(ClientId) ->
    context(text_or_empty(ClientId), <<>>, is_last_backend()).

%% Takes what the broker hands to a permission check. Its members differ by version and protocol, and it may be no map.
-spec of_request(term()) -> tokenward_nif:context().
of_request(AuthzContext) ->
    context(client_id(AuthzContext), address(AuthzContext), false).

client_id(#{variable_map := Variables}) -> client_id(Variables);
client_id(#{<<"client_id">> := ClientId}) -> text_or_empty(ClientId);
client_id(_) -> <<>>.

address(#{peeraddr := Address}) when is_tuple(Address) ->
    case inet:ntoa(Address) of
        {error, einval} -> <<>>;
        Text -> list_to_binary(Text)
    end;
address(_) ->
    <<>>.

%% The process that serves a connection, or one of its channels, has the connection's name in its dictionary.
context(ClientId, Address, LastBackend) ->
    {Module, Name} = case get(process_name) of
        {M, {N, Channel}} when is_integer(Channel) -> {M, text_or_empty(N)};
        {M, N} -> {M, text_or_empty(N)};
        _ -> {undefined, <<>>}
    end,
    {Peer, ConnectionName} = parts(Name),
    {protocol(Module, ClientId, Peer), first_of(Peer, Address), ClientId, ConnectionName, LastBackend}.

%% Whether the chain ends here. Then the library logs a password that is no token, which RabbitMQ 3.10 doesn't do for MQTT.
is_last_backend() ->
    case application:get_env(rabbit, auth_backends) of
        {ok, [_ | _] = Backends} ->
            case lists:last(Backends) of
                rabbit_auth_backend_tokenward -> true;
                {rabbit_auth_backend_tokenward, _} -> true;
                _ -> false
            end;
        _ ->
            false
    end.

%% A name is "PEER -> LISTENER", or "PEER -> LISTENER - NAME" with the name that the client gave; channels don't have that.
%% Of a connection without a socket it is any text.
parts(Name) ->
    case binary:split(Name, <<" -> ">>) of
        [Peer, Rest] ->
            case binary:split(Rest, <<" - ">>) of
                [_Listener, Given] -> {Peer, Given};
                [_Listener] -> {Peer, <<>>}
            end;
        [_] ->
            {<<>>, Name}
    end.

protocol(rabbit_reader, _, _) -> <<"amqp">>;
protocol(_, ClientId, _) when ClientId =/= <<>> -> <<"mqtt">>;
protocol(rabbit_channel, _, Peer) when Peer =/= <<>> -> <<"amqp">>;
protocol(_, _, _) -> <<"rabbitmq">>.

first_of(<<>>, Second) -> Second;
first_of(First, _) -> First.

text_or_empty(Term) ->
    case text(Term) of
        none -> <<>>;
        Text -> Text
    end.

%% Of a binary or a string.
-spec text(term()) -> binary() | none.
text(Binary) when is_binary(Binary) ->
    Binary;
text(List) when is_list(List) ->
    try
        unicode:characters_to_binary(List)
    of
        Binary when is_binary(Binary) -> Binary;
        _ -> none
    catch
        error:badarg -> none
    end;
text(_) ->
    none.
