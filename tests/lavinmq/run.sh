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
install_packages $build_packages curl $(node_packages)
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
for program in clients operator provider; do
    say "$program"
    node "tests/lavinmq/$program.mjs" >>"$results.now"
    # A program that broke off counts as one failure.
    awk -v status=$? '
        /^1\.\./ { split($0, plan, "\\.\\."); planned = plan[2] }
        /^ok/ { ++ok }
        /^not ok/ { ++bad }
        END { if (ok + bad != planned || planned == 0 || (status && !bad)) print "not ok - it broke off" }' \
        "$results.now" >>"$results.now.end"
    cat "$results.now" "$results.now.end" | tee -a "$results" | grep -A 20 '^not ok\|^Bail out' || :
    rm -f "$results.now" "$results.now.end"
done
passed=$(grep -c '^ok' "$results")
failed=$(grep -c '^not ok' "$results")
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
