#!/usr/bin/env python3
"""Whole updates of an emulated Cortex-M3: a real provider, a real broker, TCP, TLS and MQTT of the board's own.

test_update.py TARGET_BIN HOST_BIN [unittest options]; KILLS and SEED in the environment for more power cuts.
"""

import contextlib
import json
import os
import random
import re
import sys
import tempfile
import time
import unittest

from board import Board, Silence
from lab import Device, Lab
from provider import Provider

TARGET, HOST = (os.path.abspath(p) for p in sys.argv[1:3])
THING = 'mps2-1'


class UpdateTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        room = tempfile.TemporaryDirectory(prefix='waft-update-')
        cls.addClassCleanup(room.cleanup)
        cls.lab = cls.enterClassContext(Lab(TARGET, HOST, room.name))
        cls.provider, cls.device = cls.lab.provider, Device(cls.lab, THING)

    def setUp(self):
        self.device.back_to_factory()

    def slots(self):
        """What the host's tools find in the flash."""
        return json.loads(self.provider.run('flash-facts', self.device.flash.part(self.lab.path('facts'))))['slots']

    def ready(self, board, version, slot, how='confirmed'):
        board.wait_for(f'^{version}: running from slot {slot}, {how}$')
        board.wait_for(f'^{version}: connected to ')
        board.wait_for(f'^{version}: agent is ready$')

    def reverts(self, version, *lines, reason):
        """The update to `version` comes back to 1.0.0, and the provider knows why."""
        with self.device.power_on() as board:
            self.ready(board, '1.0.0', 'A')
            job = self.device.deploy_release(version)
            for line in ('starting slot B: first boot of a new image: a trial', *lines):
                board.wait_for(line)
            self.ready(board, '1.0.0', 'A')
            status, why = self.provider.execution(job)
        self.assertEqual(status, 'FAILED')
        self.assertRegex(why, reason)

    def refuses(self, *images, status, reason, options=()):
        """No reset, and 1.0.0 goes on."""
        with self.device.power_on() as board:
            self.ready(board, '1.0.0', 'A')
            got = self.provider.execution(self.device.deploy(*images, options=options))
            board.wait_for('the provider knows the result')
            self.assertFalse([line for line in board.said if re.search('reset$', line)])
        self.assertEqual(got[0], status)
        self.assertRegex(got[1], reason)

    # --- updates that go well -------------------------------------------------

    def test_a_release_for_both_slots_is_installed_again_and_again(self):
        with self.device.power_on() as board:
            self.ready(board, '1.0.0', 'A')
            for version, slot in (('1.1.0', 'B'), ('1.0.0', 'A'), ('1.1.0', 'B')):
                job = self.device.deploy_release(version)
                board.wait_for(f'^{version}: running from slot {slot}, trial$')
                board.wait_for(f'^{version}: confirmed: this image stays$')
                self.assertEqual(self.provider.execution(job)[0], 'SUCCEEDED')
            already = self.provider.execution(self.device.deploy_release('1.1.0'))
        self.assertEqual(already, ('SUCCEEDED', 'already installed'))
        slot = self.slots()[1]
        self.assertEqual((slot['version'], slot['class'], slot['verify']), ('1.1.0', 'confirmed', 'OTA_OK'))

    # --- images that are not well ------------------------------------------------

    def test_an_image_that_fails_its_self_test_is_taken_back(self):
        self.reverts('1.2.0', '^1.2.0: self-test: .* impossible$', '^1.2.0: reset$', reason='self-test failed')

    def test_an_image_that_hangs_is_taken_back_by_the_watchdog(self):
        self.reverts('1.3.0', '^boot: reset cause: watchdog$', reason='did not start.*watchdog')

    def test_an_image_that_writes_into_its_flash_faults_and_is_taken_back(self):
        self.reverts('1.4.0', '^boot: reset cause: fault$', reason='did not start.*fault')

    # --- images that must never run ------------------------------------------------

    def test_a_wrong_key_is_refused(self):
        self.refuses(self.lab.sign('1.1.0', 'b', key='stranger'), status='REJECTED', reason='key that is not trusted')

    def test_the_wrong_slot_is_refused(self):
        self.refuses(self.lab.sign('1.1.0', 'a'), status='REJECTED', reason='linked for another slot')

    def test_a_flipped_bit_is_refused(self):
        with open(self.lab.path(self.lab.sign('1.1.0', 'b')), 'rb') as f:
            image = bytearray(f.read())
        image[len(image) // 2] ^= 4
        with open(self.lab.path('flipped.img'), 'wb') as f:
            f.write(image)
        self.refuses('flipped.img', status='FAILED', reason='digest does not match', options=('--unchecked',))

    def test_the_tool_refuses_a_pair_that_is_none(self):
        a, b = self.lab.sign('1.1.0', 'a'), self.lab.sign('1.1.0', 'b')
        rows = [
            ('swapped', b, a, 'swap them'),
            ('the same twice', a, a, 'linked for the same slot'),
            ('two releases', self.lab.sign('1.0.0', 'a'), b, 'not one release'),
        ]
        for why, first, second, words in rows:
            with self.subTest(why):
                text = self.provider.waft('deploy', '--slot-a', first, '--slot-b', second, '--to', THING, '--key',
                                          'deployment', codes=(1,))
                self.assertIn(words, text)

    # --- what goes away ----------------------------------------------------------------

    def test_a_provider_and_broker_that_go_away_only_delay_an_update(self):
        # Slow, so that they are gone before the download ends.
        with self.device.power_on(network_us=20000) as board:
            self.ready(board, '1.0.0', 'A')
            job = self.device.deploy_release('1.5.0')
            board.wait_for('downloading: 20 %')
            self.provider.end()
            board.wait_for('^1.0.0: connection lost: ')
            board.wait_for('^1.0.0: cannot connect: ')
            board.wait_for('^1.0.0: cannot connect: ')
            self.provider.begin()
            board.wait_for('^1.0.0: connected to ')
            board.wait_for('^1.5.0: confirmed: this image stays$')
            self.assertEqual(self.provider.execution(job)[0], 'SUCCEEDED')
            self.assertEqual(sum('downloading: 20 %' in line for line in board.said), 1)

    def test_a_broker_that_cannot_be_trusted_is_not_talked_to(self):
        with tempfile.TemporaryDirectory(prefix='waft-stranger-') as room, Provider(HOST, room) as stranger:
            with Board(self.lab.boot, self.device.flash, broker=stranger.broker) as board:
                board.wait_for("^1.0.0: cannot connect: the broker's certificate is not trusted")

    # --- power ------------------------------------------------------------------------------

    def seconds_of_an_update(self, board):
        """To 1.1.0, on this machine and as busy as it is."""
        begin = time.monotonic()
        job = self.device.deploy_release('1.1.0')
        board.wait_for('the provider knows the result')
        self.assertEqual(self.provider.execution(job)[0], 'SUCCEEDED')
        return time.monotonic() - begin

    def cut(self, board, seconds):
        """The power, after so long. @return what the board said last."""
        with contextlib.suppress(Silence):
            board.wait_for('^what nobody says$', seconds=seconds)
        board.cut_power()
        return board.said[-1]

    def test_power_that_goes_at_any_moment_of_an_update_costs_at_most_that_update(self):
        seed, kills = int(os.environ.get('SEED', random.randrange(1 << 32))), int(os.environ.get('KILLS', 20))
        print(f'seed {seed}, {kills} kills', file=sys.stderr)
        dice = random.Random(seed)
        with contextlib.ExitStack() as lives:
            board = lives.enter_context(self.device.power_on())
            board.wait_for(': agent is ready$')
            whole = self.seconds_of_an_update(board)
            for number in range(kills):
                version, seconds = ('1.0.0', '1.1.0')[number % 2], dice.uniform(0, whole)
                job = self.device.deploy_release(version)
                last = self.cut(board, seconds)
                board = lives.enter_context(self.device.power_on())
                what = f'kill {number}, {seconds:.2f} s, after "{last}"'
                try:
                    print(f'{what}: {self.device.settle(board, job, version)}', file=sys.stderr)
                except AssertionError as why:
                    raise AssertionError(f'{what}, seed {seed}: {why}') from why


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
