#!/usr/bin/env python3
"""
Skips each instruction of the bootloader's way to an image, once and the first time that it is reached, on the emulated
Cortex-M3. What is in flash must not run: its signature is by nobody, or its bytes are not those that were signed. It must
not run with any instruction skipped. Prints its seed, and ends with how many were skipped and what came of it.
"""

import argparse
import collections
import hashlib
import itertools
import os
import queue
import random
import re
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from board import PART, SLOT, Flash, Machine
from factory import Factory
from gdb import PC, Gdb, Gone

# Of each size an instruction that does nothing; inside an IT block too, where moving the PC would not do.
NOTHING = {2: b'\x00\xbf', 4: b'\xaf\xf3\x00\x80'}
DIGEST, BUILD = 0x10, 24  # MCUboot's TLV; a byte of the header that no code looks at
PAYLOAD = 0x400
FLASH = range(0x21000000, 0x22000000)
# Seconds of the host's CPU. A boot takes a fifth of one, and two where code that is busy shares a page with the skipped one.
PATIENCE = 5
ASLEEP = 120  # seconds of anybody's: a core that waits for an interrupt that never comes uses none
# A breakpoint makes QEMU step through the 1 KiB around it, and the arithmetic of signatures may be there: ends in the bootloader
# are made to jump to memory that is empty, and the breakpoints are set there. `ldr pc, [pc]`, and the address behind it.
TRAPS, JUMP = range(0x00100000, 0x00200000, 0x1000), b'\xdf\xf8\x00\xf0'
CODE = re.compile(r'^0x([0-9a-f]{8}): +((?:[0-9a-f]{4} )+|[0-9a-f]{8} )')


def broken(image, how):
    """The image with another build number. 'signature': and with the digest that it has then."""
    image = bytearray(image)
    header, protected, payload = struct.unpack_from('<HHI', image, 8)
    signed = header + protected + payload
    image[BUILD] ^= 1
    if how == 'signature':
        at = image.index(struct.pack('<HH', DIGEST, 32), signed) + 4
        image[at:at + 32] = hashlib.sha256(image[:signed]).digest()
    return bytes(image)


def content(path):
    with open(path, 'rb') as f:
        return f.read()


class Scene:
    """What is in flash. `forbidden`: the slot whose image must not run; another one may."""

    def __init__(self, factory, forbidden, how):
        self.name, self.forbidden = f'{how} broken in slot {forbidden.upper()}', forbidden
        self.said = f'boot: slot {forbidden.upper()}: nothing to run: image {how} does not match'
        image = content(factory.sign('well', forbidden, '1.1.0'))
        if forbidden == 'b':
            update = factory.path(f'{how}.img')
            with open(update, 'wb') as f:
                f.write(broken(image, how))
            self.part = factory.part(update)
        else:
            part = bytearray(content(factory.part()))
            part[SLOT['a']:SLOT['a'] + len(image)] = broken(image, how)
            self.part = factory.path(f'lone-{how}')
            with open(self.part, 'wb') as f:
                f.write(part)
        self.content = content(self.part)

    def entries(self):
        """Where the images that are there begin, with their slots."""
        found = {}
        for letter, offset in SLOT.items():
            reset = struct.unpack_from('<I', self.content, offset + PAYLOAD + 4)[0]
            if reset != 0xffffffff:
                found[reset & ~1] = letter
        return found


class Bootloader:
    def __init__(self, elf):
        self.elf, self.symbols = elf, {}
        lines = subprocess.run(['arm-none-eabi-nm', elf], check=True, capture_output=True, text=True).stdout
        for address, _, name in (line.split() for line in lines.splitlines() if len(line.split()) == 3):
            self.symbols[name.split('.')[0]] = int(address, 16)
        # The core itself, unless the linker has made it part of its caller.
        self.begin = self.symbols.get('ota_boot', self.symbols['main'])

    def function(self, address):
        below = [(a, n) for n, a in self.symbols.items() if a <= address]
        return max(below)[1] if below else '?'


class Bench:
    """A board whose bootloader can be stopped, disturbed and begun again."""

    def __init__(self, boot, scene, room, log=None):
        self.boot, self.scene = boot, scene
        self.flash = Flash(os.path.join(room, 'flash'), scene.part)
        socket = os.path.join(room, 'gdb')
        self.machine = Machine(['-M', 'mps2-an385,memory-backend=nor', '-kernel', boot.elf, '-nic', 'none', '-object',
                                f'memory-backend-file,id=nor,size=16M,mem-path={self.flash.path},share=on', '-S',
                                '-gdb', f'unix:path={socket},server=on,wait=off',
                                *(['-d', 'in_asm', '-D', log] if log else [])])
        self.gdb = Gdb(socket)
        self.ends = {address: f'slot {letter.upper()}' for address, letter in scene.entries().items()}
        self.traps = dict(zip((boot.symbols['recover'], boot.symbols['handover_reset']), TRAPS))
        self.ends.update(zip(self.traps.values(), ('recovery', 'reset')))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gdb.close()
        self.machine.cut_power()

    def cpu(self):
        """Seconds that the emulation has worked: what hangs uses them up, what waits for the host's CPU does not."""
        with open(f'/proc/{self.machine.process.pid}/stat', encoding='ascii') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def heard(self):
        """What the UART has said since the last time; nobody else reads it, and a full pipe would stop the board."""
        said, pipe = b'', self.machine.process.stdout
        while select.select([pipe], [], [], 0)[0] and (piece := os.read(pipe.fileno(), 65536)):
            said += piece
        return said.decode(errors='replace')

    def reset(self):
        self.heard()
        self.gdb.stop_at()
        self.gdb.monitor('system_reset')
        while self.gdb.register(PC) != self.boot.symbols['start']:
            pass
        if self.flash.read(0, PART) != self.scene.content:
            self.flash.write(0, self.scene.content)

    def set_traps(self):
        """Anew after each reset, which puts the code back as it was."""
        for address, trap in self.traps.items():
            assert address % 4 == 0, 'the jump would not find what is behind it'
            self.gdb.write(address, JUMP + struct.pack('<I', trap | 1))

    def skip(self, address, size):
        was = self.gdb.read(address, size)
        self.gdb.stop_at()
        self.gdb.write(address, NOTHING[size])
        self.gdb.step()
        self.gdb.write(address, was)

    def ends_in(self):
        """Let it go. @return how it ends: 'slot A', 'slot B', 'recovery', 'reset', 'hang', or 'flash', if it got lost there."""
        self.gdb.stop_at(*self.ends)
        at = self.gdb.register(PC)
        if at not in self.ends:
            limit, asleep = self.cpu() + PATIENCE, time.monotonic() + ASLEEP
            at = self.gdb.run(lambda: self.cpu() < limit and time.monotonic() < asleep) or self.gdb.register(PC)
        return self.ends.get(at, 'flash' if at in FLASH else 'hang')

    def boot_once(self, address=None, size=2):
        """From the core's beginning to its end, with one instruction skipped. None: it was not reached."""
        self.set_traps()
        self.gdb.stop_at(self.boot.begin)
        self.gdb.run()
        if address is not None:
            if address != self.boot.begin:
                self.gdb.stop_at(address, *self.ends)
                if self.gdb.run() != address:
                    return None
            self.skip(address, size)
        return self.ends_in()


