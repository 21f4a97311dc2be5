%% Logs a password that no backend of the chain took. The library writes no such line at the usual level, since another
%% backend may accept the password. At most 10 lines a second; further ones are counted.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_refusals).

-export([start/0, stop/0, password/3]).

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

-spec password(binary(), tokenward_nif:context(), binary()) -> ok.
password(Username, Context, Text) ->
    case is_last_backend() andalso persistent_term:get(?KEY, undefined) of
        false -> ok;
        undefined -> ok;
        Counters -> write(admit(Counters, erlang:system_time(second)), Username, Context, Text)
    end.

%% RabbitMQ 3.10 doesn't log the message of an MQTT client's refusal. So the last backend does.
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

write(false, _Username, _Context, _Text) ->
    ok;
write({true, LeftOut}, Username, {Protocol, Peer, ClientId, _ConnectionName}, Text) ->
    More = case LeftOut of
        0 -> "";
        _ -> io_lib:format(" (~b more were left out)", [LeftOut])
    end,
    tokenward_log:write(warning, io_lib:format(
        "a client that calls itself ~ts is refused (protocol ~ts, peer ~ts, client id ~ts): ~ts~ts",
        [quoted(Username), Protocol, quoted(Peer), quoted(ClientId), Text, More])).

%% For a text that a client chose: printable ASCII, cut after 64 bytes.
quoted(Text) ->
    Shown = binary:part(Text, 0, min(byte_size(Text), 64)),
    [$', [printable(Byte) || <<Byte>> <= Shown], $'].

printable(Byte) when Byte >= 32, Byte < 127, Byte =/= $', Byte =/= $\\ -> Byte;
printable(Byte) -> io_lib:format("\\x~2.16.0b", [Byte]).

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
