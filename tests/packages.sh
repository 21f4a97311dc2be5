#!/bin/sh
# Makes the Debian packages, and tries them. As root on a Debian:
#
#     sh tests/packages.sh [SUITE...]
#
# SUITE is bookworm (Debian 12) or trixie (13); without any, both. Or it is bookworm-arm64, cross-built and tried in QEMU
# (tests/arm64.sh). The packaging is plugin/debian. What is packaged is the
# last commit. In a folder of each suite (debootstrap) the packages are built from the source archive of meson dist and looked at
# by lintian; in a bare one apt installs them, tokenward and a Mosquitto with the plugin run, an upgrade comes while that
# broker runs, and a removal leaves nothing. Archive and packages are built twice, and must be the same bytes.
#
# The packages come to lie in build-packages/SUITE, with tokenward.spdx.json, the list of what is in them (SPDX 2.3). The
# folders of the suites are kept outside the tree (TOKENWARD_SUITES, else tokenward-suites in the user's cache) for a week
# (TOKENWARD_SUITES_DAYS). Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/support/setup.sh
. tests/support/debian_root.sh
. tests/support/parts.sh
. tests/support/suite_root.sh
. tests/support/emulation.sh
[ "$(id -u)" = 0 ] || die 'as root: it makes folders of other suites, and runs programs there'

# shellcheck disable=SC2046,SC2086 # lists
install_packages $build_packages $test_packages debootstrap $(node_packages)
build=${TOKENWARD_BUILD:-build}
configure "$build" -Dwerror=true
build "$build" demo
build=$(cd "$build" && pwd)
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)

work=$(mktemp -d) || exit 1
issuer=
cleanup() {
    trap - EXIT HUP INT TERM
    [ -z "$issuer" ] || kill "$issuer" 2>/dev/null
    end_emulation
    wait
    rm -rf "$work" "$parts"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# source_archive: tokenward-VERSION.tar.xz of the last commit, in $work.
source_archive() {
    meson dist -C "$build" --no-tests --allow-dirty --formats xztar >"$work/dist.log" 2>&1 &&
        cp "$build/meson-dist/tokenward-$version.tar.xz" "$work/" && return 0
    cat "$work/dist.log"
    return 1
}

suffix_of() {
    case $1 in
        bookworm | bookworm-arm64) echo '~deb12' ;;
        trixie) echo '~deb13' ;;
        *) die "$1 is no suite that this script knows: bookworm, trixie or bookworm-arm64" ;;
    esac
}

# build_in ROOT FOLDER SUITE ENVIRONMENT...: builds them in that folder of the suite.
build_in() {
    here=$1$2 folder=$2 of=$3 root=$1
    shift 3
    rm -rf "$here" && mkdir -p "$here" || return 1
    cp "$work/tokenward-$version.tar.xz" "$here/tokenward_$version.orig.tar.xz"
    tar -xf "$here/tokenward_$version.orig.tar.xz" -C "$here" || return 1
    cp -a "$here/tokenward-$version/plugin/debian" "$here/tokenward-$version/debian"
    sed -i "1s/)/$(suffix_of "$of"))/" "$here/tokenward-$version/debian/changelog"
    target=''
    ! is_arm64 "$of" || target='--host-arch arm64'
    inside "$root" env "$@" sh -c "cd $folder/tokenward-$version && dpkg-buildpackage -us -uc $target" >"$work/$of.build" 2>&1 &&
        return 0
    tail -n 60 "$work/$of.build"
    return 1
}

