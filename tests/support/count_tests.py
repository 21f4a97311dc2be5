"""Counts the test cases of a run of `meson test`: one for each GoogleTest case, TAP line or plain program.

usage: count_tests.py LOGS MESON_STATUS [WORD]

LOGS is the folder meson-logs. The JUnit report there has the cases; but it forgets programs that ran out of time or
broke off, so that testlog.json, which has every program's result, is held against it: a program that didn't end well
without a failed case counts as one failure.

Prints what failed, then "N passed, N failed, N skipped" (with WORD and a colon in front, if given). The exit status is 0 only if
something ran, nothing failed and meson's own status is 0.
"""
import json
import os
import sys
import xml.etree.ElementTree as ElementTree

GOOD = {"OK", "EXPECTEDFAIL", "SKIP"}


def read_cases(path):
    """{program: [(case, outcome)]}; GoogleTest's suites are named project.program.suite, TAP's project.program."""
    cases = {}
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        project, _, rest = suite.get("name").partition(".")
        for case in suite.iter("testcase"):
            tags = {child.tag for child in case}
            outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
            program = rest if rest else case.get("name")
            cases.setdefault(program, []).append((case.get("name"), outcome))
    return cases


def read_programs(path):
    """{program: result}."""
    with open(path, encoding="utf-8") as file:
        entries = [json.loads(line) for line in file if line.strip()]
    return {entry["name"]: entry["result"] for entry in entries}


def count(logs):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    cases = read_cases(os.path.join(logs, "testlog.junit.xml"))
    for program, result in read_programs(os.path.join(logs, "testlog.json")).items():
        own = [case for name, each in cases.items() if name == program or name.startswith(program + ".")
               for case in each]
        failed = [name for name, outcome in own if outcome == "failed"]
        if result not in GOOD and not failed:
            # Only its own line is left to blame; what passed before it broke off did pass.
            own = [case for case in own if case[0] != program] + [(f"itself: {result}", "failed")]
        for name, outcome in own:
            counts[outcome] += 1
            if outcome == "failed":
                print(f"failed: {program}: {name}")
    return counts


def main():
    meson_status = int(sys.argv[2])
    prefix = sys.argv[3] + ": " if len(sys.argv) > 3 else ""
    try:
        counts = count(sys.argv[1])
    except (OSError, ElementTree.ParseError, ValueError, KeyError) as error:
        print(f"failed: no report: {error}")
        counts = {"passed": 0, "failed": 1, "skipped": 0}
    if meson_status != 0 and counts["failed"] == 0:
        print(f"failed: meson test ended with {meson_status}")
        counts["failed"] = 1
    print(f"{prefix}{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["passed"] and not counts["failed"] else 1


sys.exit(main())
