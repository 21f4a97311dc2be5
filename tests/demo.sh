#!/bin/sh
# Shows Tokenward at work: a provider, a real Mosquitto, real clients. On a fresh Debian 12 or 13, as root:
#
#     sh tests/demo.sh [--keep]
#
# Installs what this needs and is missing, builds into build-demo/, then takes some seconds. Everything runs on loopback, in a
# folder of its own, and is gone afterwards; with --keep provider and broker go on, with a token for each user, and it is said
# how to use and how to stop them. The exit status is 0 only if all that the table at the end lists happened.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/support/setup.sh
case ${1-} in
    '') keep= ;;
    --keep) keep=yes ;;
    *) die "unknown argument '$1': usage: sh tests/demo.sh [--keep]" ;;
esac

# Colours where a person reads, and hasn't said no (no-color.org).
bold= green= red= grey= plain=
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
    bold=$(printf '\033[1m') green=$(printf '\033[32m') red=$(printf '\033[31m') grey=$(printf '\033[2m')
    plain=$(printf '\033[0m')
fi
chapter() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# indented: what somebody else said, as it stands.
indented() { sed "s/^/   $grey/; s/\$/$plain/"; }

# quietly WHAT COMMAND...: its output goes to a file; one line tells how far it is, and the file only if it fails.
quietly() {
    what=$1
    shift
    output=$(mktemp) || exit 1
    since=$(date +%s)
    ("$@") >"$output" 2>&1 &
    running=$!
    trap 'kill "$running" 2>/dev/null; wait "$running"; rm -f "$output"; exit 1' HUP INT TERM
    while kill -0 "$running" 2>/dev/null; do
        if [ -t 1 ]; then
            printf '\r%s: %-60.60s' "$what" "$(tail -n 1 "$output" | tr -d '\r')"
        fi
        sleep 0.3
    done
    wait "$running"
    status=$?
    trap - HUP INT TERM
    if [ -t 1 ]; then printf '\r%-*s\r' $((${#what} + 62)) ''; fi
    printf '%s: %d s\n' "$what" $(($(date +%s) - since))
    [ "$status" = 0 ] || tail -n 60 "$output" >&2
    rm -f "$output"
    [ "$status" = 0 ] || die "$what failed; the end of its output is above"
}

demo_packages='
    g++ meson ninja-build pkg-config python3 libssl-dev libcurl4-openssl-dev rapidjson-dev libfmt-dev libexpected-dev
    libcli11-dev libgtest-dev libcpp-httplib-dev zlib1g-dev libbrotli-dev
    mosquitto mosquitto-clients mosquitto-dev libmosquitto-dev'
build=${TOKENWARD_BUILD:-build-demo}
# For the speed of the compiler, not of the program: several sources at a time take half as long.
prepare_demo() {
    configure "$build" -Drabbitmq=disabled -Dcrystal=disabled -Dbuildtype=debug -Ddebug=false --unity=on --unity-size=6
    build "$build" demo
}
chapter 'Getting ready'
# shellcheck disable=SC2086 # a list
[ -z "$(missing_packages $demo_packages)" ] || quietly 'installing packages' install_packages $demo_packages
quietly 'building' prepare_demo
case $build in /*) ;; *) build=$PWD/$build ;; esac
PATH=$PATH:/usr/sbin

work=$(mktemp -d) || exit 1
pids=
# Ends what this script started, by number.
cleanup() {
    [ -z "${kept-}" ] || return 0
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
    if "$@"; then row="${green}yes$plain  $what"; else row="${red}NO$plain   $what" failures=$((failures + 1)); fi
    table="$table   $row
"
}

# ---- a provider ---------------------------------------------------------------------------------------
chapter 'A provider of tokens, with its own certificate authority'
mkdir "$work/issuer"
"$build/tests/support/test_issuer" --state-dir "$work/issuer" 2>"$work/issuer.log" &
issuer=$!
pids="$pids $issuer"
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
chapter 'tokenward.ini: whose tokens, and for whom'
indented <"$work/tokenward.ini"

# start_broker: on a port that was free a moment ago; somebody else may have taken it since.
start_broker() {
    port=$(free_ports 1)
    cat >"$work/mosquitto.conf" <<CONF
listener $port 127.0.0.1
allow_anonymous false
plugin $build/plugin/mosquitto/mosquitto_tokenward.so
plugin_opt_config $work/tokenward.ini
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
chapter 'Mosquitto, with the plugin'
start_broker || start_broker || die "Mosquitto doesn't start: $(cat "$work/broker.log")"
echo "   127.0.0.1:$port, $(mosquitto -h | head -n 1)"
grep -E 'anonymous|plugin' "$work/mosquitto.conf" | indented

# ---- clients ------------------------------------------------------------------------------------------
# Username: whatever; the token is the password, and its sub is who the client is.

# told COMMAND...: how a person would type it.
told() { printf '   $ %s\n' "$*"; }
pub="mosquitto_pub -h 127.0.0.1 -p $port -V 5 -q 1 -u token"
sub="mosquitto_sub -h 127.0.0.1 -p $port -V 5 -q 1 -u token"
password() { printf -- '-P "$(cat %s.token)"' "$1"; }

# quoted WORD...: as a shell reads them.
quoted() {
    for word; do
        case $word in *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
}

# keep_token USER SCOPE [OPTION...]: into a file of the user's.
keep_token() { mint "$@" >"$work/$1.token"; }
publish() {
    user=$1
    shift
    told "$pub $(password "$user")$(quoted "$@")"
    $pub -P "$(cat "$work/$user.token")" "$@" >"$work/said" 2>&1
    indented <"$work/said"
}
# Line by line, though into a file.
subscribe() {
    user=$1
    shift
    exec stdbuf -oL $sub -P "$(cat "$work/$user.token")" -i "$user" -d "$@" >"$work/$user" 2>&1
}
# log_line PATTERN: the broker's line, as it stands.
log_line() {
    wait_for 5 grep -q "$1" "$work/broker.log"
    echo '   the log of the broker:'
    grep "$1" "$work/broker.log" | tail -n 1 | fold -s -w 115 | indented
}
heard() { grep -q -x "$1" "$work/$2"; }
subscribed() { grep -s -q '^Subscribed (mid: 1): [012]' "$work/$1"; }
unheard() { ! grep -q "$1" "$work/$2"; }
said() { grep -q -i "$1" "$work/said"; }
alive() {
    for pid; do kill -0 "$pid" || return 1; done
}
# explained FILE: names the question and the scope that comes nearest.
explained() { grep -q secret "$1" && grep -q 'write:%2F/sensors%2F\*' "$1"; }
# accepted USER TOPIC MESSAGE: without a word.
accepted() { $pub -P "$(cat "$work/$1.token")" -t "$2" -m "$3" >"$work/quiet" 2>&1 && ! grep -q -i failed "$work/quiet"; }

chapter 'Three users: alice may write sensors/, bob may read them, carol may read everything'
keep_token alice 'write:%2F/sensors%2F*' --lifetime 86400
keep_token bob 'read:%2F/sensors%2F*' --lifetime 86400
keep_token carol 'read:%2F/*' --lifetime 86400
echo "   what stands in alice's token:"
"$build/plugin/cli/tokenward" inspect --config "$work/tokenward.ini" --token-file "$work/alice.token" 2>&1 | indented
told "$sub $(password bob) -i bob -t 'sensors/+'"
subscribe bob -t 'sensors/+' &
bob_pid=$!
told "$sub $(password carol) -i carol -t '#'"
subscribe carol -t '#' &
pids="$pids $bob_pid $!"
wait_for 10 subscribed bob || die "bob is not subscribed: $(cat "$work/bob")"
wait_for 10 subscribed carol || die "carol is not subscribed: $(cat "$work/carol")"

chapter 'What the scopes give'
publish alice -t sensors/1 -m 21.5
show 'alice publishes to sensors/1' test ! -s "$work/said"
show '... and bob receives it' wait_for 10 heard 21.5 bob
show '... and carol too' wait_for 10 heard 21.5 carol

chapter 'What they do not give'
publish alice -t secret/plan -m 'not for you'
show 'alice may not publish to secret/plan' said 'not authorized'
log_line 'username="alice".*secret'
accepted alice sensors/2 last-word
wait_for 10 heard last-word carol
show '... and nobody received that' unheard 'not for you' carol

told "$sub $(password bob) -t 'secret/#'"
$sub -P "$(cat "$work/bob.token")" -t 'secret/#' -C 1 -W 5 >"$work/said" 2>&1
indented <"$work/said"
show 'bob may not subscribe to secret/#' said 'not authorized\|denied\|rejected'
log_line 'username="bob".*secret'

chapter 'Tokens that are none any more, and one that never was'
keep_token late 'write:%2F/sensors%2F*' --lifetime -60
publish late -t sensors/1 -m late
show 'an expired token is refused' said 'not authorized'
log_line TOKEN_EXPIRED
show '... and the log says why' grep -q TOKEN_EXPIRED "$work/broker.log"
keep_token mallory 'write:*/*' --signer stranger
publish mallory -t sensors/1 -m forged
show 'a forged token is refused' said 'not authorized'
log_line 'BAD_SIGNATURE\|UNKNOWN_KEY\|KEY'

chapter 'The provider replaces all its keys; the old ones are gone'
"$build/tests/support/test_issuer" --state-dir "$work/issuer" --send /rotate keep_old=false
keep_token alice 'write:%2F/sensors%2F*' --lifetime 86400
show 'a token under the new key is accepted' wait_for 10 accepted alice sensors/3 after-rotation
show '... and bob is still connected' wait_for 10 heard after-rotation bob
echo '   alice has a new token, under a key that the broker had never seen; bob goes on with his old one.'

chapter 'A token that ends in three seconds'
keep_token dave 'read:%2F/sensors%2F*' --lifetime 3
told "$sub $(password dave) -i dave -d -t 'sensors/+'"
subscribe dave -t 'sensors/+' &
dave_pid=$!
pids="$pids $dave_pid"
show 'dave is let in' wait_for 5 subscribed dave
show '... and disconnected when his token ends' wait_for 10 gone "$dave_pid"
grep 'DISCONNECT (152)' "$work/dave" | indented
echo '   152 is "administrative action" (MQTT 5 section 3.14.2.1): the broker ended the connection. He may come back with a new token.'

chapter 'Why was alice refused?'
told 'tokenward check --config tokenward.ini --token-file alice.token --write %2F/sensors%2F1 --write %2F/secret%2Fplan'
"$build/plugin/cli/tokenward" check --config "$work/tokenward.ini" --token-file "$work/alice.token" \
    --write '%2F/sensors%2F1' --write '%2F/secret%2Fplan' >"$work/check" 2>&1
check_status=$?
indented <"$work/check"
show 'tokenward check says no' test "$check_status" = 1
show '... and names the nearest scope' explained "$work/check"

show 'no token stands in the log' unheard eyJ broker.log
show 'the broker and bob live' alive "$broker" "$bob_pid"

chapter 'What was shown'
printf '%s' "$table"
if [ "$failures" != 0 ]; then
    printf '\nthe broker said:\n'
    cat "$work/broker.log"
    exit 1
fi

chapter 'What to try next'
if [ -n "$keep" ]; then
    kept=yes
    for pid in $pids; do
        case $pid in "$issuer" | "$broker") ;; *) kill "$pid" 2>/dev/null ;; esac
    done
    # The rotation took the keys of their old ones away.
    keep_token bob 'read:%2F/sensors%2F*' --lifetime 86400
    keep_token carol 'read:%2F/*' --lifetime 86400
    for user in bob carol; do
        $sub -P "$(cat "$work/$user.token")" -t sensors/7 -E -W 10 >"$work/said" 2>&1 || die "$user isn't let in: $(cat "$work/said")"
    done
    echo '   Provider and broker go on. alice writes sensors/, bob reads them, carol reads everything; their tokens last a day:'
    told "cd $work"
    told "$sub $(password carol) -t '#' &"
    told "$pub $(password alice) -t sensors/7 -m hello"
    told "$pub $(password alice) -t secret/plan -m hello; grep 'authorize denied' broker.log | tail -n 1"
    told "$build/tests/support/mint --state-dir issuer --alg ES256 --sub erin --scope 'broker.write:%2F/doors%2F*' >erin.token"
    told "$build/plugin/cli/tokenward check --config tokenward.ini --token-file erin.token --write %2F/doors%2F1"
    echo '   The end of it:'
    told "kill $issuer $broker; rm -r $work"
else
    told 'sh tests/demo.sh --keep        # leaves provider and broker running, with a token for each user'
    echo '   With your own broker: plugin/mosquitto/README.md, plugin/rabbitmq/README.md, plugin/lavinmq/README.md'
    echo '   With your own provider: src/config/examples/README.md'
fi
