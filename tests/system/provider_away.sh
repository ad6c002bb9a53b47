#!/usr/bin/env bash
# The provider goes away in the middle of a download: provider_away.sh BIN_DIR. First killed, so that its broker has to be
# adopted or replaced; then stopped with its broker. Each time the device connects again by itself and goes on where it
# was, without a reset, and the job ends as if nothing had been.
set -euo pipefail
BIN=$(realpath "$1")
tools=$(realpath "$(dirname "$0")/../../tools/demo")
. "$tools/lab.sh"
. "$tools/scenes.sh"

lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP

progress() { grep -Eo 'downloading: [0-9]+' device.log | tail -n 1 | cut -d' ' -f2; }

# away COMMAND: the provider goes by it, the device notices, the provider comes back, the device too.
away() {
    device_mark
    "$1"
    device_wait 'trying again'
    device_mark
    provider_start
    device_wait 'connected to'
}

# With its broker, so that the device notices. Whom, is asked before: the download does not wait.
kill_all() {
    kill -KILL "$waftd"
    kill -KILL "$broker" 2>/dev/null || true
    provider_stop
}

scene_1 && scene_2
LAB_US_PER_KB=4000
device_boot
waftd=$(pgrep -P "$PROVIDER_PID")
broker=$(waft status -o json | json brokerPid)
image_sign 1.4.0 1.4.0 release >>commands.log
JOB=over-and-over
JOB_BEGIN=$(milliseconds)
waft deploy 1.4.0.img --to "$THING" --key deploy --job "$JOB" >>commands.log 2>&1

device_wait 'downloading: 20 %'
away kill_all
first=$(progress)
device_wait 'downloading: 60 %'
away provider_stop
[ "$(progress)" -ge "$first" ] || fail 'the download began again'
device_mark
judge SUCCEEDED '1\.4\.0' 1.4.0
expect 'resets' "$(grep -c '^board: reset' device.log)" 1
expect 'downloads' "$(grep -c 'downloading: 10 %' device.log)" 1
echo "${RESULTS[*]}"
