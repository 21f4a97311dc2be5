"""Counts the test cases of meson's JUnit report: one for each GoogleTest case, TAP line or plain program.

usage: count_tests.py REPORT MESON_STATUS [WORD]

Prints "N passed, N failed" (with WORD and a colon in front, if given) and names what failed. The exit status is 0
only if something ran, nothing failed and meson's own status is 0.
"""
import sys
import xml.etree.ElementTree as ElementTree


def main():
    report, meson_status = sys.argv[1], int(sys.argv[2])
    prefix = sys.argv[3] + ": " if len(sys.argv) > 3 else ""
    passed = failed = skipped = 0
    try:
        suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"no report: {error}")
        suites = []
    for suite in suites:
        for case in suite.iter("testcase"):
            tags = {child.tag for child in case}
            if tags & {"failure", "error"}:
                failed += 1
                print(f"failed: {suite.get('name')} {case.get('name')}")
            elif "skipped" in tags:
                skipped += 1
            else:
                passed += 1
    if meson_status != 0 and failed == 0:
        # A program that crashed or ran out of time may have left no case behind.
        print("failed: meson test ended with", meson_status)
        failed = 1
    tail = f", {skipped} skipped" if skipped else ""
    print(f"{prefix}{passed} passed, {failed} failed{tail}")
    return 0 if passed and not failed else 1


sys.exit(main())
