#!/usr/bin/env python3
"""Plants each known fault of docs/known-faults.md and sees that what the table says catches it.

Without a fault every program must pass; with it, the named test must fail (or torture find the named violation)."""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

ROW = re.compile(r'^\| `([a-z0-9-]+)` \|.*\| `([a-z_]+)`: ([^|]+?) \|$')
TIMEOUT_S = 120


def run(folder, program, fault):
    """Exit code and output of one program with one fault planted; None: none."""
    command = [os.path.join(folder, 'planted_' + program)]
    if program == 'torture':
        command += ['--short', '--geometry', '0', '--triples', '50', '--first']
    env = {key: value for key, value in os.environ.items() if key != 'WAFT_PLANT'}
    # A fault may leak or crash: that is its business. What counts is that it shows.
    env['ASAN_OPTIONS'] = 'detect_leaks=0:abort_on_error=0'
    if fault is not None:
        env['WAFT_PLANT'] = fault
    if not os.path.exists(command[0]):
        return 'is not built', ''
    try:
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT_S, errors='replace')
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as hang:
        return 'hangs', (hang.stdout or b'').decode(errors='replace')


def catchers(output):
    """What has failed: cmocka's tests, torture's violations, or the test in which the program died."""
    names = re.findall(r'^\[  FAILED  \] (?:[a-z_ ]+: )?([a-z_0-9]+)$', output, re.MULTILINE)
    names += re.findall(r'^VIOLATION in [^:]+: ([^:]+):', output, re.MULTILINE)
    names += re.findall(r'^torture: (.+)$', output, re.MULTILINE)  # even without a cut
    started = re.findall(r'^\[ RUN      \] ([a-z_0-9]+)$', output, re.MULTILINE)
    ended = re.findall(r'^\[ (?:      OK|  FAILED ) \] ([a-z_0-9]+)$', output, re.MULTILINE)
    return names + [name for name in started if name not in ended]


def check(folder, row):
    fault, program, catcher = row
    code, output = run(folder, program, fault)
    if code == 0:
        return f'{fault}: nothing of {program} catches it'
    found = catchers(output)
    if catcher not in found:
        return f'{fault}: {program} fails, but in {sorted(set(found))} rather than in {catcher}\n{output[-800:]}'
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--table', required=True)
    parser.add_argument('--programs', required=True, help='folder of the planted_* programs')
    parser.add_argument('--jobs', type=int, default=2)
    args = parser.parse_args()
    rows = [match.groups() for match in map(ROW.match, open(args.table, encoding='utf-8').read().splitlines()) if match]
    problems = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        programs = sorted({row[1] for row in rows})
        for program, (code, output) in zip(programs, pool.map(lambda p: run(args.programs, p, None), programs)):
            if code != 0:
                problems.append(f'{program} fails without any fault ({code})\n{output[-800:]}')
        for problem in pool.map(lambda row: check(args.programs, row), rows):
            if problem is not None:
                problems.append(problem)
    for problem in problems:
        print(problem)
    print(f'{len(rows)} faults planted, {len(problems)} problems')
    return 1 if problems or len(rows) < 30 else 0


if __name__ == '__main__':
    sys.exit(main())
