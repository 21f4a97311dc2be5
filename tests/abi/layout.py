#!/usr/bin/env python3
"""Writes the layout table of a tokenward.h: layout.py HEADER CC > layout.def

One row for each member: struct, member, offset, size, in bytes; one for each struct. The numbers are those of a
64-bit machine (x86-64, arm64). And one row for each constant: its name and value."""
import os
import re
import subprocess
import sys
import tempfile

header, compiler = os.path.abspath(sys.argv[1]), sys.argv[2]
text = re.sub(r'/\*.*?\*/', '', open(header, encoding='utf-8').read(), flags=re.S)
out = ['#include <stdio.h>', f'#include "{header}"', 'int main(void) {']
for struct, body in re.findall(r'typedef struct (tokenward_\w+) \{(.*?)\} \1;', text, flags=re.S):
    for declaration in body.split(';'):
        member = re.search(r'(\w+)(\[\d+\])?\s*$', declaration)
        if member:
            name = member.group(1)
            out.append(f'printf("TOKENWARD_MEMBER({struct}, {name}, %zu, %zu)\\n", '
                       f'offsetof({struct}, {name}), sizeof((({struct} *)0)->{name}));')
    out.append(f'printf("TOKENWARD_STRUCT({struct}, %zu)\\n", sizeof({struct}));')
constants = [name for body in re.findall(r'\benum \{(.*?)\};', text, flags=re.S)
             for name in re.findall(r'\b(TOKENWARD_\w+) =', body)]
constants += re.findall(r'^#define (TOKENWARD_\w+) (?:0x[0-9A-Fa-f]+|\d+)u?$', text, flags=re.M)
for name in constants:
    if name != 'TOKENWARD_ABI_VERSION':
        out.append(f'printf("TOKENWARD_CONSTANT({name}, %ld)\\n", (long){name});')
out.append('return 0; }')
with tempfile.TemporaryDirectory() as folder:
    with open(f'{folder}/layout.c', 'w', encoding='utf-8') as source:
        source.write('\n'.join(out))
    subprocess.run([compiler, '-o', f'{folder}/layout', f'{folder}/layout.c'], check=True)
    rows = subprocess.run([f'{folder}/layout'], check=True, stdout=subprocess.PIPE, text=True).stdout
print('/* The layout of 1.0 on 64-bit machines (x86-64, arm64), in bytes: struct, member, offset, size; and its constants.')
print(' * Made by tests/abi/layout.py from the header beside it; never changed for 1.x. */')
print(rows, end='')
