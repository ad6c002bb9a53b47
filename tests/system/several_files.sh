#!/usr/bin/env bash
# A job of an image and two files of different types, then one of a file alone, and one whose image fails its test, to a device over the
# real broker: several_files.sh BIN_DIR.
set -euo pipefail
BIN=$(realpath "$1")
tools=$(realpath "$(dirname "$0")/../../tools/demo")
. "$tools/lab.sh"

lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP

active() { cat "$1/active/0"; }
deploy() { waft deploy "$@" --to "$THING" --key deploy --wait --timeout "$LAB_PATIENCE" >>commands.log 2>&1; }

provider_start
device_make 2.0.0 2.0.0
image_sign 2.1.0 2.1.0 release >>commands.log
image_sign 2.2.0 1.2.0 release >>commands.log
echo "the first map" >map
echo "the first radio" >radio
echo "the second map" >map2

device_start --files 7:maps --files 9:radios
device_wait '2.0.0: running from slot A, confirmed'
deploy 2.1.0.img --file 7:map --file 9:radio --job together
device_wait '2.1.0: running from slot B, trial'
[ "$(active maps) $(active radios)" = "the first map the first radio" ] || fail "not applied together"

deploy --file 7:map2 --job alone
[ "$(active maps) $(active radios)" = "the second map the first radio" ] || fail "the file alone was not applied"

deploy 2.2.0.img --file 7:map --job fails && fail "an image that fails its test was taken"
device_wait 'going back'
device_wait '2.1.0: running from slot B, confirmed'
[ "$(active maps)" = "the second map" ] || fail "its file stayed"
device_kill
