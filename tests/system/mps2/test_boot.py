#!/usr/bin/env python3
"""The bootloader on an emulated Cortex-M3: whatever an image is or does, a verified one runs in the end.

test_boot.py TARGET_BIN HOST_BIN [unittest options]; ROUNDS and SEED in the environment for more random cuts.
"""

import contextlib
import os
import random
import struct
import sys
import tempfile
import unittest

from board import BEFORE, HALF, SECTOR, SLOT, SLOT_SIZE, Board, Flash, Silence
from factory import Factory

TARGET, HOST = (os.path.abspath(p) for p in sys.argv[1:3])
BOOT = os.path.join(TARGET, 'boot-mps2.elf')
AREA, KEY_ID = 0x6907, 0x01  # MCUboot's TLVs
TRAILER_B = SLOT['b'] + SLOT_SIZE - SECTOR

WELL_A = r'^image: well in slot A, rule 3\b'
TRIAL_B = r'^image: .* in slot B, rule 1\b'


class BootTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory(prefix='waft-boot-')
        cls.factory = Factory(TARGET, HOST, cls.room.name)

    @classmethod
    def tearDownClass(cls):
        cls.room.cleanup()

    def update(self, behaviour, **signing):
        return self.factory.flash(self.factory.sign(behaviour, signing.pop('slot', 'b'), '1.1.0', **signing))

    def goes_back(self, flash, *lines, cause):
        """After what the trial says, the old image runs, with that reset cause; and it stays so after power-on."""
        with Board(BOOT, flash, fast=True) as board:
            for line in (TRIAL_B, *lines, f'^boot: reset cause: {cause[0]}$',
                         'slot B: 1.1.0, not looked at, tried, not confirmed', f'{WELL_A}, cause {cause[1]}'):
                board.wait_for(line)
        with Board(BOOT, flash) as board:
            board.wait_for(f'{WELL_A}, cause 1')

    def stays(self, flash, *lines):
        """The bootloader says these lines of slot B and starts slot A, which was not disturbed."""
        with Board(BOOT, flash) as board:
            for line in (*lines, f'{WELL_A}, cause 1'):
                board.wait_for(line)

    # --- images that are well ------------------------------------------------

    def test_a_confirmed_image_runs_and_keeps_running(self):
        with Board(BOOT, self.factory.flash(), fast=True) as board:
            board.wait_for('^boot: reset cause: power-on$')
            board.wait_for('^boot: slot A: 1.0.0, verified, confirmed$')
            board.wait_for(f'{WELL_A}, cause 1')
            board.wait_for('^image: alive$')

    def test_a_trial_that_confirms_itself_is_the_newest_image_from_then_on(self):
        flash = self.update('well')
        with Board(BOOT, flash) as board:
            board.wait_for('^boot: slot B: 1.1.0, verified, new, not tried yet$')
            board.wait_for('^boot: starting slot B: first boot of a new image: a trial$')
            board.wait_for(TRIAL_B)
            board.wait_for('^image: confirm: no error$')
        with Board(BOOT, flash) as board:
            board.wait_for('^image: well in slot B, rule 3, cause 1$')
        slot = self.factory.facts(flash)['slots'][1]
        self.assertEqual((slot['class'], slot['trials'], slot['verify']), ('confirmed', 1, 'OTA_OK'))

    # --- images that are not ---------------------------------------------------

    def test_an_image_that_hangs_is_ended_by_the_watchdog(self):
        self.goes_back(self.update('hang'), '^board: the watchdog was not kicked', cause=('watchdog', 3))

    def test_an_image_that_sleeps_for_good_is_ended_by_the_watchdog(self):
        self.goes_back(self.update('sleep'), cause=('watchdog', 3))

    def test_an_image_that_faults_is_reset(self):
        self.goes_back(self.update('fault'), r'^board: fault 3 at 0x212', cause=('fault', 4))

    def test_a_store_into_the_flash_faults_and_changes_nothing(self):
        flash = self.update('wild_store')
        before = flash.read(SLOT['a'], SLOT_SIZE)
        self.goes_back(flash, r'^board: fault 3 at 0x212', cause=('fault', 4))
        self.assertEqual(flash.read(SLOT['a'], SLOT_SIZE), before)

    def test_an_image_that_loses_its_stack_is_reset(self):
        self.goes_back(self.update('wild_stack'), r'^board: fault', cause=('fault', 4))

    def test_an_image_that_resets_before_it_confirms_has_failed(self):
        self.goes_back(self.update('reset'), cause=('software', 2))

    def test_vectors_that_point_outside_of_the_slot_are_refused(self):
        flash = self.update('well', slot='a', address=SLOT['b'])
        with Board(BOOT, flash) as board:
            board.wait_for('^boot: slot B: its vectors point outside of it$')
            board.wait_for(f'{WELL_A}, cause 4')

    # --- images that must never run ------------------------------------------------

    def test_what_must_not_run_does_not(self):
        sign = self.factory.sign
        unsigned = self.factory.path('unsigned.img')
        with open(sign('well', 'b', '1.1.0'), 'rb') as f, open(unsigned, 'wb') as to:
            to.write(without_signature(f.read()))
        rows = [
            ('linked for the other slot', sign('well', 'a', '1.1.0'), 'image is linked for another slot'),
            ('another key', sign('well', 'b', '1.1.0', key='stranger'), 'image is signed with a key that is not trusted'),
            ('no signature', unsigned, 'image is signed with a key that is not trusted'),
            ('no image', BOOT, 'not a valid image'),
        ]
        for why, image, words in rows:
            with self.subTest(why):
                self.stays(self.factory.flash(image), f'^boot: slot B: nothing to run: {words}')

    def test_one_flipped_bit_anywhere_in_a_trial_leaves_the_old_image(self):
        image = self.factory.sign('well', 'b', '1.1.0')
        size = os.path.getsize(image)
        for offset in (0x10, 0x400, size // 2, size - 1):
            with self.subTest(offset=hex(offset)):
                flash = self.factory.flash(image)
                flash.flip(SLOT['b'] + offset)
                self.stays(flash, '^boot: slot B: nothing to run: ')

    def test_a_flipped_bit_in_the_confirmed_slot_takes_the_other_one(self):
        flash = self.update('well')
        with Board(BOOT, flash) as board:
            board.wait_for('^image: confirm: no error$')
        flash.flip(SLOT['b'] + 0x800)
        self.stays(flash, '^boot: slot B: nothing to run: image digest does not match$')

    def test_with_nothing_to_run_it_waits_for_its_factory(self):
        flash = self.factory.flash()
        flash.flip(SLOT['a'] + 0x800)
        with Board(BOOT, flash, fast=True) as board:
            board.wait_for('^boot: RECOVERY: no image may run')
            # With time flying, a watchdog would long have come.
            with self.assertRaises(Silence):
                board.wait_for('boot', seconds=0.5)

    def test_a_confirmed_image_whose_vectors_are_wrong_does_not_reset_for_ever(self):
        part = self.factory.make('wrong', self.factory.sign('well', 'b', '1.0.0', address=SLOT['a']))
        with Board(BOOT, Flash(self.factory.path('flash'), part)) as board:
            board.wait_for('^boot: slot A: its vectors point outside of it$')
            board.wait_for('^boot: RECOVERY: no image may run')

    def test_without_a_trust_record_nothing_runs(self):
        flash = self.factory.flash()
        flash.write(0, b'\xff' * 2 * SECTOR)
        with Board(BOOT, flash) as board:
            board.wait_for('^boot: RECOVERY: no image may run')

    # --- power cuts ---------------------------------------------------------------

    def boots(self, flash):
        """From whatever a cut has left: @return the line of the image that runs."""
        flash.forget_cut()
        with Board(BOOT, flash) as board:
            return board.wait_for('^image: well in slot')

    def test_a_cut_at_each_word_of_the_trailer_leaves_a_bootable_device(self):
        image, cuts = self.factory.sign('well', 'b', '1.1.0'), 0
        for kind in (BEFORE, HALF):
            for nth in range(1, 100):
                flash = self.factory.flash(image)
                flash.plan_cut(TRAILER_B, SECTOR, nth, kind)
                with Board(BOOT, flash) as board:
                    cut = 'power is cut' in board.wait_for('power is cut', '^image: confirm')
                if not cut:
                    break
                cuts += 1
                with self.subTest(kind=kind, nth=nth):
                    self.assertRegex(self.boots(flash), 'slot [AB]')
        # Each of trial mark, copy_done and image_ok is a unit of two words.
        self.assertEqual(cuts, 2 * 3 * 2)

    def test_power_that_goes_at_any_moment_leaves_a_bootable_device(self):
        seed, rounds = int(os.environ.get('SEED', random.randrange(1 << 32))), int(os.environ.get('ROUNDS', 10))
        print(f'seed {seed}, {rounds} rounds', file=sys.stderr)
        dice, image = random.Random(seed), self.factory.sign('well', 'b', '1.1.0')
        for number in range(rounds):
            flash = self.factory.flash(image)
            with Board(BOOT, flash) as board:
                board.wait_for('^boot: reset cause')
                patience = dice.uniform(0, 0.5)  # two signatures to verify, then the trial and its confirm
                with contextlib.suppress(Silence):
                    board.wait_for('^what nobody says$', seconds=patience)
            with self.subTest(round=number, seconds=patience):
                self.assertRegex(self.boots(flash), 'slot [AB]')


def without_signature(image):
    """The image as it was before it was signed: key id and signature are the last two TLVs."""
    header, protected, payload = struct.unpack_from('<HHI', image, 8)
    area = header + payload + protected
    signed = image[area + 4:image.rindex(struct.pack('<HH', KEY_ID, 32))]
    return image[:area] + struct.pack('<HH', AREA, 4 + len(signed)) + signed


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
