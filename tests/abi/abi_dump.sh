#!/bin/sh
# What gcc compiled into the library (its DWARF) beside the dump of 1.0: functions, parameters, structs, the version node.
# abi_dump.sh LIBRARY HEADERS                 prints the dump; HEADERS is the folder of tokenward.h
# abi_dump.sh LIBRARY HEADERS BASELINE RULES  fails if something was changed or taken away; RULES: abi_dump.ini
# Enumerators are in no function's type, so no dump has them: tests/abi/layout.c compares those.
set -eu
dump() {
    abidw --headers-dir "$2" --drop-private-types --exported-interfaces-only --no-corpus-path --no-comp-dir-path \
        --no-show-locs --no-elf-needed "$1"
}
if [ $# -eq 2 ]; then
    dump "$@"
    exit
fi
today=$(mktemp)
trap 'rm -f "$today"' EXIT
dump "$1" "$2" >"$today"
# A dump without types would be the same as any other.
grep -q "<class-decl name='tokenward_options'" "$today" || { echo "$1 has no debug information"; exit 1; }
abidiff --no-added-syms --suppressions "$4" "$3" "$today"
