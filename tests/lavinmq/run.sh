#!/bin/sh
# Real clients on a real LavinMQ that was compiled with the add-on (plugin/lavinmq/README.md says how):
#
#     sh tests/lavinmq/run.sh BROKER
#
# BROKER is the program, or a script that runs it. Installs what is missing, builds the library and the test programs, ends
# with "N passed, N failed, N skipped". TOKENWARD_BUILD names another build folder than build/.
set -u
broker=${1:?usage: sh tests/lavinmq/run.sh BROKER}
broker=$(realpath "$broker") || exit 1
[ -x "$broker" ] || { echo "$broker is no program" >&2; exit 1; }
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

# shellcheck disable=SC2046,SC2086 # lists
install_packages $build_packages curl etcd-server $(node_packages)
install_node_modules

build=${TOKENWARD_BUILD:-build}
[ -f "$build/build.ninja" ] || configure "$build" -Dwerror=true
build "$build" src/capi/libtokenward.so.1.0.0 tests/support/test_issuer
TOKENWARD_BUILD=$(cd "$build" && pwd)
TOKENWARD_LAVINMQ=$broker
TOKENWARD_LAVINMQ_VERSION=$("$broker" --version) || die "$broker --version failed"
export TOKENWARD_BUILD TOKENWARD_LAVINMQ TOKENWARD_LAVINMQ_VERSION

say "LavinMQ $TOKENWARD_LAVINMQ_VERSION"
results=$(mktemp)
trap 'rm -f "$results"' EXIT
programs='clients operator provider owners denials bound_tokens opaque_tokens client_credentials'
if command -v etcd >/dev/null; then programs="$programs cluster"; else say 'no etcd here: the cluster is left out'; fi
for program in $programs; do
    say "$program"
    run_tap node "tests/lavinmq/$program.mjs" | tee -a "$results" | grep -A 20 '^not ok\|^Bail out' || :
done
count_tap "$results"