def way(boot, scene, room):
    """address -> size of each instruction that the undisturbed bootloader executes, which must refuse the image."""
    log = os.path.join(room, 'code')
    with Bench(boot, scene, room, log) as bench:
        end = bench.boot_once()
        said, traps = bench.heard(), bench.traps
    if end != ('recovery' if scene.forbidden == 'a' else 'slot A') or scene.said not in said:
        raise AssertionError(f'{scene.name}, undisturbed: {end}; it said\n{said}')
    found = {}
    with open(log, encoding='ascii') as f:
        for line in f:
            code = CODE.match(line)
            if code and int(code[1], 16) not in FLASH and int(code[1], 16) not in traps:
                found[int(code[1], 16)] = len(code[2].replace(' ', '')) // 2
    return found


class Sweep:
    def __init__(self, boot, scene, room):
        self.boot, self.scene, self.room = boot, scene, room
        self.counts, self.faults, self.lock = collections.Counter(), [], threading.Lock()

    def note(self, address, end):
        with self.lock:
            self.counts[end] += 1
            if self.counts.total() % 1000 == 0:
                print(f'{self.scene.name}: {self.counts.total()} so far', flush=True)
            if end in (f'slot {self.scene.forbidden.upper()}', 'flash'):
                self.faults.append(f'{address:#x} in {self.boot.function(address)}: {end} runs, {self.scene.name}')
                print(self.faults[-1], flush=True)

    def work(self, todo, code):
        """One board, until there is no more to skip; after a fault that ends the emulator, another board."""
        with tempfile.TemporaryDirectory(dir=self.room) as room:
            while not todo.empty():
                with Bench(self.boot, self.scene, room) as bench:
                    try:
                        self.skip_all(bench, todo, code)
                    except Gone:
                        self.note(0, 'emulator ended')
                os.remove(os.path.join(room, 'gdb'))

    def skip_all(self, bench, todo, code):
        while True:
            try:
                address = todo.get_nowait()
            except queue.Empty:
                return
            self.note(address, bench.boot_once(address, code[address]))
            bench.reset()

    def run(self, addresses, code, boards):
        todo = queue.Queue()
        for address in addresses:
            todo.put(address)
        threads = [threading.Thread(target=self.work, args=(todo, code)) for _ in range(boards)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('target', help='folder with boot-mps2.elf and the test images')
    parser.add_argument('host', help='folder with waft and flash-install')
    parser.add_argument('--short', type=int, metavar='N', help='N instructions, drawn by the seed, instead of all')
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 32))
    parser.add_argument('--boards', type=int, default=2, help='at once')
    parser.add_argument('--scenes', metavar='1,2', type=lambda text: [int(n) for n in text.split(',')], default=[1, 2, 3, 4],
                        help='of the four, by number (default: all)')
    return parser.parse_args()


def main():
    args = arguments()
    target, host = os.path.abspath(args.target), os.path.abspath(args.host)
    dice, skipped, faults = random.Random(args.seed), 0, []
    print(f'seed {args.seed}', flush=True)
    boot = Bootloader(os.path.join(target, 'boot-mps2.elf'))
    with tempfile.TemporaryDirectory(prefix='waft-sweep-') as room:
        factory = Factory(target, host, room)
        scenes = [Scene(factory, slot, how) for number, (how, slot) in
                  enumerate(itertools.product(('signature', 'digest'), 'ab'), 1) if number in args.scenes]
        for scene in scenes:
            code = way(boot, scene, tempfile.mkdtemp(dir=room))
            addresses = sorted(code)
            if args.short is not None:
                addresses = dice.sample(addresses, min(args.short // len(scenes), len(addresses)))
            sweep = Sweep(boot, scene, room)
            sweep.run(addresses, code, args.boards)
            skipped, faults = skipped + len(addresses), faults + sweep.faults
            print(f'{scene.name}: {len(addresses)} of {len(code)} instructions, '
                  + ', '.join(f'{count} {end or "not reached"}' for end, count in sweep.counts.most_common()), flush=True)
    print(f'{skipped} skips, {len(scenes)} scenes, {len(faults)} boots of what must not run')
    sys.exit(1 if faults else 0)


main()
