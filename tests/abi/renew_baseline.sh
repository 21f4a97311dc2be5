#!/bin/sh
# Freezes today's interface as that of 1.0: header, layout, dump. Only before 1.0.0 is released; never after.
# usage: sh tests/abi/renew_baseline.sh [FOLDER]: a folder that was built with gcc 12 on x86-64, else build
set -eu
folder=$(realpath "${1:-build}")
cd "$(dirname "$0")/../.."
baseline=abi/baseline/1.0
ninja -C "$folder" src/capi/libtokenward.so.1.0.0
cp abi/tokenward.h $baseline/tokenward.h
python3 tests/abi/layout.py $baseline/tokenward.h cc >$baseline/layout.def.new
sh tests/abi/abi_dump.sh "$folder/src/capi/libtokenward.so.1.0.0" abi >$baseline/tokenward.abi.new
mv $baseline/layout.def.new $baseline/layout.def
mv $baseline/tokenward.abi.new $baseline/tokenward.abi
git status --short $baseline
