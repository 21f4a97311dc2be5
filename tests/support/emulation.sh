# Sourced: programs for arm64 run on this machine, in QEMU. POSIX sh; as root. Needs setup.sh, and a folder $work.

# How a program for arm64 begins, as Debian's qemu-user-static has it.
arm64_magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
arm64_mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

# begin_emulation QEMU: from here on the commands of inside() may be programs for arm64, and may start such. QEMU is a static
# qemu-aarch64. Nothing on the machine changes: since Linux 6.7 a user namespace has a table of foreign programs of its own.
# An older Linux has one table, which Debian's packages fill.
begin_emulation() {
    own_table "$1" && return 0
    end_emulation
    say "namespaces have no table of foreign programs here (Linux 6.7 has): $(cat "$work/emulation.log")"
    install_packages qemu-user-static binfmt-support
    grep -q '^flags:.*F' /proc/sys/fs/binfmt_misc/qemu-aarch64 2>/dev/null ||
        die "programs for arm64 don't run: no qemu-aarch64 with the flag F in /proc/sys/fs/binfmt_misc"
}

# own_table QEMU: leaves in $emulation the process that holds such a namespace. It ends when its input does, so at the latest
# with this script.
own_table() {
    mkfifo "$work/emulation" || return 1
    # shellcheck disable=SC2016 # the inner shell's
    unshare --user --mount --propagation private sh -c '
        read -r _
        mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && printf %s "$1" >/proc/sys/fs/binfmt_misc/register &&
            : >"$2" && exec cat' \
        sh ":qemu-aarch64:M::$arm64_magic:$arm64_mask:$1:PF" "$work/emulation.ready" \
        <"$work/emulation" >/dev/null 2>"$work/emulation.log" &
    emulation=$!
    exec 9>"$work/emulation"
    while [ "$(readlink "/proc/$emulation/ns/user")" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.1; done
    [ -d "/proc/$emulation" ] || return 1
    # Users have the same numbers there as outside.
    for map in uid_map gid_map; do echo '0 0 4294967295' >"/proc/$emulation/$map" || return 1; done
    echo go >&9
    while kill -0 "$emulation" 2>/dev/null; do
        [ ! -f "$work/emulation.ready" ] || return 0
        sleep 0.1
    done
    return 1
}

in_emulation() { nsenter --user --target "$emulation" "$@" 9>&-; }

end_emulation() {
    exec 9>&-
    emulation=
}