# build_packages_of SUITE: leaves them in build-packages/SUITE, with a list of what is in them.
build_packages_of() {
    builder_root "$1" || return 1
    build_in "$root" /build/tokenward "$1" || return 1
    rm -rf "build-packages/$1" && mkdir -p "build-packages/$1" || return 1
    for file in "$here"/*.deb "$here"/*.dsc "$here"/*.tar.* "$here"/*.changes "$here"/*.buildinfo; do
        case $file in *-dbgsym_*) ;; *) cp "$file" "build-packages/$1/" || return 1 ;; esac
    done
    chroot "$root" dpkg-query -W -f '${Package} ${Version}\n' >"$work/versions"
    date=$(date -d "$(sed -n 's/^ -- .*>  //p' plugin/debian/changelog | head -n 1)" +%s)
    python3 tests/support/spdx.py "$version" "$date" "$work/versions" "build-packages/$1"/*.deb \
        "build-packages/$1"/*.orig.tar.xz >"build-packages/$1/tokenward.spdx.json"
}

# same_again SUITE: once more, in another folder, time zone and locale.
same_again() {
    root=$suites/$1-builder
    build_in "$root" /srv/elsewhere/again "$1" TZ=Pacific/Auckland LC_ALL=C LANG=C DEB_BUILD_OPTIONS=parallel=1 || return 1
    for file in "build-packages/$1"/*.deb; do
        cmp "$file" "$here/${file##*/}" || return 1
    done
}
# The archive once more, from a clone elsewhere.
same_archive() {
    git clone -q . "$work/clone" && (
        cd "$work/clone" && export TZ=Pacific/Auckland LC_ALL=C &&
            meson setup build -Dtests=false -Dcli=disabled -Dmosquitto=disabled -Drabbitmq=disabled -Dcrystal=disabled &&
            meson dist -C build --no-tests --formats xztar
    ) >"$work/again.log" 2>&1 &&
        cmp "$work/tokenward-$version.tar.xz" "$work/clone/build/meson-dist/tokenward-$version.tar.xz" && return 0
    tail -n 20 "$work/again.log"
    return 1
}
lint() {
    inside "$suites/$1-builder" sh -c 'cd /build/tokenward && lintian --allow-root --fail-on error ./*.changes'
}

# newer FOLDER: the same packages, as those of the next revision.
newer() {
    mkdir -p "$1"
    for package in "build-packages/$suite"/*.deb; do
        dpkg-deb -R "$package" "$work/package" &&
            sed -i 's/^Version: .*/&+1/; s/(= \([^)]*\))/(= \1+1)/g' "$work/package/DEBIAN/control" &&
            dpkg-deb --root-owner-group -b "$work/package" "$1" >/dev/null && rm -rf "$work/package" || return 1
    done
}

# traces ROOT: what the removed packages left.
traces() {
    find "$1" -xdev -name '*tokenward*' ! -name .tokenward-tests ! -path "$1/try/*" ! -path "$1/packages/*" \
        ! -path "$1/newer/*" ! -path "$1/var/log/*" ! -path "$1/var/cache/*" ! -path "$1/var/lib/rabbitmq/*"
}

