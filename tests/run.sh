#!/bin/sh
# Installs what is missing, builds, runs all tests. From a fresh clone on a fresh Debian 12, as root:
#
#     sh tests/run.sh
#
# Ends with "N passed, N failed, N skipped". A second run installs nothing and builds only what changed; without network
# too. TOKENWARD_BUILD names another build folder than build/.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/support/setup.sh

prepare

status=0
rm -f "$build"/meson-logs/testlog*
meson test -C "$build" --no-rebuild --print-errorlogs || status=$?
exec python3 tests/support/count_tests.py "$build/meson-logs" "$status"
