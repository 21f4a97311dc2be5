#!/bin/sh
# Dialyzer and xref on the RabbitMQ plugin, beside the broker of this Debian. As root, in the root of the source tree:
#
#     sh tests/rabbitmq/analysis.sh
#
# Ends with "N passed, N failed, N skipped". TOKENWARD_BUILD names another build folder than build/. What Dialyzer learns of
# Erlang and of the broker takes minutes; it is kept there until one of them changes.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

# shellcheck disable=SC2086 # a list
install_packages $build_packages erlang-dialyzer
build=${TOKENWARD_BUILD:-build}
configure "$build" -Dwerror=true
plugin=plugin/rabbitmq/tokenward_rabbitmq-1.0.0
build "$build" $plugin
build=$(cd "$build" && pwd)
ebin=$build/$plugin/ebin
broker=$(echo /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins)

# What the plugin calls.
applications='rabbit_common rabbit rabbitmq_prelaunch amqp_client rabbitmq_mqtt prometheus'
folders=
for application in $applications; do folders="$folders $(echo "$broker/$application"-*/ebin)"; done

dialyze() {
    plt=$build/rabbitmq-$(basename "${broker%/plugins}")-otp-$(erl -noshell -eval \
        'io:format("~s", [erlang:system_info(version)]), halt().').plt
    if [ ! -f "$plt" ]; then
        # shellcheck disable=SC2086 # a list
        dialyzer --build_plt --output_plt "$plt.new" --apps erts kernel stdlib public_key crypto asn1 -r $folders \
            >"$plt.log" 2>&1 || [ $? = 2 ] || { cat "$plt.log"; return 1; }
        mv "$plt.new" "$plt"
    fi
    # Unknown functions are told too: they make its status 2.
    dialyzer --plt "$plt" -Wunmatched_returns -Werror_handling -Wunknown -r "$ebin"
}

# Calls of what isn't there, and functions that nobody calls. What other versions of RabbitMQ have is called by a variable.
cross_reference() {
    # shellcheck disable=SC2086 # a list
    ERL_CRASH_DUMP_SECONDS=0 erl -noshell -eval '
        [Ours | Others] = init:get_plain_arguments(),
        {ok, _} = xref:start(plugin),
        ok = xref:set_default(plugin, [{warnings, false}, {verbose, false}]),
        ok = xref:set_library_path(plugin, code:get_path() ++ Others),
        {ok, [_ | _]} = xref:add_directory(plugin, Ours),
        Found = [{What, Calls} || What <- [undefined_function_calls, locals_not_used, deprecated_function_calls],
                                  {ok, [_ | _] = Calls} <- [xref:analyze(plugin, What)]],
        [io:format("~p~n", [Some]) || Some <- Found],
        halt(length(Found)).' -extra "$ebin" $folders
}

failed=0
count_one Dialyzer dialyze || failed=1
count_one xref cross_reference || failed=$((failed + 1))
echo "$((2 - failed)) passed, $failed failed, 0 skipped"
[ $failed = 0 ]
