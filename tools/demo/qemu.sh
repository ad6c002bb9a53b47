# shellcheck shell=bash
# The emulated Cortex-M3 as the device of ./demo: sourced last, it replaces what is different from a process. The caller
# sets TARGET, the directory of bootloader and images, and for the screen bold, dim and off. What stays the same: lab.sh
# and scenes.sh.

FLASH_PART=$((0x410000))    # ports/posix/posix_board.h, which the board's layout is too
FLASH_MEMORY=$((0x1000000)) # what it lies in
SLOT_ADDRESS_A=0x10000 SLOT_ADDRESS_B=0x210000

# The board sends telemetry of its own over the same connection.
PROVIDER_OPTIONS=(--app-topic 'app/%u/#')

# 1.4.0 is taken by an image with a flaw. A slow flash would need another emulator; a slow network needs an option.
LARGE=1.5.0 WHAT_IS_SLOW='the network'
NETWORK_US=1000

# --- device ---------------------------------------------------------------------------

# Power on. Standard output is the UART. The broker is told by semihosting: docs/bare-metal.md.
device_start() {
    qemu-system-arm -display none -monitor none -serial stdio -kernel "$TARGET/boot-mps2.elf" \
        -M mps2-an385,memory-backend=nor \
        -object "memory-backend-file,id=nor,size=16M,mem-path=flash,share=on" \
        -nic user,id=net,model=lan9118 -object "filter-buffer,id=slow,netdev=net,queue=rx,interval=$NETWORK_US" \
        -semihosting-config "enable=on,target=native,arg=10.0.2.2:${BROKER##*:}" >>device.log 2>>qemu.log &
    DEVICE_PID=$!
}

# Packets for the board are handed over once in so many microseconds; its window of TCP does the rest.
device_pace() { NETWORK_US=$((10 * $1)); }
device_start_paced() { device_start; }

# Nothing outlives the emulator, so the flash is free when it is dead.
flash_is_free() { :; }

# What is behind the part that `waft factory` makes is erased flash too. No holes: those could be lost with the power.
flash_fit() {
    head -c $((FLASH_MEMORY - FLASH_PART)) /dev/zero | tr '\0' '\377' >>flash
}

facts() {
    head -c "$FLASH_PART" flash >part
    flash-facts part | json "$1"
}

device_resets() { grep -Ec '^[0-9.]+: reset|^boot: reset cause: (watchdog|fault)' device.log || true; }

# --- images -----------------------------------------------------------------------------

# One for each slot, linked for its address from the same objects. Two descriptions an image would be too much to read.
image_sign() {
    image_sign_for A "$SLOT_ADDRESS_A" "$@"
    image_sign_for B "$SLOT_ADDRESS_B" "$@"
}

# image_sign_for SLOT ADDRESS VERSION BUILD KEY [CLASS]
image_sign_for() {
    local slot=${1,} address=$2
    shift 2
    waft image sign "$TARGET/demo-$2-$slot.bin" --out "$1-$slot.img" --version "$1" --key "$3" \
        --vendor "$VENDOR" --class "${4:-$CLASS}" --header-size 0x400 --load-address "$address" >>sign.log
}

image_sign_line() {
    local slot
    for slot in a b; do
        echo "waft image sign demo-$2-$slot.bin --version $1 --key $3 --out $1-$slot.img --load-address ..."
    done | sed '2s/^/$ /'
}

# A file alone is a release for one slot.
image_files() {
    if [ -e "$1-a.img" ] && [ -e "$1-b.img" ]; then
        echo "--slot-a $1-a.img --slot-b $1-b.img"
    else
        echo "$1"-?.img
    fi
}

image_file() { echo "$1-${2,}.img"; }

# --- more of the scenes -------------------------------------------------------------------

own_flaws() {
    say 'A third writes into the flash that it runs from: the MPU makes a fault of it.'
    show image_sign 1.4.0 1.4.0 release
    deploy 1.4.0 FAILED 'did not start.*fault' 1.1.0
}

# Linked for the slot that runs, it would be written into the other one.
own_refusals() {
    local slot address
    say "And the image of the wrong slot. Swapped, the tool refuses the pair; alone, the board refuses it."
    if show waft deploy --slot-a 1.1.0-b.img --slot-b 1.1.0-a.img --to "$THING" --key deploy; then
        fail 'a swapped pair was deployed'
    fi
    slot=$(device_slot)
    address=SLOT_ADDRESS_$slot
    image_sign_for "$slot" "${!address}" 1.4.4 1.1.0 release
    deploy 1.4.4 REJECTED 'linked for another slot' 1.1.0
}

# --- the screen ---------------------------------------------------------------------------

intro() {
    printf '\n%s%s%s\n' "$bold" "The device is a bare Cortex-M3, QEMU's mps2-an385." "$off"
    echo '"board |" is its UART, "waft |" the operator. A version is one job with two images, linked for slot A and slot B.'
}

device_line() { sed -E "/downloading: ([0-46-9]0|0) %/d; s/\r\$//; s/^/${dim}  board | /; s/\$/$off/"; }

# The provider's view beside the board's, each as it comes.
play_command() {
    local code=0
    if [ "$1" != waft ]; then
        "$@"
        return
    fi
    "$@" >command.out 2>&1 &
    COMMAND_PID=$! COMMAND_SHOWN=0
    until gone "$COMMAND_PID"; do
        device_show
        command_show
        sleep 0.05
    done
    wait "$COMMAND_PID" || code=$?
    COMMAND_PID=''
    device_show
    command_show
    return "$code"
}

command_show() {
    local lines
    lines=$(wc -l <command.out)
    [ "$lines" -gt "$COMMAND_SHOWN" ] || return 0
    sed -n "$((COMMAND_SHOWN + 1)),${lines}p" command.out | sed '/^upload [0-9]*%/d; s/^/  waft  | /'
    COMMAND_SHOWN=$lines
}
