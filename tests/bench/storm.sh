#!/bin/sh
# Reconnect storms: 10000 clients connect at once to a real Mosquitto and a real RabbitMQ. From a clone on Debian 12, as root:
#
#     sh tests/bench/storm.sh [CLIENTS [BROKER]]      BROKER: mosquitto or rabbitmq; without it both
#
# Each with its own password file, then with Tokenward: the keys warm, the same tokens again, all tokens expired, the provider dead, the
# keys just rotated. Another client, which was there before, sends a message each 10 ms, and its round trips are measured. Everything
# is on loopback, in one machine: the clients' program, the broker and the provider share its CPUs. Installs what is missing, builds into
# build-bench/, prints a table, and writes build-bench/results/storm_brokers.json. Takes a quarter of an hour.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

# shellcheck disable=SC2046,SC2086 # lists
install_packages $build_packages libbenchmark-dev mosquitto rabbitmq-server $(node_packages)
build=${TOKENWARD_BUILD:-build-bench}
configure "$build" -Dbench=true -Dbuildtype=release
install_node_modules
build "$build" plugin/rabbitmq/tokenward_rabbitmq-1.0.0 plugin/mosquitto/mosquitto_tokenward.so src/capi/libtokenward.so.1.0.0 \
    tests/support/test_issuer tests/bench/mqtt_storm
build=$(cd "$build" && pwd)
mkdir -p "$build/results"
# shellcheck disable=SC3045 # dash has it
ulimit -n "$(ulimit -H -n)" && [ "$(ulimit -n)" -ge $((${1:-10000} + 500)) ] ||
    die "clients and broker need $((${1:-10000} + 500)) file descriptors each (ulimit -n)"
TOKENWARD_BUILD=$build exec node tests/bench/storm.mjs "$build/results" "${1:-10000}" "${2:-mosquitto,rabbitmq}"
