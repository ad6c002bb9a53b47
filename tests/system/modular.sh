#!/usr/bin/env bash
# The orchestrator of examples/modular, updated by the real provider over the real broker: modular.sh BIN_DIR. From one version to
# the next, by way of the bootloader; a document that it does not understand is refused.
set -euo pipefail
BIN=$(realpath "$1")
tools=$(realpath "$(dirname "$0")/../../tools/demo")
. "$tools/lab.sh"

lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP

provider_start
device_make 1.0.0 modular-1.0.0
image_sign 1.1.0 modular-1.1.0 release >>commands.log

device_start
device_wait '1.0.0: running from slot A, confirmed'
waft deploy 1.1.0.img --to "$THING" --key deploy --job modular --wait --timeout "$LAB_PATIENCE" >>commands.log
device_wait '1.1.0: running from slot B, trial'
device_wait '1.1.0: self-test passed'
device_kill
[ "$(facts slots.1.image_ok)" = set ] || fail "the image was not confirmed: $(flash-facts flash)"
