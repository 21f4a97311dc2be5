#!/bin/sh
# A second real OpenID provider, Debian's Glewlwyd, and a real Mosquitto. From a clone, on Debian 12, as root:
#
#     sh tests/mosquitto/glewlwyd.sh
#
# Installs what is missing, builds what it needs, ends with "N passed, N failed, N skipped". TOKENWARD_BUILD names
# another build folder than build/.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

# The package's own service would start with the next boot, for everybody, with the password "password".
if [ -n "$(missing_packages glewlwyd)" ]; then
    # shellcheck disable=SC2086 # a list
    install_packages $provider_packages
    if command -v systemctl >/dev/null; then systemctl -q disable glewlwyd || die 'systemctl failed'; fi
fi
# shellcheck disable=SC2046,SC2086 # lists
install_packages $build_packages $(node_packages)
install_node_modules

build=${TOKENWARD_BUILD:-build}
configure "$build" -Dwerror=true
build "$build" src/capi/libtokenward.so.1.0.0 plugin/cli/tokenward plugin/mosquitto/mosquitto_tokenward.so \
    tests/support/test_issuer
TOKENWARD_BUILD=$(cd "$build" && pwd)
export TOKENWARD_BUILD

results=$(mktemp)
trap 'rm -f "$results"' EXIT
run_tap node tests/mosquitto/glewlwyd.mjs | tee "$results"
count_tap "$results"
