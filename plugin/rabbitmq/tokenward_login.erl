%% Makes a session, or a refusal with its message, of what RabbitMQ hands over. Runs in the process that waits for the
%% answer: that process sleeps while a key is being fetched.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_login).

-export([login/2, refresh/2, standing/1, refused/0, refused/3]).
-export_type([refused/0]).

-type refused() :: {refused, string(), [binary() | string()]}.

%% RabbitMQ ends a handshake after 10 seconds. While a connection waits for a new token's key, it stands still and is
%% missing in the broker's lists.
-define(LOGIN_MS, 8000).
-define(REFRESH_MS, 3000).

-spec login(term(), term()) -> {ok, tokenward_nif:session()} | refused().
login(Username, AuthProps) ->
    case tokenward_context:text(property(password, AuthProps)) of
        none -> login_again(property(rabbit_auth_backend_tokenward, AuthProps), Username, AuthProps);
        Secret -> login(Username, Secret, AuthProps, ?LOGIN_MS)
    end.

login(Username, Secret, AuthProps, Patience) ->
    case tokenward_backend:handle() of
        undefined ->
            refused("authenticate", "BACKEND_CLOSED", "the plugin isn't running");
        Backend ->
            Name = case tokenward_context:text(Username) of none -> <<>>; Given -> Given end,
            Context = tokenward_context:of_login(property(client_id, AuthProps)),
            Ask = fun(Of) -> tokenward_nif:authenticate(Backend, Name, Secret, Of) end,
            case patiently(Ask, Context, deadline(Patience)) of
                {ok, Session} ->
                    tokenward_expiry:watch(Session),
                    {ok, Session};
                {no, _Reason} ->
                    refused()
            end
    end.

%% A plugin of RabbitMQ 4 may open a direct connection for a client that is logged in. It has no password then: the
%% broker hands back the client's session. A client can't send a session, since it is no text.
%% Without a session there is no password at all: the library has the words for it, and writes the line.
login_again(Session, Username, AuthProps) ->
    try {tokenward_nif:expires_at(Session) > os:system_time(second), tokenward_backend:denies(Session)} of
        {true, false} ->
            tokenward_expiry:watch(Session),
            {ok, Session};
        {_, true} ->
            denied("authenticate");
        {false, _} ->
            refused("authenticate", "SESSION_EXPIRED", "the session's token has ended")
    catch
        error:badarg -> login(Username, <<>>, AuthProps, ?LOGIN_MS)
    end.

%% Replaces the session's rights by those of a new token of the same identity. All holders of the session have them.
-spec refresh(term(), term()) -> {ok, tokenward_nif:session()} | refused().
refresh(Session, Token) when is_binary(Token) ->
    case tokenward_owner:is_elsewhere(Session) of
        true -> replace(Session, Token);
        false -> refresh_here(Session, Token)
    end;
refresh(_Session, _Token) ->
    refused("refresh", "INVALID_ARGUMENT", "the new secret isn't a text").

refresh_here(Session, Token) ->
    Context = tokenward_context:of_login(none),
    Ask = fun(Of) -> tokenward_nif:refresh(Session, <<>>, Token, Of) end,
    try patiently(Ask, Context, deadline(?REFRESH_MS)) of
        ok -> refreshed(Session);
        {no, <<"BACKEND_CLOSED">>} -> replace(Session, Token);
        {no, _Reason} -> refused()
    catch
        error:badarg -> no_session()
    end.

no_session() ->
    refused("refresh", "INVALID_ARGUMENT", "not a session, or its node has been restarted").

%% The session's backend is gone, since the plugin was restarted, or the session is another node's. The new token's
%% session takes its place if the identity is the same.
replace(Session, Token) ->
    case login(<<>>, Token, [], ?REFRESH_MS) of
        {ok, NewSession} ->
            Identity = identity(NewSession),
            case tokenward_owner:call(Session, ?MODULE, standing, [Session]) of
                {ok, {Identity, allowed}} -> refreshed(NewSession);
                {ok, {Identity, denied}} -> denied("refresh");
                {ok, _} -> refused("refresh", "IDENTITY_CHANGED", "the new token is another user's");
                error -> no_session()
            end;
        Refused ->
            Refused
    end.

%% Asked on the session's node.
-spec standing(tokenward_nif:session()) -> {Identity :: tuple(), allowed | denied}.
standing(Session) ->
    {identity(Session), case tokenward_backend:denies_also_its_own(Session) of true -> denied; false -> allowed end}.

identity(Session) ->
    {tokenward_nif:issuer(Session), tokenward_nif:username(Session)}.

denied(Event) ->
    refused(Event, "DENIED_BY_OPERATOR", "the operator denies the session that the client has (denied_file)").

refreshed(Session) ->
    tokenward_expiry:watch(Session),
    tokenward_connections:forget_cached_permissions(),
    {ok, Session}.

deadline(Patience) ->
    erlang:monotonic_time(millisecond) + Patience.

%% The last try comes before the deadline. Without a place among those who wait there is none. The library writes one line
%% of it all, which is of the last answer.
patiently(Ask, Context, Deadline) ->
    case Ask(tokenward_context:asks_again(Context)) of
        {try_again, DelayMs, Reason, _Message, _Hint} ->
            case erlang:monotonic_time(millisecond) + DelayMs < Deadline andalso
                    tokenward_patience:sleep(cause(Reason), DelayMs) =:= ok of
                true -> patiently(Ask, Context, Deadline);
                false -> last(Ask(Context))
            end;
        Answer ->
            last(Answer)
    end.

last({try_again, _DelayMs, Reason, _Message, _Hint}) -> {no, Reason};
last({No, Reason, _Message, _Hint}) when No =:= refused; No =:= not_a_token; No =:= error -> {no, Reason};
last(Yes) -> Yes.

cause(<<"NEW_KEY_PENDING">>) -> unknown_key;
cause(<<"INTROSPECTION_PENDING">>) -> no_answer;
cause(<<"INTROSPECTION_FAILED">>) -> no_answer;
cause(<<"CLIENT_CREDENTIALS_PENDING">>) -> no_answer;
cause(<<"CLIENT_CREDENTIALS_FAILED">>) -> no_answer;
cause(_) -> no_keys.

%% The broker may show these words to the client, so they say nothing more. The library's line in the log has the reason.
-spec refused() -> refused().
refused() ->
    {refused, "~ts", [<<"the access token is refused">>]}.

%% A refusal that the library doesn't know of, with its line.
-spec refused(string(), string(), iodata()) -> refused().
refused(Event, Reason, Message) ->
    {Protocol, Peer, ClientId, _, _} = tokenward_context:of_login(none),
    Fields = [io_lib:format(" ~s=~0p", [Name, unicode:characters_to_list(Value)]) ||
              {Name, Value} <- [{"protocol", Protocol}, {"peer", Peer}, {"client_id", ClientId}], Value =/= <<>>],
    tokenward_log:write(warning, [Event, " refused reason=", Reason, Fields, ": ", Message]),
    refused().

%% AuthProps is a list or a map that the broker or a plugin made. In any other term no property is found.
property(Key, Props) when is_map(Props) ->
    maps:get(Key, Props, undefined);
property(Key, [{Key, Value} | _]) ->
    Value;
property(Key, [_ | Rest]) ->
    property(Key, Rest);
property(_Key, _) ->
    undefined.
