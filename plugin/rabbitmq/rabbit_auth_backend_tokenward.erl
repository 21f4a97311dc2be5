%% The auth backend that RabbitMQ calls. It answers by libtokenward. One module serves 3.10 and 4.x: it exports the
%% callbacks of both. Their two records are the same in all versions, so it can be built without the broker's header.
%%
%% A user's impl is the handle of a session. The session's own node decides. A dead handle gets no right, and so does one
%% whose node doesn't answer.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(rabbit_auth_backend_tokenward).

-export([description/0]).
-export([user_login_authentication/2]).
-export([user_login_authorization/2, check_vhost_access/3, check_resource_access/4, check_topic_access/4]).
-export([state_can_expire/0, expiry_timestamp/1, update_state/2]).
-export([tags/1]).  % for another node

-ifdef(WITH_RABBITMQ).
-include_lib("rabbit_common/include/rabbit.hrl").
-behaviour(rabbit_authn_backend).
-behaviour(rabbit_authz_backend).
-else.
-record(auth_user, {username, tags, impl}).
-record(resource, {virtual_host, kind, name}).
-endif.

-define(TEN_YEARS, 315_360_000).

%% The tags that the broker and the management plugin know. Named here, they exist as atoms in every broker.
-define(KNOWN_TAGS, [administrator, monitoring, management, policymaker, impersonator]).

description() ->
    [{name, <<"Tokenward">>}, {description, <<"Access tokens (OAuth 2.0) by libtokenward">>}].

%% ---- logins ----------------------------------------------------------------------------------

user_login_authentication(Username, AuthProps) ->
    without_trace(fun() -> authenticate(Username, AuthProps) end).

