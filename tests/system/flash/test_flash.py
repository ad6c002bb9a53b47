#!/usr/bin/env python3
"""Runs an ELF with the flash checks on an emulated board: test_flash.py mps2|ast1030 ELF"""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'mps2'))
from board import PART, Board, Flash, Machine

SPI_PART = 0x400000  # bytes of the AST1030's part


def machine(kind, elf, room):
    """The board, with a flash in which no bit is erased."""
    part = os.path.join(room, 'part')
    with open(part, 'wb') as f:
        f.write(bytes(PART if kind == 'mps2' else SPI_PART))
    if kind == 'mps2':
        return Board(elf, Flash(os.path.join(room, 'flash'), part))
    return Machine(['-M', 'ast1030-evb', '-kernel', elf, '-drive', f'if=mtd,format=raw,file={part}'])


def main():
    kind, elf = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix='waft-flash-') as room, machine(kind, elf, room) as board:
        end = board.wait_for('^flash: (all|some) checks', '^board: ', 'stops', seconds=60)
        print('\n'.join(board.said))
    sys.exit(0 if end == 'flash: all checks passed' else 1)


main()
