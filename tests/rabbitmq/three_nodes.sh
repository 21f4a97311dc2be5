#!/bin/sh
# A cluster of three RabbitMQ nodes on loopback. From a clone, on Debian 12, as root:
#
#     sh tests/rabbitmq/three_nodes.sh
#
# Installs what is missing, builds, ends with "N passed, N failed, N skipped". TOKENWARD_BUILD names
# another build folder than build/.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

prepare

results=$(mktemp)
trap 'rm -f "$results"' EXIT
run_tap node tests/rabbitmq/three_nodes.mjs | tee "$results"
count_tap "$results"
