%% Inside a RabbitMQ node: what a login and a permission check cost with Tokenward and with the built-in backend.
%% rabbitmq.mjs has it compiled and loads it.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(rabbitmq_bench).

-export([run/3, write_tokens/4, use/1]).

-define(OURS, rabbit_auth_backend_tokenward).
-define(THEIRS, rabbit_auth_backend_oauth2).
-define(SIZES, [1, 10, 100, 1000]).
%% A loop of calls that can be repeated is made as long as this.
-define(ENOUGH_MS, 150).

%% Writes rows [what, backend, scopes, CPU in microseconds, wall time in microseconds] as JSON: one of each in a round,
%% in an order that is drawn anew.
run(KeyFile, Rounds, OutFile) ->
    Key = private_key(KeyFile),
    Rows = lists:append([rows(Key, Round) || Round <- lists:seq(1, Rounds)]),
    ok = file:write_file(OutFile, rabbit_json:encode(Rows)).

%% Which backend the logins of clients go to.
use(Backend) ->
    application:set_env(rabbit, auth_backends, [case Backend of ours -> ?OURS; theirs -> ?THEIRS end]).

%% One token a line.
write_tokens(KeyFile, Count, Size, OutFile) ->
    Key = private_key(KeyFile),
    ok = file:write_file(OutFile, [[token(Key, scopes(N, Size)), $\n] || N <- lists:seq(1, Count)]).

rows(Key, Round) ->
    Jobs = [{What, Size} || What <- [new_scopes, known_scopes, same_token, check], Size <- ?SIZES],
    lists:append([job(Job, Key, Round) || Job <- shuffled(Jobs)]).

shuffled(List) ->
    [Element || {_, Element} <- lists:sort([{rand:uniform(), Element} || Element <- List])].

job({What, Size}, Key, Round) ->
    Loops = loops(What, Key, Size, Round),
    [begin
         {Cpu, Wall} = in_process(fun() -> Loop(Backend) end),
         [What, Name, Size, Cpu, Wall]
     end || {Name, Backend, Loop} <- shuffled([{tokenward, ?OURS, Loops}, {built_in, ?THEIRS, Loops}])].

%% What is measured, for a backend.
loops(new_scopes, Key, Size, Round) ->
    Tokens = [token(Key, scopes({Round, N}, Size)) || N <- lists:seq(1, count(Size))],
    fun(Backend) -> each(Backend, Tokens) end;
loops(known_scopes, Key, Size, _Round) ->
    Scopes = scopes(known, Size),
    Tokens = [token(Key, Scopes) || _ <- lists:seq(1, count(Size))],
    fun(Backend) -> each(Backend, Tokens) end;
loops(same_token, Key, Size, _Round) ->
    Token = token(Key, scopes(same, Size)),
    fun(Backend) -> repeated(fun() -> login(Backend, Token) end) end;
loops(check, Key, Size, _Round) ->
    Token = token(Key, scopes(same, Size)),
    Resource = {resource, <<"v">>, queue, <<"wanted.queue">>},
    fun(Backend) ->
        User = login(Backend, Token),
        repeated(fun() -> true = Backend:check_resource_access(User, Resource, read, #{}) end)
    end.

count(Size) when Size < 100 -> 1500;
count(100) -> 700;
count(_) -> 250.

login(Backend, Token) ->
    {ok, User} = Backend:user_login_authentication(<<"whoever">>, [{password, Token}]),
    User.

%% ---- time -----------------------------------------------------------------------------------------------

in_process(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({times, Fun()}) end),
    receive {'DOWN', Monitor, process, Pid, {times, Times}} -> Times end.

each(Backend, Tokens) ->
    login(Backend, hd(Tokens)),  % loads what isn't loaded; measured is the rest
    Rest = tl(Tokens),
    timed(fun() -> lists:foreach(fun(Token) -> login(Backend, Token) end, Rest) end, length(Rest)).

repeated(Fun) ->
    repeated(Fun, 20).

repeated(Fun, Count) ->
    case timed(fun() -> times(Count, Fun) end, Count) of
        {_, Wall} when Wall * Count < ?ENOUGH_MS * 1000 -> repeated(Fun, Count * 2);
        Times -> Times
    end.

times(0, _Fun) -> ok;
times(Count, Fun) ->
    Fun(),
    times(Count - 1, Fun).

%% Microseconds for one of Count: CPU of the whole node, whose other processes do next to nothing; wall time.
timed(Fun, Count) ->
    erlang:garbage_collect(),
    {Cpu, _} = erlang:statistics(runtime),
    Start = erlang:monotonic_time(),
    Fun(),
    Wall = erlang:monotonic_time() - Start,
    {CpuEnd, _} = erlang:statistics(runtime),
    {1000 * (CpuEnd - Cpu) / Count, erlang:convert_time_unit(Wall, native, nanosecond) / 1000 / Count}.

%% ---- tokens ---------------------------------------------------------------------------------------------

%% The last one is the one that the check needs.
scopes(Which, Size) ->
    Name = base64url(binary:part(crypto:hash(sha256, term_to_binary(Which)), 0, 6)),
    lists:join(" ", [["rabbit.", operation(N), ":v/", Name, $., integer_to_list(N), ".*"] || N <- lists:seq(2, Size)]
               ++ ["rabbit.read:v/wanted.*"]).

operation(N) -> element(1 + N rem 3, {"configure", "read", "write"}).

private_key(File) ->
    {ok, Pem} = file:read_file(File),
    [Entry | _] = public_key:pem_decode(Pem),
    public_key:pem_entry_decode(Entry).

token(Key, Scopes) ->
    Now = os:system_time(second),
    Claims = #{iss => <<"https://id.example">>, aud => [<<"rabbit">>], sub => <<"alice">>, iat => Now, exp => Now + 3600,
               jti => base64url(crypto:strong_rand_bytes(9)), azp => <<"client">>, typ => <<"Bearer">>,
               scope => iolist_to_binary(Scopes)},
    Header = #{alg => <<"RS256">>, typ => <<"JWT">>, kid => <<"k1">>},
    Input = <<(base64url(rabbit_json:encode(Header)))/binary, $., (base64url(rabbit_json:encode(Claims)))/binary>>,
    <<Input/binary, $., (base64url(public_key:sign(Input, sha256, Key)))/binary>>.

base64url(Bytes) ->
    << <<(case Byte of $+ -> $-; $/ -> $_; _ -> Byte end)>> || <<Byte>> <= base64:encode(Bytes), Byte =/= $= >>.
