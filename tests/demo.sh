#!/bin/sh
# Shows Tokenward at work: a provider, a real Mosquitto, real clients. On a fresh Debian 12, as root:
#
#     sh tests/demo.sh
#
# Installs what is missing, builds what it needs into build/ (as tests/run.sh does), then takes some seconds.
# Everything runs on loopback, in a directory of its own, and is gone afterwards. The exit status is 0 only if
# all that the table at the end lists happened. TOKENWARD_BUILD names another build folder than build/.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/support/setup.sh

# shellcheck disable=SC2086 # a list
install_packages $build_packages
build=${TOKENWARD_BUILD:-build}
configure "$build" -Dwerror=true
build "$build" demo
case $build in /*) ;; *) build=$PWD/$build ;; esac
PATH=$PATH:/usr/sbin

work=$(mktemp -d) || exit 1
pids=
# Ends what this script started, by number.
cleanup() {
    trap - EXIT HUP INT TERM
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# wait_for SECONDS COMMAND...: true as soon as the command is.
wait_for() {
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}
gone() { ! kill -0 "$1" 2>/dev/null; }

table=
failures=0
# show WHAT COMMAND...: one row of the table.
show() {
    what=$1
    shift
    if "$@"; then row="yes  $what"; else row="NO   $what" failures=$((failures + 1)); fi
    printf '   %s\n' "$row"
    table="$table$row
"
}

# ---- a provider ---------------------------------------------------------------------------------------
say 'a provider of tokens, with its own certificate authority'
mkdir "$work/issuer"
"$build/tests/support/test_issuer" --state-dir "$work/issuer" 2>"$work/issuer.log" &
pids="$pids $!"
wait_for 20 test -f "$work/issuer/pid" || die "the test issuer doesn't start: $(cat "$work/issuer.log")"
echo "   issuer $(cat "$work/issuer/issuer")"

# mint USER SCOPE [OPTION...]: a token; the broker's id stands in front of its scopes.
mint() {
    user=$1 scope=$2
    shift 2
    "$build/tests/support/mint" --state-dir "$work/issuer" --alg ES256 --sub "$user" --scope "broker.$scope" "$@"
}

# ---- a broker -----------------------------------------------------------------------------------------
cat >"$work/tokenward.ini" <<INI
[oauth]
issuer = $(cat "$work/issuer/issuer")
ca_file = $work/issuer/ca.pem
resource_server_id = broker
clock_skew = 0
jwks_min_refresh = 1
INI

# start_broker: on a port that was free a moment ago; somebody else may have taken it since.
start_broker() {
    port=$(free_ports 1)
    cat >"$work/mosquitto.conf" <<CONF
listener $port 127.0.0.1
allow_anonymous false
plugin $build/plugin/mosquitto/mosquitto_tokenward.so
plugin_opt_config $work/tokenward.ini
plugin_opt_library $build/src/capi/libtokenward.so.1
log_dest stderr
log_type all
CONF
    [ "$(id -u)" != 0 ] || echo 'user root' >>"$work/mosquitto.conf"
    mosquitto -c "$work/mosquitto.conf" >"$work/broker.log" 2>&1 &
    broker=$!
    pids="$pids $broker"
    # shellcheck disable=SC2317 # called by wait_for
    started_or_gone() { grep -q ' running$' "$work/broker.log" || gone "$broker"; }
    wait_for 20 started_or_gone
    ! gone "$broker"
}
say 'Mosquitto, with the plugin'
start_broker || start_broker || die "Mosquitto doesn't start: $(cat "$work/broker.log")"
echo "   127.0.0.1:$port, $(mosquitto -h | head -n 1)"
sed -n 's/^/   /; /plugin/p' "$work/mosquitto.conf"

# ---- clients ------------------------------------------------------------------------------------------
# Username: whatever; the token is the password, and its sub is who the client is.
publish() {
    token=$1
    shift
    mosquitto_pub -h 127.0.0.1 -p "$port" -V 5 -q 1 -u token -P "$token" "$@" 2>&1
}
# Line by line, though into a file.
subscribe() {
    token=$1
    shift
    exec stdbuf -oL mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -q 1 -u token -P "$token" -d "$@" 2>&1
}
heard() { grep -q -x "$1" "$work/$2"; }
subscribed() { grep -s -q '^Subscribed (mid: 1): [012]' "$work/$1"; }
unheard() { ! grep -q "$1" "$work/$2"; }
says() { printf '%s\n' "$2" | grep -q -i "$1"; }
alive() {
    for pid; do kill -0 "$pid" || return 1; done
}
# explained FILE: names the question and the scope that comes nearest.
explained() { grep -q secret "$1" && grep -q 'write:%2F/sensors%2F\*' "$1"; }
accepted() { publish "$1" -t "$2" -m "$3" >"$work/publish.log" && ! grep -q -i 'failed' "$work/publish.log"; }

say 'three users: alice may write sensors/, bob may read them, carol may read everything'
alice=$(mint alice 'write:%2F/sensors%2F*')
bob=$(mint bob 'read:%2F/sensors%2F*')
carol=$(mint carol 'read:%2F/*')
subscribe "$bob" -i bob -t 'sensors/+' >"$work/bob" &
pids="$pids $!"
bob_pid=$!
subscribe "$carol" -i carol -t '#' >"$work/carol" &
pids="$pids $!"
wait_for 10 subscribed bob || die "bob is not subscribed: $(cat "$work/bob")"
wait_for 10 subscribed carol || die "carol is not subscribed: $(cat "$work/carol")"

show 'alice publishes to sensors/1' accepted "$alice" sensors/1 21.5
show '... and bob receives it' wait_for 10 heard 21.5 bob
show '... and carol too' wait_for 10 heard 21.5 carol

refusal=$(publish "$alice" -t secret/plan -m 'not for you')
printf '%s\n' "$refusal" | sed 's/^/   /'
show 'alice may not publish to secret/plan' says 'not authorized' "$refusal"
accepted "$alice" sensors/2 last-word
wait_for 10 heard last-word carol
show '... and nobody received that' unheard 'not for you' carol

refusal=$(mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -u token -P "$bob" -t 'secret/#' -C 1 -W 5 2>&1)
printf '%s\n' "$refusal" | sed 's/^/   /'
show 'bob may not subscribe to secret/#' says 'not authorized\|denied\|rejected' "$refusal"

refusal=$(publish "$(mint alice 'write:%2F/sensors%2F*' --lifetime -60)" -t sensors/1 -m late)
printf '%s\n' "$refusal" | sed 's/^/   /'
show 'an expired token is refused' says 'not authorized' "$refusal"
show '... and the log says why' wait_for 5 grep -q TOKEN_EXPIRED "$work/broker.log"
refusal=$(publish "$(mint alice 'write:*/*' --signer stranger)" -t sensors/1 -m forged)
show 'a forged token is refused' says 'not authorized' "$refusal"

