#!/bin/sh
# assemble.sh FOLDER APP NIF SCHEMA SOURCE.erl...: makes the folder that RabbitMQ takes as a plugin.
# SPDX-License-Identifier: Apache-2.0
set -eu
folder=$1 app=$2 nif=$3 schema=$4
shift 4
# Earlier builds made these beside it. RabbitMQ would take the archive instead of the folder.
rm -rf "$folder" "$folder.ez" "${folder%/*}/folder"
mkdir -p "$folder/ebin" "$folder/priv/schema"
erlc -Werror +debug_info +deterministic -o "$folder/ebin" "$@"
cp "$app" "$folder/ebin/"
cp "$nif" "$folder/priv/"
cp "$schema" "$folder/priv/schema/"
