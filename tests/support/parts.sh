# Sourced by the scripts that run several parts, one after the other, and add up what they say. POSIX sh.
# Each part is a command whose last line is "N passed, N failed, N skipped", perhaps with a word and a colon in front.

parts=$(mktemp -d) || exit 1
trap 'rm -rf "$parts"' EXIT
trap 'exit 1' HUP INT TERM
sum_passed=0 sum_failed=0 sum_skipped=0
: >"$parts/table"

# add_row NAME SECONDS PASSED FAILED SKIPPED
add_row() {
    sum_passed=$((sum_passed + $3)) sum_failed=$((sum_failed + $4)) sum_skipped=$((sum_skipped + $5))
    printf '%-44s %3d:%02d %7d %7d %8d\n' "$1" $(($2 / 60)) $(($2 % 60)) "$3" "$4" "$5" >>"$parts/table"
}

# part NAME COMMAND...
part() {
    part_name=$1
    shift
    printf '== %s\n' "$part_name"
    started=$(date +%s)
    { "$@" </dev/null 2>&1; echo $? >"$parts/status"; } | tee "$parts/log"
    seconds=$(($(date +%s) - started))
    numbers=$(tail -n 1 "$parts/log" |
        sed -n 's/^\([^:]*: \)\{0,1\}\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\2 \3 \4/p')
    # Without that line, or with a bad status and no failed test, the part itself has failed.
    [ -n "$numbers" ] || numbers='0 1 0'
    case $(cat "$parts/status"):$numbers in
        0:*) ;;
        *' 0 '*) numbers="${numbers%% *} 1 ${numbers##* }" ;;
    esac
    # shellcheck disable=SC2086 # three numbers
    add_row "$part_name" "$seconds" $numbers
}

# skip NAME WHY: for what can't be fetched, and for nothing else.
skip() {
    printf '== %s is skipped: %s\n' "$1" "$2"
    add_row "$1" 0 0 0 1
}

# finish: the table of where the minutes went, then the sum; the exit status.
finish() {
    printf '\n%-44s %6s %7s %7s %8s\n' part minutes passed failed skipped
    cat "$parts/table"
    printf '\n%d passed, %d failed, %d skipped\n' "$sum_passed" "$sum_failed" "$sum_skipped"
    [ "$sum_failed" = 0 ] && [ $((sum_passed + sum_skipped)) != 0 ]
}
