#!/usr/bin/env bash
# Telemetry over the connection over which an update comes: shared_connection.sh BIN_DIR [LIMIT_MS [RTT_MS KBIT]]. The
# application of examples/shared-connection is updated while it sends ten messages a second; the longest gap stays below
# the limit, by default far above what a machine with other work needs. With a third and a fourth number the link is slow.
set -euo pipefail
BIN=$(realpath "$1")
limit=${2:-5000} rtt_ms=${3:-} kbit=${4:-}
tools=$(realpath "$(dirname "$0")/../../tools/demo")
. "$tools/lab.sh"
. "$tools/scenes.sh"

lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP

PROVIDER_OPTIONS=(--app-topic 'app/%u/#')
provider_start
device_make 1.0.0 shared-1.0.0
image_sign 1.1.0 shared-1.1.0 release >>commands.log

if [ -n "$rtt_ms" ]; then
    "$tools/../link-proxy" --to "$BROKER" --rtt-ms "$rtt_ms" --kbit-up "$kbit" --kbit-down "$kbit" >port &
    COMMAND_PID=$!
    until_true "$LAB_PATIENCE" test -s port || fail 'the slow link did not start'
    BROKER=127.0.0.1:$(<port)
fi
device_start --us-per-kb 1000 # so that the download takes a while
device_wait 'no update is waiting'
waft deploy 1.1.0.img --to "$THING" --key deploy --job shared --wait --timeout "$LAB_PATIENCE" >>commands.log
device_wait '1.1.0: running from slot B, trial'
device_wait 'the provider knows the result'

line=$(grep -F 'telemetry: longest gap' device.log)
echo "$line"
[[ $line =~ gap\ ([0-9]+)\ ms\ during.*\ ([0-9]+)\ of\ ([0-9]+)\ came ]] || fail "not the line that was expected: $line"
gap=${BASH_REMATCH[1]} heard=${BASH_REMATCH[2]} sent=${BASH_REMATCH[3]}
[ "$gap" -gt 0 ] || fail 'no telemetry came back during the update'
[ "$gap" -le "$limit" ] || fail "a gap of $gap ms"
# Those before the subscription was granted did not come back, and the newest may be on its way.
[ "$heard" -ge $((sent / 2)) ] || fail "of $sent messages $heard came back"
