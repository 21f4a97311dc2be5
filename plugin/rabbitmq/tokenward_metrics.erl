%% The library's counters in the broker's own /metrics, where rabbitmq_prometheus is enabled, and as soon as it is.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_metrics).
-behaviour(gen_event).
-ifdef(WITH_RABBITMQ).
-behaviour(prometheus_collector).
-endif.

-export([start/0, stop/0]).
-export([init/1, handle_event/2, handle_call/2]).
-export([collect_mf/2, deregister_cleanup/1, families/1]).

%% /metrics and /metrics/per-object.
-define(REGISTRIES, [default, 'per-object']).

start() ->
    _ = register(),
    ok = gen_event:add_handler(rabbit_event, ?MODULE, []).

stop() ->
    _ = gen_event:delete_handler(rabbit_event, ?MODULE, []),
    case erlang:function_exported(prometheus_registry, deregister_collector, 2) of
        true -> [prometheus_registry:deregister_collector(Registry, ?MODULE) || Registry <- ?REGISTRIES];
        false -> []
    end.

%% At a start of the broker ours may be the first to start.
register() ->
    case application:get_key(rabbitmq_prometheus, vsn) of
        {ok, _} ->
            {ok, _} = application:ensure_all_started(prometheus),
            [prometheus_registry:register_collector(Registry, ?MODULE) || Registry <- ?REGISTRIES];
        undefined ->
            []
    end.

%% ---- plugins that come later -----------------------------------------------------------------------------------

init([]) ->
    {ok, []}.

handle_event(Event, State) when element(1, Event) =:= event, element(2, Event) =:= plugins_changed ->
    _ = register(),
    {ok, State};
handle_event(_Event, State) ->
    {ok, State}.

handle_call(_Request, State) ->
    {ok, unknown_request, State}.

%% ---- a collector -------------------------------------------------------------------------------------------

deregister_cleanup(_Registry) ->
    ok.

collect_mf(_Registry, Callback) ->
    case tokenward:metrics() of
        {ok, Text} ->
            lists:foreach(
                fun({Name, Help, Type, Metrics}) ->
                    Callback(prometheus_model_helpers:create_mf(Name, Help, Type, Metrics))
                end, families(Text));
        {error, not_running} ->
            ok;
        {error, _Reason, _Message, _Hint} ->
            ok
    end.

%% From Prometheus' text format, as far as the library uses it: HELP, TYPE, then the family's samples.
-spec families(binary()) -> [{Name :: binary(), Help :: binary(), Type :: atom(), Metrics :: [tuple()]}].
families(Text) ->
    [family(Part) || Part <- binary:split(<<"\n", Text/binary>>, <<"\n# HELP ">>, [global]), Part =/= <<>>].

family(Part) ->
    [Head, <<"# TYPE ", TypeLine/binary>> | Lines] = binary:split(Part, <<"\n">>, [global]),
    [Name, Help] = binary:split(Head, <<" ">>),
    [Name, Type] = binary:split(TypeLine, <<" ">>),
    Samples = [sample(Name, Line) || Line <- Lines, Line =/= <<>>],
    {Name, Help, type(Type), metrics(type(Type), Samples)}.

type(<<"counter">>) -> counter;
type(<<"gauge">>) -> gauge;
type(<<"histogram">>) -> histogram.

%% {What follows the family's name, labels, value}
sample(Name, Line) ->
    {match, [Suffix, Labels, Value]} =
        re:run(Line, ["^", Name, "([a-z_]*)(?:\\{(.*)\\})? ([^ ]+)$"], [{capture, all_but_first, binary}]),
    {Suffix, labels(Labels), number(Value)}.

labels(Text) ->
    case re:run(Text, "([a-z_]+)=\"((?:[^\"\\\\]|\\\\.)*)\"", [global, {capture, all_but_first, binary}]) of
        {match, Labels} -> [{Label, unescape(Value)} || [Label, Value] <- Labels];
        nomatch -> []
    end.

unescape(Value) ->
    case binary:split(Value, <<"\\">>) of
        [Before, <<$n, After/binary>>] -> <<Before/binary, $\n, (unescape(After))/binary>>;
        [Before, <<Escaped, After/binary>>] -> <<Before/binary, Escaped, (unescape(After))/binary>>;
        [Value] -> Value
    end.

number(<<"+Inf">>) -> infinity;
number(Text) ->
    case re:run(Text, "^(-?[0-9]+)(\\.[0-9]+)?(e[-+]?[0-9]+)?$", [{capture, all_but_first, binary}]) of
        {match, [Whole]} -> binary_to_integer(Whole);
        {match, [Whole, Part]} -> binary_to_float(<<Whole/binary, Part/binary>>);
        {match, [Whole, <<>>, Power]} -> binary_to_float(<<Whole/binary, ".0", Power/binary>>);
        {match, [Whole, Part, Power]} -> binary_to_float(<<Whole/binary, Part/binary, Power/binary>>)
    end.

%% As prometheus takes them: {Labels, Value}, of a histogram {Labels, Buckets, Count, Sum}.
metrics(histogram, Samples) ->
    Buckets = [{lists:keydelete(<<"le">>, 1, Labels), {number(proplists:get_value(<<"le">>, Labels)), Count}} ||
               {<<"_bucket">>, Labels, Count} <- Samples],
    [{Labels, [Bucket || {Same, Bucket} <- Buckets, Same =:= Labels], Count, Sum} ||
        {<<"_count">>, Labels, Count} <- Samples, {<<"_sum">>, Of, Sum} <- Samples, Of =:= Labels];
metrics(_, Samples) ->
    [{Labels, Value} || {<<>>, Labels, Value} <- Samples].
