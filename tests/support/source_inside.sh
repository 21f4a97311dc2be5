#!/bin/sh
# In a bare Debian where tokenward was installed from source, by the lines of both pages, from the clone in the argument: TAP.
set -u
clone=$1
. /try/inside.sh
mkdir -p /etc/tokenward
configure_provider
ok 'tokenward check accepts the token' tokenward check --token-file /try/token --write %2F/sensors%2F1

# Mosquitto, with the lines of the installed sample; the page's line for the plugin is among them.
sample=/usr/local/share/doc/tokenward/examples/tokenward-mosquitto.conf
ok "the sample has the page's line for the plugin" grep -q -x -F "$(cat /try/line)" "$sample"
port=$(free_port)
{ printf 'listener %s 127.0.0.1\nallow_anonymous false\nlog_dest stderr\n' "$port"; grep '^plugin' "$sample"; } >/try/mosquitto.conf
mosquitto -c /try/mosquitto.conf >"$log" 2>&1 &
broker=$!
ok "Mosquitto starts with the sample's lines" wait_for grep -q ' running$' "$log"
publishes() {
    mosquitto_pub -h 127.0.0.1 -p "$port" -V 5 -q 1 -u any -P "$2" -t "$1" -m hello >/try/published 2>&1 &&
        not grep -i -q 'not authorized\|failed' /try/published
}
ok 'a token may publish' wait_for publishes sensors/1 "$token"
ok '... where its scopes say so' not publishes secret/1 "$token"
kill "$broker"
wait "$broker"
ok 'the broker ended well' test $? = 0

try_rabbitmq
for broker in mosquitto rabbitmq; do
    ok "ninja uninstall, $broker" ninja -C "$clone/build-$broker" uninstall
done
