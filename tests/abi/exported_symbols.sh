#!/bin/sh
# usage: exported_symbols.sh LIBRARY HEADER: the library exports the header's functions under the version node
# TOKENWARD_1 and nothing else.
set -eu
exported=$(nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sort)
declared=$(sed -n 's/^TOKENWARD_API .*[ *]\(tokenward_[a-z_]*\)(.*/\1@@TOKENWARD_1/p' "$2" | sort)
if [ "$exported" != "$declared" ]; then
    echo "exported:"
    echo "$exported"
    echo "declared in the header:"
    echo "$declared"
    exit 1
fi
test "$(echo "$declared" | wc -l)" -ge 20
if nm -D --defined-only "$1" | grep -q ' u '; then
    echo "a unique symbol would keep the library in the process after dlclose"
    exit 1
fi
readelf -d "$1" | grep -q 'SONAME.*\[libtokenward.so.1\]'
