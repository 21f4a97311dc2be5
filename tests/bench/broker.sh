# Sourced by run.sh --broker: real Mosquitto without auth, with a plugin that allows all, with its password file, and
# with Tokenward, one after the other in several rounds. Prints a table and writes $out/broker.json. With --instructions: the
# instructions of the broker for each publish, counted by cachegrind, for a plugin that allows all and for Tokenward.

rounds=${BENCH_ROUNDS:-15}
connects=${BENCH_CONNECTS:-500}
publishes=${BENCH_PUBLISHES:-100000}
deliveries=$publishes
new_topics=$publishes

under=
broker_pids=
stop_brokers() {
    # shellcheck disable=SC2086 # a list
    [ -z "$broker_pids" ] || kill $broker_pids 2>/dev/null
    broker_pids=
}

# start_broker NAME LINE...: runs Mosquitto with these lines; sets port_NAME and pid_NAME.
start_broker() {
    name=$1
    shift
    port=$(free_ports 1)
    {
        printf 'listener %s 127.0.0.1\nlog_dest file %s/%s.log\nset_tcp_nodelay true\n' "$port" "$work" "$name"
        [ "$(id -u)" != 0 ] || printf 'user root\n'
        printf '%s\n' "$@"
    } >"$work/$name.conf"
    # shellcheck disable=SC2086 # a command and its options
    $under mosquitto -c "$work/$name.conf" 2>"$work/$name.err" &
    pid=$!
    broker_pids="$broker_pids $pid"
    eval "port_$name=$port pid_$name=$pid"
    tries=0
    while mosquitto_pub -p "$port" -t x -m x -u nobody -P nothing 2>&1 | grep -q 'Error: Connection refused'; do
        tries=$((tries + 1))
        [ $tries -lt 240 ] || die "$name does not start: $(cat "$work/$name.err")"
        sleep 0.25
    done
}

prepare_brokers() {
    work=$(mktemp -d)
    trap 'stop_brokers; rm -rf "$work"' EXIT
    plugin=$build/plugin/mosquitto/mosquitto_tokenward.so
    mint=$build/tests/support/mint

    "$mint" --key "$work/key.pem" --alg RS256 --kid k1 --new-key >"$work/jwks.json" || die 'mint failed'
    scope='mq.write:%2F/sensors%2F* mq.read:%2F/sensors*'
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do scope="$scope mq.read:%2F/plant.$i.*"; done
    now=$(date +%s)
    "$mint" --key "$work/key.pem" --alg RS256 --kid k1 --claim 'iss="https://id.example.com"' \
        --claim 'aud="broker"' --claim 'sub="alice"' --claim "exp=$((now + 36000))" --claim "iat=$now" \
        --claim "scope=\"$scope\"" >"$work/token" || die 'mint failed'
    for kind in cold warm; do
        {
            printf '[oauth]\nissuer = https://id.example.com\nresource_server_id = broker\nscope_prefix = mq.\n'
            printf 'log_level = warning\njwks_file = %s/jwks.json\n' "$work"
            [ $kind = warm ] || printf 'token_cache_size = 0\n'
        } >"$work/$kind.ini"
    done
    printf 'correct horse battery staple\n' >"$work/password"
    mosquitto_passwd -c -b "$work/passwords" alice 'correct horse battery staple'
    chmod -R go+rX "$work"
}

start_with_token() {
    start_broker "$1" 'allow_anonymous false' "plugin $plugin" "plugin_opt_config $work/$2.ini" \
        "plugin_opt_library $build/src/capi/libtokenward.so.1"
}

start_all() {
    start_broker open 'allow_anonymous true'
    start_broker plugin 'allow_anonymous false' "plugin $build/tests/bench/allow_all_plugin.so"
    start_broker password 'allow_anonymous false' "password_file $work/passwords"
    start_with_token cold cold
    start_with_token warm warm
}

# Each round has brokers of its own, in an order of its own: where a process's memory happens to lie makes some per cent.
run_brokers() {
    prepare_brokers
    : >"$work/rows"
    round=0
    order='open plugin password cold warm'
    while [ $round -lt "$rounds" ]; do
        round=$((round + 1))
        start_all
        for what in connects publishes deliveries new_topics; do
            eval "count=\$$what"
            order="${order#* } ${order%% *}"
            for name in $order; do
                eval "port=\$port_$name pid=\$pid_$name"
                case $name in
                    open) set -- '' '' ;;
                    plugin | password) set -- alice "$work/password" ;;
                    *) set -- alice "$work/token" ;;
                esac
                # shellcheck disable=SC2154 # set by eval
                times=$("$build/tests/bench/mqtt_load" "$port" "$pid" "$1" "$2" $what "$count") ||
                    die "$what with $name: $(tail -n 1 "$work/$name.log")"
                printf '%s %s %s\n' $what $name "$times" >>"$work/rows"
            done
        done
        stop_brokers
    done
    python3 tests/bench/table.py broker "$work/rows" "$out/broker.json"
}

# instructions NAME SECRET WHAT COUNT: of a broker that began, served COUNT messages and ended. Its lines are in $start.
instructions() {
    $start "$1"
    eval "port=\$port_$1 pid=\$pid_$1"
    "$build/tests/bench/mqtt_load" "$port" "$pid" alice "$2" "$3" "$4" >/dev/null ||
        die "$3 with $1: $(tail -n 1 "$work/$1.log")"
    kill "$pid"
    wait "$pid" 2>/dev/null
    sed -n 's/.*I *refs: *//p' "$work/$1.err" | tr -d ,
}

start_allow_all() { start_broker "$1" 'allow_anonymous false' "plugin $build/tests/bench/allow_all_plugin.so"; }
start_warm() { start_with_token "$1" warm; }

# per_message SECRET WHAT: what a message costs, without what the start costs.
per_message() {
    few=$(instructions few "$1" "$2" 5000) || exit 1
    many=$(instructions many "$1" "$2" 25000) || exit 1
    echo $(((many - few) / 20000))
}

count_instructions() {
    prepare_brokers
    under='valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null'
    : >"$work/rows"
    for what in publishes deliveries new_topics; do
        start=start_allow_all
        allow=$(per_message "$work/password" $what) || exit 1
        start=start_warm
        own=$(per_message "$work/token" $what) || exit 1
        printf '%s %s %s\n' $what "$allow" "$own" >>"$work/rows"
    done
    python3 tests/bench/table.py instructions "$work/rows" "$out/broker_instructions.json"
}
