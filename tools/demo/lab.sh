# shellcheck shell=bash
# The laboratory of ./demo and of the tests that run real processes: a temporary directory, a provider, a device, and
# nothing that is left behind. Sourced; the caller sets BIN, the directory of the executables.
#
#   lab_open; trap lab_close EXIT      lab_close removes all, unless LAB_KEEP is set
#   provider_start, provider_stop
#   device_make VERSION BUILD            a thing, its keys, and its flash with that image
#   device_start [option...], device_wait TEXT, device_kill, device_stop
#   image_sign VERSION BUILD KEY         makes VERSION.img of the build demo-BUILD
#   facts PATH, wire_since, wire_bytes   what flash and broker have to say
#
# The device is a process of this machine; qemu.sh puts an emulated board in its place.

LAB_PATIENCE=${LAB_PATIENCE:-60} # seconds until an event that does not come is a failure
THING=${THING:-demo-1}
PROVIDER_OPTIONS=() # of `waft up`

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    [ ! -e "$LAB/device.log" ] || tail -n 30 "$LAB/device.log" | sed 's/^/  device | /' >&2
    [ ! -s "$LAB/qemu.log" ] || tail -n 10 "$LAB/qemu.log" | sed 's/^/  qemu   | /' >&2
    [ ! -e "$LAB/provider.log" ] || tail -n 10 "$LAB/provider.log" | sed 's/^/  waftd  | /' >&2
    exit 1
}

# until_true SECONDS COMMAND...: asks again until the command succeeds.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

lab_open() {
    LAB=$(mktemp -d "${TMPDIR:-/tmp}/waft-lab.XXXXXX")
    # What waft stores for its user goes here too: the real user's is not touched.
    export HOME=$LAB/home XDG_CONFIG_HOME=$LAB/home/.config
    unset WAFT_URL WAFT_TOKEN WAFT_CA
    mkdir -p "$HOME"
    PATH=$BIN:$PATH
    cd "$LAB" # so that commands of a story can name files as a person would
    PROVIDER_PID='' DEVICE_PID='' WIRE_PID='' COMMAND_PID='' DEVICE_SHOWN=0 DEVICE_MARK=0
    : >"$LAB/device.log"
}

lab_close() {
    local code=$?
    trap - EXIT INT TERM HUP
    [ -z "$COMMAND_PID" ] || end_process "$COMMAND_PID"
    device_stop || true
    [ -z "$WIRE_PID" ] || end_process "$WIRE_PID"
    provider_stop || true
    if [ -n "${LAB_KEEP:-}" ]; then
        echo "kept: $LAB"
    else
        cd / && rm -rf "$LAB"
    fi
    exit "$code"
}

