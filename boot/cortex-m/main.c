/*
 * The bootloader of a Cortex-M that runs images in place. Verifies both slots, decides, says what it
 * found, and jumps. Knows nothing of the network.
 */
#include "board.h"
#include "cortex_m.h"
#include "handover.h"
#include "jump.h"
#include "mpu.h"
#include "nor.h"
#include "start.h"
#include "uart.h"
#include "verify_port.h"
#include "watchdog.h"
#include "words.h"

static const char *slot_text(enum ota_slot slot)
{
    return slot == OTA_SLOT_A ? "slot A" : "slot B";
}

static const char *cause_text(enum ota_reset_cause cause)
{
    switch (cause) {
    case OTA_RESET_UNKNOWN: return "unknown";
    case OTA_RESET_POWER_ON: return "power-on";
    case OTA_RESET_SOFTWARE: return "software";
    case OTA_RESET_WATCHDOG: return "watchdog";
    case OTA_RESET_FAULT: return "fault";
    }
    return "unknown";
}

/* A line of the log, out of three parts. */
static void say(const char *first, const char *second, const char *third)
{
    uart_text("boot: ");
    uart_text(first);
    uart_text(second);
    uart_text(third);
    uart_text("\n");
}

/* The version in a slot's header; only of a slot that verifies. */
static void tell_version(struct ota_store *store, enum ota_slot slot)
{
    uint8_t head[OTA_IMAGE_HEADER_SIZE], text[OTA_VERSION_TEXT_MAX];
    struct ota_image_header h;
    struct ota_writer w = ota_writer(OTA_BUF_OF(text));
    if (ota_store_read(store, slot, 0, OTA_BUF_OF(head)) == OTA_OK &&
        ota_image_header_read(OTA_SPAN_OF(head), &h) == OTA_OK) {
        ota_version_write(&w, h.version);
    }
    uart_write(ota_writer_done(&w));
}

static void tell_slot(struct ota_store *store, enum ota_slot slot,
                      const struct ota_slot_facts *facts, const struct ota_boot_result *result)
{
    const bool chosen = result->verdict.rule != OTA_BOOT_RECOVERY && result->verdict.slot == slot;
    if (result->why_not[slot] != OTA_OK) {
        say(slot_text(slot), ": nothing to run: ", ota_err_text(result->why_not[slot]));
        return;
    }
    uart_text("boot: ");
    uart_text(slot_text(slot));
    uart_text(": ");
    tell_version(store, slot);
    uart_text(chosen ? ", verified, " : ", not looked at, ");
    uart_text(boot_class_text(ota_slot_classify(facts, true)));
    uart_text("\n");
}

/* Facts from before the decision, since that may leave a trial mark. */
static void tell(struct ota_store *store, const struct ota_store_facts *before,
                 const struct ota_boot_result *result)
{
    for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
        tell_slot(store, slot, &before->slot[slot], result);
    }
}

/* Nothing may run. A board with buttons or a serial loader would offer them here. */
static _Noreturn void recover(void)
{
    say("RECOVERY: no image may run; this device needs its factory", "", "");
    (void)cortex_m_mask();
    for (;;) {
        cortex_m_wait();
    }
}

/* The watchdog starts for every image: one that hangs before it kicks has no other way out. */
static _Noreturn void run(const struct ota_store *store, const struct ota_boot_result *result,
                          enum ota_reset_cause cause)
{
    struct entry entry;
    const struct ota_handover handover = { result->verdict.rule, cause, ota_boot_refused(result) };
    if (!ota_boot_proved(store, result)) {
        recover();
    }
    if (!entry_read(store, result, &entry)) {
        say(slot_text(result->verdict.slot), ": its vectors point outside of it", "");
        if (!result->verdict.mark) {
            recover();
        }
        /* The trial is marked and thereby spent: the next boot takes the other image. */
        handover_reset(OTA_RESET_FAULT);
    }
    say(result->verdict.slot == OTA_SLOT_A ? "starting slot A: " : "starting slot B: ",
        boot_rule_text(result->verdict.rule), "");
    handover_write(&handover, result->verdict.slot);
    watchdog_start(BOARD_WATCHDOG_MS);
    if (!ota_boot_proved(store, result)) {
        recover();
    }
    jump(&entry);
}

int main(void)
{
    static struct ota_verify scratch;
    struct ota_flash flash;
    struct ota_crypto crypto;
    struct ota_store store;
    struct ota_store_facts before;
    const enum ota_reset_cause cause = handover_cause();
    uart_init();
    mpu_init();
    nor_init(&flash);
    verify_port_init(&crypto);
    say("reset cause: ", cause_text(cause), "");
    ota_store_begin(&store, &flash, &posix_board_layout);
    const ota_err_t err = ota_store_facts(&store, &before);
    if (err != OTA_OK) {
        say(ota_err_text(err), "", "");
        recover();
    }
    const struct ota_boot_cfg cfg = { &store, &crypto, &scratch, BOOT_TRIALS_MAX };
    struct ota_boot_result result;
    ota_boot(&cfg, &result);
    tell(&store, &before, &result);
    if (result.verdict.rule == OTA_BOOT_RECOVERY) {
        recover();
    }
    run(&store, &result, cause);
}
