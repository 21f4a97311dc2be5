#!/bin/sh
# In a bare Debian where tokenward was installed from source: Mosquitto starts with the lines of the installed sample, and the
# page's line for the plugin is among them. Its argument is a port.
set -eu
mkdir -p /etc/tokenward
cat >/etc/tokenward/keys.json <<'JSON'
{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "alg": "EdDSA", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
JSON
cat >/etc/tokenward/tokenward.ini <<'INI'
[oauth]
issuer = https://id.example.com
audience = mosquitto
jwks_file = /etc/tokenward/keys.json
INI
{
    printf 'listener %s 127.0.0.1\nallow_anonymous false\nlog_dest stderr\n' "$1"
    grep '^plugin' /usr/local/share/doc/tokenward/examples/tokenward-mosquitto.conf
} >/try/mosquitto.conf
grep -q -x -F "$(cat /try/line)" /try/mosquitto.conf
tokenward config
timeout 5 mosquitto -c /try/mosquitto.conf >/try/log 2>&1 || [ $? = 124 ]
cat /try/log
grep -q ' running$' /try/log
