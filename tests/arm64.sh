#!/bin/sh
# Tokenward for arm64, built and tried on an x86-64 machine: cross-built, and run in QEMU. On Debian 12, as root:
#
#     sh tests/arm64.sh
#
# The last commit is what is tried. In a folder of Debian 12 with the cross compiler: the unit tests, and the layout table of the
# contract. Then the packages, by tests/packages.sh: in a bare Debian 12 for arm64 apt installs them, and tokenward and a
# Mosquitto with the plugin run; Erlang doesn't run in QEMU. Left out is what a program of this machine would have to load: the tests with
# Node.js, of other languages, of Erlang, of Crystal; and those that count instructions, hold times, or let
# one allocation after the other fail.
#
# QEMU keeps the memory order of x86-64, which is stricter than that of arm64: what only that hides isn't found here.
# The folders are kept as those of tests/packages.sh. Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/support/setup.sh
. tests/support/debian_root.sh
. tests/support/parts.sh
. tests/support/suite_root.sh
. tests/support/emulation.sh
suite=bookworm-arm64
[ "$(id -u)" = 0 ] || die 'as root: it makes folders of other machines, and runs programs there'

install_packages debootstrap python3
work=$(mktemp -d) || exit 1
cleanup() {
    trap - EXIT HUP INT TERM
    end_emulation
    wait
    rm -rf "$work" "$parts"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
builder_root "$suite" || die "the folder for $suite can't be made"
begin_emulation "$root/usr/bin/qemu-aarch64-static"
tests=$root/build/tests
rm -rf "$tests" && mkdir -p "$tests/source" && git -c tar.umask=0022 archive HEAD | tar -x -C "$tests/source" || exit 1

# in_tests COMMAND: of the shell, in the folder of the tests.
in_tests() { inside "$root" sh -c "cd /build/tests && $1"; }

unit_tests() {
    status=0
    in_tests 'meson setup build source --cross-file source/tests/support/aarch64.ini -Dauto_features=enabled \
        -Dcrystal=disabled -Dwerror=true -Ddebug=false && ninja -C build' || return 1
    in_tests 'meson test -C build --no-rebuild --print-errorlogs --no-suite not_emulated --timeout-multiplier 10' || status=$?
    python3 tests/support/count_tests.py "$tests/build/meson-logs" "$status"
}
# same_layout: the table of abi/baseline, made by a program for arm64.
same_layout() {
    in_tests 'python3 source/tests/abi/layout.py source/abi/baseline/1.0/tokenward.h aarch64-linux-gnu-gcc' >"$work/layout.def" &&
        diff "$tests/source/abi/baseline/1.0/layout.def" "$work/layout.def"
}

part 'unit tests' unit_tests
part 'layout table of the contract' count_one layout same_layout
part 'packages' sh tests/packages.sh "$suite"
finish
