#!/usr/bin/env bash
# The seven scenes of ./demo, headless: scenes.sh BIN_DIR. After each it looks into flash, at the provider, and onto the
# wire. Takes the directory of the executables, so that it runs with every build.
set -euo pipefail
BIN=$(realpath "$1")
tools=$(realpath "$(dirname "$0")/../../tools/demo")
. "$tools/lab.sh"
. "$tools/scenes.sh"

say() { echo "$*"; }

after_scene() {
    if declare -F "after_$1" >/dev/null; then
        "after_$1"
    fi
}

# --- looking -----------------------------------------------------------------------------

# wire_order REGEX...: after the last wire_mark these lines came, in this order (others between them).
wire_order() {
    local missing
    missing=$(wire_since | WANT=$(printf '%s\n' "$@") awk '
        BEGIN { count = split(ENVIRON["WANT"], want, "\n"); at = 1 }
        at <= count && $0 ~ want[at] { at++ }
        END { if (at <= count) print want[at] }')
    [ -z "$missing" ] || fail "on the wire, in this order: $missing"
}

# How many messages after the last wire_mark match.
wire_count() { wire_since | grep -Ec -- "$1" || true; }

# Flash can be looked into only while the device is off.
with_device_off() {
    device_stop
    "$@"
    device_boot
}

expect_facts() {
    while [ $# -gt 0 ]; do
        expect "flash: $1" "$(facts "$1")" "$2"
        shift 2
    done
}

# The private key, its lines and its bytes, is in no file that the provider has.
nowhere_at_the_provider() {
    local line
    line=$(sed -n 2p "$1")
    [ ${#line} -eq 64 ] || fail "$1 is not a key"
    ! grep -rqF -- "$line" provider || fail "the provider has the private key $1"
    openssl ec -in "$1" -outform DER 2>/dev/null | tail -c +8 | head -c 32 >"$1.raw"
    python3 - "$1.raw" <<'PYTHON' || fail "the provider has the private key $1, in binary"
import pathlib, sys
secret = pathlib.Path(sys.argv[1]).read_bytes()
assert len(secret) == 32
sys.exit(any(secret in f.read_bytes() for f in pathlib.Path('provider').rglob('*') if f.is_file()))
PYTHON
}

# --- after each scene ----------------------------------------------------------------------

after_1() {
    expect 'mode of the token' "$(stat -c %a provider/token)" 600
    expect 'mode of what waft up stored for the user' "$(stat -c %a "$XDG_CONFIG_HOME/waft/provider.json")" 600
    expect 'mode of the CA key' "$(stat -c %a provider/ca/ca.key)" 600
    expect_match 'the broker has a port of its own' "$BROKER" ':[0-9]{4,5}$'
    [ "${BROKER##*:}" -ne 1883 ] || fail 'the broker took the port of the distribution'"'"'s'
}

after_2() {
    nowhere_at_the_provider release
    nowhere_at_the_provider deploy
    nowhere_at_the_provider "$THING.key"
    expect_facts slots.0.version 1.0.0 slots.0.sequence 0 slots.0.magic set slots.0.image_ok set slots.0.trials 0 \
        slots.1.magic unset slots.1.download unset journal.state none counter 0
}

look_3() {
    expect_facts slots.0.class confirmed slots.0.version 1.0.0 slots.0.sequence 0 \
        slots.1.class confirmed slots.1.version 1.1.0 slots.1.sequence 1 slots.1.trials 1 slots.1.copy_done set \
        journal.state none
}

after_3() {
    local job='jobs/update-to-1_1_0/update' last
    last=$((($(stat -c %s 1.1.0.img) + 4095) / 4096 - 1))
    wire_order 'jobs/notify-next.*QUEUED' \
        'jobs/[$]next/get	' \
        'jobs/[$]next/get/accepted.*update-to-1_1_0' \
        "$job	.*IN_PROGRESS.*\"expectedVersion\":1" \
        "$job/accepted.*IN_PROGRESS" \
        'block 0 0 4096' \
        "block 0 $last " \
        'block 0 1 4096' \
        "block 0 $((last - 1)) 4096" \
        "$job	.*\"self_test\":\"ready\"" \
        "$job	.*SUCCEEDED.*\"version\":\"1\\.1\\.0\"" \
        "$job/accepted.*SUCCEEDED" \
        'jobs/notify-next'
    expect 'results told' "$(wire_count "$job	.*SUCCEEDED")" 1
    expect 'start-next, which could hand over another job' "$(wire_count 'jobs/start-next')" 0
    # At the connect, and when it is confirmed, if that is later.
    [ "$(wire_count 'shadow/name/waft/update	.*"1\.1\.0"')" -le 2 ] || fail 'the device says again what it is'
    expect_match 'what the device says of itself' "$(waft thing show "$THING" -o csv | tail -n 1)" \
        ',1\.1\.0,.*,true,B,.*,update-to-1_1_0,accepted$'
    with_device_off look_3
}

look_4() {
    expect_facts slots.1.class confirmed slots.1.version 1.1.0 slots.1.sequence 1 journal.state none
    [ "$(facts slots.0.class)" = invalid ] || fail 'an image that failed is still there to be booted'
}

after_4() {
    wire_order 'update-to-1_2_0/update	.*FAILED.*self-test failed.*"version":"1\.1\.0"' \
        'update-to-1_3_0/update	.*FAILED.*watchdog.*"version":"1\.1\.0"'
    grep -q '^1\.3\.0:' device.log && fail 'an image that hangs before it starts has spoken'
    with_device_off look_4
}

after_5() {
    local stream
    expect 'blocks for another class' "$(wire_count 'update-to-1_4_2/update	.*IN_PROGRESS')" 0
    # The wrong key cost the head's block and the tail's: two, where the TLVs cross from one block into the next.
    stream=$(wire_since | grep -E 'notify-next.*update-to-1_4_1' | grep -Eo 'AFR_OTA-[0-9a-f-]+' | head -n 1)
    expect_match 'blocks for a wrong key' "$(wire_count "$stream/data.*block")" '^[23]$'
    with_device_off look_4
}

look_6() {
    expect_facts slots.0.class confirmed slots.0.version 1.4.0 slots.0.sequence 2 \
        slots.1.class confirmed slots.1.version 1.1.0 journal.state none
}

after_6() {
    expect 'claims of the resumed job' "$(wire_count 'update-to-1_4_0/update	.*"expectedVersion"')" 1
    with_device_off look_6
}

after_7() {
    local jobs
    jobs=$(waft job list -o json)
    expect 'jobs' "$(python3 -c 'import json, sys; print(len(json.load(sys.stdin)))' <<<"$jobs")" 7
    expect 'jobs that are still open' "$(waft status -o json | json inProgress)" 0
    nowhere_at_the_provider release
    nowhere_at_the_provider deploy
    nowhere_at_the_provider "$THING.key"
}

lab_open
trap lab_close EXIT
trap 'exit 130' INT TERM HUP
play
