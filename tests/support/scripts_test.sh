#!/bin/sh
# What the scripts of tests/ may do to a machine, and what not. TAP. In the root of the source tree; apt, dpkg and systemctl are
# stand-ins here, and the system is a folder.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
system_root=$work/system
policy=$system_root/usr/sbin/policy-rc.d
wants=$system_root/etc/systemd/system/multi-user.target.wants
mkdir -p "$system_root/usr/sbin" "$wants" "$work/bin"
. tests/support/setup.sh
. tests/support/debian_root.sh
. tests/support/tap.sh

# The stand-ins. apt-get notes whether daemons may start while it installs, and what the packages bring.
cat >"$work/bin/apt-get" <<'SH'
#!/bin/sh
case $* in *' install '*) ;; *) exit 0 ;; esac
sh "$POLICY" >/dev/null 2>&1
echo "$?" >"$NOTES/policy"
cp "$POLICY" "$NOTES/policy-rc.d" 2>/dev/null
ln -sf /lib/systemd/system/mosquitto.service "$WANTS/mosquitto.service"
[ ! -e "$NOTES/wait" ] || { touch "$NOTES/waits"; while [ -e "$NOTES/wait" ]; do sleep 0.05; done; }
[ ! -e "$NOTES/fail" ]
SH
cat >"$work/bin/dpkg-query" <<'SH'
#!/bin/sh
cat <<'PACKAGES'
install ok installed: there,
hold ok installed: held,
deinstall ok config-files: removed,
install reinstreq half-installed: broken,
install ok installed: renamedt64, other (= 2), renamed (= 1)
PACKAGES
SH
cat >"$work/bin/systemctl" <<'SH'
#!/bin/sh
for unit; do :; done
rm -f "$WANTS/$unit"
SH
printf '#!/bin/sh\n' >"$work/bin/update-rc.d"
printf '#!/bin/sh\necho 0\n' >"$work/bin/id"
cat >"$work/bin/meson" <<'SH'
#!/bin/sh
for folder; do [ ! -d "$folder" ] || touch "$folder/build.ninja"; done
[ ! -e "$NOTES/fail" ]
SH
chmod 755 "$work"/bin/*
PATH=$work/bin:$PATH
NOTES=$work WANTS=$wants POLICY=$policy
export PATH NOTES WANTS POLICY

fails() { ! ("$@") >"$work/out" 2>&1; }
quietly() { ("$@") >"$work/out" 2>&1; }

# ---- packages
ok 'a held package is there' is "$(missing_packages there held)" ''
ok 'so is one that another provides' is "$(missing_packages renamed renamedt64)" ''
ok 'one that was removed, is half installed or unknown is not' \
    is "$(missing_packages removed broken unknown)" 'removed broken unknown '

ok 'packages are installed' quietly install_packages there unknown
ok '... while no daemon may start' is "$(cat "$work/policy")" 101
ok '... and policy-rc.d is gone' test ! -e "$policy"
ok 'a daemon that came with them stays off at the next boot' test ! -L "$wants/mosquitto.service"
ok '... which is said' says "mosquitto came with the packages; it doesn't start at boot"

ln -s /lib/systemd/system/mosquitto.service "$wants/mosquitto.service"
ok 'a daemon that started at boot before' quietly install_packages unknown
ok '... still does' test -L "$wants/mosquitto.service"

touch "$work/fail"
ok 'a failed apt-get is told' fails install_packages unknown
ok '... in words' says 'apt-get failed'
ok '... and leaves no policy-rc.d' test ! -e "$policy"
rm -f "$work/fail"

cat >"$work/install.sh" <<SH
system_root=$system_root
. tests/support/setup.sh
with_daemons_off apt_install unknown
SH
# end_by SIGNAL: ends a script while apt-get runs. The script is a process group of its own, as a terminal's job is; it must
# not inherit that INT is ignored.
end_by() {
    touch "$work/wait"
    rm -f "$work/waits"
    python3 -c '
import os, signal, sys
os.setpgid(0, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp("sh", ["sh", sys.argv[1]])' "$work/install.sh" >/dev/null 2>&1 &
    installing=$!
    until [ -e "$work/waits" ]; do sleep 0.05; done
    kill -s "$1" -- "-$installing"
    rm -f "$work/wait"
    wait "$installing" 2>/dev/null
}
# The part of the script that waits for apt-get may end after the script.
gone_soon() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ -e "$1" ] || return 0
        sleep 0.5
    done
    false
}
for signal in HUP INT TERM; do
    end_by "$signal"
    ok "ended by $signal: policy-rc.d is gone" gone_soon "$policy"
done
end_by KILL
ok 'killed by KILL: it stays' test -e "$policy"
ok '... until the next script' quietly install_packages unknown
ok '... which removes it' test ! -e "$policy"
ok '... and says so' says 'was left behind by process'

printf '#!/bin/sh\nexit 0\n' >"$policy"
ok "the administrator's own policy-rc.d" quietly install_packages unknown
ok '... counts' is "$(cat "$work/policy")" 0
ok '... and stays' is "$(tail -n 1 "$policy")" 'exit 0'
rm -f "$policy"

# ---- build folders
mkdir -p "$work/theirs"
echo precious >"$work/theirs/file"
ok 'a folder of somebody else is no build folder' fails configure "$work/theirs"
ok '... it says what to do' says 'TOKENWARD_BUILD'
ok '... and stays' is "$(cat "$work/theirs/file")" precious
ok 'nor is a file' fails configure "$work/theirs/file"
ok '... it stays' is "$(cat "$work/theirs/file")" precious
ok 'one that is not there is made' quietly configure "$work/ours"
touch "$work/ours/old"
ok '... and kept with the same options' quietly configure "$work/ours"
ok '... as it is' test -e "$work/ours/old"
ok 'other options make it anew' quietly configure "$work/ours" -Dfuzz=true
ok '... from nothing' test ! -e "$work/ours/old"
touch "$work/fail"
ok 'a setup that fails' fails configure "$work/again"
rm -f "$work/fail"
ok '... can be tried again' quietly configure "$work/again"
mkdir "$work/empty"
ok 'an empty folder may be used' quietly configure "$work/empty"

# ---- folders of other suites
broker_roots=$work/roots
mkdir -p "$work/roots/sid"
echo precious >"$work/roots/sid/file"
ok "a suite's folder of somebody else is left alone" fails debian_root sid mosquitto mosquitto
ok '... it stays' is "$(cat "$work/roots/sid/file")" precious
mv "$work/roots/sid" "$work/roots/sid.new"
ok '... and so is one where it would be fetched' fails debian_root sid mosquitto mosquitto
ok '... it stays, too' is "$(cat "$work/roots/sid.new/file")" precious

# ---- what failed is told at the end, by name, through parts of parts
mkdir "$work/logs"
cat >"$work/logs/testlog.json" <<'JSON'
{"name": "tokenward / good", "result": "OK", "stdout": "ok 1 - fine\n", "stderr": ""}
{"name": "tokenward / tap", "result": "FAIL", "stdout": "ok 1 - fine\nnot ok 2 - broken - here\n# waited in vain\nok 3 - last\n", "stderr": ""}
{"name": "tokenward / slow", "result": "TIMEOUT", "stdout": "ok 1 - quick\n", "stderr": "listening\n"}
{"name": "tokenward / google", "result": "FAIL", "stdout": "", "stderr": ""}
{"name": "tokenward / bails", "result": "ERROR", "stdout": "1..2\nBail out! no broker\n", "stderr": "the port is taken\n"}
JSON
cat >"$work/logs/testlog.junit.xml" <<'XML'
<testsuites><testsuite name="tokenward.tokenward / good"><testcase name="fine"/></testsuite>
<testsuite name="tokenward.tokenward / tap"><testcase name="fine"/><testcase name="broken - here"><failure/></testcase><testcase name="last"/><system-out>ESC[31m &#8;</system-out></testsuite>
<testsuite name="tokenward.tokenward / google.Suite"><testcase name="Bad"><failure message="not equal"/></testcase></testsuite>
<testsuite name="tokenward"><testcase name="tokenward / bails"><failure/></testcase></testsuite></testsuites>
XML
sed -i "s/ESC/$(printf '\033')/" "$work/logs/testlog.junit.xml"
mkdir "$work/broken_off"
cp "$work/logs/testlog.json" "$work/broken_off"
python3 tests/support/count_tests.py "$work/broken_off" 7 >"$work/out"
ok 'without a report it is told what is known' says '^    tokenward / slow: TIMEOUT$'
ok '... and why' says 'failed: no report, meson test ended with 7: FileNotFoundError'
ok '... and counts as one' is "$(tail -n 1 "$work/out")" '0 passed, 1 failed, 0 skipped'
cat >"$work/inner.sh" <<SH
. tests/support/parts.sh
part 'one broker' python3 tests/support/count_tests.py "$work/logs" 1
part 'another' sh -c 'echo words; echo "1 passed, 0 failed, 0 skipped"; exit 3'
part 'a third' sh -c 'echo no numbers'
finish
SH
cat >"$work/outer.sh" <<SH
. tests/support/parts.sh
part 'all brokers' sh "$work/inner.sh"
finish
SH
sh "$work/outer.sh" >"$work/all" 2>&1
sed -n '/^== /d; /^failed in /,$p' "$work/all" | awk '/^failed in/ && seen[$0]++ { again = 1 } again' >"$work/out"
ok 'what failed is told by its part and name' says '^failed in one broker: tokenward / tap: broken - here$'
ok '... with what it said' says '^    # waited in vain$'
ok '... what GoogleTest says' says '^    not equal$'
ok '... a program that ran out of time' says '^failed in one broker: tokenward / slow: itself: TIMEOUT$'
ok '... with its last words' says '^    listening$'
ok '... one that broke off says why' says '^    Bail out! no broker$'
ok '... and what it said besides' says '^    the port is taken$'
ok '... a part that ends badly' says '^failed in another: it ended with 3'
ok '... and one without numbers' says "^failed in a third: its last line isn't"
ok '... before the table, once' is "$(grep -c waited "$work/out")" 1
ok 'the sum is right' is "$(tail -n 1 "$work/all")" '4 passed, 6 failed, 0 skipped'

echo "1..$count"
