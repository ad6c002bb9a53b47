"""Keys, and flashes of devices that have left the factory."""

import json
import os
import subprocess

from board import SLOT, Flash

VENDOR, CLASS = '9e3d8f5c-0f57-4c0d-9f0e-6b3f7d7d2a11', '2d4b5a7e-33f1-4a53-8a55-0c9d6c1e7b22'


class Factory:
    """Version 1.0.0 in slot A; made with the programs in `host`, out of the images in `target`, in the folder `room`."""

    def __init__(self, target, host, room):
        self.target, self.host, self.room = target, host, room
        for key in ('release', 'stranger', 'deployment'):
            self.run('waft', 'key', 'new', f'{key}.key')
        for name in ('device.key', 'device.crt', 'ca.crt'):
            with open(self.path(name), 'w', encoding='ascii') as f:
                f.write(f'the bootloader never looks at {name}\n')
        self.parts = {}

    def run(self, tool, *arguments):
        done = subprocess.run([os.path.join(self.host, tool), *arguments], cwd=self.room, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise AssertionError(f'{tool} {" ".join(arguments)}: {done.stdout}')
        return done.stdout

    def path(self, name):
        return os.path.join(self.room, name)

    def sign(self, behaviour, slot, version, address=None, key='release', options=()):
        """An image of a payload that is linked for `slot`; `address`: what its header says instead."""
        name = f'{behaviour}-{slot}-{version}-{address}-{key}.img'
        if not os.path.exists(self.path(name)):
            self.run('waft', 'image', 'sign', os.path.join(self.target, f'image-{behaviour}-{slot}.bin'), '--out', name,
                     '--version', version, '--vendor', VENDOR, '--class', CLASS, '--key', f'{key}.key',
                     '--header-size', '0x400', '--load-address', hex(SLOT[slot] if address is None else address),
                     *options)
        return self.path(name)

    def make(self, name, image):
        self.run('waft', 'factory', image, '--out', name, '--thing', 'device', '--release-key', 'release.pub',
                 '--deployment-key', 'deployment.pub')
        return self.path(name)

    def part(self, update=None):
        """What is in a device's flash, with `update` in slot B waiting for its trial."""
        if update not in self.parts:
            part = self.make(f'part-{len(self.parts)}', self.sign('well', 'a', '1.0.0'))
            if update is not None:
                self.run('flash-install', part, update)
            self.parts[update] = part
        return self.parts[update]

    def flash(self, update=None):
        return Flash(self.path('flash'), self.part(update))

    def facts(self, flash):
        return json.loads(self.run('flash-facts', flash.part(self.path('facts'))))