say 'the provider replaces all its keys; the old ones are gone'
"$build/tests/support/test_issuer" --state-dir "$work/issuer" --send /rotate keep_old=false
alice=$(mint alice 'write:%2F/sensors%2F*')
show 'a token under the new key is accepted' wait_for 10 accepted "$alice" sensors/3 after-rotation
show '... and bob is still connected' wait_for 10 heard after-rotation bob

say "a token that ends in three seconds"
subscribe "$(mint dave 'read:%2F/sensors%2F*' --lifetime 3)" -i dave -t 'sensors/+' >"$work/dave" &
dave_pid=$!
pids="$pids $dave_pid"
show 'dave is let in' wait_for 5 subscribed dave
show '... and disconnected when his token ends' wait_for 10 gone "$dave_pid"
sed -n 's/^/   /; $p' "$work/dave"

say 'why was alice refused?'
printf '%s\n' "$alice" >"$work/token"
"$build/plugin/cli/tokenward" check --config "$work/tokenward.ini" --token-file "$work/token" \
    --write '%2F/sensors%2F1' --write '%2F/secret%2Fplan' >"$work/check" 2>&1
check_status=$?
sed 's/^/   /' "$work/check"
show 'tokenward check says no' test "$check_status" = 1
show '... and names the nearest scope' explained "$work/check"

show 'no token stands in the log' unheard eyJ broker.log
show 'the broker and bob live' alive "$broker" "$bob_pid"

printf '\nwhat was shown:\n%s' "$table"
if [ "$failures" != 0 ]; then
    printf '\nthe broker said:\n'
    cat "$work/broker.log"
    exit 1
fi
