"""Counts the test cases of a run of `meson test`: one for each GoogleTest case, TAP line or plain program.

usage: count_tests.py LOGS MESON_STATUS [WORD]

LOGS is the folder meson-logs. The JUnit report there has the cases; but it forgets programs that ran out of time or
broke off, so that testlog.json, which has every program's result, is held against it: a program that didn't end well
without a failed case counts as one failure.

Prints what failed and what it said, then "N passed, N failed, N skipped" (with WORD and a colon in front, if given). The exit status is 0 only if
something ran, nothing failed and meson's own status is 0.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

GOOD = {"OK", "EXPECTEDFAIL", "SKIP"}
SHOWN_LINES, LAST_LINES, SHOWN_WIDTH = 12, 30, 300
# meson puts what a program printed into the report as it is; XML has no place for these.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|&#(x[0-9a-fA-F]+|[0-9]+);")


def read_cases(path):
    """{program: [(case, outcome, message)]}; GoogleTest's suites are named project.program.suite, TAP's project.program."""
    cases = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        text = NOT_XML.sub("?", file.read())
    for suite in ElementTree.fromstring(text.encode()).iter("testsuite"):
        project, _, rest = suite.get("name").partition(".")
        for case in suite.iter("testcase"):
            tags = {child.tag for child in case}
            outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
            program = rest if rest else case.get("name")
            message = "\n".join(child.get("message") or "" for child in case if child.tag in ("failure", "error"))
            cases.setdefault(program, []).append((case.get("name"), outcome, message))
    return cases


def read_programs(path):
    """{program: its entry, with result, stdout and stderr}."""
    with open(path, encoding="utf-8") as file:
        entries = [json.loads(line) for line in file if line.strip()]
    return {entry["name"]: entry for entry in entries}


def diagnostics(output, case):
    """What a TAP program says below "not ok N - case"."""
    lines = output.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("not ok") and case in line:
            below = lines[number + 1:]
            end = next((index for index, each in enumerate(below) if each.startswith(("ok ", "not ok "))), len(below))
            return below[:end]
    return []


def last_words(entry):
    return [line for stream in ("stdout", "stderr") for line in (entry.get(stream) or "").splitlines()[-LAST_LINES:]]


def show(lines):
    for line in lines:
        print("    " + line[:SHOWN_WIDTH])


def count(logs):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    cases = read_cases(os.path.join(logs, "testlog.junit.xml"))
    for program, entry in read_programs(os.path.join(logs, "testlog.json")).items():
        result, output = entry["result"], entry.get("stdout") or ""
        own = [case for name, each in cases.items() if name == program or name.startswith(program + ".")
               for case in each]
        if result not in GOOD and not any(outcome == "failed" for _, outcome, _ in own):
            # Only its own line is left to blame; what passed before it broke off did pass.
            own = [case for case in own if case[0] != program] + [(f"itself: {result}", "failed", "")]
        for name, outcome, message in own:
            counts[outcome] += 1
            if outcome == "failed":
                print(f"failed: {program}: {name}")
                said = (message.splitlines() or diagnostics(output, name))[:SHOWN_LINES]
                # What broke off before or between its cases ("Bail out!") has said why at its end.
                show(said or last_words(entry))
    return counts


def show_what_there_is(logs):
    """Without the report: meson itself has broken off."""
    try:
        programs = read_programs(os.path.join(logs, "testlog.json"))
    except (OSError, ValueError, KeyError) as error:
        programs = {}
        show([repr(error)])
    for program, entry in programs.items():
        show([f"{program}: {entry['result']}"])
        if entry["result"] not in GOOD:
            show(last_words(entry))


def main():
    meson_status = int(sys.argv[2])
    prefix = sys.argv[3] + ": " if len(sys.argv) > 3 else ""
    try:
        counts = count(sys.argv[1])
    except (OSError, ElementTree.ParseError, ValueError, KeyError) as error:
        print(f"failed: no report, meson test ended with {meson_status}: {error!r}")
        show_what_there_is(sys.argv[1])
        counts = {"passed": 0, "failed": 1, "skipped": 0}
    if meson_status != 0 and counts["failed"] == 0:
        print(f"failed: meson test ended with {meson_status}")
        counts["failed"] = 1
    print(f"{prefix}{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["passed"] and not counts["failed"] else 1


sys.exit(main())