# nothing_left NAME FILE...: a line of TAP; not ok if there is a file.
nothing_left() { if [ $# = 1 ]; then echo "ok - $1"; else echo "not ok - $*"; fi; }

# what_it_needs: for the scripts in $root/try.
what_it_needs() {
    cp tests/support/inside.sh "$work/issuer/ca.pem" "$root/try/"
    [ -e "$root/etc/hosts" ] || echo '127.0.0.1 localhost' >"$root/etc/hosts"
    "$build/tests/support/mint" --state-dir "$work/issuer" --alg ES256 --lifetime 7200 --sub alice \
        --scope 'broker.write:%2F/sensors%2F* broker.read:%2F/*' >"$root/try/token"
    cat "$work/issuer/issuer" >"$root/try/issuer"
    grep '^export RABBITMQ_PLUGINS_DIR=' plugin/rabbitmq/README.md >"$root/try/both_folders"
}

# try_packages SUITE: TAP. packages_inside.sh does it in the folder; here it gets what it needs, and is looked after.
try_packages() {
    suite=$1
    bare_root "$suite" || return 1
    bare=$root root=$work/$suite
    cp -a "$bare" "$root" && mkdir -p "$root/packages" "$root/try" && newer "$root/newer" || return 1
    cp "build-packages/$suite"/*.deb "$root/packages/"
    cp tests/support/packages_inside.sh "$root/try/"
    what_it_needs
    # The three lines of the page, where packages put the plugin.
    machine=x86_64 emulated=''
    ! is_arm64 "$suite" || machine=aarch64 emulated=emulated
    sed -n '/^Three lines/,/^and the provider/p' plugin/mosquitto/README.md | grep -E '^(allow_anonymous|plugin)' |
        sed "s|x86_64|$machine|" >"$root/try/lines"
    # shellcheck disable=SC2086 # a word, or none
    inside "$root" sh /try/packages_inside.sh $emulated 2>&1
    # shellcheck disable=SC2046 # in one line
    nothing_left 'a removal leaves nothing' $(traces "$root")
    rm -rf "$root"
}
# by_the_pages SUITE: TAP. The commands of the pages for Mosquitto and RabbitMQ, word by word, in a bare folder.
by_the_pages() {
    bare_root "$1" || return 1
    bare=$root root=$work/$1-source
    cp -a "$bare" "$root" && mkdir "$root/try" && tar -xf "$work/tokenward-$version.tar.xz" -C "$root/try" || return 1
    # Nobody is there to say yes.
    echo 'APT::Get::Assume-Yes "true"; APT::Install-Recommends "false";' >"$root/etc/apt/apt.conf.d/try"
    what_it_needs
    cp tests/support/source_inside.sh "$root/try/"
    grep '^plugin /' plugin/mosquitto/README.md | sed 's|/usr/|/usr/local/|' >"$root/try/line"
    for page in mosquitto rabbitmq; do
        sed -n '/^Or from source/,/^<!-- end -->/p' "plugin/$page/README.md" |
            awk '/^```$/ { ++fence; next } fence == 1' >"$root/try/$page.sh"
        if [ -s "$root/try/$page.sh" ] &&
            inside "$root" sh -e -c "cd /try/tokenward-$version && . /try/$page.sh" >"$work/page.log" 2>&1; then
            echo "ok - from source, by the page of $page"
        else
            echo "not ok - from source, by the page of $page"
            tail -n 40 "$work/page.log" | sed 's/^/# /'
        fi
    done
    inside "$root" sh /try/source_inside.sh "/try/tokenward-$version" 2>&1
    # shellcheck disable=SC2046 # in one line
    nothing_left 'ninja uninstall leaves nothing' $(find "$root/usr" ! -type d -name '*tokenward*')
    rm -rf "$root"
}
# counted COMMAND...: one that prints TAP without a plan.
counted() {
    "$@" >"$work/tap"
    status=$?
    cat "$work/tap"
    [ "$status" = 0 ] || echo 'not ok - it broke off' >>"$work/tap"
    count_tap "$work/tap"
}

mkdir "$work/issuer"
"$build/tests/support/test_issuer" --state-dir "$work/issuer" 2>"$work/issuer.log" &
issuer=$!
for _ in $(seq 200); do [ -f "$work/issuer/pid" ] || sleep 0.1; done
[ -f "$work/issuer/pid" ] || die "the test issuer doesn't start: $(cat "$work/issuer.log")"

for suite in ${*:-bookworm trixie}; do
    suffix_of "$suite" >/dev/null
    is_arm64 "$suite" || continue
    builder_root "$suite" || die "the folder for $suite can't be made"
    begin_emulation "$root/usr/bin/qemu-aarch64-static"
done
part 'source archive' count_one archive source_archive
part '... the same again elsewhere' count_one archive same_archive
for suite in ${*:-bookworm trixie}; do
    part "packages for $suite" count_one build build_packages_of "$suite"
    part "lintian on $suite" count_one lintian lint "$suite"
    part "tried in a bare $suite" counted try_packages "$suite"
    # A compiler in QEMU would take hours.
    is_arm64 "$suite" || part "from source in a bare $suite" counted by_the_pages "$suite"
    part "the same again on $suite, elsewhere" count_one build same_again "$suite"
done
finish
