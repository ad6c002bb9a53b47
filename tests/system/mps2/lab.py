"""A provider with keys, releases and emulated boards: what all tests and benches of whole updates begin with."""

import itertools
import os

from board import SLOT, Board, Flash
from provider import Provider

VENDOR, CLASS = '9e3d8f5c-0f57-4c0d-9f0e-6b3f7d7d2a11', '2d4b5a7e-33f1-4a53-8a55-0c9d6c1e7b22'


class Lab:
    """As a context: the provider runs."""

    def __init__(self, target, host, room):
        self.target, self.room, self.numbers = target, room, itertools.count(1)
        self.boot = os.path.join(target, 'boot-mps2.elf')
        self.provider = Provider(host, room)

    def __enter__(self):
        self.provider.begin()
        for key in ('release', 'stranger', 'deployment'):
            self.provider.waft('key', 'new', key)
        return self

    def __exit__(self, *_):
        self.provider.end()

    def path(self, name):
        return os.path.join(self.room, name)

    def sign(self, version, slot, build=None, key='release', address=None):
        """The image of a build for a slot, signed as `version`."""
        name = f'{version}-{slot}-{key}-{address}.img'
        if not os.path.exists(self.path(name)):
            self.provider.waft('image', 'sign', os.path.join(self.target, f'demo-{build or version}-{slot}.bin'), '--out',
                               name, '--version', version, '--vendor', VENDOR, '--class', CLASS, '--key', key,
                               '--header-size', '0x400', '--load-address', hex(SLOT[address or slot]))
        return name


class Device:
    """A thing of the provider's, and the board that it is: from the factory with 1.0.0 in slot A."""

    def __init__(self, lab, thing):
        self.lab, self.provider, self.thing = lab, lab.provider, thing
        self.provider.waft('thing', 'create', thing)
        self.provider.waft('factory', lab.sign('1.0.0', 'a'), '--out', f'{thing}.part', '--thing', thing,
                           '--release-key', 'release.pub', '--deployment-key', 'deployment.pub')
        self.back_to_factory()

    def back_to_factory(self):
        self.flash = Flash(self.lab.path(f'{self.thing}.flash'), self.lab.path(f'{self.thing}.part'))

    def power_on(self, network_us=0):
        return Board(self.lab.boot, self.flash, broker=self.provider.broker, network_us=network_us)

    def deploy(self, *images, options=()):
        """@return the job."""
        job = f'job-{next(self.lab.numbers)}'
        self.provider.waft('deploy', *images, '--to', self.thing, '--key', 'deployment', '--job', job, *options)
        return job

    def deploy_release(self, version, **signing):
        a, b = (self.lab.sign(version, slot, **signing) for slot in 'ab')
        return self.deploy('--slot-a', a, '--slot-b', b)

    def settle(self, board, job, version):
        """
        After power-on a verified image runs; whatever came of the job, `version` can be installed.
        @return the provider's reason.
        """
        board.wait_for('^boot: starting slot [AB]: ')
        board.wait_for(': agent is ready$')
        status, why = self.provider.execution(job)
        if status != 'SUCCEEDED':
            assert (status, 'power' in why) == ('FAILED', True), f'{job}: {status}, {why}'
            status, again = self.provider.execution(self.deploy_release(version))
            assert status == 'SUCCEEDED', f'the update after it: {status}, {again}'
            board.wait_for(': agent is ready$')
        return why
