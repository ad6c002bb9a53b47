# shellcheck shell=bash
# The seven scenes of ./demo: what happens, and how it must end. Sourced after lab.sh by ./demo, which tells them as a
# story, and by the scene test, which looks deeper after each. Both may replace:
#
#   say TEXT...          the story
#   show COMMAND...      runs a command that is part of the story
#   after_scene NUMBER   more to check
#   own_flaws, own_refusals   more images of scenes 4 and 5, which only this kind of device knows

say() { :; }
show() { "$@" >>commands.log 2>&1; }
after_scene() { :; }
own_flaws() { :; }
own_refusals() { :; }

# Of scene 6: a version large enough to be cut in the middle, and what is slow meanwhile.
LARGE=1.4.0 WHAT_IS_SLOW=flash

RESULTS=() # of deploy: a line a job, for the table at the end

expect() {
    [ "$2" = "$3" ] || fail "$1: \"$2\" instead of \"$3\""
}

# expect_match WHAT GOT REGEX
expect_match() {
    grep -Eq -- "$3" <<<"$2" || fail "$1: \"$2\" does not match /$3/"
}

# --- a job, from its start to its end ------------------------------------------------

milliseconds() { echo "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# deploy IMAGE STATUS REASON RUNNING [option...]: sends IMAGE and waits for the job's end, which must be so.
deploy() {
    local image=$1 status=$2 reason=$3 running=$4 files
    shift 4
    read -ra files < <(image_files "$image")
    JOB=update-to-${image//./_}
    JOB_BEGIN=$(milliseconds)
    show waft deploy "${files[@]}" --to "$THING" --key deploy --job "$JOB" --wait \
        --timeout "$LAB_PATIENCE" "$@" || true
    judge "$status" "$reason" "$running"
}

# What the provider says about $JOB in the end, and what runs on the device.
judge() {
    local took row
    took=$(($(milliseconds) - JOB_BEGIN))
    device_settle
    row=$(waft job show "$JOB" -o json)
    expect "status of $JOB" "$(json 0.status <<<"$row")" "$1"
    expect_match "reason of $JOB" "$(json 0.reason <<<"$row")" "$2"
    expect "running after $JOB" "$(device_running)" "$3"
    RESULTS+=("$JOB|$THING|$1|$(json 0.reason <<<"$row")|$3|$(printf '%d.%d s' $((took / 1000)) $((took % 1000 / 100)))")
}

# The device has told its result and is idle again: then nothing more comes from this job.
device_settle() {
    device_wait 'the provider knows the result'
    device_mark
}

# The version that speaks now.
device_running() { grep -Eo '^[0-9.]+: running from slot [AB]' device.log | tail -n 1 | cut -d: -f1; }
device_slot() { grep -Eo '^[0-9.]+: running from slot [AB]' device.log | tail -n 1 | tail -c 2; }
other_slot() { device_slot | tr AB BA; }

device_boot() {
    device_mark
    device_start_paced
    device_wait 'agent is ready'
    device_mark
}

# --- the scenes ------------------------------------------------------------------------

scene_1() {
    say '1. A provider: one process that makes its own CA, starts its own broker, opens its database.'
    show provider_start
    show waft status
    wire_start
}

scene_2() {
    say '2. A device: its identity from the provider, its keys from us, its flash from the factory.'
    show waft thing create "$THING"
    show waft key new release
    show waft key new deploy
    show image_sign 1.0.0 1.0.0 release
    show waft factory "$(image_file 1.0.0 A)" --out flash --thing "$THING" \
        --release-key release.pub --deployment-key deploy.pub
    flash_fit
    expect 'slot A at the factory' "$(facts slots.0.class)" confirmed
    expect 'slot B at the factory' "$(facts slots.1.class)" invalid
}

scene_3() {
    say '3. The device runs 1.0.0. We deploy 1.1.0: it is fetched, verified, started, tested, confirmed.'
    device_boot
    expect 'running at first' "$(device_running)" 1.0.0
    show image_sign 1.1.0 1.1.0 release
    wire_mark
    deploy 1.1.0 SUCCEEDED '1\.1\.0' 1.1.0
    expect 'slot of 1.1.0' "$(device_slot)" B
}

scene_4() {
    say '4. Two bad versions. 1.2.0 fails its self-test; 1.3.0 hangs before its agent starts, until the watchdog bites.'
    show image_sign 1.2.0 1.2.0 release
    deploy 1.2.0 FAILED 'self-test failed' 1.1.0
    show image_sign 1.3.0 1.3.0 release
    deploy 1.3.0 FAILED 'did not start.*watchdog' 1.1.0
    own_flaws
}

# One byte in the middle of the payload, after it was signed.
flip_a_bit() {
    local at=100000 byte
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\$(printf %03o $((byte ^ 4)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

scene_5() {
    local other before resets image
    other=$([ "$(device_slot)" = B ] && echo 0 || echo 1)
    say '5. Three images that must never run: a wrong key, another device class, one flipped bit. No reset, no harm.'
    show waft key new stranger
    show image_sign 1.4.1 1.1.0 stranger
    show image_sign 1.4.2 1.1.0 release "$OTHER_CLASS"
    show image_sign 1.4.3 1.1.0 release
    for image in 1.4.3*.img; do
        flip_a_bit "$image"
    done
    before=$(slot_digest "$other")
    resets=$(device_resets)
    deploy 1.4.1 REJECTED 'key that is not trusted' 1.1.0
    deploy 1.4.2 REJECTED 'another device class' 1.1.0
    own_refusals
    expect 'the other slot after early refusals' "$(slot_digest "$other")" "$before"
    deploy 1.4.3 FAILED 'digest does not match' 1.1.0 --unchecked
    expect 'resets' "$(device_resets)" "$resets"
}

scene_6() {
    local total again size files
    say "6. Power fails in the middle of a download ($WHAT_IS_SLOW is slow in this scene, so that there is a middle)."
    device_pace 2000
    device_stop
    device_boot
    show image_sign "$LARGE" "$LARGE" release
    read -ra files < <(image_files "$LARGE")
    size=$(stat -c %s "$(image_file "$LARGE" "$(other_slot)")")
    wire_mark
    JOB=update-to-${LARGE//./_}
    JOB_BEGIN=$(milliseconds)
    show waft deploy "${files[@]}" --to "$THING" --key deploy --job "$JOB"
    device_wait 'downloading: 50 %'
    device_kill
    say "kill -9. What is in flash: $(facts journal.state), bytes below $(facts journal.mark) of $(facts journal.file_size)."
    expect 'the journal after the cut' "$(facts journal.state)" receiving
    device_mark
    device_start_paced
    show waft job watch "$JOB" --timeout "$LAB_PATIENCE" || true
    judge SUCCEEDED "${LARGE//./\\.}" "$LARGE"
    read -r total again < <(wire_bytes)
    say "The image has $size bytes; $total came over the wire; $again of them came again."
    # At most a window (32 blocks of 4 KiB), an interval of marks (whole sectors), and head and tail in both lives.
    [ "$again" -le $((131072 + size / 64 + 4096 + 2 * 12288)) ] || fail "$again bytes were fetched again"
    [ $((total - again)) -eq "$size" ] || fail "$((total - again)) different bytes of $size were fetched"
}

scene_7() {
    say '7. What became of it.'
    device_stop
    expect 'the confirmed image at the end' "$(facts slots.0.version)/$(facts slots.0.class)" "$LARGE/confirmed"
    table
}

table() {
    {
        echo 'JOB|THING|STATUS|REASON|RUNS NOW|TOOK'
        printf '%s\n' "${RESULTS[@]}"
    } | awk -F'|' '{
        for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) }
    } END {
        for (r = 1; r <= NR; r++) {
            for (i = 1; i < NF; i++) printf "%-*s  ", width[i], cell[r, i]
            print cell[r, NF]
        }
    }'
}

play() {
    local n
    for n in 1 2 3 4 5 6 7; do
        "scene_$n"
        after_scene "$n"
    done
}
