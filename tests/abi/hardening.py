"""Holds what hardens the objects that get installed, read off the built files with readelf and objdump.

usage: hardening.py fortified|not-printing|plain OBJECT...

Each object must have: a read-only relocation table that is bound at start (full RELRO), a stack that can't be executed,
a stack protector, stack frames that are probed page by page, calls of fortified functions (unless "plain"; not those
that print with "not-printing"), and absolute paths where it looks for libraries. A program must be position independent too. Prints what is missing.
"""
import os
import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def readelf(*arguments):
    return output("readelf", "-W", *arguments)


def frame_steps(path):
    code = output("objdump", "-d", "--no-show-raw-insn", path)
    return [int(size, 16) for size in re.findall(r"\bsubq? +\$0x([0-9a-f]{1,8}),%rsp", code)]


PRINTING = {"printf", "fprintf", "sprintf", "snprintf"}


def is_fortified(path):
    return re.search(r" UND __\w+_chk\b", readelf("--dyn-syms", path))


def faults(path, fortified):
    header, segments, dynamic = readelf("-h", path), readelf("-l", path), readelf("-d", path)
    imports = re.findall(r" UND (\w+)", readelf("--dyn-syms", path))
    stack = re.search(r"GNU_STACK\s.*?\s([RWE ]{3})\s+0x\w+$", segments, re.MULTILINE)
    if "GNU_RELRO" not in segments:
        yield "no GNU_RELRO segment (-z relro)"
    if not re.search(r"\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b|\(BIND_NOW\)", dynamic):
        yield "not bound at start (-z now)"
    if not stack or "E" in stack.group(1):
        yield "the stack can be executed (-z noexecstack)"
    if "__stack_chk_fail" not in imports:
        yield "no stack protector (-fstack-protector-strong)"
    # Only the x86-64 way of taking a stack frame is known here.
    if re.search(r"Machine:.*X86-64", header):
        for size in sorted({size for size in frame_steps(path) if size > 0x1000}):
            yield f"{size} bytes of stack are taken in one step (-fstack-clash-protection)"
    # Each call of these becomes a call of __NAME_chk; of others only where the compiler doesn't know that all is well.
    for name in sorted(set(imports) & PRINTING) if fortified else ():
        yield f"{name} is called, and not its fortified form (_FORTIFY_SOURCE)"
    # Whoever chooses the working directory would choose the library.
    for path_list in re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", dynamic):
        for folder in path_list.split(":"):
            if not folder.startswith("/"):
                yield f"libraries are looked for in {folder!r}, which is no absolute path"
    if not re.search(r"Type:\s+DYN", header):
        yield "not position independent (-pie)"


def main():
    mode, objects = sys.argv[1], sys.argv[2:]
    found = [f"{path}: {fault}" for path in objects for fault in faults(path, mode == "fortified")]
    if mode != "plain" and not any(is_fortified(path) for path in objects):
        found.append("no object calls a fortified function (_FORTIFY_SOURCE)")
    print("\n".join(found) or f"{len(objects)} objects are hardened")
    return 1 if found or not objects else 0


sys.exit(main())
