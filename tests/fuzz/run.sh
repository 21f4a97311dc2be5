#!/bin/sh
# Runs each libFuzzer target for some seconds, from its corpus; what it finds stays in the build folder:
#
#     sh tests/fuzz/run.sh [SECONDS [keep]]
#
# SECONDS is for each target, 10 if not given. Builds with clang into build-fuzz/. What an input may cost is bounded
# here and in the targets (bounded.hpp). With "keep" inputs that reach something new are copied into the corpora of
# the source tree. Ends with "fuzz: N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/setup.sh

seconds=${1:-10}
keep=${2:-}
folder=build-fuzz
# shellcheck disable=SC2086 # a list
install_packages $build_packages $test_packages clang
CC=clang CXX=clang++
export CC CXX
configure "$folder" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dcpp_args=-fsanitize=fuzzer-no-link
targets=$(for folder_of_inputs in tests/fuzz/corpus/*; do printf '%s ' "${folder_of_inputs##*/}"; done)
# shellcheck disable=SC2046 # a list
build "$folder" $(for target in $targets; do printf 'tests/fuzz/%s_fuzz ' "$target"; done)

# fuzz TARGET: what ends it badly is in its log.
fuzz() {
    mkdir -p "$folder/found/$1"
    # Tokens have at most max_token_bytes, by default; a configuration may be longer.
    case $1 in
        config_*) max_len=65536 ;;
        *) max_len=16384 ;;
    esac
    # AddressSanitizer keeps 256 MB of freed memory, and that counts as resident too.
    "$folder/tests/fuzz/$1_fuzz" -max_total_time="$seconds" -max_len="$max_len" -timeout=5 -malloc_limit_mb=16 \
        -rss_limit_mb=1024 -artifact_prefix="$folder/found/$1-" \
        "$folder/found/$1" "tests/fuzz/corpus/$1" >"$folder/found/$1.log" 2>&1 || return 1
    [ "$keep" = keep ] || return 0
    "$folder/tests/fuzz/$1_fuzz" -merge=1 -max_len="$max_len" "tests/fuzz/corpus/$1" "$folder/found/$1" \
        >>"$folder/found/$1.log" 2>&1
}
passed=0 failed=0
for target in $targets; do
    if fuzz "$target"; then
        passed=$((passed + 1))
        say "$target: $(grep '^Done' "$folder/found/$target.log")"
    else
        failed=$((failed + 1))
        echo "failed: $target"
        tail -n 40 "$folder/found/$target.log"
    fi
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
