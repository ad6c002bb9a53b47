#!/usr/bin/env bash
# A device that downloads over HTTPS from the provider, end to end: http_device.sh BIN_DIR. In the middle the connection is
# lost, for longer than its URL is good: the device is refused, asks for its job again, and goes on where it was with a new URL.
set -euo pipefail
BIN=$(realpath "$1")
tools=$(realpath "$(dirname "$0")/../../tools/demo")
. "$tools/lab.sh"
. "$tools/scenes.sh"

lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP

# Between the device and `/d/`: as a front of the operator's would be, and it can be taken away.
front_start() {
    "$tools/../link-proxy" --to "127.0.0.1:$(<provider/https-port)" "$@" >front-port &
    COMMAND_PID=$!
    until_true "$LAB_PATIENCE" test -s front-port || fail 'the front did not start'
}
front_stop() { end_process "$COMMAND_PID" && COMMAND_PID=''; }

# The ports stay when it is started again.
provider_start
provider_stop
front_start --kbit-down 4000
PORT=$(<front-port)
PROVIDER_OPTIONS=(--download-url "https://127.0.0.1:$PORT" --url-expires 4)
provider_start
wire_start
device_make 1.0.0 1.0.0
image_sign 1.1.0 1.1.0 release >>commands.log

device_start --prefer http
device_wait 'no update is waiting'
wire_mark
waft deploy 1.1.0.img --to "$THING" --key deploy --job over-http --protocol http >>commands.log
device_wait 'downloading: 20 %'
front_stop
sleep 5 # four seconds are what the URL was good for
first=$(grep -c 'next/get	' wire.log)
front_start --port "$PORT"
device_wait 'downloading: 60 %'
[ "$(grep -c 'next/get	' wire.log)" -gt "$first" ] || fail 'the device did not ask for another URL'
device_wait '1.1.0: running from slot B, trial'
device_wait 'the provider knows the result'
! wire_since | grep -q 'streams/' || fail 'something came over MQTT'
[ "$(grep -c 'downloading: 10 %' device.log)" -eq 1 ] || fail 'the download began again'
echo "$(device_resets) reset, nothing twice, nothing over MQTT"
