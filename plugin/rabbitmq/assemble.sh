#!/bin/sh
# assemble.sh FOLDER VERSION APP NIF SCHEMA SOURCE.erl...: makes the folder that RabbitMQ takes as a plugin. Where RabbitMQ is
# installed, its headers and behaviours are used, and erlc checks the callbacks; the result is the same without it.
# SPDX-License-Identifier: Apache-2.0
set -eu
folder=$1 version=$2 app=$3 nif=$4 schema=$5
shift 5
# Earlier builds made these beside it. RabbitMQ would take the archive instead of the folder.
rm -rf "$folder" "$folder.ez" "${folder%/*}/folder"
mkdir -p "$folder/ebin" "$folder/priv/schema"
for broker in /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins; do
    [ ! -d "$broker" ] || { export ERL_LIBS="$broker" && set -- -DWITH_RABBITMQ "$@" && break; }
done
erlc -Werror +debug_info +deterministic "-DVERSION=\"$version\"" -o "$folder/ebin" "$@"
cp "$app" "$folder/ebin/"
cp "$nif" "$folder/priv/"
cp "$schema" "$folder/priv/schema/"