authenticate(Username, AuthProps) ->
    case tokenward_login:login(Username, AuthProps) of
        {ok, Session} ->
            {ok, #auth_user{username = tokenward_nif:username(Session), tags = tags(Session), impl = Session}};
        Refused ->
            Refused
    end.

%% Another backend has authenticated the user. The token gives the rights, and must be of the same user.
user_login_authorization(Username, AuthProps) ->
    without_trace(fun() -> authorize_login(Username, AuthProps) end).

authorize_login(Username, AuthProps) ->
    case tokenward_login:login(Username, AuthProps) of
        {ok, Session} ->
            case tokenward_nif:username(Session) of
                Username ->
                    {ok, Session, tags(Session)};
                _ ->
                    tokenward_login:refused("authenticate", "IDENTITY_CHANGED",
                                            "the token's username is not the one that another backend has let in")
            end;
        Refused ->
            Refused
    end.

%% An exception carries the arguments of the failed function, a token among them, and the broker logs them. So an
%% exception, which means a defect of this plugin, becomes a refusal and a line that names the functions only.
without_trace(Ask) ->
    try
        Ask()
    catch
        Class:_:Stack ->
            Where = [io_lib:format(" ~ts:~ts", [Module, Function]) || {Module, Function, _, _} <- Stack],
            tokenward_log:write(error, ["INTERNAL: ", atom_to_list(Class), " in", lists:join(",", lists:sublist(Where, 3)),
                                        ": please report this"]),
            {refused, "~ts", [<<"internal error">>]}
    end.

%% Erlang never frees an atom, so a token must not create one: only atoms that exist already become tags.
tags(Session) ->
    lists:usort(lists:filtermap(fun known_atom/1, binary:split(tokenward_nif:tags(Session), <<",">>, [global]))).

known_atom(<<>>) ->
    false;
known_atom(Tag) ->
    case [Known || Known <- ?KNOWN_TAGS, atom_to_binary(Known) =:= Tag] of
        [Known] ->
            {true, Known};
        [] ->
            try
                {true, binary_to_existing_atom(Tag)}
            catch
                error:badarg -> false
            end
    end.

%% ---- rights --------------------------------------------------------------------------------------------

%% Any right in the vhost opens it. The line of a denial needs one request: reading.
check_vhost_access(#auth_user{impl = Session} = User, VHost, AuthzData) ->
    Here = fun() ->
        case tokenward_nif:can_access_vhost(Session, VHost) of
            allowed -> true;
            _ -> denied(Session, {operation(read), VHost, <<>>, none}, AuthzData)
        end
    end,
    decide(Session, Here, check_vhost_access, [User, VHost, AuthzData]);
check_vhost_access(_, _, _) ->
    false.

check_resource_access(User, #resource{kind = exchange, name = <<>>} = Resource, Permission, Context) ->
    check_resource_access(User, Resource#resource{name = <<"amq.default">>}, Permission, Context);
check_resource_access(#auth_user{impl = Session} = User, #resource{virtual_host = VHost, name = Name} = Resource,
                      Permission, Context) ->
    Here = fun() -> authorize(Session, {operation(Permission), VHost, Name, none}, Context) end,
    decide(Session, Here, check_resource_access, [User, Resource, Permission, Context]);
check_resource_access(_, _, _, _) ->
    false.

check_topic_access(#auth_user{impl = Session} = User, #resource{virtual_host = VHost, name = Name} = Resource,
                   Permission, #{routing_key := RoutingKey} = Context) when is_binary(RoutingKey) ->
    Here = fun() -> authorize(Session, {operation(Permission), VHost, Name, RoutingKey}, Context) end,
    decide(Session, Here, check_topic_access, [User, Resource, Permission, Context]);
check_topic_access(_, _, _, _) ->
    false.

%% Here, or by the same function on the session's node.
decide(Session, Here, Function, Arguments) ->
    case tokenward_owner:is_elsewhere(Session) of
        true ->
            tokenward_owner:call(Session, ?MODULE, Function, Arguments) =:= {ok, true};
        false ->
            try
                Here()
            catch
                error:badarg -> false
            end
    end.

authorize(Session, {Operation, VHost, Name, RoutingKey} = Request, Context) ->
    case tokenward_nif:authorize(Session, Operation, VHost, Name, RoutingKey) of
        allowed -> true;
        _ -> denied(Session, Request, Context)
    end.

%% The library words the line, and leaves it out when there are too many.
denied(Session, {Operation, VHost, Name, RoutingKey}, Context) ->
    From = tokenward_context:of_request(Context),
    _ = tokenward_nif:report_denial(Session, Operation, VHost, Name, RoutingKey, From),
    false.

operation(configure) -> 1;
operation(read) -> 2;
operation(write) -> 3;
operation(_) -> none.

%% ---- expiry and refresh -----------------------------------------------------------------------------------------

state_can_expire() ->
    true.

%% Never the atom `never`: RabbitMQ 4 would ignore update-secret for such a user.
expiry_timestamp(#auth_user{impl = Session}) ->
    case tokenward_owner:call(Session, tokenward_nif, expires_at, [Session]) of
        {ok, End} when is_integer(End) -> min(End, os:system_time(second) + ?TEN_YEARS);
        _ -> 0
    end;
expiry_timestamp(_) ->
    0.

%% Every failure is {error, _}: 3.10 knows {refused, _} only and 4.x {refused, _, _} only. Both close the connection.
update_state(#auth_user{impl = Session} = User, Token) ->
    OldTags = tokenward_owner:call(Session, ?MODULE, tags, [Session]),
    case without_trace(fun() -> tokenward_login:refresh(Session, Token) end) of
        {ok, NewSession} -> updated(User, NewSession, OldTags);
        {refused, _, [Message]} -> {error, unicode:characters_to_list(Message)}
    end;
update_state(_, _) ->
    refresh_refused("INVALID_ARGUMENT", "not a session of tokenward").

refresh_refused(Reason, Message) ->
    {refused, _, [Text]} = tokenward_login:refused("refresh", Reason, Message),
    {error, unicode:characters_to_list(Text)}.

%% An older broker goes on with the tags of the login, whatever is answered.
updated(User, Session, {ok, OldTags}) ->
    Tags = tags(Session),
    case OldTags -- Tags of
        [] ->
            {ok, User#auth_user{tags = Tags, impl = Session}};
        Lost ->
            case tokenward_broker:keeps_tags(tokenward_broker:version()) of
                true ->
                    refresh_refused("TAGS_LOST", io_lib:format("the new token lacks the tags ~0p, which this version "
                                                               "of RabbitMQ would keep: log in anew", [Lost]));
                false ->
                    {ok, User#auth_user{tags = Tags, impl = Session}}
            end
    end;
updated(_User, _Session, error) ->
    refresh_refused("SESSION_ELSEWHERE", "the session's node doesn't answer").
