#!/bin/sh
# The tests that are too long for each change. From a clone, on Debian 12, as root:
#
#     sh tests/nightly.sh
#
# ThreadSanitizer comes first, then a build and all tests with clang, newer brokers, the demo, Debian packages, Dialyzer, Glewlwyd as a
# second OpenID provider, arm64 in emulation, long fuzzing, long soaks, a RabbitMQ cluster of three nodes, recovery from long
# outages, and LavinMQ where TOKENWARD_LAVINMQ names a broker with the add-on (plugin/lavinmq/README.md). A part is skipped only if it can't be
# fetched. Ends with a table of the parts, then "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/support/setup.sh
. tests/support/parts.sh

with_clang() {
    # shellcheck disable=SC2086 # a list
    install_packages clang && CC=clang CXX=clang++ TOKENWARD_BUILD=build-clang sh tests/run.sh
}

part 'unit tests under ThreadSanitizer' sh tests/support/sanitize.sh thread base access denials introspection keys session
part 'all tests, built with clang' with_clang
part 'newer brokers' sh tests/brokers.sh
part 'the demo' count_one demo sh tests/demo.sh
part 'Debian packages' sh tests/packages.sh
part 'Dialyzer and xref on the RabbitMQ plugin' sh tests/rabbitmq/analysis.sh
# shellcheck disable=SC2086 # a list
if can_fetch $provider_packages; then
    part 'a second OpenID provider' sh tests/mosquitto/glewlwyd.sh
else
    skip 'a second OpenID provider' "apt-get doesn't get its packages"
fi
part 'arm64, in emulation' sh tests/arm64.sh
part 'long fuzzing' sh tests/fuzz/run.sh "${TOKENWARD_FUZZ_SECONDS:-300}"
part 'long soak' sh tests/soak/run.sh 20
part 'long soak of the Mosquitto plugin' sh tests/mosquitto/soak.sh
part 'a RabbitMQ cluster of three nodes' sh tests/rabbitmq/three_nodes.sh
part 'recovery at default settings' sh tests/keys/recovery.sh
if [ -n "${TOKENWARD_LAVINMQ:-}" ]; then
    part 'LavinMQ' sh tests/lavinmq/run.sh "$TOKENWARD_LAVINMQ"
else
    skip 'LavinMQ' 'its source is in no package; TOKENWARD_LAVINMQ must name a broker'
fi
finish
