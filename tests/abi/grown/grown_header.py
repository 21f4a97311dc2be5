#!/usr/bin/env python3
"""A tokenward.h in which every struct has grown by one field, as a later 1.x may: grown_header.py HEADER > GROWN

The library that is built with it (and with TOKENWARD_TEST_GROWN) refuses a call whose new field isn't zero, and
writes the new field of an error. So a host of today that leaves garbage there would notice."""
import re
import sys

text = open(sys.argv[1], encoding='utf-8').read()
structs = ['tokenward_options', 'tokenward_credentials', 'tokenward_context', 'tokenward_request', 'tokenward_error']
for struct in structs:
    text, count = re.subn(r'^\} ' + struct + ';', '    uint64_t grown;\n} ' + struct + ';', text, flags=re.M)
    if count != 1:
        sys.exit(f'{struct}: found {count} times')
print(text, end='')
