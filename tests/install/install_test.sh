#!/bin/sh
# What `meson install` puts where, and that it runs from there: TAP. As root, because the installed files are seen in their true
# places by bind mounts, which nobody else sees.
#
#     sh tests/install/install_test.sh BUILD PREFIX LIBDIR
set -u
build=$1 prefix=$2 libraries=$2/$3
cd "$(dirname "$0")/../.." || exit 1
. tests/support/tap.sh
work=$(mktemp -d) || exit 1
chmod 755 "$work"
broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null; rm -rf "$work"' EXIT
unset LD_LIBRARY_PATH

# installed COMMAND...: runs it where $work/root/PREFIX is at PREFIX.
installed() {
    # shellcheck disable=SC2046 # an option, or none
    unshare $([ "$(id -u)" = 0 ] || echo --map-root-user) --mount --propagation private sh -c '
        mount --bind "$1" "$2" || exit 1
        shift 2
        exec "$@"' sh "$work/root$prefix" "$prefix" "$@"
}

DESTDIR=$work/root meson install -C "$build" --no-rebuild >"$work/out" 2>&1
ok 'meson install with DESTDIR' is $? 0
for file in bin/tokenward include/tokenward/tokenward.h include/tokenward/tokenward.hpp share/man/man1/tokenward.1 \
    share/bash-completion/completions/tokenward share/doc/tokenward/examples/tokenward-mosquitto.conf \
    share/doc/tokenward/examples/tokenward-rabbitmq.conf share/doc/tokenward/examples/tokenward-lavinmq.ini \
    share/doc/tokenward/examples/providers/keycloak.ini share/tokenward/crystal/crystal/src/tokenward.cr \
    share/tokenward/crystal/lavinmq/src/lavinmq_tokenward.cr; do
    ok "$file is there" test -f "$work/root$prefix/$file"
done

# The command, and its library.
installed "$prefix/bin/tokenward" --version >"$work/out" 2>&1
ok 'the installed command runs, without ldconfig' is $? 0
ok '... and says its version' says '^tokenward '
rm -rf "$work/moved" && mkdir "$work/moved" && cp "$work/root$prefix/bin/tokenward" "$work/moved/"
"$work/moved/tokenward" --version >"$work/out" 2>&1
ok 'where the library is missing it fails' is $? 2
ok '... says where it looked' says "looked in: $libraries"
ok '... and what to do' says '\-\-library'
"$work/moved/tokenward" --library "$work/root$libraries/libtokenward.so.1" --version >"$work/out" 2>&1
ok '... which works' is $? 0

# A copy that somebody laid beside a library of theirs: at every place where it was looked for once.
trap_folder=$work/trap
for place in src/capi tokenward plugin/tokenward plugin/cli plugin/lib lib "XXXXXXXXXXXXX" .; do
    mkdir -p "$trap_folder/$place"
    printf 'not a library' >"$trap_folder/$place/libtokenward.so.1"
done
cp "$build/plugin/cli/tokenward" "$trap_folder/plugin/cli/tokenward"
(cd "$trap_folder" && plugin/cli/tokenward --version) >"$work/out" 2>&1
ok 'a copy of the built command takes the library that it was built with' is $? 0
cp "$work/root$prefix/bin/tokenward" "$trap_folder/plugin/cli/tokenward"
(cd "$trap_folder" && plugin/cli/tokenward --version) >"$work/out" 2>&1
ok 'a copy of the installed command takes none beside it' is $? 2
ok '... nor tries to' sh -c '! grep -q "invalid ELF\|file too short" "$1"' sh "$work/out"

