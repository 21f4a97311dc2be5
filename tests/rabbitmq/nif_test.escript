%%! +S 4:4
%% The NIF without a broker: handles, wrong terms, code reload, log lines, unloading. Prints TAP.
%% escript nif_test.escript EBIN LIBRARY MINT
%% SPDX-License-Identifier: Apache-2.0
-mode(compile).

main([Ebin, Library, Mint]) ->
    true = code:add_patha(Ebin),
    Directory = string:trim(os:cmd("mktemp -d")),
    World = #{library => list_to_binary(Library), mint => Mint, key => Directory ++ "/key.pem", dir => Directory,
              jwks => Directory ++ "/jwks.json"},
    ok = file:write_file(maps:get(jwks, World), mint(World, ["--new-key"])),
    Cases = cases(),
    io:format("1..~b~n", [length(Cases)]),
    Failed = lists:foldl(
        fun({Number, {Name, Case}}, Failures) ->
            case in_process(fun() -> Case(World) end) of
                ok -> io:format("ok ~b - ~ts~n", [Number, Name]), Failures;
                Problem -> io:format("not ok ~b - ~ts~n~ts~n", [Number, Name, comment(Problem)]), Failures + 1
            end
        end, 0, lists:zip(lists:seq(1, length(Cases)), Cases)),
    ok = file:del_dir_r(Directory),
    halt(min(Failed, 1)).

comment(Problem) ->
    re:replace(io_lib:format("~p", [Problem]), "^", "# ", [global, multiline]).

%% In a process of its own, so that its terms are gone afterwards.
in_process(Case) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({result, Case()}) end),
    receive
        {'DOWN', Monitor, process, Pid, {result, _}} -> ok;
        {'DOWN', Monitor, process, Pid, Reason} -> Reason
    after 180_000 -> no_end
    end.

mint(#{mint := Mint, key := Key}, Args) ->
    Quoted = [[" '", Arg, "'"] || Arg <- Args],
    string:trim(os:cmd(lists:flatten([Mint, " --key ", Key, " --alg ES256 --kid k1", Quoted]))).

token(World, Name, Scope) ->
    Exp = integer_to_list(os:system_time(second) + 300),
    list_to_binary(mint(World, ["--claim", "iss=\"https://id.example\"", "--claim", "aud=\"broker\"", "--claim",
                                "sub=\"" ++ Name ++ "\"", "--claim", "scope=\"" ++ Scope ++ "\"", "--claim",
                                "exp=" ++ Exp])).

json(#{jwks := Jwks}) ->
    iolist_to_binary(["{\"issuer\":\"https://id.example\",\"audience\":\"broker\",\"scope_prefix\":\"\",",
                      "\"jwks_file\":\"", Jwks, "\"}"]).

backend(#{library := Path} = World) ->
    {ok, Library, _Version} = tokenward_nif:open_library(Path),
    {ok, Backend} = tokenward_nif:create(Library, [], json(World), 0),
    Backend.

-define(CONTEXT, {<<"test">>, <<"peer">>, <<"id">>, <<"name">>, []}).

login(Backend, Token) ->
    tokenward_nif:authenticate(Backend, <<"whoever">>, Token, ?CONTEXT).

cases() ->
    [{"a token becomes a session with a name, an issuer, tags, an end", fun who/1},
     {"authorize answers allowed and denied, with and without a routing key", fun rights/1},
     {"the empty routing key is a routing key", fun empty_routing_key/1},
     {"a denial is one line with who, what, from where, and the nearest scope", fun denial/1},
     {"the callbacks write that line", fun denials_of_callbacks/1},
     {"a context is made of the connection's name and of what the broker hands over", fun contexts/1},
     {"a refusal has a reason, a message and a hint", fun refusal/1},
     {"a password that is no token is a line where no other backend is asked", fun no_token/1},
     {"the chain of rabbit's auth_backends tells whether another backend is asked", fun last_backend/1},
     {"every function takes every wrong term with badarg", fun wrong_terms/1},
     {"binaries of any size and bytes are taken, and refused", fun odd_binaries/1},
     {"random terms in all places at once have an answer of the documented form", fun random_terms/1},
     {"the callbacks take every wrong term with a no", fun wrong_terms_in_callbacks/1},
     {"where the client is decides nothing, also where the broker doesn't know it", fun odd_contexts/1},
     {"a defect of ours is a refusal, and its words have nothing of the token", fun defect/1},
     {"a session logs in again without a password, as a direct connection does", fun again/1},
     {"what is no token is told in the library's words, also no password", fun library_words/1},
     {"what a client may see of a refusal has no reason and no name", fun no_reason_for_clients/1},
     {"a login that waits in vain for the provider is one line", fun one_line/1},
     {"Prometheus' text is read back, with any name of a section and any form of a number", fun families/1},
     {"a handle of another node is a no", fun foreign_handle/1},
     {"which versions of RabbitMQ keep the tags of the login", fun kept_tags/1},
     {"sessions outlive their backend", fun outlive/1},
     {"whom the operator denies of an earlier backend's sessions, the next one knows", fun denied/1},
     {"a refresh changes the rights of all holders; another user's token does not", fun refresh/1},
     {"the module is replaced twice while handles live", fun replaced/1},
     {"the module is unloaded while handles live, and comes back", fun unloaded_module/1},
     {"another version is not loaded beside handles of this one, nor a module with an object of another", fun other_version/1},
     {"closing while others log in", fun close_beside_logins/1},
     {"a flood of log lines is bounded, and the owner is woken until all are taken", fun log_flood/1},
     {"only the owner takes log lines, and closes", fun owner/1},
     {"a refused refresh wakes the log's owner", fun refresh_log/1},
     {"a backend whose owner dies, or closes while lines wait, leaves no file descriptor", fun descriptors/1},
     {"the library leaves the process with the last handle", fun unloaded/1}].

who(World) ->
    {ok, Session} = login(backend(World), token(World, "alice", "tag:administrator tag:x read:v/q")),
    <<"alice">> = tokenward_nif:username(Session),
    <<"https://id.example">> = tokenward_nif:issuer(Session),
    <<"administrator,x">> = tokenward_nif:tags(Session),
    true = tokenward_nif:expires_at(Session) > os:system_time(second).

rights(World) ->
    {ok, Session} = login(backend(World), token(World, "alice", "read:v/q write:v/t/a.*")),
    allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none),
    denied = tokenward_nif:authorize(Session, 3, <<"v">>, <<"q">>, none),
    allowed = tokenward_nif:authorize(Session, 3, <<"v">>, <<"t">>, none),
    allowed = tokenward_nif:authorize(Session, 3, <<"v">>, <<"t">>, <<"a.b">>),
    denied = tokenward_nif:authorize(Session, 3, <<"v">>, <<"t">>, <<"b">>),
    denied = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, <<>>),
    allowed = tokenward_nif:can_access_vhost(Session, <<"v">>),
    denied = tokenward_nif:can_access_vhost(Session, <<"w">>),
    error = tokenward_nif:authorize(Session, 4, <<"v">>, <<"q">>, none),
    {ok, Json} = tokenward_nif:explain(Session, 3, <<"v">>, <<"q">>, none),
    {_, _} = binary:match(Json, <<"denied">>).

empty_routing_key(World) ->
    {ok, Session} = login(backend(World), token(World, "alice", "write:%2F/ex/rk.*")),
    allowed = tokenward_nif:authorize(Session, 3, <<"/">>, <<"ex">>, none),
    allowed = tokenward_nif:authorize(Session, 3, <<"/">>, <<"ex">>, <<"rk.1">>),
    denied = tokenward_nif:authorize(Session, 3, <<"/">>, <<"ex">>, <<>>),
    User = {auth_user, <<"alice">>, [], Session},
    Ask = fun(Key) -> rabbit_auth_backend_tokenward:check_topic_access(
        User, {resource, <<"/">>, topic, <<"ex">>}, write, #{routing_key => Key}) end,
    true = Ask(<<"rk.1">>),
    false = Ask(<<>>).

denial(World) ->
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "write:v/ex/rk.*")),
    _ = taken(Backend),
    ok = tokenward_nif:report_denial(Session, 3, <<"v">>, <<"ex">>, <<"other">>,
                                     {<<"amqp">>, <<"10.0.0.9:1">>, <<"c">>, <<"n">>, []}),
    [{2, Line}] = taken(Backend),
    [{_, _} = binary:match(Line, Part) || Part <- [
        <<"authorize denied reason=">>, <<"username=\"alice\"">>, <<"protocol=\"amqp\"">>,
        <<"peer=\"10.0.0.9:1\"">>, <<"client_id=\"c\"">>, <<"connection_name=\"n\"">>, <<"operation=write">>,
        <<"vhost=\"v\"">>, <<"resource=\"ex\"">>, <<"routing_key=\"other\"">>, <<"write:v/ex/other">>,
        <<"write:v/ex/rk.*">>]],
    %% No line of a request that is allowed.
    ok = tokenward_nif:report_denial(Session, 3, <<"v">>, <<"ex">>, <<"rk.1">>, ?CONTEXT),
    error = tokenward_nif:report_denial(Session, 4, <<"v">>, <<"ex">>, none, ?CONTEXT),
    false = more_waits() andalso [L || {_, <<"authorize", _/binary>> = L} <- taken(Backend)] =/= [],
    ok = tokenward_nif:close(Backend),
    error = tokenward_nif:report_denial(Session, 3, <<"v">>, <<"ex">>, <<"other">>, ?CONTEXT).

