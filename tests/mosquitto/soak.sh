#!/bin/sh
# A soak of the Mosquitto plugin, on this Debian's broker and on that of Debian sid. From a clone, on Debian 12, as root:
#
#     sh tests/mosquitto/soak.sh [SECONDS [CLIENTS]]
#
# Installs what is missing, builds what it needs, ends with "N passed, N failed, N skipped". Debian sid's broker is skipped if
# it can't be fetched (tests/brokers.sh says whence). TOKENWARD_SOAK_SEED repeats what the clients of a run did;
# TOKENWARD_BUILD names another build folder than build/.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh
. tests/support/debian_root.sh
. tests/support/parts.sh

prepare src/capi/libtokenward.so.1.0.0 plugin/mosquitto/mosquitto_tokenward.so tests/support/test_issuer
TOKENWARD_SOAK_SECONDS=${1:-1200}
TOKENWARD_SOAK_CLIENTS=${2:-1000}
export TOKENWARD_SOAK_SECONDS TOKENWARD_SOAK_CLIENTS

soak_here() {
    run_tap node tests/mosquitto/soak.mjs | tee "$parts/tap"
    count_tap "$parts/tap"
}
soak_in_root() {
    export TOKENWARD_TEST_MOSQUITTO_ROOT=$root
    run_tap with_root "$root" "$TOKENWARD_BUILD" node tests/mosquitto/soak.mjs | tee "$parts/tap"
    count_tap "$parts/tap"
}
part 'soak, Mosquitto of this Debian' soak_here
if debian_root sid mosquitto mosquitto rabbitmq-server libcurl4t64; then
    part 'soak, Mosquitto of Debian sid' soak_in_root
else
    skip 'soak, Mosquitto of Debian sid' "$why"
fi
finish