# Mosquitto with the installed sample: its line for the plugin, and no plugin_opt_library.
sample=$work/root$prefix/share/doc/tokenward/examples/tokenward-mosquitto.conf
ok "the sample names the installed plugin" grep -q "^plugin $libraries/mosquitto_tokenward.so\$" "$sample"
cat >"$work/keys.json" <<'JSON'
{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "use": "sig", "alg": "EdDSA", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
JSON
printf '[oauth]\nissuer = https://id.example.com\naudience = mosquitto\njwks_file = %s/keys.json\n' "$work" >"$work/tokenward.ini"
ports() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# start_broker: false if it ended, as it does where somebody took the port meanwhile.
start_broker() {
    {
        printf 'listener %s 127.0.0.1\nallow_anonymous false\n' "$(ports)"
        grep '^plugin /' "$sample"
        printf 'plugin_opt_config %s/tokenward.ini\nlog_dest stderr\n' "$work"
        [ "$(id -u)" != 0 ] || echo 'user root'
    } >"$work/mosquitto.conf"
    # $! is a shell that waits for the broker: to end that would leave the broker.
    installed env PATH="$PATH:/usr/sbin" sh -c 'echo $$ >"$1/pid" && exec mosquitto -c "$1/mosquitto.conf"' sh "$work" \
        >"$work/out" 2>&1 &
    shell=$!
    for _ in $(seq 100); do
        [ ! -s "$work/pid" ] || broker=$(cat "$work/pid")
        grep -q ' running$' "$work/out" && return 0
        kill -0 "$shell" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
start_broker || start_broker
ok 'Mosquitto starts with the installed plugin' is $? 0
ok '... which found the library' says 'tokenward'
[ -z "$broker" ] || kill "$broker"
wait
ok '... and ends when it is told to' sh -c '! kill -0 "$1" 2>/dev/null' sh "$broker"
broker=

# RabbitMQ's folder: as it was built.
folder=$(find "$work/root$prefix/lib/rabbitmq/plugins" -maxdepth 1 -name 'tokenward_rabbitmq-*')
ok "RabbitMQ's folder is there" test -f "$folder/ebin/tokenward_rabbitmq.app"
ok '... and its NIF looks where the library was installed' sh -c 'readelf -d "$1" | grep -q "RUNPATH.*\[$2\]"' sh \
    "$folder/priv/tokenward_nif.so" "$libraries"

# The manual page and the completion.
ok 'the manual page is one' grep -q '^\.TH "tokenward" "1"' "$work/root$prefix/share/man/man1/tokenward.1"
# completed WORD...: what bash offers for the last one.
completed() {
    installed env PATH="$prefix/bin:$PATH" bash -c '
        . "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _tokenward
        echo "${COMPREPLY[*]}"' bash "$prefix/share/bash-completion/completions/tokenward" "$@"
}
ok 'bash completes commands' is "$(completed tokenward ch)" check
ok '... options of a command' is "$(completed tokenward keys --h)" '--help --health'
ok '... reasons' is "$(completed tokenward explain WRONG_AUD)" WRONG_AUDIENCE
# all_offered COMMAND: each option that its help lists.
all_offered() {
    offered=" $(completed tokenward "$1" --) "
    for option in $("$build/plugin/cli/tokenward" "$1" --help | sed -n 's/^  \(-[a-z],\)\?\(--[a-z-]*\).*/\2/p'); do
        case $offered in
            *" $option "*) ;;
            *) echo "# $option isn't offered" && return 1 ;;
        esac
    done
}
for command in check inspect keys config explain; do
    ok "... all options of $command" all_offered "$command"
done

# The page's token for a first trial (src/config/examples/README.md), by its own commands.
page=$work/root$prefix/share/doc/tokenward/examples/providers/README.md
mkdir "$work/trial"
sed -n '/^A token for a first trial/,/^with /p' "$page" | sed -n '/^```sh/,/^```$/p' | sed '/^```/d' |
    sed "s|/etc/tokenward/|$work/trial/|" >"$work/trial/commands.sh"
printf '[oauth]\nissuer = https://signer.example.com\nresource_server_id = broker\njwks_file = %s/trial/trial.pem\n' "$work" \
    >"$work/trial/tokenward.ini"
(cd "$work/trial" && sh commands.sh >/dev/null 2>&1)
ok "the page's token for a trial is accepted" sh -c '"$1" check --config "$2/tokenward.ini" --token-file "$2/token.jwt" \
    --write %2F/orders --json | grep -q "\"username\": *\"alice\""' sh "$build/plugin/cli/tokenward" "$work/trial"

echo "1..$count"
