# Sourced by run.sh --lavinmq BROKER OWN: BROKER is a LavinMQ with the add-on, OWN the same one without it. Prints a table
# and writes $out/lavinmq.json.

run_lavinmq() {
    with=$(realpath "${1:?usage: run.sh --lavinmq BROKER OWN}") || exit 1
    without=$(realpath "${2:?usage: run.sh --lavinmq BROKER OWN}") || exit 1
    for broker in "$with" "$without"; do
        [ -x "$broker" ] || die "$broker is no program"
    done
    TOKENWARD_BUILD=$build node tests/bench/lavinmq.mjs "$with" "$without" "$out/lavinmq.json" |
        tee "$out/lavinmq.txt"
}
