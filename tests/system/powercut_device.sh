#!/usr/bin/env bash
# Power is cut on the real executables: powercut_device.sh BIN_DIR [CUTS [SEED]]
# One provider, one device that is updated from 2.0.0 to 2.1.0 and back, again and again. In each update power is lost at
# one flash operation, before it or half-way in it, counted over bootloader and image alike. After each the device
# boots an image that verifies, the provider says what is true, and at the end the next update succeeds.
set -euo pipefail
BIN=$(realpath "$1")
cuts=${2:-60}
seed=${3:-$RANDOM}
RANDOM=$seed # the same seed, the same cuts
tools=$(realpath "$(dirname "$0")/../../tools/demo")
. "$tools/lab.sh"

echo "seed $seed, $cuts cuts"
lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP

deploy() { waft deploy "$1.img" --to "$THING" --key deploy --job "$2"; }

ended() { gone "$DEVICE_PID"; }
# The device's own words would not do: after a cut in a report it tells the result before once more.
job_ended() { waft job show "$1" -o json | grep -Eq '"(SUCCEEDED|FAILED)"'; }
told_or_dark() { ended || { device_said 'the provider knows the result' && job_ended "$1"; }; }

# The newest confirmed image: what the next boot will start.
confirmed() {
    flash-facts flash | python3 -c '
import json, sys
slots = [s for s in json.load(sys.stdin)["slots"] if s["class"] == "confirmed"]
print(max(slots, key=lambda s: s.get("sequence", -1))["version"] if slots else "nothing")'
}

other() { [ "$1" = 2.0.0 ] && echo 2.1.0 || echo 2.0.0; }

# What flash and provider say after job $1 from version $2 to $3; sets `runs`.
judge() {
    local row status
    row=$(waft job show "$1" -o json)
    status=$(json 0.status <<<"$row")
    runs=$(confirmed)
    case $status in
    SUCCEEDED) [ "$runs" = "$3" ] || fail "$1 SUCCEEDED, but $runs is confirmed" ;;
    FAILED) [ "$runs" = "$2" ] || fail "$1 FAILED, but $runs is confirmed" ;;
    *) fail "$1 ended as $status" ;;
    esac
    outcome="$status: $(json 0.reason <<<"$row"); runs $runs"
}

# One update to $1 as job $2, with power cut at $3 ("" for none), then restored.
update() {
    local from=$runs
    deploy "$1" "$2" >>commands.log 2>&1
    device_mark
    device_start ${3:+--power-cut-at "$3"}
    until_true "$LAB_PATIENCE" told_or_dark "$2" || fail "neither told nor dark: $2, cut at $3"
    state='not reached'
    if ended; then
        DEVICE_PID=''
        state=$(facts journal.state)
        device_start
        waft job watch "$2" --timeout "$LAB_PATIENCE" >>commands.log 2>&1 || true # the code says how it ended
        job_ended "$2" || fail "not told: $2"
    fi
    device_stop
    judge "$2" "$from" "$1"
}

provider_start
device_make 2.0.0 2.0.0
image_sign 2.1.0 2.1.0 release >>commands.log
runs=2.0.0

# How long is an update? One without a cut tells, and passes.
update 2.1.0 whole ''
expect_whole=$(grep -Eo 'off after [0-9]+' device.log | tail -n 1 | grep -Eo '[0-9]+')
echo "an update takes $expect_whole flash operations; $outcome"
[ "$runs" = 2.1.0 ] || fail 'the update without a cut did not succeed'

for ((i = 1; i <= cuts; i++)); do
    # Every other cut falls behind the download, where the marks are written and the reset lies.
    if ((i % 2)); then
        at=$((1 + RANDOM % expect_whole))
    else
        at=$((expect_whole - RANDOM % 60))
    fi
    ((RANDOM % 2)) && at+=:inside
    update "$(other "$runs")" "cut-$i" "$at"
    printf '%3d  cut at %-10s in %-13s %s\n' "$i" "$at" "$state" "$outcome"
done

last=$(other "$runs")
update "$last" last ''
[ "$runs" = "$last" ] || fail "after $cuts cuts an update did not succeed: $outcome"
echo "after $cuts cuts: $outcome"
