%% Where a client comes from: for log lines and their limits.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_context).

-export([of_login/1, of_request/1, asks_again/1, text/1]).

%% ClientId is MQTT's; of another client it is no text.
-spec of_login(term()) -> tokenward_nif:context().
of_login(ClientId) ->
    context(text_or_empty(ClientId), <<>>, [last_backend || is_last_backend()]).

%% For a call that comes again after try_again.
-spec asks_again(tokenward_nif:context()) -> tokenward_nif:context().
asks_again({Protocol, Peer, ClientId, ConnectionName, Flags}) ->
    {Protocol, Peer, ClientId, ConnectionName, [asks_again | Flags]}.

%% Takes what the broker hands to a permission check. Its members differ by version and protocol, and it may be no map.
-spec of_request(term()) -> tokenward_nif:context().
of_request(AuthzContext) ->
    context(client_id(AuthzContext), address(AuthzContext), []).

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

context(ClientId, Address, Flags) ->
    {Protocol, Peer, ConnectionName} = origin(get(process_name)),
    {protocol(Protocol, ClientId), first_of(Peer, Address), ClientId, ConnectionName, Flags}.

%% An MQTT client is known by its id, whatever process serves it.
protocol(amqp, <<>>) -> <<"amqp">>;
protocol(_, <<_, _/binary>>) -> <<"mqtt">>;
protocol(unknown, <<>>) -> <<"rabbitmq">>;
protocol(Protocol, <<>>) -> atom_to_binary(Protocol).

%% The process that serves a connection of AMQP, or one of its channels, has the connection's name in its dictionary.
origin({rabbit_channel, {Name, Channel}}) when is_integer(Channel) -> named(rabbit_channel, text_or_empty(Name));
origin({rabbit_reader, Name}) -> named(rabbit_reader, text_or_empty(Name));
origin(_) -> tokenward_origin:of_caller().

named(Module, Name) ->
    case parts(Name) of
        {<<>>, Given} when Module =:= rabbit_channel -> {unknown, <<>>, Given};  % a direct connection's
        {Peer, Given} -> {amqp, Peer, Given}
    end.

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
