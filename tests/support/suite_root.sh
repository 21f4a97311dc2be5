# Sourced: folders with a bare Debian in them, and such that packages are built in. POSIX sh; as root. Needs setup.sh and
# debian_root.sh.
#
# A suite is named as Debian does, bookworm; bookworm-arm64 is the same for another machine. That runs in QEMU (emulation.sh), and
# what is built for it is cross-built.

# The folders are kept, and made again after so many days.
suites=${TOKENWARD_SUITES:-${XDG_CACHE_HOME:-$HOME/.cache}/tokenward-suites}
days=${TOKENWARD_SUITES_DAYS:-7}

# What tests for arm64 need beside what the packages are built from.
arm64_test_packages='libgtest-dev libcpp-httplib-dev zlib1g-dev libbrotli-dev libjemalloc2 libtcmalloc-minimal4'

is_arm64() { [ "$1" != "${1%-arm64}" ]; }

# inside ROOT COMMAND...: in the folder of a suite, with /proc and /dev, in mounts and processes of its own: when the
# command ends, so does all that it started.
inside() {
    inside_root=$1
    shift
    # shellcheck disable=SC2016 # the inner shell's
    set -- unshare --mount --propagation private --pid --fork --kill-child sh -c '
        root=$1
        shift
        mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 1
        exec chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            DEBIAN_FRONTEND=noninteractive "$@"' \
        sh "$inside_root" "$@"
    if [ -n "${emulation-}" ]; then in_emulation "$@"; else "$@"; fi
}

# is_fresh ROOT STAMP: made by these scripts, with this in it, not long ago.
is_fresh() {
    [ -f "$1/.tokenward-tests" ] && [ "$(cat "$1/.tokenward-tests")" = "$2" ] &&
        [ -z "$(find "$1/.tokenward-tests" -mtime "+$days")" ]
}

# bare_root SUITE: leaves the name of a folder with Debian's minimum in $root.
bare_root() {
    root=$suites/$1
    is_fresh "$root" bare && return 0
    make_way "$root"
    say "debootstrap of $1 into $root"
    mkdir -p "$root" && : >"$root/.tokenward-tests"
    if is_arm64 "$1"; then
        debootstrap --variant=minbase --arch=arm64 --foreign "${1%-arm64}" "$root" "$(debian_mirror)" >&2 || return 1
        # No device can be made in a namespace: debootstrap bears that in a container which has them.
        cp -a "$suites/${1%-arm64}/dev/." "$root/dev/" || return 1
        inside "$root" sh -c 'umount --recursive /dev && container=lxc /debootstrap/debootstrap --second-stage' >&2 ||
            return 1
    else
        debootstrap --variant=minbase "$1" "$root" "$(debian_mirror)" >&2 || return 1
    fi
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    echo bare >"$root/.tokenward-tests"
}

# builder_root SUITE: this machine's Debian with what the packages are built with; lasts until plugin/debian/control changes.
builder_root() {
    bare_root "${1%-arm64}" || return 1
    bare=$root root=$suites/$1-builder
    more='' target=''
    if is_arm64 "$1"; then
        target='--host-architecture arm64'
        more='crossbuild-essential-arm64 qemu-user-static'
        for package in $arm64_test_packages; do more="$more $package:arm64"; done
    fi
    stamp="$(cksum <plugin/debian/control) $more"
    is_fresh "$root" "$stamp" && return 0
    make_way "$root"
    cp -a "$bare" "$root" && : >"$root/.tokenward-tests" || return 1
    mkdir -p "$root/build/needs/debian" && cp plugin/debian/control "$root/build/needs/debian/" || return 1
    ! is_arm64 "$1" || inside "$root" dpkg --add-architecture arm64 || return 1
    inside "$root" sh -c "apt-get -q update && apt-get -q -y --no-install-recommends install build-essential lintian $more &&
        cd /build/needs && apt-get -q -y --no-install-recommends build-dep $target ./" >&2 || return 1
    echo "$stamp" >"$root/.tokenward-tests"
}
