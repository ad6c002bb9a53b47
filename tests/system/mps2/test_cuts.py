#!/usr/bin/env python3
"""
The power of an emulated Cortex-M3 is cut at chosen flash words of a whole update, with a real provider. After each
cut a verified image boots, and the update goes on, or the next one succeeds.

test_cuts.py TARGET_BIN HOST_BIN [unittest options]; in the environment JOURNAL and IMAGE, how many words of each are
drawn (JOURNAL=all: every word from FIRST on, before it and half-way through it), SEED, and BOARDS, how many at once.
"""

import concurrent.futures
import itertools
import os
import queue
import random
import sys
import tempfile
import unittest

from board import BEFORE, HALF, SECTOR, SLOT, SLOT_SIZE
from lab import Device, Lab

TARGET, HOST = (os.path.abspath(p) for p in sys.argv[1:3])
WORD = 4
JOURNAL_REGION = (0x8000, 2 * SECTOR)           # ports/posix/posix_board.h
IMAGE_REGION = (SLOT['b'], SLOT_SIZE - SECTOR)  # without its trailer: test_boot.py
KINDS = {BEFORE: 'before', HALF: 'half-way through'}


class CutTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        room = tempfile.TemporaryDirectory(prefix='waft-cuts-')
        cls.addClassCleanup(room.cleanup)
        cls.lab = cls.enterClassContext(Lab(TARGET, HOST, room.name))
        cls.boards = int(os.environ.get('BOARDS', 1))
        cls.devices, cls.things = queue.SimpleQueue(), (f'mps2-{number}' for number in itertools.count())
        for _ in range(cls.boards):
            cls.devices.put(Device(cls.lab, next(cls.things)))
        cls.seed = int(os.environ.get('SEED', random.randrange(1 << 32)))
        cls.dice = random.Random(cls.seed)
        print(f'seed {cls.seed}', file=sys.stderr)

    def update(self, device, region, nth=0, kind=BEFORE):
        """From the factory to 1.1.0, with the power cut at that word. @return the job, and what the board said last."""
        device.back_to_factory()
        device.flash.plan_cut(*region, nth, kind)
        job = device.deploy_release('1.1.0')
        with device.power_on() as board:
            return job, board.wait_for('power is cut', 'no update is waiting')

    def words(self, region):
        """How many an update changes there."""
        device = self.devices.get()
        self.update(device, region)
        self.devices.put(device)
        return device.flash.counted()

    def cut(self, region, nth, kind):
        device = self.devices.get()
        try:
            job, last = self.update(device, region, nth, kind)
            self.assertIn('power is cut', last, f'{job} ended without its cut')
            device.flash.forget_cut()
            with device.power_on() as board:
                return device.settle(board, job, '1.1.0')
        except BaseException:
            device = Device(self.lab, next(self.things))  # the job that is left over would spoil the next cut
            raise
        finally:
            self.devices.put(device)

    def survives(self, region, cuts):
        def play(cut):
            nth, kind = cut
            what = f'cut {KINDS[kind]} word {nth} from {region[0]:#x}'
            try:
                print(f'{what}: {self.cut(region, nth, kind)}', file=sys.stderr, flush=True)
            except AssertionError as why:
                print(f'{what}: {why}', file=sys.stderr, flush=True)
                raise AssertionError(f'{what}, seed {self.seed}: {why}') from why
        with concurrent.futures.ThreadPoolExecutor(self.boards) as pool:
            for done in [pool.submit(play, cut) for cut in cuts]:
                with self.subTest():
                    done.result()

    def draw(self, first, count, how_many):
        """One word out of each of `how_many` equal stretches of words first ..= first + count - 1."""
        edges = [first + count * i // how_many for i in range(how_many + 1)]
        return [(self.dice.randrange(*edge), self.dice.choice((BEFORE, HALF))) for edge in zip(edges, edges[1:])]

    def test_a_cut_at_words_of_the_journal_costs_at_most_that_update(self):
        how_many, count = os.environ.get('JOURNAL', '4'), self.words(JOURNAL_REGION)
        print(f'{count} words of journal', file=sys.stderr)
        everything = [(nth, kind) for nth in range(int(os.environ.get('FIRST', 1)), count + 1) for kind in KINDS]
        self.survives(JOURNAL_REGION, everything if how_many == 'all' else self.draw(1, count, int(how_many)))

    def test_a_cut_at_words_of_the_image_costs_at_most_that_update(self):
        """Half of them while the slot is erased, half while it is programmed."""
        how_many, erased = int(os.environ.get('IMAGE', 2)), IMAGE_REGION[1] // WORD
        programmed = os.path.getsize(self.lab.path(self.lab.sign('1.1.0', 'b'))) // WORD
        print(f'{erased} words of slot are erased, {programmed} programmed', file=sys.stderr)
        self.survives(IMAGE_REGION, self.draw(1, erased, how_many // 2) +
                      self.draw(erased + 1, programmed, how_many - how_many // 2))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
