#!/bin/sh
# assemble.sh OUTPUT.ez NAME APP NIF SCHEMA ARCHIVER SOURCE.erl...: makes folder/NAME beside OUTPUT.ez, and OUTPUT.ez.
# SPDX-License-Identifier: Apache-2.0
set -eu
output=$1 name=$2 app=$3 nif=$4 schema=$5 archiver=$6
shift 6
folder=${output%/*}/folder/$name
rm -rf "$folder" "$output"
mkdir -p "$folder/ebin" "$folder/priv/schema"
erlc -Werror +debug_info +deterministic -o "$folder/ebin" "$@"
cp "$app" "$folder/ebin/"
cp "$nif" "$folder/priv/"
cp "$schema" "$folder/priv/schema/"
escript "$archiver" "$folder" "$output"
