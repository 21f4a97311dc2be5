#!/bin/sh
# What tests/packages.sh tries in a bare Debian, by chroot: TAP without numbers. /packages has the packages, /newer those of the
# next revision, /try the token, the issuer's name and certificate, and the three lines for mosquitto.conf. Its argument may be
# "emulated".
set -u
emulated=${1-}
. /try/inside.sh

# install WORD...: the packages with these names in /packages, or in $from.
from=/packages
install() {
    files=
    for word; do files="$files $from/${word}_*.deb"; done
    # shellcheck disable=SC2086 # patterns
    apt-get -q -y --no-install-recommends install $files
}
ok 'apt has lists' apt-get -q update
ok 'apt installs the command' install libtokenward1 tokenward
ok 'it runs' tokenward --version
ok 'the manual page is there' test -f /usr/share/man/man1/tokenward.1.gz
ok 'samples are there' test -f /usr/share/doc/tokenward/examples/providers/keycloak.ini
for page in README.md CONFIGURATION.md SCOPES.md CLAIMS.md KEYS.md TROUBLESHOOTING.md STOLEN.md; do
    ok "the page $page is there" test -f "/usr/share/doc/tokenward/$page"
done
# Links between pages, in what all packages together install.
all=$(mktemp -d)
for package in /packages/*.deb; do dpkg -x "$package" "$all"; done
dangling() {
    find "$all/usr/share/doc" -name '*.md' | while read -r page; do
        grep -o ']([^)# ]*[)#]' "$page" | sed 's/^](//; s/[)#]$//' | grep -v '^http' | grep . | while read -r link; do
            case $link in /*) target=$all$link ;; *) target=${page%/*}/$link ;; esac
            [ -e "$target" ] || echo "${page#"$all"}: $link"
        done
    done
}
# Pages that aren't there have no dangling links.
ok 'the pages link to each other' sh -c "find '$all/usr/share/doc' -name '*.md' -exec cat {} + | grep -q ']([A-Z/]'"
none_dangles() { dangling; [ -z "$(dangling)" ]; }
ok 'no link of a page leads to nothing' none_dangles
# What only a reader of the source tree has.
of_the_tree() { grep -rn --include='*.md' '/usr/local\|[` ]tests/\|build-\|meson \|`src/[a-z]*`\|@multiarch@' "$all/usr/share/doc"; }
ok 'no page names what the packages lack' not of_the_tree
# Of ours.
missing_files() {
    grep -r -o -h --include='*.md' '/usr/[a-z]*/[A-Za-z0-9_./-]*tokenward[A-Za-z0-9_./-]*[A-Za-z0-9]' "$all/usr/share/doc" | sort -u |
        while read -r file; do [ -e "$all$file" ] || echo "$file"; done
}
none_is_missing() { missing_files; [ -z "$(missing_files)" ]; }
ok 'each of our files that a page names is there' none_is_missing
rm -rf "$all"
ok 'the folder of the configuration is there' test -d /etc/tokenward
configure_provider
ok 'tokenward check accepts the token' tokenward check --token-file /try/token --write %2F/sensors%2F1
ok '... and denies what it has no scope for' not tokenward check --token-file /try/token --write %2F/secret
inspected() { tokenward inspect --token-file /try/token | grep -q '^rights it would give$'; }
ok 'tokenward inspect takes the configuration, too' inspected

# Mosquitto, with the three lines of the page.
ok 'apt installs the plugin for Mosquitto, and Mosquitto' sh -c 'apt-get -q -y --no-install-recommends install \
    /packages/mosquitto-tokenward_*.deb mosquitto-clients'
port=$(free_port)
{ printf 'listener %s 127.0.0.1\nlog_dest stderr\n' "$port"; cat /try/lines; } >/try/mosquitto.conf
ok 'the page has three lines' test "$(wc -l </try/lines)" = 3
mosquitto -c /try/mosquitto.conf >"$log" 2>&1 &
broker=$!
ok 'Mosquitto starts with them' wait_for grep -q ' running$' "$log"
publish() { mosquitto_pub -h 127.0.0.1 -p "$port" -V 5 -q 1 -r -u token -P "$2" -t "$1" -m "to $1"; }
publishes() { publish "$@" >/try/published 2>&1 && not grep -i -q 'not authorized\|failed' /try/published; }
# The keys may still be on their way: the client is told to try again.
ok 'a token may publish' wait_for publishes sensors/1 "$token"
receives() {
    [ "$(mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -u token -P "$2" -t "$1" -C 1 -W 60)" = "to $1" ]
}
ok '... and receive what was published' receives sensors/1 "$token"
ok '... where its scopes say so' not publishes secret/1 "$token"
ok '... and the log says what it lacks' grep -q 'authorize denied reason=NO_MATCHING_SCOPE .* topic="secret/1"' "$log"
ok 'a token with a changed signature may not' not publishes sensors/1 "${token%??????????}AAAAAAAAAA"
ok '... and the log says why' grep -q 'reason=BAD_SIGNATURE' "$log"
ok 'what is no token may not' not publishes sensors/1 password
from=/newer
ok 'an upgrade comes while the broker runs' install libtokenward1 tokenward mosquitto-tokenward
ok '... which goes on' publishes sensors/2 "$token"
ok '... and lives' kill -0 "$broker"
ok 'the newer command runs' tokenward check --token-file /try/token --write %2F/sensors%2F1
kill "$broker"
wait "$broker"
ok 'the broker ended well' test $? = 0
from=/packages

from=/newer
ok 'apt installs the plugin for RabbitMQ, and RabbitMQ' install rabbitmq-tokenward
from=/packages
# The JIT of Erlang 25 ends with a segmentation fault in QEMU; OTP 26 has an option for that, +JMsingle.
[ "$emulated" ] || try_rabbitmq

ok 'apt installs the add-on for LavinMQ' sh -c 'apt-get -q -y --no-install-recommends install /newer/lavinmq-tokenward_*.deb'
ok '... two folders, side by side as they require each other' \
    test -f "/usr/share/tokenward/crystal/lavinmq/src/$(sed -n 's/^require "\(.*\)".*/\1.cr/p' \
        /usr/share/tokenward/crystal/lavinmq/src/lavinmq_tokenward.cr | head -n 1)"
ok 'apt installs the development files' sh -c 'apt-get -q -y --no-install-recommends install /newer/libtokenward-dev_*.deb'
ok '... the header' test -f /usr/include/tokenward/tokenward.h

rm -rf /etc/tokenward/tokenward.ini /etc/tokenward/ca.pem
ok 'apt removes it all' apt-get -q -y purge 'tokenward' 'libtokenward*' '*-tokenward'
