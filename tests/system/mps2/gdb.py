"""The few words of GDB's remote protocol that a fault injection needs, spoken to the stub in QEMU."""

import select
import socket
import time

PC = 15


class Gone(AssertionError):
    """The stub does not answer any more."""


class Gdb:
    """A stopped machine, to be looked at, changed and let go. Addresses and registers are those of 32-bit Arm."""

    def __init__(self, path, seconds=20):
        self.socket, self.rest, self.breaks = socket.socket(socket.AF_UNIX), b'', set()
        deadline = time.monotonic() + seconds
        while True:  # QEMU makes the socket when it gets round to it, and tells nobody
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Gone(f'no stub at {path}') from None
                time.sleep(0.01)
        self.ask('?')
        self.ask('qXfer:features:read:target.xml:0,ffb')  # single registers are for those who know how many there are

    def close(self):
        self.socket.close()

    def send(self, words):
        body = words.encode()
        self.socket.sendall(b'$%s#%02x' % (body, sum(body) & 0xff))

    def packet(self, seconds):
        """The next packet, acknowledged; None if none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            begin, end = self.rest.find(b'$'), self.rest.find(b'#')
            if 0 <= begin < end <= len(self.rest) - 3:
                body, self.rest = self.rest[begin + 1:end], self.rest[end + 3:]
                self.socket.sendall(b'+')
                return body.decode()
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            piece = self.socket.recv(65536)
            if not piece:
                raise Gone('the machine ended')
            self.rest += piece

    def ask(self, words, seconds=20):
        self.send(words)
        answer = self.packet(seconds)
        if answer is None:
            raise Gone(f'no answer to {words}')
        return answer

    def must(self, words):
        answer = self.ask(words)
        if answer != 'OK':
            raise Gone(f'{words}: {answer}')

    def monitor(self, words):
        """A command of QEMU's own monitor."""
        answer = self.ask('qRcmd,' + words.encode().hex())
        while answer != 'OK':  # what the monitor prints comes first, as packets
            answer = self.packet(20)
            if answer is None:
                raise Gone(words)

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask(f'p{number:x}')), 'little')

    def read(self, address, size):
        return bytes.fromhex(self.ask(f'm{address:x},{size:x}'))

    def write(self, address, content):
        self.must(f'M{address:x},{len(content):x}:{content.hex()}')

    def stop_at(self, *addresses):
        """Exactly there, from now on."""
        for address in self.breaks - set(addresses):
            self.must(f'z0,{address:x},2')
        for address in set(addresses) - self.breaks:
            self.must(f'Z0,{address:x},2')
        self.breaks = set(addresses)

    def run(self, go_on=lambda: True):
        """Let it go, as long as go_on() is true. @return where it stopped; None if it had to be interrupted."""
        self.send('c')
        while self.packet(0.2) is None:
            if not go_on():
                self.socket.sendall(b'\x03')
                if self.packet(20) is None:
                    raise Gone('cannot be interrupted')
                return None
        return self.register(PC)

    def step(self):
        self.ask('s')
        return self.register(PC)
