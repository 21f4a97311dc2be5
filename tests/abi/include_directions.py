#!/usr/bin/env python3
"""Reads every #include of src/ and plugin/ and holds the directions of the architecture: down only."""

import pathlib
import re
import sys

ALLOWED = {
    "src/base": {"base"},
    "src/jose": {"base", "jose"},
    "src/config": {"base", "jose", "access", "config"},
    "src/credentials": {"base", "credentials"},
    "src/keys": {"base", "jose", "config", "keys"},
    "src/introspection": {"base", "jose", "config", "keys", "introspection"},
    "src/access": {"base", "access"},
    "src/claims": {"base", "config", "access", "claims"},
    "src/denials": {"base", "access", "denials"},
    "src/session": {"base", "jose", "config", "credentials", "keys", "introspection", "access", "claims", "denials", "session"},
    "src/capi": {"session", "base", "capi"},
}
# What a room may see of another where that isn't the whole room: jose/algorithm.hpp is a plain set of names; a section's
# vhosts, tags and operations are parts of scopes; scopes that stand in other claims are put together in the one scope
# language, and their prefix is compared as their bytes are.
FILES = {
    ("src/config", "jose"): {"jose/algorithm.hpp"},
    ("src/config", "access"): {"access/pattern.hpp", "access/scope.hpp"},
    ("src/denials", "access"): {"access/bytes.hpp"},
    ("src/claims", "access"): {"access/bytes.hpp", "access/pattern.hpp", "access/request.hpp", "access/scope.hpp"},
}
ROOMS = {path.split("/")[1] for path in ALLOWED if path.startswith("src/")}


def includes(path):
    for line in path.read_text().splitlines():
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if match:
            yield match.group(1)


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = []
    seen = 0
    for room, allowed in ALLOWED.items():
        for path in sorted((root / room).rglob("*.[ch]pp")):
            for name in includes(path):
                top = name.split("/")[0]
                if "/" not in name or top not in ROOMS:
                    if name == "tokenward.h" and room != "src/capi":
                        wrong.append(f"{path.relative_to(root)}: the core does not know the C header")
                    continue
                seen += 1
                if (room, top) in FILES and name not in FILES[room, top]:
                    wrong.append(f"{path.relative_to(root)} includes {name}")
                elif top not in allowed:
                    wrong.append(f"{path.relative_to(root)} includes {name}")
    # A host reaches the core through the contract alone, exactly as a stranger's broker would.
    for path in sorted((root / "plugin").rglob("*")):
        if path.suffix not in {".c", ".h", ".cpp", ".hpp"}:
            continue
        room = path.relative_to(root).parts[1]
        for name in includes(path):
            seen += 1
            if "/" in name and name.split("/")[0] in ROOMS and (root / "src" / name).exists():
                wrong.append(f"{path.relative_to(root)} includes {name}: hosts see abi/ only")
            # Another adapter's file: only what is in plugin/common is shared.
            owners = {other.parent.relative_to(root).parts[1] for other in (root / "plugin").rglob(pathlib.Path(name).name)}
            if owners and room not in owners and "common" not in owners:
                wrong.append(f"{path.relative_to(root)} includes {name} of plugin/{owners.pop()}")
    print(f"{seen} includes read")
    print("\n".join(wrong))
    return 1 if wrong or seen < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
