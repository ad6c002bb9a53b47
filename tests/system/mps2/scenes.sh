#!/usr/bin/env bash
# The scenes of ./demo --qemu, headless: scenes.sh TARGET_BIN HOST_BIN. They fail if one ends in another way than told.
# What flash and wire hold after each, tests/integration/scenes.sh looks at: that is the same for every device.
set -euo pipefail
TARGET=$(realpath "$1") BIN=$(realpath "$2")
tools=$(realpath "$(dirname "$0")/../../../tools/demo")
bold='' dim='' off=''
. "$tools/lab.sh"
. "$tools/scenes.sh"
. "$tools/qemu.sh"

say() { echo "$*"; }

lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP
play
