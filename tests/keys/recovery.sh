#!/bin/sh
# The recovery tests at default settings, with outages of a minute and more. It takes about five minutes:
#
#     sh tests/keys/recovery.sh
#
# Prints the table of src/keys/README.md. Ends with "recovery: N passed, N failed, N skipped".
# TOKENWARD_BUILD names another build folder than build/.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

# shellcheck disable=SC2086 # a list
install_packages $build_packages $test_packages
build=${TOKENWARD_BUILD:-build}
configure "$build" -Dwerror=true
build "$build" recovery_programs
export TOKENWARD_AT_DEFAULTS=1
count_one recovery "$build/tests/keys/keys_recovery"
