# Sourced by the scripts that run several parts, one after the other, and add up what they say. POSIX sh.
# Each part is a command whose last line is "N passed, N failed, N skipped", perhaps with a word and a colon in front.

parts=$(mktemp -d) || exit 1
trap 'rm -rf "$parts"' EXIT
trap 'exit 1' HUP INT TERM
sum_passed=0 sum_failed=0 sum_skipped=0
: >"$parts/table"
: >"$parts/failed"

# add_row NAME SECONDS PASSED FAILED SKIPPED
add_row() {
    sum_passed=$((sum_passed + $3)) sum_failed=$((sum_failed + $4)) sum_skipped=$((sum_skipped + $5))
    printf '%-44s %3d:%02d %7d %7d %8d\n' "$1" $(($2 / 60)) $(($2 % 60)) "$3" "$4" "$5" >>"$parts/table"
}

# what_failed NAME: of a part's output, the lines that say so, and what is indented below each. A part that has parts of its own
# has named them all at its end.
what_failed() {
    awk -v name="$1" '
        /^failed in / { if (!nested) text = ""; nested = 1; text = text $0 "\n"; shown = 1; next }
        /^failed: / { shown = !nested; if (shown) text = text "failed in " name substr($0, 7) "\n"; next }
        /^    / { if (shown) text = text $0 "\n"; next }
        { shown = 0 }
        END { printf "%s", text }'
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
    itself=
    case $(cat "$parts/status"):$numbers in
        *:) numbers='0 1 0' itself="its last line isn't \"N passed, N failed, N skipped\"" ;;
        0:*) ;;
        *' 0 '*) numbers="${numbers%% *} 1 ${numbers##* }" itself="it ended with $(cat "$parts/status")" ;;
    esac
    if [ -n "$itself" ]; then
        last=$(tail -n 12 "$parts/log" | sed 's/^/    /')
        printf 'failed: %s; its last lines:\n%s\n' "$itself" "$last" >>"$parts/log"
    fi
    what_failed "$part_name" <"$parts/log" >>"$parts/failed"
    # shellcheck disable=SC2086 # three numbers
    add_row "$part_name" "$seconds" $numbers
}

# skip NAME WHY: for what can't be fetched, and for nothing else.
skip() {
    printf '== %s is skipped: %s\n' "$1" "$2"
    add_row "$1" 0 0 0 1
}

# finish: what failed (a reader of the last lines alone should know), the table of where the minutes went, then the sum; the exit
# status.
finish() {
    if [ -s "$parts/failed" ]; then
        echo
        cat "$parts/failed"
    fi
    printf '\n%-44s %6s %7s %7s %8s\n' part minutes passed failed skipped
    cat "$parts/table"
    printf '\n%d passed, %d failed, %d skipped\n' "$sum_passed" "$sum_failed" "$sum_skipped"
    [ "$sum_failed" = 0 ] && [ $((sum_passed + sum_skipped)) != 0 ]
}
