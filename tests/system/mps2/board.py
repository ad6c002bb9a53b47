"""QEMU's mps2-an385 as a device on the desk: its flash is a file, its UART is read line by line, its power can be cut."""

import os
import re
import select
import signal
import struct
import subprocess
import time

PART = 0x410000       # bytes of the flash that posix_board.h lays out; `waft factory` writes as many
PSRAM = 0x1000000     # bytes of the memory that it lies in
CUT_PLAN = 0xfff000   # ports/mps2/nor_cut.h
CUT_MAGIC = 0x21747563
BEFORE, HALF = 1, 2
SLOT = {'a': 0x10000, 'b': 0x210000}
SLOT_SIZE = 0x200000
SECTOR = 0x1000
PATIENCE = 30         # seconds for what takes one at most, on a machine that is busy otherwise


class Silence(AssertionError):
    """The UART did not say what was awaited."""


class Flash:
    """The memory's file. Pre-filled, for a hole in it could be lost with the power."""

    def __init__(self, path, part):
        self.path = path
        with open(part, 'rb') as f:
            content = f.read()
        assert len(content) == PART, f'{part} has {len(content)} bytes'
        with open(path, 'wb') as f:
            f.write(content + b'\xff' * (PSRAM - PART))

    def part(self, path):
        """A copy of the part alone, for the tools of the host."""
        with open(self.path, 'rb') as f, open(path, 'wb') as to:
            to.write(f.read(PART))
        return path

    def read(self, offset, size):
        with open(self.path, 'rb') as f:
            f.seek(offset)
            return f.read(size)

    def write(self, offset, content):
        with open(self.path, 'r+b') as f:
            f.seek(offset)
            f.write(content)

    def flip(self, offset, bit=0):
        self.write(offset, bytes([self.read(offset, 1)[0] ^ 1 << bit]))

    def plan_cut(self, offset, size, nth, kind):
        """At the nth word that changes in `size` bytes from `offset`; 0: they are only counted."""
        self.write(CUT_PLAN, struct.pack('<6I', CUT_MAGIC, offset, size, nth, kind, 0))

    def counted(self):
        """The words of the plan so far."""
        return struct.unpack('<6I', self.read(CUT_PLAN, 24))[5]

    def forget_cut(self):
        self.write(CUT_PLAN, b'\xff' * 24)


class Machine:
    """One life of an emulated board, from power-on to power-off. As a context it is off at the end, whatever happens."""

    def __init__(self, options):
        self.said, self.rest = [], b''
        self.process = subprocess.Popen(
            ['qemu-system-arm', '-display', 'none', '-monitor', 'none', '-serial', 'stdio', *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut_power()

    def cut_power(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()

    def line(self, deadline):
        """The next line of the UART; None if there is none any more."""
        while b'\n' not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Silence('nothing more in time')
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                return None
            self.rest += piece
        line, self.rest = self.rest.split(b'\n', 1)
        self.said.append(line.decode(errors='replace').rstrip('\r'))
        return self.said[-1]

    def wait_for(self, *patterns, seconds=PATIENCE):
        """The first line that one of the patterns is found in, from now on. It must come."""
        deadline = time.monotonic() + seconds
        try:
            while (line := self.line(deadline)) is not None:
                if any(re.search(p, line) for p in patterns):
                    return line
            raise Silence('the board is dead')
        except Silence as why:
            raise Silence(f'{why}: {" or ".join(patterns)}; the UART said:\n  ' + '\n  '.join(self.said)) from None


class Board(Machine):
    """mps2-an385 with a bootloader in its ROM and a flash."""

    def __init__(self, boot, flash, fast=False, broker=None, network_us=0):
        """
        fast: a waiting CPU lets the emulated time fly, so that five seconds of a watchdog are none of ours.
        broker: the port of one on this machine; without it there is no network.
        network_us: what comes for the board is handed over once in so many microseconds; 0: at once.
        """
        network = ['-nic', 'none'] if broker is None else [
            '-nic', 'user,id=net,model=lan9118', '-semihosting-config', f'enable=on,target=native,arg=10.0.2.2:{broker}']
        if network_us:
            network += ['-object', f'filter-buffer,id=slow,netdev=net,queue=rx,interval={network_us}']
        super().__init__(['-M', 'mps2-an385,memory-backend=nor', '-kernel', boot, *network, '-object',
                          f'memory-backend-file,id=nor,size=16M,mem-path={flash.path},share=on',
                          *(['-icount', 'shift=6,sleep=off'] if fast else [])])
