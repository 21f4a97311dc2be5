#!/bin/sh
# Builds and runs the unit tests under sanitizers: sanitize.sh address,undefined|thread [TEST...]
# With TEST names only those. Ends with "<sanitizer>: N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

sanitizers=$1
shift
word=${sanitizers%%,*}
folder=build-$word
# shellcheck disable=SC2086 # a list
install_packages $build_packages $test_packages
# No -Werror: instrumented code makes gcc 12 see uninitialised values that aren't there. tests/run.sh has it.
# A plugin is loaded by a program that wasn't built with sanitizers: lundef would forbid the missing symbols.
configure "$folder" "-Db_sanitize=$sanitizers" -Db_lundef=false --buildtype=debug -Doptimization=1
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

status=0
rm -f "$folder"/meson-logs/testlog*
# ThreadSanitizer of gcc 12 can't live with as much address randomization as newer kernels use.
# meson test builds what the chosen tests need, and no more.
set -- meson test -C "$folder" --no-suite e2e --timeout-multiplier 5 --print-errorlogs "$@"
if [ "$word" = thread ] && setarch -R true 2>/dev/null; then set -- setarch -R "$@"; fi
"$@" || status=$?
exec python3 tests/support/count_tests.py "$folder/meson-logs" "$status" "$word"
