#!/usr/bin/env python3
"""Each check of tools/ finds a planted fault, names the place, and is content without it."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CC = os.environ.get('CC', 'cc')
HEADER = '#ifndef H\n#define H\nint ota_a(int x);\n#endif\n'


class Check(unittest.TestCase):
    def setUp(self):
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.root = home.name
        self.plant('include/ota/span.h', HEADER)

    def plant(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def run_tool(self, name, *arguments):
        done = subprocess.run([os.path.join(ROOT, 'tools', name), *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def content(self, name, *arguments):
        code, said = self.run_tool(name, *arguments)
        self.assertEqual(code, 0, said)

    def finds(self, words, name, *arguments):
        code, said = self.run_tool(name, *arguments)
        self.assertEqual(code, 1, said)
        self.assertIn(words, said)


class Layers(Check):
    def plant_source(self, path, include):
        self.plant(path, f'/* #include "ota/agent.h" */\n#include {include}\n')

    def test_lets_a_module_see_what_is_below_it(self):
        rows = [
            ('lib/codec/json.c', '"ota/span.h"', 'the ground'),
            ('lib/codec/json.c', '"ota/json.h"', 'its own header, which has another name'),
            ('lib/base/span.c', '<string.h>', 'freestanding, and string.h'),
            ('boot/core/boot.c', '"ota/boot.h"', 'the header of boot/core'),
            ('server/db/sqlite.c', '<sqlite3.h>', 'the one library of this folder'),
            ('server/core/job.c', '<stdio.h>', 'pure, but it may format text'),
        ]
        for path, include, why in rows:
            with self.subTest(why):
                self.plant_source(path, include)
                self.content('check-layers', '--root', self.root)

    def test_refuses_what_goes_upward_sideways_or_outside(self):
        self.plant('lib/stream/stream_priv.h', '')
        self.plant('server/http/routes.h', '')
        rows = [
            ('lib/base/span.c', '"ota/json.h"', 'upward'),
            ('lib/stream/stream.c', '"ota/jobs.h"', 'sideways'),
            ('lib/jobs/jobs.c', '"stream_priv.h"', "a neighbour's private header"),
            ('lib/jobs/jobs.c', '"nowhere.h"', 'a header that is not there'),
            ('lib/store/store.c', '<stdio.h>', 'I/O on the device'),
            ('boot/core/boot.c', '"ota/cbor.h"', 'a parser in the bootloader'),
            ('include/ota/span.h', '"ota/err_of_nobody.h"', 'a public header goes downward too'),
            ('server/core/job.c', '<unistd.h>', 'the core is pure'),
            ('server/core/job.c', '"../http/routes.h"', 'the core knows no route'),
            ('server/db/sqlite.c', '<mosquitto.h>', 'the library of another adapter'),
            ('lib/strange/x.c', '<stddef.h>', 'a folder without a rule'),
        ]
        for path, include, why in rows:
            with self.subTest(why):
                self.plant_source(path, include)
                self.finds(f'{path}:2: ', 'check-layers', '--root', self.root)
                os.remove(os.path.join(self.root, path))


class Sizes(Check):
    @staticmethod
    def function(lines, comment=''):
        return f'{comment}int f(int x)\n{{\n' + '    x++;\n' * (lines - 4) + '    return x;\n}\n'

    def test_counts_to_the_line(self):
        self.plant('lib/base/a.c', self.function(70))
        self.content('check-sizes', '--root', self.root)
        self.plant('lib/base/a.c', self.function(71))
        self.finds('lib/base/a.c:1 f: 71 function lines', 'check-sizes', '--root', self.root)

    def test_lets_a_flat_table_be_long_when_it_says_so(self):
        self.plant('lib/base/a.c', self.function(90, '/* A flat table: one line a state. */\n'))
        self.content('check-sizes', '--root', self.root)

    def test_counts_nested_control_and_nothing_else(self):
        flat = 'int f(int x)\n{\n    int a[2][2] = { { 1, 2 }, { 3, 4 } };\n    { { { { { x++; } } } } }\n' \
               '    for (;;) { if (x) { while (x) { do { return a[0][0]; } while (x); } } }\n}\n'
        self.plant('lib/base/a.c', flat)
        self.content('check-sizes', '--root', self.root)
        self.plant('lib/base/a.c', flat.replace('return', 'if (x) { x--; } return'))
        self.finds('5 nesting', 'check-sizes', '--root', self.root)

    def test_counts_parameters_but_not_those_of_a_callback(self):
        self.plant('lib/base/a.c', 'int f(int a, int b, int c, int d, int e, int (*g)(int, int)) { return 0; }\n')
        self.content('check-sizes', '--root', self.root)
        self.plant('lib/base/a.c', 'int f(int a, int b, int c, int d, int e, int g, int h) { return 0; }\n')
        self.finds('7 parameters', 'check-sizes', '--root', self.root)

    def test_counts_files_headers_and_public_functions(self):
        self.plant('lib/base/a.c', '\n' * 701)
        self.finds('701 file lines', 'check-sizes', '--root', self.root)
        os.remove(os.path.join(self.root, 'lib/base/a.c'))
        self.plant('include/ota/a.h', '\n' * 351)
        self.finds('351 file lines', 'check-sizes', '--root', self.root)
        self.plant('include/ota/a.h', ''.join(f'int ota_f{n}(int a,\n    int b);\n' for n in range(15)))
        self.finds('15 public functions', 'check-sizes', '--root', self.root)

    def test_refuses_conditional_code_in_a_device_function(self):
        self.plant('lib/base/a.c', 'int f(void)\n{\n#if X\n    return 1;\n#endif\n    return 0;\n}\n')
        self.finds('1 #if in a function', 'check-sizes', '--root', self.root)


class Words(Check):
    def test_finds_a_replaced_word_in_names_and_comments_only(self):
        self.plant('lib/base/a.c', 'char s[] = "firmware"; /* called "a partition" there; firmwareless */\n')
        self.content('check-words', '--root', self.root)
        for text in ('/* A firmware. */\n', 'int firmware_size;\n', '/* FIRMWARES */\n', '// TODO\n'):
            with self.subTest(text):
                self.plant('lib/base/a.c', text)
                self.finds('lib/base/a.c:1: ', 'check-words', '--root', self.root)

    def test_lets_the_host_speak_of_firmware(self):
        self.plant('ports/posix/a.c', '/* The demo firmware. */\n')
        self.content('check-words', '--root', self.root)

    def test_finds_a_file_that_is_named_for_nothing(self):
        self.plant('server/utils.c', '')
        self.finds('server/utils.c', 'check-words', '--root', self.root)


class Symbols(Check):
    def compile(self, text):
        source = self.plant('a.c', text)
        folder = os.path.join(self.root, 'lib/base')
        os.makedirs(folder, exist_ok=True)
        archive = os.path.join(folder, 'libota_base.a')
        if os.path.exists(archive):
            os.remove(archive)
        subprocess.run([CC, '-O1', '-c', source, '-o', source + '.o'], check=True)
        subprocess.run(['ar', 'rc', archive, source + '.o'], check=True)

    def test_lets_constants_and_string_functions_pass(self):
        self.compile('#include <string.h>\nstatic const char *const names[] = {"a", "b"};\n'
                     'void ota_port(const char *s);\nvoid ota_a(char *d, int i) { memset(d, 0, 99); ota_port(names[i]); }\n')
        self.content('check-symbols', self.root)

    def test_finds_heap_io_clock_threads_and_state(self):
        rows = [
            ('void *malloc(unsigned long); void *f(void) { return malloc(99); }', 'malloc'),
            ('int puts(const char *); int f(void) { return puts("x"); }', 'puts'),
            ('long time(long *); long f(void) { return time(0); }', 'time'),
            ('int pthread_self(void); int f(void) { return pthread_self(); }', 'pthread_self'),
            ('static int state; int f(void) { return state++; }', 'state'),
            ('int state = 1;', 'state'),
            ('_Thread_local int state;', 'state'),
            ('int f(void) { static char state[9]; return state[0]++; }', 'state'),
        ]
        for text, name in rows:
            with self.subTest(text):
                self.compile(text + '\n')
                self.finds(name, 'check-symbols', self.root)


class Footprint(Check):
    def test_finds_recursion(self):
        self.plant('lib/base/a.ci', 'node: { title: "f" label: "f\\na.c:1\\n8 bytes (static)" }\n'
                                    'edge: { sourcename: "f" targetname: "f" label: "x" }\n')
        self.finds('recursion: f -> f', 'footprint', self.root)

    def test_finds_a_frame_without_a_bound(self):
        self.plant('lib/base/a.ci', 'node: { title: "f" label: "f\\na.c:1\\n8 bytes (dynamic)" }\n')
        self.finds('f has a frame that is not fixed', 'footprint', self.root)

    def test_adds_the_deepest_chain(self):
        nodes = ''.join(f'node: {{ title: "{n}" label: "{n}\\na.c:1\\n{b} bytes (static)" }}\n'
                        for n, b in (('f', 8), ('g', 16), ('h', 32)))
        self.plant('lib/base/a.ci', nodes + 'edge: { sourcename: "f" targetname: "g" }\n'
                                            'edge: { sourcename: "f" targetname: "h" }\n')
        code, said = self.run_tool('footprint', self.root)
        self.assertEqual(code, 0, said)
        self.assertIn('| f → h | 40 |', said)


class Copyable(Check):
    def test_finds_what_does_not_compile_from_a_copy(self):
        self.plant('lib/base/a.c', '#include "ota/span.h"\nint ota_a(int x)\n{\n    return x;\n}\n')
        self.content('check-copyable', self.root)
        self.plant('lib/codec/a.c', 'extern int not_empty;\n')
        self.finds('two files share a name', 'check-copyable', self.root)
        os.rename(self.root + '/lib/codec/a.c', self.root + '/lib/codec/b.c')
        self.plant('lib/codec/b.c', 'int ota_a(int x);\nint ota_a(int x)\n{\n    return x;\n}\n')
        self.finds('multiple definition', 'check-copyable', self.root)
        self.plant('lib/codec/b.c', '#include "config.h"\n')
        self.finds('config.h', 'check-copyable', self.root)


class Headers(Check):
    def test_finds_a_header_that_leans_on_another(self):
        self.content('check-headers', self.root)
        self.plant('include/ota/b.h', 'static inline uint8_t ota_b(void)\n{\n    return 0;\n}\n')
        self.finds('ota/b.h does not compile alone', 'check-headers', self.root)


class Format(Check):
    def test_looks_at_tracked_files_only(self):
        self.plant('.clang-format', 'BasedOnStyle: LLVM\n')
        self.plant('a.c', 'int  a;\n')
        git = ['git', '-C', self.root, '-c', f'safe.directory={self.root}']
        subprocess.run([*git, 'init', '-q'], check=True)
        self.content('check-format', self.root)
        subprocess.run([*git, 'add', 'a.c'], check=True)
        self.finds('a.c:1', 'check-format', self.root)


if __name__ == '__main__':
    unittest.main()
