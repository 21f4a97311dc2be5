# Sourced by tests that are shell scripts and print TAP. POSIX sh. $work is the test's folder; a command's output, where it
# is looked at, goes to $work/out.

count=0
# ok NAME COMMAND...: one test, which passes if the command does.
ok() {
    name=$1
    shift
    count=$((count + 1))
    if "$@"; then echo "ok $count - $name"; else echo "not ok $count - $name"; fi
}
is() { [ "$1" = "$2" ] || { printf '# "%s", not "%s"\n' "$1" "$2"; false; }; }
says() { grep -q -e "$1" "$work/out" || { sed 's/^/# /' "$work/out"; false; }; }
