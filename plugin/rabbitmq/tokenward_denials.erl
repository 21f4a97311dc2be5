%% Writes refusals and denials with their reasons to the broker's log. The broker itself says only that access was
%% refused. At most 10 lines a second; further ones are counted.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_denials).

-export([start/0, stop/0, login/3, vhost/3, resource/4]).

-define(PER_SECOND, 10).
-define(KEY, {?MODULE, counters}).
%% Indices of the atomics: the current second, the lines written in it, the lines left out since the last written one.
-define(SECOND, 1).
-define(WRITTEN, 2).
-define(LEFT_OUT, 3).

start() ->
    persistent_term:put(?KEY, atomics:new(3, [])).

stop() ->
    _ = persistent_term:erase(?KEY),
    ok.

login(Username, {Protocol, Peer, ClientId}, Text) ->
    write(fun() ->
        {"a client that calls itself ~ts is refused (protocol ~ts, peer ~ts, client id ~ts): ~ts",
         [quoted(Username), Protocol, quoted(Peer), quoted(ClientId), Text]}
    end).

%% These return false, which is the callback's answer.
vhost(Verdict, Username, VHost) ->
    write(fun() ->
        {"user '~ts' may not enter vhost '~ts': ~ts", [Username, VHost, reason(Verdict, vhost)]}
    end).

resource(Verdict, Username, Session, {Operation, VHost, Name, RoutingKey}) ->
    write(fun() ->
        Explanation = try tokenward_nif:explain(Session, Operation, VHost, Name, RoutingKey) of
            {ok, Json} -> in_words(Json);
            error -> reason(Verdict, resource)
        catch
            error:badarg -> reason(Verdict, resource)
        end,
        Key = case RoutingKey of
            undefined -> "";
            _ -> io_lib:format(" with routing key ~ts", [quoted(RoutingKey)])
        end,
        {"user '~ts' may not ~ts ~ts in vhost '~ts'~ts: ~ts",
         [Username, verb(Operation), quoted(Name), VHost, Key, Explanation]}
    end).

%% Makes a sentence of the library's explanation, a JSON object with reason, nearest, why and hint.
in_words(Json) ->
    try rabbit_json:decode(Json) of
        #{<<"reason">> := Reason} = Parts ->
            Nearest = case Parts of
                #{<<"nearest">> := Scope, <<"why">> := Why} -> ["; nearest scope: ", Scope, ", but ", Why];
                _ -> ""
            end,
            Hint = case Parts of
                #{<<"hint">> := Text} when Text =/= <<>> -> [" (", Text, ")"];
                _ -> ""
            end,
            [Reason, Nearest, Hint];
        _ ->
            Json
    catch
        _:_ -> Json
    end.

verb(1) -> "configure";
verb(2) -> "read from";
verb(3) -> "write to";
verb(_) -> "do that to".

reason(expired, _) -> "its token has ended (SESSION_EXPIRED)";
reason(denied, vhost) -> "no permission scope names that vhost (NO_VHOST_ACCESS)";
reason(denied, resource) -> "no scope grants it (NO_MATCHING_SCOPE)";
reason(_, _) -> "the request isn't well-formed".

%% For a text that a client chose: printable ASCII, cut after 64 bytes.
quoted(Text) when is_binary(Text) ->
    Shown = binary:part(Text, 0, min(byte_size(Text), 64)),
    [$', [printable(Byte) || <<Byte>> <= Shown], $'];
quoted(_) ->
    "?".

printable(Byte) when Byte >= 32, Byte < 127, Byte =/= $', Byte =/= $\\ -> Byte;
printable(Byte) -> io_lib:format("\\x~2.16.0b", [Byte]).

write(Line) ->
    case persistent_term:get(?KEY, undefined) of
        undefined -> ok;
        Counters -> admitted(admit(Counters, erlang:system_time(second)), Line)
    end,
    false.

admitted(false, _Line) ->
    ok;
admitted({true, LeftOut}, Line) ->
    {Format, Args} = Line(),
    More = case LeftOut of
        0 -> "";
        _ -> io_lib:format(" (~b more were left out)", [LeftOut])
    end,
    tokenward_log:write(warning, [io_lib:format(Format, Args), More]).

%% When a second begins, two processes at once may write a line too many.
admit(Counters, Second) ->
    case atomics:exchange(Counters, ?SECOND, Second) of
        Second -> ok;
        _ -> atomics:put(Counters, ?WRITTEN, 0)
    end,
    case atomics:add_get(Counters, ?WRITTEN, 1) =< ?PER_SECOND of
        true ->
            {true, atomics:exchange(Counters, ?LEFT_OUT, 0)};
        false ->
            atomics:add(Counters, ?LEFT_OUT, 1),
            false
    end.
