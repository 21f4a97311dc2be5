#!/bin/sh
# The tests with real brokers once more, on the brokers of newer Debian suites, with the build of this Debian. As root:
#
#     sh tests/brokers.sh [BROKER...]
#
# BROKER is mosquitto-sid (2.1), rabbitmq-sid (4.3) or rabbitmq-trixie (4.0); without any, all three.
# The brokers come from the mirror that apt is set up with, into a folder outside the tree (TOKENWARD_BROKERS, else
# tokenward-brokers in the user's cache), and are fetched again after a week (TOKENWARD_BROKERS_DAYS). A suite whose packages can't be
# fetched is skipped. Ends with "N passed, N failed, N skipped". TOKENWARD_BUILD names another build folder than build/.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/support/setup.sh
. tests/support/debian_root.sh
. tests/support/parts.sh

prepare

# Programs of the newer Debians run with this machine's build in the place where it was built.
run_tests() {
    rm -f "$build"/meson-logs/testlog*
    status=0
    with_root "$root" "$build" meson test -C "$build" --no-rebuild --print-errorlogs "$@" || status=$?
    python3 tests/support/count_tests.py "$build/meson-logs" "$status"
}
mosquitto() {
    TOKENWARD_TEST_MOSQUITTO_ROOT=$root run_tests mosquitto_clients mosquitto_chain mosquitto_outage mosquitto_token_end \
        mosquitto_denials mosquitto_bound_tokens \
        mosquitto_takeover mosquitto_per_listener mosquitto_strangers mosquitto_fleet mosquitto_http_api mosquitto_reload \
        mosquitto_restart mosquitto_retained mosquitto_bridges mosquitto_control mosquitto_protocols mosquitto_hostile \
        mosquitto_openid_provider mosquitto_opaque_tokens mosquitto_client_credentials mosquitto_migration
}
rabbitmq() {
    TOKENWARD_TEST_RABBITMQ_ROOT=$root run_tests rabbitmq_clients rabbitmq_configuration rabbitmq_plugins rabbitmq_origins \
        rabbitmq_opaque_tokens rabbitmq_client_credentials rabbitmq_token_end rabbitmq_cluster
}

brokers=${*:-mosquitto-sid rabbitmq-sid rabbitmq-trixie}
for broker in $brokers; do
    case $broker in
        mosquitto-sid | rabbitmq-sid | rabbitmq-trixie) ;;
        *) die "$broker is none of mosquitto-sid, rabbitmq-sid, rabbitmq-trixie" ;;
    esac
done
for broker in $brokers; do
    suite=${broker#*-}
    case $suite in
        sid) fetched='debian_root sid mosquitto mosquitto rabbitmq-server libcurl4t64' ;;
        *) fetched='debian_root trixie rabbitmq-server rabbitmq-server libcurl4t64' ;;
    esac
    if ! $fetched; then
        skip "$broker" "$why"
        continue
    fi
    case $broker in
        mosquitto-*) part "Mosquitto $(chroot "$root" mosquitto -h | sed -n '1s/.* //p') of Debian $suite" mosquitto ;;
        *) part "RabbitMQ $(ls "$root/usr/lib/rabbitmq/lib" | sed -n 's/rabbitmq_server-//p') of Debian $suite" rabbitmq ;;
    esac
done
finish
