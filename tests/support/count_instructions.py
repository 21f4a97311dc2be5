#!/usr/bin/env python3
"""count_instructions.py VALGRIND PROGRAM: runs the cases of PROGRAM (counted_cases.hpp) under callgrind and holds each to
its limit. OpenSSL's instructions don't count. TAP."""
import glob
import os
import re
import subprocess
import sys
import tempfile

NOT_OURS = ('libcrypto', 'libssl')


def instructions(lines):
    """The self cost of all functions of a dump but OpenSSL's."""
    objects, ours, total, inclusive = {}, True, 0, False
    for line in lines:
        named = re.match(r'(c?ob)=\((\d+)\)(?: (.*))?', line)
        if named:
            kind, number, name = named.groups()
            if name:
                objects[number] = not os.path.basename(name).startswith(NOT_OURS)
            if kind == 'ob':
                ours = objects[number]
        elif line.startswith('calls='):
            inclusive = True  # the next line is what the called function took
        elif re.match(r'[0-9+*-]', line):
            if ours and not inclusive:
                total += int(line.split()[1])
            inclusive = False
    return total


def main():
    valgrind, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [valgrind, '-q', '--tool=callgrind', '--collect-atstart=no',
             f'--callgrind-out-file={folder}/out', program], stdout=subprocess.PIPE, text=True)
        if ran.returncode != 0:
            sys.exit(f'{program} ended with {ran.returncode}')
        counts = {}
        for path in glob.glob(f'{folder}/out*'):
            with open(path, encoding='utf-8', errors='replace') as dump:
                lines = dump.read().splitlines()
            trigger = [line for line in lines if line.startswith('desc: Trigger: Client Request: ')]
            if trigger:
                counts[trigger[0].removeprefix('desc: Trigger: Client Request: ')] = instructions(lines)
    cases = [line.split(' ', 1) for line in ran.stdout.splitlines()]
    print(f'1..{len(cases)}')
    for number, (limit, name) in enumerate(cases, 1):
        count = counts.get(name, 0)
        # Nothing costs nothing: a case that wasn't counted must not pass.
        good = 100 < count <= int(limit)
        print(f'{"ok" if good else "not ok"} {number} - {name}: {count} instructions, at most {limit}')
    if not cases:
        sys.exit('the program has no case')


main()
