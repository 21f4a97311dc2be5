# Sourced by setup.sh: Debian's packages. What is missing gets installed; nothing else on the machine changes. POSIX sh.

# Below this folder lie policy-rc.d and the links of what starts at boot. A test has a folder of its own.
system_root=${system_root:-}

# The daemons that come with packages of the tests, by the names of their services.
daemons='mosquitto rabbitmq-server epmd prometheus glewlwyd etcd'

# missing_packages PACKAGE...: prints those that are not installed, also under no other name: Debian 13 has libtcmalloc-minimal4
# as libtcmalloc-minimal4t64, which provides it. The first word of the status is what is wanted, "hold" for instance; the
# other two say what is.
missing_packages() {
    installed=$(dpkg-query -W -f='${Status}: ${Package}, ${Provides}\n' 2>/dev/null |
        sed -n 's/^[a-z]* ok installed: //p' | sed 's/ ([^)]*)//g' | tr ',\n' '  ')
    for package; do
        case " $installed " in
            *" $package "*) ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

# install_packages PACKAGE...: touches nothing, the network included, if all are there.
install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say 'this is no Debian: nothing is installed, the packages are listed in tests/support/setup.sh'
        return 0
    fi
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || die "as root: apt-get install $missing"
    say "installing $missing"
    started_at_boot=" $(daemons_at_boot) "
    # shellcheck disable=SC2086 # a list
    with_daemons_off apt_install $missing || die 'apt-get failed'
    for daemon in $(daemons_at_boot); do
        case $started_at_boot in
            *" $daemon "*) ;;
            *) keep_off_at_boot "$daemon" ;;
        esac
    done
}
apt_install() {
    {
        apt-get -q update &&
            DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
                install --no-install-recommends "$@"
    } </dev/null >&2
}

# with_daemons_off COMMAND...: no daemon of a package may start meanwhile: policy-rc.d says no, and is gone afterwards,
# whatever ends this. The administrator's own stays as it is.
with_daemons_off() (
    policy=$system_root/usr/sbin/policy-rc.d
    wait_for_policy
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark $$" >"$policy"
        chmod 755 "$policy"
    fi
    "$@"
)
policy_mark="# Tokenward's tests are installing packages, and no daemon may start; process"

# wait_for_policy: until no other script of ours has its policy-rc.d there. One whose process was killed is removed.
wait_for_policy() {
    while holder=$(sed -n "s/^$policy_mark //p" "$policy" 2>/dev/null) && [ -n "$holder" ]; do
        if ! kill -0 "$holder" 2>/dev/null; then
            say "$policy was left behind by process $holder: removed"
            rm -f "$policy"
        fi
        sleep 1
    done
}

# daemons_at_boot: those that the next boot starts.
daemons_at_boot() {
    for daemon in $daemons; do
        for link in "$system_root"/etc/systemd/system/*.wants/"$daemon".service \
            "$system_root"/etc/systemd/system/*.wants/"$daemon".socket "$system_root"/etc/rc[2-5].d/S[0-9][0-9]"$daemon"; do
            [ -L "$link" ] || continue
            printf '%s ' "$daemon"
            break
        done
    done
}

# keep_off_at_boot DAEMON: it came with our packages, and nobody asked for it.
keep_off_at_boot() {
    for unit in "$1.service" "$1.socket"; do
        systemctl --root="$system_root/" disable "$unit" >/dev/null 2>&1
    done
    update-rc.d "$1" disable >/dev/null 2>&1
    case " $(daemons_at_boot)" in
        *" $1 "*) say "$1 came with the packages and starts at the next boot: systemctl disable $1" ;;
        *) say "$1 came with the packages; it doesn't start at boot (systemctl enable $1)" ;;
    esac
}

# can_fetch PACKAGE...: true if they are installed, or apt-get has just downloaded them.
can_fetch() {
    [ -n "$(missing_packages "$@")" ] || return 0
    { apt-get -q update && apt-get -q -y --no-install-recommends --download-only install "$@"; } </dev/null >&2
}
