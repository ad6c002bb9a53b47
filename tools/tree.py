"""What the check tools share: which files are ours, and how they read without comments and strings."""

import argparse
import os
import re
import sys

TOKENS = re.compile(
    r'(?P<comment>/\*.*?\*/|//[^\n]*)'
    r'|(?P<string>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')',
    re.DOTALL)


def blank(text):
    """The same text as spaces: line numbers stay true."""
    return re.sub(r'[^\n]', ' ', text)


def code_only(text):
    return TOKENS.sub(lambda m: blank(m.group()), text)


def without_strings(text):
    """Code and comments; what stands in quotes, in either of them, is somebody else's word."""
    text = TOKENS.sub(lambda m: blank(m.group()) if m.group('string') else m.group(), text)
    return re.sub(r'"[^"\n]*"', lambda m: blank(m.group()), text)


def files(root, folders, endings=('.c', '.h')):
    """Paths below root, relative to it and sorted; a folder that is not there yet is simply empty."""
    found = []
    for folder in folders:
        for path, subs, names in os.walk(os.path.join(root, folder)):
            subs[:] = [s for s in subs if s not in ('build', 'node_modules')]
            found += [os.path.relpath(os.path.join(path, n), root) for n in names if n.endswith(endings)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read()


def arguments(doc):
    """A parser with the one option of all tools: another tree, so that a self-test can plant faults."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument('--root', default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return parser


def finish(tool, faults, seen):
    """Print the faults, one a line; the exit code says whether there are any."""
    for fault in faults:
        print(fault)
    print(f'{tool}: {seen}, {len(faults)} faults')
    sys.exit(1 if faults else 0)