# Ends a child of this shell: asked first, then not.
end_process() {
    kill -TERM "$1" 2>/dev/null || return 0
    until_true 15 gone "$1" || kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# Whether a child has ended: it is a zombie, or has been waited for.
gone() {
    local state
    { read -r state <"/proc/$1/stat"; } 2>/dev/null || return 0
    [[ $state == *') Z '* ]]
}

# json PATH: one value out of JSON on stdin: members and indexes, by dots; "-" if there is none.
json() {
    python3 -c '
import json, sys
value = json.load(sys.stdin)
for step in sys.argv[1].split("."):
    try:
        value = value[int(step)] if isinstance(value, list) else value[step]
    except (KeyError, IndexError, TypeError):
        value = "-"
        break
print(value if isinstance(value, str) else json.dumps(value))' "$1"
}

# --- device ---------------------------------------------------------------------------

device_start() {
    waft-device --flash flash --broker "$BROKER" "$@" >>device.log 2>&1 &
    DEVICE_PID=$!
}

device_stop() {
    [ -z "$DEVICE_PID" ] || end_process "$DEVICE_PID"
    DEVICE_PID=''
}

# Brings what `waft factory` has made to the size of the device's memory. Here it is that.
flash_fit() { :; }

# How slow the device is, so that one can watch it: microseconds for each KiB that it programs.
device_pace() { LAB_US_PER_KB=$1; }
device_start_paced() { device_start --us-per-kb "${LAB_US_PER_KB:-0}"; }

# Power off, without a warning. The image dies with the board, a moment later.
device_kill() {
    kill -KILL "$DEVICE_PID"
    wait "$DEVICE_PID" 2>/dev/null || true
    DEVICE_PID=''
    until_true "$LAB_PATIENCE" flash_is_free || fail 'somebody still holds the flash'
}

flash_is_free() { flash-facts flash >/dev/null 2>&1; }

# How often it has come up again without having been switched off.
device_resets() { grep -c '^board: reset' device.log || true; }

# The lines that have come since they were last shown.
device_show() {
    local lines
    lines=$(wc -l <device.log)
    [ "$lines" -gt "$DEVICE_SHOWN" ] || return 0
    sed -n "$((DEVICE_SHOWN + 1)),${lines}p" device.log | device_line
    DEVICE_SHOWN=$lines
}

device_line() { cat >/dev/null; } # ./demo shows them

# device_mark remembers a place in the log, device_said TEXT asks about what came after it.
device_mark() { DEVICE_MARK=$(wc -c <device.log); }
device_said() {
    device_show
    grep -qF -- "$1" < <(tail -c "+$((DEVICE_MARK + 1))" device.log)
}

device_wait() {
    until_true "$LAB_PATIENCE" device_said "$1" || fail "the device did not say \"$1\""
    device_show
}

# facts PATH: a value of what flash-facts prints. Only while no device runs: the flash is one process's.
facts() { flash-facts flash | json "$1"; }

# The bytes of a slot as one digest: whether anything in it was touched. Reading needs no lock.
slot_digest() {
    local first=$((16 + 512 * ($1 == 1))) # 4 KiB sectors: ports/posix/posix_board.h
    dd if=flash bs=4096 skip="$first" count=512 status=none | sha256sum | cut -d' ' -f1
}

# --- provider ---------------------------------------------------------------------------

# `waft up` in the foreground of a process of ours: until it says that it is ready.
provider_start() {
    local said
    touch provider.log
    said=$(wc -c <provider.log)
    waft up --data provider "${PROVIDER_OPTIONS[@]}" >>provider.log 2>&1 &
    PROVIDER_PID=$!
    until_true "$LAB_PATIENCE" provider_ready "$said" || fail "the provider did not start"
}

# provider_ready BYTES: behind so many of its log it says where its broker is.
provider_ready() {
    ! gone "$PROVIDER_PID" || fail "the provider ended"
    BROKER=$(tail -c "+$(($1 + 1))" provider.log | awk '$1 == "broker" { print $2 }')
    [ -n "$BROKER" ]
}

provider_stop() {
    [ -z "$PROVIDER_PID" ] || end_process "$PROVIDER_PID"
    PROVIDER_PID=''
}

# --- images -----------------------------------------------------------------------------

VENDOR=7d1d6fbc-6b5e-4b5a-9f0e-2c1f5f0f6a01
CLASS=b1c0a1de-0d5c-4d6b-8a51-6a2b8f5d2e02
OTHER_CLASS=0b5e55ed-0000-4000-8000-00000000c1a5

# image_sign VERSION BUILD KEY [CLASS]: signs the build demo-BUILD as VERSION into VERSION.img.
image_sign() {
    waft image sign "$BIN/images/demo-$2" --out "$1.img" --version "$1" --key "$3" \
        --vendor "$VENDOR" --class "${4:-$CLASS}"
}

# device_make VERSION BUILD: what comes before a device's first start, as ./demo shows it step by step.
device_make() {
    waft thing create "$THING"
    waft key new release
    waft key new deploy
    image_sign "$1" "$2" release
    waft factory "$1.img" --out flash --thing "$THING" --release-key release.pub --deployment-key deploy.pub
} >>commands.log

# image_files VERSION: what `waft deploy` is given. image_file VERSION SLOT: the file of it that a slot gets.
image_files() { echo "$1.img"; }
image_file() { echo "$1.img"; }

# --- the wire ---------------------------------------------------------------------------

# Record all that goes over the broker, with a certificate that only the owner of the provider's CA can make.
wire_start() {
    local dir=wire ca=provider/ca
    mkdir -p "$dir"
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/key"
    openssl req -new -key "$dir/key" -subj /CN=waft.provider.watch -out "$dir/csr"
    openssl x509 -req -in "$dir/csr" -CA "$ca/ca.crt" -CAkey "$ca/ca.key" -set_serial "0x$(openssl rand -hex 15)" \
        -days 1 -extfile <(echo extendedKeyUsage=clientAuth) -out "$dir/crt" 2>/dev/null
    wire-log "${BROKER%:*}" "${BROKER##*:}" "$ca/ca.crt" "$dir/crt" "$dir/key" >wire.log 2>"$dir/state" &
    WIRE_PID=$!
    until_true "$LAB_PATIENCE" grep -q subscribed "$dir/state" || fail "the wire cannot be recorded: $(cat "$dir/state")"
}

# wire_mark remembers a place in the recording; wire_since prints what came after it.
wire_mark() { WIRE_MARK=$(wc -c <wire.log); }
wire_since() { tail -c "+$((WIRE_MARK + 1))" wire.log; }

# Bytes of blocks that came over the wire, and of those the ones that came again: "TOTAL AGAIN".
wire_bytes() {
    wire_since | awk -F'\t' '$3 ~ /^block/ {
        split($3, b, " "); total += b[4]; if (seen[b[2] " " b[3]]++) again += b[4]
    } END { print total + 0, again + 0 }'
}
