#!/bin/sh
# The library under many clients at once, while the provider changes its keys:
#
#     sh tests/soak/run.sh [ROUNDS]
#
# Ends with "soak: N passed, N failed, N skipped". TOKENWARD_BUILD names another build folder than build/.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

# shellcheck disable=SC2086 # a list
install_packages $build_packages $test_packages
build=${TOKENWARD_BUILD:-build}
configure "$build" -Dwerror=true
build "$build" soak_programs
count_one soak "$build/tests/soak/soak" "${1:-4}"