denials_of_callbacks(World) ->
    M = rabbit_auth_backend_tokenward,
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "write:v/ex/rk.*")),
    _ = taken(Backend),
    User = {auth_user, <<"alice">>, [], Session},
    Denied = fun(Ask, Parts) ->
        false = Ask(),
        [{2, Line}] = taken(Backend),
        [{_, _} = binary:match(Line, Part) || Part <- Parts]
    end,
    put(process_name, {rabbit_channel, {<<"10.0.0.1:7 -> 10.0.0.2:5672 - shop">>, 1}}),
    Denied(fun() -> M:check_resource_access(User, {resource, <<"v">>, queue, <<"q">>}, read, #{}) end,
           [<<"NO_MATCHING_SCOPE">>, <<"operation=read">>, <<"resource=\"q\"">>, <<"protocol=\"amqp\"">>,
            <<"peer=\"10.0.0.1:7\"">>, <<"connection_name=\"shop\"">>]),
    Denied(fun() -> M:check_topic_access(User, {resource, <<"v">>, topic, <<"ex">>}, write,
                                         #{routing_key => <<>>, variable_map => #{<<"client_id">> => <<"c">>}}) end,
           [<<"operation=write">>, <<"routing_key=\"\"">>, <<"client_id=\"c\"">>]),
    erase(process_name),
    Denied(fun() -> M:check_vhost_access(User, <<"w">>, #{peeraddr => {10, 0, 0, 3}}) end,
           [<<"NO_VHOST_ACCESS">>, <<"vhost=\"w\"">>, <<"peer=\"10.0.0.3\"">>]),
    %% Whatever stands in the broker's context, the answer is no.
    [false = Ask(Term) || Term <- [#{peeraddr => Wrong} || Wrong <- wrong()] ++ wrong(), Ask <- [
        fun(Context) -> M:check_vhost_access(User, <<"w">>, Context) end,
        fun(Context) -> M:check_resource_access(User, {resource, <<"v">>, queue, <<"q">>}, read, Context) end,
        fun(Context) -> M:check_topic_access(User, {resource, <<"v">>, topic, <<"ex">>}, write,
                                             #{routing_key => <<>>, variable_map => Context}) end,
        fun(Name) -> put(process_name, Name), M:check_vhost_access(User, <<"w">>, #{}) end,
        fun(Name) -> put(process_name, {rabbit_reader, Name}), M:check_vhost_access(User, <<"w">>, #{}) end]].

contexts(_World) ->
    Of = fun(Name, Request) -> put(process_name, Name), tokenward_context:of_request(Request) end,
    Mqtt = #{variable_map => #{<<"client_id">> => <<"c">>}},
    {<<"rabbitmq">>, <<>>, <<>>, <<>>, []} = Of(undefined, #{}),
    {<<"rabbitmq">>, <<"::1">>, <<>>, <<>>, []} = Of(undefined, #{peeraddr => {0, 0, 0, 0, 0, 0, 0, 1}}),
    {<<"rabbitmq">>, <<>>, <<>>, <<>>, []} = Of(undefined, #{peeraddr => unknown}),
    {<<"amqp">>, <<"[::1]:7">>, <<>>, <<>>, []} = Of({rabbit_reader, <<"[::1]:7 -> [::1]:5672">>}, undefined),
    {<<"amqp">>, <<"a:7">>, <<>>, <<"x -> y - z">>, []} =
        Of({rabbit_channel, {<<"a:7 -> b:1 - x -> y - z">>, 3}}, #{}),
    {<<"rabbitmq">>, <<>>, <<>>, <<"<rabbit@x.1>">>, []} =
        Of({rabbit_channel, {<<"<rabbit@x.1>">>, 1}}, #{}),
    {<<"mqtt">>, <<"a:7">>, <<"c">>, <<>>, []} = Of({rabbit_channel, {<<"a:7 -> b:1">>, 1}}, Mqtt),
    {<<"mqtt">>, <<"10.0.0.3">>, <<"c">>, <<>>, []} =
        Of(undefined, #{peeraddr => {10, 0, 0, 3}, <<"client_id">> => "c"}),
    put(process_name, {rabbit_reader, <<"a:7 -> b:1">>}),
    {<<"amqp">>, <<"a:7">>, <<>>, <<>>, []} = tokenward_context:of_login(undefined).

refusal(World) ->
    Backend = backend(World),
    {refused, <<"BAD_SIGNATURE">>, Message, _} = login(Backend, spoilt(token(World, "alice", "read:v/q"))),
    true = is_binary(Message),
    {not_a_token, <<"NOT_A_TOKEN">>, <<_, _/binary>>, _} = login(Backend, <<"swordfish">>),
    {ok, Library, _} = tokenward_nif:open_library(maps:get(library, World)),
    {error, <<"CONFIG_", _/binary>>, _, _} = tokenward_nif:create(Library, [], <<"{\"isuer\":\"x\"}">>, 0),
    {error, _} = tokenward_nif:open_library(<<"/nonexistent.so">>).

no_token(World) ->
    Backend = backend(World),
    {ok, _} = login(Backend, token(World, "alice", "read:v/q")),
    _ = taken(Backend),
    Ask = fun(Peer, LastBackend) -> tokenward_nif:authenticate(
        Backend, <<"bob">>, <<"swordfish">>, {<<"mqtt">>, Peer, <<"c">>, <<>>, LastBackend}) end,
    {not_a_token, <<"NOT_A_TOKEN">>, _, _} = Ask(<<"10.0.0.8:1">>, []),
    {not_a_token, <<"NOT_A_TOKEN">>, _, _} = Ask(<<"10.0.0.9:1">>, [last_backend]),
    [{2, Line}] = taken(Backend),
    {0, _} = binary:match(Line, <<"authenticate not_a_token reason=NOT_A_TOKEN protocol=\"mqtt\" peer=\"10.0.0.9:1\" ",
                                  "client_id=\"c\": ">>),
    nomatch = binary:match(Line, <<"swordfish">>).

last_backend(_World) ->
    Last = fun(Backends) ->
        ok = application:set_env(rabbit, auth_backends, Backends),
        [last_backend] =:= element(5, tokenward_context:of_login(none))
    end,
    Ours = rabbit_auth_backend_tokenward,
    [true = Last(Chain) || Chain <- [[Ours], [rabbit_auth_backend_internal, Ours], [{Ours, rabbit_auth_backend_internal}]]],
    [false = Last(Chain) || Chain <- [[Ours, rabbit_auth_backend_internal], [{rabbit_auth_backend_internal, Ours}],
                                      [], Ours]],
    ok = application:unset_env(rabbit, auth_backends).

%% Another first byte of the signature.
spoilt(Token) ->
    [Header, Payload, <<First, Rest/binary>>] = binary:split(Token, <<".">>, [global]),
    Other = case First of $A -> $B; _ -> $A end,
    <<Header/binary, ".", Payload/binary, ".", Other, Rest/binary>>.

wrong() ->
    [none, 1, -1, 1 bsl 31, 1 bsl 70, -(1 bsl 70), 1.5, <<1:3>>, <<0:65537>>, "text", [a | b], [], {}, {<<>>, <<>>},
     {<<>>, 1, <<>>, <<>>, []}, {<<>>, <<>>, <<>>, <<>>}, {<<>>, <<>>, <<>>, <<1:1>>, []},
     {<<>>, <<>>, <<>>, <<>>, none}, {<<>>, <<>>, <<>>, <<>>, [none]},
     {<<>>, <<>>, <<>>, <<>>, [last_backend | asks_again]}, #{}, #{a => b}, self(), foreign_pid(),
     make_ref(), port(), foreign_resource(), fun() -> ok end, fun erlang:node/0, [<<"/x">> | <<"y">>], [<<"/x">>, 1],
     lists:duplicate(65, <<"/x">>), lists:seq(1, 100000)].

port() ->
    hd(erlang:ports()).

%% A handle as ours is, but of another module.
foreign_resource() ->
    zlib:open().

%% <0.9.0> of a node that there isn't.
foreign_pid() ->
    binary_to_term(<<131, 88, 119, 6, "x@else", 9:32, 0:32, 1:32>>).

%% Right arguments, then each of them replaced by each wrong term.
wrong_terms(World) ->
    Backend = backend(World),
    {ok, Library, _} = tokenward_nif:open_library(maps:get(library, World)),
    {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
    Request = [Session, 2, <<"v">>, <<"q">>, none],
    Calls = [{open_library, [<<"/nonexistent.so">>]}, {create, [Library, [], <<"{}">>, 0]},
             {reload, [Backend, [], <<"{}">>, 0]}, {close, [Backend]}, {log_lines, [Backend]}, {status, [Backend]},
             {metrics, [Backend]}, {authenticate, [Backend, <<>>, <<>>, ?CONTEXT]},
             {refresh, [Session, <<>>, <<>>, ?CONTEXT]}, {username, [Session]}, {issuer, [Session]},
             {expires_at, [Session]}, {is_of, [Backend, Session]}, {denies, [Backend, Session]}, {tags, [Session]}, {can_access_vhost, [Session, <<"v">>]},
             {authorize, Request}, {report_denial, Request ++ [?CONTEXT]}, {explain, Request}],
    Exported = lists:sort([{F, A} || {F, A} <- tokenward_nif:module_info(exports), F =/= module_info]),
    Exported = lists:sort([{F, length(Args)} || {F, Args} <- Calls]),
    Bad = [{Function, Position, Term} || {Function, Args} <- Calls, Position <- lists:seq(1, length(Args)),
                                         Term <- wrong() ++ [Backend, Session, Library],
                                         not fits(Function, Position, Term, Args),
                                         {badarg, _} <- [attempt(Function, replace(Position, Term, Args))]],
    Good = [{Function, Position, Term, Other} || {Function, Args} <- Calls, Position <- lists:seq(1, length(Args)),
                                         Term <- wrong() ++ [Backend, Session, Library],
                                         not fits(Function, Position, Term, Args),
                                         {Other, _} <- [attempt(Function, replace(Position, Term, Args))],
                                         Other =/= badarg],
    true = length(Bad) > 500,
    [] = Good.

%% Right in type: a binary, a number. What is too large or has odd bytes is refused by the library.
odd_binaries(World) ->
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
    <<_:3, Shifted:4/binary, _/bits>> = <<255, 1, 2, 3, 4, 5>>,
    Binaries = [<<>>, <<0>>, Shifted, binary:copy(<<0>>, 5000), binary:copy(<<255>>, 100000),
                binary:copy(<<"eyJ.">>, 1 bsl 24), binary:copy(<<"a">>, (1 bsl 26) + 1)],
    lists:foreach(
        fun(Binary) ->
            true = lists:member(element(1, login(Backend, Binary)), [refused, not_a_token]),
            {refused, _, Message, _} = tokenward_nif:refresh(Session, Binary, Binary, context(Binary)),
            true = byte_size(Message) < 1024,
            denied = tokenward_nif:can_access_vhost(Session, Binary),
            denied = tokenward_nif:authorize(Session, 2, Binary, Binary, Binary),
            denied = tokenward_nif:authorize(Session, 3, <<"v">>, Binary, none),
            ok = tokenward_nif:report_denial(Session, 3, Binary, Binary, Binary, context(Binary)),
            true = lists:member(element(1, explained(Session, Binary)), [ok, error]),
            {error, _, _, _} = tokenward_nif:reload(Backend, [], <<"{", Binary/binary>>, 0),
            {error, _, _, _} = tokenward_nif:reload(Backend, [<<"/nonexistent/", Binary/binary>>], <<>>, 0),
            no_library(Binary)
        end, Binaries),
    allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none),
    ok = tokenward_nif:close(Backend).

context(Binary) ->
    {Binary, Binary, Binary, Binary, []}.

explained(Session, Binary) ->
    case tokenward_nif:explain(Session, 2, Binary, Binary, Binary) of
        error -> {error};
        Answer -> Answer
    end.

no_library(Binary) ->
    case attempt(open_library, [<<"/nonexistent/", Binary/binary>>]) of
        {badarg, _} -> ok;
        {returned, {error, _}} -> ok
    end.

%% From a fixed seed. Only what a call documents may come out, whatever goes in.
random_terms(World) ->
    _ = rand:seed(exsss, {5, 6749, 7519}),
    {ok, Library, _} = tokenward_nif:open_library(maps:get(library, World)),
    Token = token(World, "alice", "read:v/q"),
    {ok, Session} = login(backend(World), Token),
    Good = {Library, fun() -> backend(World) end, Session, Token},
    Functions = [{F, A} || {F, A} <- tokenward_nif:module_info(exports), F =/= module_info],
    Answers = [{Function, attempt(Function, [random_term(Good, 2) || _ <- lists:seq(1, Arity)])}
               || _ <- lists:seq(1, 1500), {Function, Arity} <- Functions],
    [] = [Answer || {Function, {Kind, Value}} = Answer <- Answers, Kind =/= badarg, not documented(Function, Kind, Value)],
    true = length([Function || {Function, {returned, _}} <- Answers]) > 100,
    allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none).

documented(_, returned, ok) -> true;
documented(_, returned, {ok, _}) -> true;
documented(_, returned, {error, _}) -> true;
documented(_, returned, {Kind, R, M, H}) when is_binary(R), is_binary(M), is_binary(H) ->
    lists:member(Kind, [error, refused, not_a_token]);
documented(F, returned, V) when F =:= username; F =:= issuer; F =:= tags -> is_binary(V);
documented(expires_at, returned, V) -> is_integer(V);
documented(F, returned, V) when F =:= is_of; F =:= denies -> is_boolean(V);
documented(log_lines, returned, Lines) -> is_list(Lines);
documented(report_denial, returned, V) -> V =:= error;
documented(F, returned, V) when F =:= authorize; F =:= can_access_vhost; F =:= explain ->
    lists:member(V, [allowed, denied, expired, error]);
documented(_, _, _) -> false.

random_term({Library, NewBackend, Session, Token} = Good, Depth) ->
    case rand:uniform(if Depth > 0 -> 24; true -> 20 end) of
        1 -> Library;
        2 -> case rand:uniform(20) of 1 -> NewBackend(); _ -> Session end;
        N when N < 6 -> Session;
        6 -> Token;
        7 -> <<>>;
        8 -> rand:bytes(rand:uniform(300));
        9 -> <<(rand:uniform(1 bsl 40)):41>>;
        10 -> rand:uniform(5) - 1;
        11 -> rand:uniform(1 bsl 66) - (1 bsl 65);
        12 -> rand:uniform();
        13 -> none;
        14 -> make_ref();
        15 -> self();
        16 -> foreign_pid();
        17 -> port();
        18 -> fun() -> Depth end;
        19 -> [];
        20 -> {<<"p">>, <<"q">>, <<"r">>, <<"s">>, lists:sublist([last_backend, asks_again], rand:uniform(3) - 1)};
        21 -> [random_term(Good, Depth - 1) || _ <- lists:seq(1, rand:uniform(4))];
        22 -> [random_term(Good, Depth - 1) | random_term(Good, Depth - 1)];
        23 -> list_to_tuple([random_term(Good, Depth - 1) || _ <- lists:seq(1, rand:uniform(4))]);
        24 -> #{random_term(Good, Depth - 1) => random_term(Good, Depth - 1)}
    end.

attempt(Function, Args) ->
    try {returned, apply(tokenward_nif, Function, Args)}
    catch error:badarg -> {badarg, ok}; Class:Reason -> {{Class, Reason}, ok}
    end.

replace(Position, Term, Args) ->
    lists:sublist(Args, Position - 1) ++ [Term] ++ lists:nthtail(Position, Args).

%% What isn't wrong in that place.
fits(_, Position, Term, Args) ->
    case lists:nth(Position, Args) of
        Term -> true;
        Right when is_atom(Right) -> is_atom(Term);
        Right when is_integer(Right) -> is_integer(Term);  % some are badarg, some an error of the library
        Right when is_list(Right) -> Term =:= [];
        _ -> false
    end.

wrong_terms_in_callbacks(World) ->
    M = rabbit_auth_backend_tokenward,
    Backend = backend(World),
    {ok, Library, _} = tokenward_nif:open_library(maps:get(library, World)),
    User = fun(Impl) -> {auth_user, <<"u">>, [], Impl} end,
    Resource = {resource, <<"v">>, queue, <<"q">>},
    lists:foreach(
        fun(Term) ->
            {refused, _, [_]} = M:user_login_authentication(Term, Term),
            {refused, _, [_]} = M:user_login_authorization(Term, Term),
            {refused, _, [_]} = M:user_login_authentication(<<"u">>, [{password, Term}]),
            false = M:check_vhost_access(Term, Term, Term),
            false = M:check_vhost_access(User(Term), <<"v">>, Term),
            false = M:check_resource_access(Term, Term, Term, Term),
            false = M:check_resource_access(User(Term), Resource, read, Term),
            false = M:check_resource_access(User(Term), {resource, Term, Term, Term}, Term, Term),
            false = M:check_topic_access(Term, Term, Term, Term),
            false = M:check_topic_access(User(Term), Resource, read, #{routing_key => Term}),
            0 = M:expiry_timestamp(Term),
            0 = M:expiry_timestamp(User(Term)),
            {error, _} = M:update_state(Term, Term),
            {error, _} = M:update_state(User(Term), Term),
            {error, _} = M:update_state(User(Term), <<"token">>)
        end, wrong() ++ [Backend, Library]),
    true = M:state_can_expire().

%% RabbitMQ gives the peer's address, or the atom `unknown`; for some protocols nothing.
odd_contexts(World) ->
    M = rabbit_auth_backend_tokenward,
    {ok, Session} = login(backend(World), token(World, "alice", "read:v/q read:v/t/k")),
    User = {auth_user, <<"alice">>, [], Session},
    lists:foreach(
        fun(Context) ->
            true = M:check_vhost_access(User, <<"v">>, Context),
            false = M:check_vhost_access(User, <<"w">>, Context),
            true = M:check_resource_access(User, {resource, <<"v">>, queue, <<"q">>}, read, Context),
            false = M:check_resource_access(User, {resource, <<"v">>, queue, <<"q">>}, write, Context)
        end, [#{peeraddr => unknown}, #{peeraddr => {127, 0, 0, 1}}, #{}, undefined] ++ wrong()),
    Topic = {resource, <<"v">>, topic, <<"t">>},
    true = M:check_topic_access(User, Topic, read, #{routing_key => <<"k">>, peeraddr => unknown}),
    false = M:check_topic_access(User, Topic, read, #{routing_key => <<"l">>, peeraddr => unknown}).

%% Erlang's exceptions carry arguments, and RabbitMQ logs them.
defect(_World) ->
    M = rabbit_auth_backend_tokenward,
    Path = code:get_path(),
    Ebin = filename:dirname(code:which(M)),
    true = code:del_path(Ebin),
    true = code:delete(tokenward_login),
    _ = code:purge(tokenward_login),
    Props = [{password, <<"SECRET">>}],
    Answers = [M:user_login_authentication(<<"u">>, Props), M:user_login_authorization(<<"u">>, Props),
               M:update_state({auth_user, <<"u">>, [], none}, <<"SECRET">>)],
    true = code:set_path(Path),
    [{refused, "~ts", [<<"internal error">>]}, {refused, _, [_]}, {error, "internal error"}] = Answers,
    nomatch = string:find(io_lib:format("~tp", [Answers]), "SECRET").

again(World) ->
    M = rabbit_auth_backend_tokenward,
    {ok, Session} = login(backend(World), token(World, "alice", "read:v/q tag:management tag:unheard-of-anywhere")),
    Props = [{rabbit_auth_backend_tokenward, Session}],
    {ok, {auth_user, <<"alice">>, [management], Session}} = M:user_login_authentication(<<"whoever">>, Props),
    {ok, Session, [management]} = M:user_login_authorization(<<"alice">>, Props),
    {refused, _, _} = M:user_login_authorization(<<"bob">>, Props),
    {refused, _, [<<"the access token is refused">>]} = M:user_login_authentication(<<"alice">>, []).

%% What is no token is told in the library's words, also if there is no password at all (EXTERNAL).
library_words(World) ->
    M = rabbit_auth_backend_tokenward,
    Backend = backend(World),
    Token = token(World, "alice", "read:v/q"),
    ok = application:set_env(rabbit, auth_backends, [M]),
    ok = persistent_term:put({tokenward_backend, handle}, Backend),
    None = <<"the client sent no password (hint: send the access token as the password)">>,
    Answers = [{None, []}, {None, [{password, none}]}, {None, [{password, <<>>}]},
               {None, [{rabbit_auth_backend_tokenward, no_session}]},
               {<<"the password has the word Bearer in front (hint: send what stands behind it)">>,
                [{password, <<"Bearer ", Token/binary>>}]}],
    _ = taken(Backend),
    lists:foreach(
        fun({Words, Props}) ->
            {refused, "~ts", [<<"the access token is refused">>]} = M:user_login_authentication(<<"alice">>, Props),
            timer:sleep(1100),  % two lines a second are told of a client
            [{2, Line}] = taken(Backend),
            Line = <<"authenticate not_a_token reason=NOT_A_TOKEN protocol=\"rabbitmq\": ", Words/binary>>
        end, Answers),
    _ = persistent_term:erase({tokenward_backend, handle}),
    ok = application:unset_env(rabbit, auth_backends).

%% AMQP 1.0 shows the client what update_state answers, and another protocol may show a refused login.
no_reason_for_clients(World) ->
    M = rabbit_auth_backend_tokenward,
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
    ok = persistent_term:put({tokenward_backend, handle}, Backend),
    User = {auth_user, <<"alice">>, [], Session},
    Tokens = [token(World, "bob", "read:v/q"), spoilt(token(World, "alice", "read:v/q")), <<"swordfish">>, <<>>, none],
    Answers = [M:update_state(User, Token) || Token <- Tokens] ++ [M:update_state(none, <<>>)] ++
              [M:user_login_authentication(<<"x">>, [{password, Token}]) || Token <- tl(Tokens)],
    [{error, "the access token is refused"}, {refused, "~ts", [<<"the access token is refused">>]}] = lists:usort(Answers),
    _ = persistent_term:erase({tokenward_backend, handle}),
    _ = taken(Backend),
    ok = tokenward_nif:close(Backend).

%% The provider doesn't answer: the login asks again and again, and is one line.
one_line(#{library := Path} = World) ->
    {ok, Library, _Version} = tokenward_nif:open_library(Path),
    {ok, Backend} = tokenward_nif:create(Library, [], <<"{\"issuer\":\"https://localhost:1\",\"audience\":\"broker\",",
                                                        "\"scope_prefix\":\"\"}">>, 0),
    ok = persistent_term:put({tokenward_backend, handle}, Backend),
    Exp = integer_to_list(os:system_time(second) + 300),
    Token = list_to_binary(mint(World, ["--claim", "iss=\"https://localhost:1\"", "--claim", "aud=\"broker\"", "--claim",
                                        "sub=\"alice\"", "--claim", "exp=" ++ Exp])),
    {ok, Patience} = tokenward_patience:start_link(),
    Begin = erlang:monotonic_time(millisecond),
    {refused, _, _} = rabbit_auth_backend_tokenward:user_login_authentication(<<"x">>, [{password, Token}]),
    true = erlang:monotonic_time(millisecond) - Begin > 2000,
    ok = gen_server:stop(Patience),
    [_] = [Line || {2, <<"authenticate try_again reason=KEYS_", _/binary>> = Line} <- taken(Backend)],
    _ = persistent_term:erase({tokenward_backend, handle}),
    ok = tokenward_nif:close(Backend).

families(World) ->
    Text = <<"# HELP a Some help: {x}.\n# TYPE a gauge\na{section=\"b \\\"c\\\\,d=\\n}\",result=\"ok\"} -1\na 2e-05\n",
             "# HELP h H.\n# TYPE h histogram\nh_bucket{s=\"x\",le=\"0.5\"} 1\nh_bucket{s=\"y\",le=\"0.5\"} 2\n",
             "h_bucket{s=\"x\",le=\"+Inf\"} 3\nh_bucket{s=\"y\",le=\"+Inf\"} 4\nh_sum{s=\"x\"} 0.25\nh_count{s=\"x\"} 3\n",
             "h_sum{s=\"y\"} 7\nh_count{s=\"y\"} 4\n">>,
    S = <<"s">>,
    [{<<"a">>, <<"Some help: {x}.">>, gauge,
      [{[{<<"section">>, <<"b \"c\\,d=\n}">>}, {<<"result">>, <<"ok">>}], -1}, {[], 2.0e-5}]},
     {<<"h">>, <<"H.">>, histogram,
      [{[{S, <<"x">>}], [{0.5, 1}, {infinity, 3}], 3, 0.25}, {[{S, <<"y">>}], [{0.5, 2}, {infinity, 4}], 4, 7}]}] =
        tokenward_metrics:families(Text),
    Backend = backend(World),
    {ok, Own} = tokenward_nif:metrics(Backend),
    Families = tokenward_metrics:families(Own),
    {_, _, gauge, [{[{<<"section">>, <<"oauth">>}], 1}]} = lists:keyfind(<<"tokenward_keys">>, 1, Families),
    ok = tokenward_nif:close(Backend).

%% A reference as it comes from another node.
kept_tags(_World) ->
    Keeps = fun(Text) -> tokenward_broker:keeps_tags(tokenward_broker:version(Text)) end,
    [] = [Old || Old <- ["3.10.8", "3.12.14", "3.13.18", "4.0.5", "4.0.23", "4.1.14", "4.2.9", "4.3.0-rc.1", "4.3.4", "",
                         "unknown", "4.3", "x4.4.0", undefined, [300_000], <<255>>, 4], not Keeps(Old)],
    [] = [New || New <- ["3.13.19", "4.0.24", "4.1.15", "4.2.10", "4.3.5", "4.3.6", "4.4.0", "4.4.0-beta.1", "5.0.0",
                         <<"4.3.5+2">>], Keeps(New)].

foreign_handle(World) ->
    {ok, Session} = login(backend(World), token(World, "alice", "read:*/*")),
    true = rabbit_auth_backend_tokenward:check_vhost_access({auth_user, <<"alice">>, [], Session}, <<"v">>, #{}),
    Encoded = term_to_binary(Session),
    Session = binary_to_term(Encoded),
    Node = atom_to_binary(node()),
    {Start, Size} = binary:match(Encoded, Node),
    <<Before:Start/binary, _:Size/binary, Creation:32, Rest/binary>> = Encoded,
    Foreign = binary_to_term(<<Before/binary, (elsewhere(Node))/binary, (Creation + 1):32, Rest/binary>>),
    true = Foreign =/= Session,
    User = {auth_user, <<"alice">>, [], Foreign},
    false = rabbit_auth_backend_tokenward:check_vhost_access(User, <<"v">>, #{}),
    false = rabbit_auth_backend_tokenward:check_resource_access(User, {resource, <<"v">>, queue, <<"q">>}, read, #{}),
    0 = rabbit_auth_backend_tokenward:expiry_timestamp(User).

elsewhere(<<_, Rest/binary>>) -> <<"x", Rest/binary>>.

denied(#{dir := Directory, library := Path} = World) ->
    Denied = filename:join(Directory, "denied"),
    Deny = fun(Lines) -> ok = file:write_file(Denied, Lines), ok = file:change_mode(Denied, 8#644) end,
    Deny(""),
    Json = re:replace(json(World), "}$", ",\"denied_file\":\"" ++ Denied ++ "\"}", [{return, binary}]),
    {ok, Library, _} = tokenward_nif:open_library(Path),
    Create = fun() -> {ok, Backend} = tokenward_nif:create(Library, [], Json, 0), Backend end,
    First = Create(),
    {ok, Session} = login(First, token(World, "alice", "read:v/q")),
    true = tokenward_nif:is_of(First, Session),
    ok = tokenward_nif:close(First),
    Second = Create(),
    false = tokenward_nif:is_of(Second, Session),
    Judge = fun(Lines) ->
        Deny(Lines),
        ok = tokenward_nif:reload(Second, [], Json, 0),
        tokenward_nif:denies(Second, Session)
    end,
    false = Judge("username bob\n"),
    true = Judge("username alice\n"),
    false = Judge("[oauth]\nissued_before 2026-01-01T00:00:00Z\n"),
    true = Judge("issued_before 2100-01-01T00:00:00Z username alice\n"),
    %% It is the session's own answer that counts for the first backend's.
    allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none),
    false = tokenward_nif:denies(First, Session),
    ok = tokenward_nif:close(Second).

outlive(World) ->
    Backend = backend(World),
    Token = token(World, "alice", "read:v/q"),
    {ok, Session} = login(Backend, Token),
    ok = tokenward_nif:close(Backend),
    ok = tokenward_nif:close(Backend),
    {error, <<"BACKEND_CLOSED">>, _, _} = login(Backend, Token),
    {error, <<"BACKEND_CLOSED">>, _, _} = tokenward_nif:refresh(Session, <<>>, Token, ?CONTEXT),
    {error, <<"BACKEND_CLOSED">>, _, _} = tokenward_nif:reload(Backend, [], json(World), 0),
    allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none),
    <<"alice">> = tokenward_nif:username(Session).

refresh(World) ->
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "read:v/q write:v/q")),
    Self = self(),
    Holder = spawn_link(fun() ->
        receive ask -> Self ! {answer, tokenward_nif:authorize(Session, 3, <<"v">>, <<"q">>, none)} end
    end),
    {refused, _, _, _} = tokenward_nif:refresh(Session, <<>>, token(World, "bob", "read:*/*"), ?CONTEXT),
    allowed = tokenward_nif:authorize(Session, 3, <<"v">>, <<"q">>, none),
    ok = tokenward_nif:refresh(Session, <<>>, token(World, "alice", "read:v/q"), ?CONTEXT),
    Holder ! ask,
    receive {answer, denied} -> ok end,
    ok = tokenward_nif:close(Backend).

replaced(World) ->
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
    lists:foreach(
        fun(_) ->
            _ = code:purge(tokenward_nif),
            {module, tokenward_nif} = code:load_file(tokenward_nif),
            _ = code:purge(tokenward_nif),
            allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none),
            {ok, _} = login(Backend, token(World, "bob", "read:v/q"))
        end, [1, 2]),
    ok = tokenward_nif:close(Backend).

%% As after code:delete: nobody takes the handles over. They die with their holder, in the old library's code.
unloaded_module(World) ->
    ok = in_process(fun() ->
        Backend = backend(World),
        {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
        ok = tokenward_nif:close(Backend),
        true = code:delete(tokenward_nif),
        _ = code:purge(tokenward_nif),
        {module, tokenward_nif} = code:load_file(tokenward_nif),
        true = lists:member(attempt(authorize, [Session, 2, <<"v">>, <<"q">>, none]),
                            [{badarg, ok}, {returned, allowed}])
    end),
    {ok, Session} = login(backend(World), token(World, "bob", "read:v/q")),
    allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none).

other_version(#{dir := Directory} = World) ->
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
    Ebin = filename:dirname(code:which(tokenward_nif)),
    {ok, Beam} = file:read_file(filename:join(Ebin, "tokenward_nif.beam")),
    {ok, Object} = file:read_file(filename:join([filename:dirname(Ebin), "priv", "tokenward_nif.so"])),
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(Beam, [abstract_code]),
    {ok, tokenward_nif, NewBeam} = compile:forms(next_version(Forms), []),
    NewObject = binary:replace(Object, <<"1.0.0", 0>>, <<"1.0.1", 0>>, [global]),
    true = NewObject =/= Object,
    %% OTP tells of each refusal on standard output, between the lines of TAP.
    #{level := Level} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, none),
    lists:foreach(
        fun({Name, OneBeam, OneObject}) ->
            Root = filename:join(Directory, Name),
            [ok = filelib:ensure_dir(filename:join([Root, Folder, "x"])) || Folder <- ["ebin", "priv"]],
            ok = file:write_file(filename:join([Root, "ebin", "tokenward_nif.beam"]), OneBeam),
            ok = file:write_file(filename:join([Root, "priv", "tokenward_nif.so"]), OneObject),
            true = code:add_patha(filename:join(Root, "ebin")),
            _ = code:purge(tokenward_nif),
            {error, on_load_failure} = code:load_file(tokenward_nif),
            true = code:del_path(filename:join(Root, "ebin")),
            allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none)
        end, [{"new", NewBeam, NewObject}, {"new-module", NewBeam, Object}, {"new-object", Beam, NewObject}]),
    ok = logger:set_primary_config(level, Level),
    ok = tokenward_nif:close(Backend).

next_version("1.0.0") -> "1.0.1";
next_version([Head | Tail]) -> [next_version(Head) | next_version(Tail)];
next_version(Tuple) when is_tuple(Tuple) -> list_to_tuple(next_version(tuple_to_list(Tuple)));
next_version(Other) -> Other.

close_beside_logins(World) ->
    Token = token(World, "alice", "read:v/q"),
    lists:foreach(
        fun(_) ->
            Backend = backend(World),
            Workers = [spawn_monitor(fun() -> exit(until_closed(Backend, Token)) end) || _ <- lists:seq(1, 4)],
            timer:sleep(5),
            ok = tokenward_nif:close(Backend),
            lists:foreach(fun({Pid, Monitor}) ->
                receive {'DOWN', Monitor, process, Pid, Reason} -> closed = Reason end
            end, Workers)
        end, lists:seq(1, 20)).

until_closed(Backend, Token) ->
    case login(Backend, Token) of
        {ok, Session} ->
            allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none),
            until_closed(Backend, Token);
        {error, <<"BACKEND_CLOSED">>, _, _} ->
            closed
    end.

%% The lines that wait, as the owner takes them.
taken(Backend) ->
    receive tokenward_log -> ok after 5000 -> exit(not_woken) end,
    case tokenward_nif:log_lines(Backend) of
        [] -> exit(woken_for_nothing);
        Lines -> Lines ++ case more_waits() of true -> taken(Backend); false -> [] end
    end.

%% The message comes on another thread, soon. Whoever looks too early finds too few lines.
more_waits() ->
    receive tokenward_log -> self() ! tokenward_log, true after 500 -> false end.

log_flood(World) ->
    Backend = backend(World),
    Token = token(World, "alice", "read:v/q"),
    lists:foreach(fun(_) -> {ok, _} = login(Backend, Token) end, lists:seq(1, 3000)),
    Lines = taken(Backend),
    {2, LeftOut} = lists:last(Lines),
    {_, _} = binary:match(LeftOut, <<"log lines were left out">>),
    true = length(Lines) < 1100,
    [] = [Line || {_, Line} <- Lines, binary:match(Line, binary:part(Token, 40, 30)) =/= nomatch],
    [] = tokenward_nif:log_lines(Backend),
    {ok, _} = login(Backend, Token),
    [{3, <<"authenticate ok", _/binary>>}] = taken(Backend),
    ok = tokenward_nif:close(Backend),
    [] = tokenward_nif:log_lines(Backend).

owner(World) ->
    Backend = backend(World),
    {ok, _} = login(Backend, token(World, "alice", "read:v/q")),
    ok = in_process(fun() ->
        [{badarg, _} = attempt(Function, [Backend]) || Function <- [log_lines, close]],
        receive tokenward_log -> exit(woken) after 0 -> ok end
    end),
    [_ | _] = taken(Backend),
    ok = tokenward_nif:close(Backend).

refresh_log(World) ->
    Backend = backend(World),
    {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
    [_ | _] = taken(Backend),
    {refused, <<"IDENTITY_CHANGED">>, _, _} =
        tokenward_nif:refresh(Session, <<>>, token(World, "bob", "read:v/q"), ?CONTEXT),
    [_] = [Line || {2, Line} <- taken(Backend), binary:match(Line, <<"IDENTITY_CHANGED">>) =/= nomatch],
    ok = in_process(fun() -> refresh_without_backend(World) end).

refresh_without_backend(World) ->
    {ok, Session} = login(backend(World), token(World, "alice", "read:v/q")),
    wait_until(fun() ->
        erlang:garbage_collect(),
        {error, <<"BACKEND_CLOSED">>} =:= erlang:delete_element(3, erlang:delete_element(4,
            tokenward_nif:refresh(Session, <<>>, token(World, "alice", "read:v/q"), ?CONTEXT)))
    end, 100).

%% Erlang closes what it watched on a thread of its own, so it may take a moment.
descriptors(World) ->
    {ok, Keep, _} = tokenward_nif:open_library(maps:get(library, World)),
    Token = token(World, "alice", "read:v/q"),
    lists:foreach(
        fun(End) ->
            Before = descriptors(),
            ok = in_process(fun() ->
                Backends = [backend(World) || _ <- lists:seq(1, 20)],
                [{ok, _} = login(Backend, Token) || Backend <- Backends],
                true = descriptors() >= Before + 40,
                lists:foreach(End, Backends)
            end),
            wait_until(fun() -> [erlang:garbage_collect(Pid) || Pid <- processes()], descriptors() =< Before end, 100)
        end, [fun tokenward_nif:close/1, fun(_) -> ok end,
              fun(Backend) -> [_ | _] = tokenward_nif:log_lines(Backend), tokenward_nif:close(Backend) end]),
    true = is_reference(Keep).

descriptors() ->
    {ok, Names} = file:list_dir("/proc/self/fd"),
    length(Names).

unloaded(World) ->
    erlang:garbage_collect(),
    ok = in_process(fun() ->
        Backend = backend(World),
        {ok, Session} = login(Backend, token(World, "alice", "read:v/q")),
        true = is_mapped(),
        ok = tokenward_nif:close(Backend),
        allowed = tokenward_nif:authorize(Session, 2, <<"v">>, <<"q">>, none)
    end),
    wait_until(fun() -> [erlang:garbage_collect(Pid) || Pid <- processes()], not is_mapped() end, 100).

is_mapped() ->
    {ok, Maps} = file:read_file("/proc/self/maps"),
    binary:match(Maps, <<"libtokenward.so">>) =/= nomatch.

wait_until(_Condition, 0) -> exit(waited_in_vain);
wait_until(Condition, Left) ->
    case Condition() of
        true -> ok;
        false -> timer:sleep(50), wait_until(Condition, Left - 1)
    end.
