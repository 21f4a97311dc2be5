# Sourced by the scripts of tests/, in the root of the source tree: what is missing gets installed, then built.
# POSIX sh. Debian 12 and 13 are what it knows; elsewhere it trusts that everything is there.

# Packages that the library, its plugins and the test programs are built from, and the broker they run with.
build_packages='
    gcc g++ libc6-dev meson ninja-build pkg-config python3
    libssl-dev libcurl4-openssl-dev rapidjson-dev libfmt-dev libexpected-dev libcli11-dev
    libgtest-dev libcpp-httplib-dev zlib1g-dev libbrotli-dev scdoc
    mosquitto mosquitto-clients mosquitto-dev libmosquitto-dev
    rabbitmq-server erlang-dev
    crystal'

# Programs that only some tests run; the last line is the languages of tests/ffi that are small.
test_packages='
    valgrind prometheus ca-certificates abigail-tools libjemalloc2 libtcmalloc-minimal4
    ruby php-cli luajit'

# A second OpenID provider, for the nightly tests. Its own script fails unless the first one is there.
provider_packages='dbconfig-sqlite3 glewlwyd'

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

. tests/support/packages.sh

# node_packages: what gives Node.js 18 or newer and npm, if they are not there (from wherever).
node_packages() {
    major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
    [ "${major:-0}" -ge 18 ] || printf 'nodejs '
    command -v npm >/dev/null || printf 'npm '
}

# install_node_modules: the npm packages that tests/package-lock.json pins; once for each lock file.
install_node_modules() {
    stamp=tests/node_modules/.installed-from
    [ -f "$stamp" ] && cmp -s "$stamp" tests/package-lock.json && return 0
    say 'installing the npm packages of tests/package-lock.json'
    (cd tests && npm ci --no-audit --no-fund --loglevel=error) >&2 || die 'npm ci failed'
    cp tests/package-lock.json "$stamp"
}

# configure FOLDER OPTION...: sets the build folder up unless that was done, here and with these options; again if
# programs that the tests need have come since. All parts must be there: none may be left out unseen. The file
# .tokenward-tests is the mark of a folder that was made here: any other one is somebody's, and stays.
configure() {
    folder=$1
    shift
    mark=$folder/.tokenward-tests
    set -- -Dauto_features=enabled "$@"
    options="$PWD $*"
    programs=$(for program in node promtool scdoc crystal ruby php luajit go rustc javac; do command -v "$program"; done)
    if [ -f "$mark" ] && [ "$(cat "$mark")" = "$options" ]; then
        [ "$(cat "$folder/.programs")" = "$programs" ] && return 0
        say "meson setup --reconfigure $folder"
        meson setup --reconfigure "$folder" >&2 || die 'meson setup failed'
    else
        make_way "$folder"
        say "meson setup $folder $*"
        # Before meson: a folder whose setup fails is ours, too.
        mkdir -p "$folder" && : >"$mark" || die "can't write to $folder"
        meson setup "$folder" "$@" >&2 || die 'meson setup failed'
    fi
    printf '%s\n' "$programs" >"$folder/.programs"
    printf '%s\n' "$options" >"$mark"
}

# make_way FOLDER: removes what an earlier run made there, and nothing else.
make_way() {
    if [ -f "$1/.tokenward-tests" ]; then
        rm -rf "$1"
    elif [ -n "$(ls -A "$1" 2>/dev/null)" ] || { [ -e "$1" ] && [ ! -d "$1" ]; }; then
        die "$1 is there and wasn't made by these scripts: TOKENWARD_BUILD=FOLDER names another build folder"
    fi
}

# build FOLDER TARGET...: without targets, all of it.
build() {
    folder=$1
    shift
    ninja -C "$folder" "$@" >&2 || die "the build failed"
}

# prepare TARGET...: what the tests need is installed and built; without targets, all of it. Exports TOKENWARD_BUILD, the
# build folder: the one that it names, else build/.
prepare() {
    # shellcheck disable=SC2046,SC2086 # lists
    install_packages $build_packages $test_packages $(node_packages)
    install_node_modules
    build=${TOKENWARD_BUILD:-build}
    configure "$build" -Dwerror=true
    build "$build" "$@"
    build=$(cd "$build" && pwd)
    TOKENWARD_BUILD=$build
    export TOKENWARD_BUILD
}

# free_ports N: N different loopback ports that were free a moment ago.
free_ports() {
    python3 -c '
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in sockets])' "$1"
}

# count_one NAME COMMAND...: runs a program that is one test. Ends with "NAME: N passed, N failed, N skipped".
count_one() {
    name=$1
    shift
    if "$@"; then
        echo "$name: 1 passed, 0 failed, 0 skipped"
        return 0
    fi
    echo "$name: 0 passed, 1 failed, 0 skipped"
    return 1
}

# run_tap COMMAND...: runs a program that prints TAP, and prints that; one that broke off has failed once more.
run_tap() {
    { "$@"; echo $?; } | awk '
        NR > 1 { print last }
        { last = $0 }
        /^1\.\./ { split($0, plan, "\\.\\."); planned = plan[2] }
        /^ok/ { ++ok }
        /^not ok/ { ++bad }
        END { if (ok + bad != planned || planned == 0 || (last != 0 && !bad)) print "not ok - it broke off" }'
}

# count_tap FILE: the sum of what run_tap printed into it, "N passed, N failed, N skipped".
count_tap() {
    passed=$(grep -c '^ok' "$1")
    failed=$(grep -c '^not ok' "$1")
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
}
