#!/bin/sh
# Measures. From a clone on Debian 12, as root:
#
#     sh tests/bench/run.sh             the library, beside OpenSSL alone and the JWT libraries of Debian
#     sh tests/bench/run.sh --broker    real Mosquitto without auth, with its password file, with Tokenward
#     sh tests/bench/run.sh --instructions    the broker's instructions for a publish, beside a plugin that allows all
#     sh tests/bench/run.sh --lavinmq BROKER OWN    LavinMQ with the add-on beside its own OAuth (OWN: without it)
#     sh tests/bench/run.sh --rabbitmq  real RabbitMQ with its own OAuth 2 backend and with Tokenward
#
# Installs what is missing, builds into build-bench/, prints one table, writes JSON, the chart and its data into
# build-bench/results/. TOKENWARD_BUILD names another build folder, BENCH_REPETITIONS another number of runs (9).
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

bench_packages='libbenchmark-dev libjwt-dev libcjose-dev libjansson-dev libcpp-jwt-dev nlohmann-json3-dev libpcre2-dev
    libre2-dev gnuplot-nox'
[ "${1:-}" != --instructions ] || bench_packages="libbenchmark-dev valgrind $(node_packages)"
[ "${1:-}" != --rabbitmq ] || bench_packages="libbenchmark-dev openssl $(node_packages)"
# shellcheck disable=SC2086 # lists
install_packages $build_packages $bench_packages

build=${TOKENWARD_BUILD:-build-bench}
configure "$build" -Dbench=true -Dbuildtype=release
case ${1:-} in
    --lavinmq)
        install_node_modules
        build "$build" src/capi/libtokenward.so.1.0.0 tests/support/test_issuer
        ;;
    --broker | --instructions) build "$build" src/capi/libtokenward.so.1.0.0 plugin/mosquitto/mosquitto_tokenward.so \
        tests/bench/mqtt_load tests/bench/allow_all_plugin.so tests/support/mint ;;
    --rabbitmq) build "$build" plugin/rabbitmq/tokenward_rabbitmq-1.0.0 \
        src/capi/libtokenward.so.1.0.0 tests/support/mint ;;
    *) build "$build" src/capi/libtokenward.so.1.0.0 tests/bench/authenticate_bench \
        tests/bench/authorize_bench tests/bench/allocations_bench tests/bench/memory_bench \
        tests/bench/introspection_bench ;;
esac
build=$(cd "$build" && pwd)
out=$build/results
mkdir -p "$out"

if [ "${1:-}" = --broker ]; then
    . tests/bench/broker.sh
    run_brokers
    exit
fi

if [ "${1:-}" = --instructions ]; then
    . tests/bench/broker.sh
    count_instructions
    exit
fi

if [ "${1:-}" = --lavinmq ]; then
    . tests/bench/lavinmq.sh
    run_lavinmq "${2:-}" "${3:-}"
    exit
fi

if [ "${1:-}" = --rabbitmq ]; then
    install_node_modules
    say 'measuring: four minutes, on a quiet machine'
    TOKENWARD_BUILD=$build node tests/bench/rabbitmq.mjs "$out" >"$out/rabbitmq.log" || die 'rabbitmq.mjs failed'
    exec cat "$out/rabbitmq.log"
fi

# Interleaved: one run of each benchmark after the other, in an order that is drawn anew each time.
measure() {
    "$build/tests/bench/$1_bench" --benchmark_repetitions="${BENCH_REPETITIONS:-9}" --benchmark_min_time=0.5 \
        --benchmark_enable_random_interleaving=true --benchmark_out="$out/$1.json" >"$out/$1.log" 2>&1 ||
        die "$1_bench failed, see $out/$1.log"
}
say 'measuring: some minutes, on a quiet machine'
measure authenticate
measure authorize
measure introspection
"$build/tests/bench/introspection_bench" storm >"$out/storm.json" || die 'introspection_bench storm failed'
"$build/tests/bench/allocations_bench" >"$out/allocations.json" || die 'allocations_bench failed'
{
    "$build/tests/bench/memory_bench" same && "$build/tests/bench/memory_bench" different
} >"$out/memory.json" || die 'memory_bench failed'
python3 tests/bench/table.py library "$out" | tee "$out/table.txt"
columns=$(head -n 1 "$out/cold.dat" | awk -F '\t' '{print NF}')
gnuplot -e "data='$out/cold.dat'; out='$out/cold.svg'; columns=$columns" tests/bench/chart.gp || die 'gnuplot failed'
say "JSON, data and chart: $out"
