# Sourced: folders with packages of other Debian suites in them, to run their brokers by chroot. POSIX sh; as root.
# Needs tests/support/setup.sh.

broker_roots=${TOKENWARD_BROKERS:-${XDG_CACHE_HOME:-$HOME/.cache}/tokenward-brokers}
# A suite that moves is fetched again after so many days.
broker_roots_days=${TOKENWARD_BROKERS_DAYS:-7}

# debian_mirror: the address from which apt on this machine has Debian.
debian_mirror() {
    apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian|main|[a-z]*|//p' | head -n 1
}

# fetch_debian_root SUITE FOLDER PACKAGE...: the packages, what they depend on and what is essential, unpacked into
# FOLDER. No package is configured: a broker in the foreground needs none of that.
fetch_debian_root() {
    suite=$1 folder=$2
    shift 2
    mirror=$(debian_mirror) && [ -n "$mirror" ] || return 1
    rm -rf "$folder" && mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" || return 1
    : >"$folder/.tokenward-tests"
    : >"$folder/apt/status"
    printf 'deb %s %s main\n' "$mirror" "$suite" >"$folder/apt/sources.list"
    cat >"$folder/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::status "$folder/apt/status";
Dir::State::extended_states "$folder/apt/extended_states";
Dir::State::lists "$folder/apt/lists";
Dir::Cache "$folder/apt/cache";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
CONF
    APT_CONFIG=$folder/apt/apt.conf timeout 180 apt-get -q -q update >&2 || return 1
    APT_CONFIG=$folder/apt/apt.conf timeout 300 apt-get -q -q -y -o Dpkg::Use-Pty=0 --no-install-recommends \
        --download-only install '?essential' mawk "$@" >&2 || return 1
    # base-files first: it has the links from /bin to /usr/bin and the like.
    for package in "$folder"/apt/cache/archives/base-files_*.deb "$folder"/apt/cache/archives/*.deb; do
        dpkg-deb --extract "$package" "$folder" || return 1
    done
    rm -rf "$folder/apt"
    # What scripts of the packages would have done.
    ldconfig -r "$folder" || return 1
    [ -e "$folder/usr/bin/awk" ] || ln -s mawk "$folder/usr/bin/awk"
    [ -e "$folder/bin/sh" ] || ln -s dash "$folder/usr/bin/sh" || return 1
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n' >"$folder/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$folder/etc/group"
    printf '127.0.0.1 localhost\n' >"$folder/etc/hosts"
    mkdir -p "$folder/proc" "$folder/dev" "$folder/tmp" "$folder/root"
}

# debian_root SUITE PROGRAM PACKAGE...: leaves the folder's name in $root; PROGRAM must be there. A fresh folder is
# taken as it is; an old one is fetched again, and kept if that fails. False, with the cause in $why, if there is none.
debian_root() {
    suite=$1 program=$2
    shift 2
    root=$broker_roots/$suite
    why=
    wanted="$suite $*"
    if [ -f "$root.stamp" ] && [ "$(cat "$root.stamp")" = "$wanted" ] && [ -d "$root" ] &&
        [ -z "$(find "$root.stamp" -mtime "+$broker_roots_days")" ]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        why='needs root on a Debian'
        return 1
    fi
    for place in "$root" "$root.new"; do
        if [ -e "$place" ] && [ ! -f "$place/.tokenward-tests" ] && [ ! -f "$root.stamp" ]; then
            why="$place is there and wasn't made by these scripts: TOKENWARD_BROKERS names another folder"
            return 1
        fi
    done
    say "fetching $* of Debian $suite into $root"
    mkdir -p "$broker_roots"
    if fetch_debian_root "$suite" "$root.new" "$@" && [ -x "$root.new/usr/sbin/$program" ]; then
        rm -rf "$root" && mv "$root.new" "$root" && printf '%s\n' "$wanted" >"$root.stamp"
        return 0
    fi
    rm -rf "$root.new"
    if [ -f "$root.stamp" ] && [ -d "$root" ] && [ "$(cat "$root.stamp")" = "$wanted" ]; then
        say "that failed: the folder of $(date -r "$root.stamp" +%F) is used"
        return 0
    fi
    why="the packages of Debian $suite can't be fetched or unpacked"
    return 1
}

# with_root ROOT BUILD COMMAND...: runs it where ROOT sees /proc, /dev, /tmp and the build folder, at the same paths.
# The mounts are seen by the command alone and end with it.
with_root() {
    seen_root=$1 seen_build=$2
    shift 2
    mkdir -p "$seen_root$seen_build"
    unshare --mount --propagation private sh -c '
        root=$1 build=$2
        shift 2
        for folder in /proc /dev /tmp "$build"; do mount --rbind "$folder" "$root$folder" || exit 1; done
        exec "$@"' sh "$seen_root" "$seen_build" "$@"
}
